//! Runs that change records which are in the target already, on the wire.

use cartage_connectors::Target;
use cartage_model::Kind;
use cartage_proto::v1;

use crate::{
    api::{convert, own_name},
    app::{
        connection,
        mapping::MappingRevision,
        migration::Scope,
        plan::Plan,
        readiness,
        run::{
            Run, RunKind,
            change::{ConflictPolicy, DeletedRecords, MatchAction, MatchRule, Whose},
        },
        snapshot::Snapshot,
    },
    error::{Error, Result},
    name::Name,
    store::Tx,
    token::Caller,
};

/// How many policies a run may have.
const POLICIES_MAX: usize = 200;
/// How many match rules a run may have.
const RULES_MAX: usize = 50;
/// The longest name of a field, in characters.
const FIELD_CHARACTERS_MAX: usize = 200;

/// A DELTA or REAPPLY run of a request: what it loads, and from which plan.
///
/// # Errors
/// `INVALID_FIELDS`, `RESOURCE_NOT_FOUND`.
pub(super) async fn decode(
    tx: &mut Tx,
    caller: &Caller,
    migration: &Name,
    run: &v1::Run,
    kind: v1::RunKind,
    scope: Option<Scope>,
    body: &mut Run,
) -> Result<()> {
    let plan = own_name(caller, &run.plan, "plans", "run.plan")?;
    super::same_migration(&plan, migration, "run.plan")?;
    let plan = tx.resource_get::<Plan>(&plan).await?;
    let loaded = readiness::newest_loaded(tx, migration).await?.ok_or_else(|| {
        let message = "Nothing of this migration was loaded yet; a LIVE run comes first.";
        Error::field("run.kind", "REFERENCE_INVALID", message)
    })?;
    body.kind = match kind {
        v1::RunKind::Delta => RunKind::Delta,
        _ => RunKind::Reapply,
    };
    body.snapshot = if kind == v1::RunKind::Delta {
        let snapshot = own_name(caller, &run.snapshot, "snapshots", "run.snapshot")?;
        if snapshot.parent() != loaded.name.parent() {
            let message = "It is no snapshot of the migration's source.";
            return Err(Error::field("run.snapshot", "REFERENCE_INVALID", message));
        }
        tx.resource_get::<Snapshot>(&snapshot).await?;
        snapshot.as_str().to_owned()
    } else {
        if !run.snapshot.is_empty() {
            let message = "A reapply run loads the snapshot that was loaded last.";
            return Err(Error::field("run.snapshot", "NOT_ALLOWED", message));
        }
        loaded.name.as_str().to_owned()
    };
    body.plan = plan.name.as_str().to_owned();
    body.mapping_revision.clone_from(&plan.body.mapping_revision);
    body.scope = scope.unwrap_or_else(|| plan.body.scope.clone());
    if !body.scope.is_within(&plan.body.scope) {
        let message = "The run stays within the scope of its plan.";
        return Err(Error::field("run.scope", "SCOPE_OUTSIDE_PLAN", message));
    }
    let stored = tx.resource_get::<crate::app::migration::Migration>(migration).await?;
    body.target_connection.clone_from(&stored.body.target_connection);
    let masking = convert::enum_value::<v1::Masking>(run.masking, "run.masking")?;
    if masking == v1::Masking::Masked {
        let message = "A run into the real target masks nothing.";
        return Err(Error::field("run.masking", "ENUM_VALUE_INVALID", message));
    }
    Ok(())
}

/// What a run of a request is told about records that are in the target already.
///
/// # Errors
/// `INVALID_FIELDS`.
pub(super) async fn decode_rules(tx: &mut Tx, run: &v1::Run, body: &mut Run) -> Result<()> {
    let refuse = |field: &str, message: &str| Err(Error::field(field, "NOT_ALLOWED", message));
    if !run.conflict_policies.is_empty() && !body.kind.updates() {
        return refuse("run.conflict_policies", "Only DELTA and REAPPLY runs have policies.");
    }
    if run.deleted_records != 0 && body.kind != RunKind::Delta {
        return refuse("run.deleted_records", "Only DELTA runs look for deleted records.");
    }
    if !run.match_rules.is_empty() && !body.kind.loads() {
        let message = "Only LIVE, DELTA and REAPPLY runs have match rules.";
        return refuse("run.match_rules", message);
    }
    if run.conflict_policies.len() > POLICIES_MAX {
        let message = "A run has at most 200 policies.";
        return Err(Error::field("run.conflict_policies", "TOO_MANY", message));
    }
    if run.match_rules.len() > RULES_MAX {
        let message = "A run has at most 50 match rules.";
        return Err(Error::field("run.match_rules", "TOO_MANY", message));
    }
    body.deleted_records = match convert::enum_value(run.deleted_records, "run.deleted_records")? {
        v1::DeletedRecords::Unspecified | v1::DeletedRecords::Keep => DeletedRecords::Keep,
        v1::DeletedRecords::Delete => DeletedRecords::Delete,
    };
    if run.conflict_policies.is_empty() && run.match_rules.is_empty() {
        return Ok(());
    }
    let revision = Name::trusted(&body.mapping_revision);
    let revision = tx.resource_get::<MappingRevision>(&revision).await?;
    let target = connection::target_of_platform(&revision.body.target_platform)?;
    for (index, policy) in run.conflict_policies.iter().enumerate() {
        let place = format!("run.conflict_policies[{index}]");
        body.conflict_policies.push(decode_policy(target.as_ref(), policy, &place)?);
    }
    for (index, rule) in run.match_rules.iter().enumerate() {
        let place = format!("run.match_rules[{index}]");
        body.match_rules.push(decode_rule(target.as_ref(), rule, &place)?);
    }
    Ok(())
}

fn decode_policy(
    target: &dyn Target,
    policy: &v1::ConflictPolicy,
    place: &str,
) -> Result<ConflictPolicy> {
    use v1::conflict_policy::Winner;
    let kind = convert::kind(policy.kind, &format!("{place}.kind"))?;
    if policy.field.chars().count() > FIELD_CHARACTERS_MAX {
        let message = "A field has at most 200 characters.";
        return Err(Error::field(&format!("{place}.field"), "TOO_LONG", message));
    }
    let kinds = kind.map_or_else(|| target.kinds(), |kind| vec![kind]);
    let known = kinds.iter().flat_map(|kind| target.schema(*kind)).any(|spec| {
        covers(&policy.field, spec.path) || covers(spec.path.trim_end_matches(".*"), &policy.field)
    });
    if !known {
        let message = "The target has no such field; ListPlatformFields names them.";
        return Err(Error::field(&format!("{place}.field"), "UNKNOWN_FIELD", message));
    }
    let whose = match convert::enum_value(policy.winner, &format!("{place}.winner"))? {
        Winner::Unspecified => {
            let message = "Say whose value counts.";
            return Err(Error::field(&format!("{place}.winner"), "REQUIRED", message));
        }
        winner => whose_of(winner),
    };
    Ok(ConflictPolicy { kind, field: policy.field.clone(), whose })
}

/// Whether a field is another one or above it.
fn covers(field: &str, path: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| field.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

fn decode_rule(target: &dyn Target, rule: &v1::MatchRule, place: &str) -> Result<MatchRule> {
    use v1::match_rule::Action;
    let kind = convert::kind(rule.kind, &format!("{place}.kind"))?
        .ok_or_else(|| Error::field(&format!("{place}.kind"), "REQUIRED", "Say the kind."))?;
    let fields = target.match_fields(kind);
    if !fields.contains(&rule.field.as_str()) {
        let message = match fields {
            [] => format!("Records of kind {kind} cannot be found by a field in this target."),
            _ => format!("Records of kind {kind} are found by {}.", fields.join(" or ")),
        };
        return Err(Error::field(&format!("{place}.field"), "UNKNOWN_FIELD", &message));
    }
    let action = match convert::enum_value(rule.action, &format!("{place}.action"))? {
        Action::Unspecified => {
            let message = "Say what is done.";
            return Err(Error::field(&format!("{place}.action"), "REQUIRED", message));
        }
        Action::Adopt => MatchAction::Adopt,
        Action::Update => MatchAction::Update,
        Action::Skip => MatchAction::Skip,
    };
    Ok(MatchRule { kind, field: rule.field.clone(), action })
}

/// Whose value counts, from the wire.
pub(super) const fn whose_of(winner: v1::conflict_policy::Winner) -> Whose {
    use v1::conflict_policy::Winner;
    match winner {
        Winner::Source => Whose::Source,
        Winner::Target => Whose::Target,
        Winner::Ask | Winner::Unspecified => Whose::Ask,
    }
}

/// Whose value counts, on the wire.
pub(super) const fn winner_of(whose: Whose) -> v1::conflict_policy::Winner {
    use v1::conflict_policy::Winner;
    match whose {
        Whose::Ask => Winner::Ask,
        Whose::Source => Winner::Source,
        Whose::Target => Winner::Target,
    }
}

fn kind_number(kind: Option<Kind>) -> i32 {
    kind.map_or(0, |kind| convert::record_kind(kind).into())
}

pub(super) fn encode_policy(policy: &ConflictPolicy) -> v1::ConflictPolicy {
    v1::ConflictPolicy {
        kind: kind_number(policy.kind),
        field: policy.field.clone(),
        winner: winner_of(policy.whose).into(),
    }
}

/// What becomes of deleted records, of a run that looks for them.
pub(super) fn encode_deleted(body: &Run) -> v1::DeletedRecords {
    match (body.kind, body.deleted_records) {
        (RunKind::Delta, DeletedRecords::Keep) => v1::DeletedRecords::Keep,
        (RunKind::Delta, DeletedRecords::Delete) => v1::DeletedRecords::Delete,
        _ => v1::DeletedRecords::Unspecified,
    }
}

pub(super) fn encode_rule(rule: &MatchRule) -> v1::MatchRule {
    use v1::match_rule::Action;
    let action = match rule.action {
        MatchAction::Adopt => Action::Adopt,
        MatchAction::Update => Action::Update,
        MatchAction::Skip => Action::Skip,
    };
    v1::MatchRule {
        kind: kind_number(Some(rule.kind)),
        field: rule.field.clone(),
        action: action.into(),
    }
}
