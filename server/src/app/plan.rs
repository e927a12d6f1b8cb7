//! Plans: what exactly will be run live, what is lost by it, and who agreed.

use cartage_connectors::Target;
use cartage_engine::migration::MigrationEvent;
use cartage_model::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    App, connection,
    mapping::{self, MappingRevision},
    migration::{self, DISPLAY_NAME_CHARACTERS_MAX, Migration, Scope},
    snapshot::{self, Snapshot, Verdict},
};
use crate::{
    error::{Error, Result, Unmet},
    name::Name,
    reason::Reason,
    states,
    store::{
        Tx,
        event::NewEvent,
        resource::{Body, Resource, State},
    },
};

/// The longest remark of an approval, in characters.
const COMMENT_CHARACTERS_MAX: usize = 1_000;

/// A plan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// A name for people.
    pub display_name: String,
    /// The snapshot of the source.
    pub snapshot: String,
    /// The mapping revision.
    pub mapping_revision: String,
    /// Which records.
    pub scope: Scope,
    /// What the target cannot hold of them.
    pub losses: Vec<PlannedLoss>,
    /// The losses that are accepted.
    pub acknowledged_loss_ids: Vec<String>,
    /// The side effects that are accepted.
    pub acknowledged_side_effect_ids: Vec<String>,
    /// The hash of all that is approved.
    pub content_hash: String,
    /// Who submitted it.
    pub submitter: String,
    /// When.
    pub submit_time: Option<DateTime<Utc>>,
    /// Who agreed so far.
    pub approvals: Vec<Approval>,
    /// How many must.
    pub required_approval_count: u32,
}

/// Something that is lost by a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLoss {
    /// Its id within the target platform.
    pub id: String,
    /// The kind of record.
    pub kind: Kind,
    /// The canonical field; empty when the whole record is lost.
    pub field: String,
    /// What is lost.
    pub about: String,
    /// Where the value is kept instead; empty when nowhere.
    pub kept_in: String,
    /// How many records of the kind are in scope: so many at most are met.
    pub record_count: i64,
}

/// One person's agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub approver: String,
    /// What was agreed to.
    pub content_hash: String,
    /// When.
    pub approve_time: DateTime<Utc>,
    /// What was said.
    pub comment: String,
}

impl Body for Plan {
    const TYPE: &'static str = "plan";
    type State = PlanState;
}

states! {
    /// The states of a plan.
    PlanState {
        Draft = "DRAFT",
        InReview = "IN_REVIEW",
        Approved = "APPROVED",
        Rejected = "REJECTED",
        Superseded = "SUPERSEDED",
    }
}

/// Creates a plan; without a scope it has the migration's.
///
/// # Errors
/// `INVALID_FIELDS`, `STATE_CONFLICT` for a snapshot that has not succeeded, `RESOURCE_EXISTS`.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    mut body: Plan,
    scope: Option<Scope>,
) -> Result<Resource<Plan>> {
    let invalid = |field: &str, problem: &str| {
        Error::field(&format!("plan.{field}"), "REFERENCE_INVALID", problem)
    };
    if body.display_name.chars().count() > DISPLAY_NAME_CHARACTERS_MAX {
        let message = "A name for people has at most 200 characters.";
        return Err(Error::field("plan.display_name", "TOO_LONG", message));
    }
    let migration = tx.resource_get::<Migration>(&migration_of(name)).await?;
    let source = Name::trusted(&body.snapshot).parent();
    if source.is_none_or(|source| source.as_str() != migration.body.source_connection) {
        return Err(invalid("snapshot", "It is no snapshot of the migration's source."));
    }
    let found = snapshot::succeeded(tx, &Name::trusted(&body.snapshot)).await;
    let snapshot = found.map_err(|error| match error.reason {
        Reason::ResourceNotFound => invalid("snapshot", "There is no such snapshot."),
        _ => error,
    })?;
    let revision = Name::trusted(&body.mapping_revision);
    if revision.stream() != migration.name.as_str() {
        return Err(invalid("mapping_revision", "It belongs to another migration."));
    }
    let found = tx.resource_get::<MappingRevision>(&revision).await;
    let revision = found.map_err(|error| match error.reason {
        Reason::ResourceNotFound => invalid("mapping_revision", "There is no such revision."),
        _ => error,
    })?;
    if let Some(scope) = &scope
        && !scope.is_within(&migration.body.scope)
    {
        let message = "The scope is wider than the migration's.";
        return Err(Error::field("plan.scope", "OUT_OF_RANGE", message));
    }
    body.scope = scope.unwrap_or_else(|| migration.body.scope.clone());
    let target = connection::target_of_platform(&revision.body.target_platform)?;
    body.losses = losses(target.as_ref(), &snapshot.body, &body.scope);
    body.required_approval_count = app.config.approvals_required.max(1);
    body.content_hash = content_hash(&snapshot.body, &revision.body, &body.scope)?;
    tx.resource_insert(name, PlanState::Draft, &body).await
}

/// Hands a plan in and fixes what it says. Gives the events of all that changed by it.
///
/// # Errors
/// `ETAG_REQUIRED`, `ETAG_MISMATCH`, `STATE_CONFLICT`, `PRECONDITIONS_UNMET`.
pub async fn submit(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    submitter: &str,
    acknowledged: (&[String], &[String]),
) -> Result<(Resource<Plan>, Vec<NewEvent>)> {
    // The migration first, here and in `approve`: two calls must not wait for each other.
    let mut migration = tx.resource_lock::<Migration>(&migration_of(name)).await?;
    let mut plan = tx.resource_lock::<Plan>(name).await?;
    plan.check_etag(etag, true)?;
    if plan.state != PlanState::Draft {
        return Err(Error::state(name.as_str(), plan.state.as_str(), &["DRAFT"]));
    }
    merge(&mut plan.body.acknowledged_loss_ids, acknowledged.0);
    merge(&mut plan.body.acknowledged_side_effect_ids, acknowledged.1);
    let snapshot = snapshot::succeeded(tx, &Name::trusted(&plan.body.snapshot)).await?;
    let revision = Name::trusted(&plan.body.mapping_revision);
    let revision = tx.resource_get::<MappingRevision>(&revision).await?;
    let unmet = unmet(&plan.body, &snapshot.body, &revision.body).await?;
    if !unmet.is_empty() {
        return Err(Error::unmet(unmet));
    }
    let mut events = Vec::new();
    events.extend(supersede_current(tx, &mut migration).await?);
    plan.body.content_hash = content_hash(&snapshot.body, &revision.body, &plan.body.scope)?;
    submitter.clone_into(&mut plan.body.submitter);
    plan.body.submit_time = Some(Utc::now());
    plan.body.required_approval_count = app.config.approvals_required.max(1);
    plan.state = PlanState::InReview;
    tx.resource_update(&mut plan).await?;
    events.push(state_event(&plan, PlanState::Draft));
    events.extend(migration::advance(&mut migration, MigrationEvent::PlanSubmitted)?);
    name.as_str().clone_into(&mut migration.body.current_plan);
    tx.resource_update(&mut migration).await?;
    Ok((plan, events))
}

/// Adds an approval, and approves the plan when there are enough.
///
/// # Errors
/// `ETAG_REQUIRED`, `ETAG_MISMATCH`, `STATE_CONFLICT`, `SELF_APPROVAL_FORBIDDEN`, `INVALID_FIELDS`.
pub async fn approve(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    approver: &str,
    comment: &str,
) -> Result<(Resource<Plan>, Vec<NewEvent>)> {
    if comment.chars().count() > COMMENT_CHARACTERS_MAX {
        let message = "A remark has at most 1000 characters.";
        return Err(Error::field("comment", "TOO_LONG", message));
    }
    let mut migration = tx.resource_lock::<Migration>(&migration_of(name)).await?;
    let mut plan = tx.resource_lock::<Plan>(name).await?;
    plan.check_etag(etag, true)?;
    let own = |it: &Approval| it.approver == approver && it.content_hash == plan.body.content_hash;
    let approvable = matches!(plan.state, PlanState::InReview | PlanState::Approved);
    if approvable && plan.body.approvals.iter().any(own) {
        return Ok((plan, Vec::new()));
    }
    if plan.state != PlanState::InReview {
        return Err(Error::state(name.as_str(), plan.state.as_str(), &["IN_REVIEW"]));
    }
    if approver == plan.body.submitter && !app.config.self_approval {
        return Err(Error::new(
            Reason::SelfApprovalForbidden,
            "Who submitted a plan may not approve it; ask a second person.",
        ));
    }
    plan.body.approvals.push(Approval {
        approver: approver.to_owned(),
        content_hash: plan.body.content_hash.clone(),
        approve_time: Utc::now(),
        comment: comment.to_owned(),
    });
    let mut events = vec![NewEvent {
        event_type: "plan.approval_added".to_owned(),
        resource: name.to_string(),
        ..NewEvent::default()
    }];
    if is_approved(&plan.body) {
        plan.state = PlanState::Approved;
        events.push(state_event(&plan, PlanState::InReview));
        events.extend(migration::advance(&mut migration, MigrationEvent::PlanApproved)?);
        tx.resource_update(&mut migration).await?;
    }
    tx.resource_update(&mut plan).await?;
    Ok((plan, events))
}

/// Whether the plan of a migration is approved.
pub async fn is_current_approved(tx: &mut Tx, migration: &Migration) -> Result<bool> {
    if migration.current_plan.is_empty() {
        return Ok(false);
    }
    let plan = tx.resource_get::<Plan>(&Name::trusted(&migration.current_plan)).await?;
    Ok(plan.state == PlanState::Approved)
}

/// Takes the plan that is in review or approved its validity. The caller writes the migration.
pub async fn supersede_current(
    tx: &mut Tx,
    migration: &mut Resource<Migration>,
) -> Result<Option<NewEvent>> {
    if migration.body.current_plan.is_empty() {
        return Ok(None);
    }
    let name = Name::trusted(std::mem::take(&mut migration.body.current_plan));
    let mut plan = tx.resource_lock::<Plan>(&name).await?;
    let before = plan.state;
    if !matches!(before, PlanState::InReview | PlanState::Approved) {
        return Ok(None);
    }
    plan.state = PlanState::Superseded;
    tx.resource_update(&mut plan).await?;
    Ok(Some(state_event(&plan, before)))
}

/// The id of a loss within its platform, such as `order-number`.
pub fn loss_id(loss: &cartage_model::Loss) -> String {
    format!("{}-{}", loss.kind, loss.field).replace(['.', '_'], "-")
}

/// Where a value that is lost is kept instead; empty when nowhere.
pub const fn kept_in(loss: &cartage_model::Loss) -> &'static str {
    if loss.kept_as_metadata { "metadata" } else { "" }
}

fn migration_of(plan: &Name) -> Name {
    plan.parent().unwrap_or_else(|| plan.clone())
}

/// Approvals count for what was approved, and for nothing else.
fn is_approved(plan: &Plan) -> bool {
    let valid = plan.approvals.iter().filter(|it| it.content_hash == plan.content_hash).count();
    u32::try_from(valid).unwrap_or(u32::MAX) >= plan.required_approval_count.max(1)
}

/// What the target cannot hold of the records in scope.
fn losses(target: &dyn Target, snapshot: &Snapshot, scope: &Scope) -> Vec<PlannedLoss> {
    let kinds = target.kinds();
    let mut found = Vec::new();
    for (kind, records) in migration::records_of(snapshot) {
        let record_count = count_in_scope(scope, kind, records);
        if record_count == 0 {
            continue;
        }
        if !kinds.contains(&kind) {
            found.push(PlannedLoss {
                id: kind.as_str().replace('_', "-"),
                kind,
                field: String::new(),
                about: "The target has no such records.".to_owned(),
                kept_in: String::new(),
                record_count,
            });
        }
        for loss in target.losses().iter().filter(|loss| loss.kind == kind) {
            let record_count = snapshot.records_with(loss, record_count);
            if record_count > 0 {
                found.push(PlannedLoss {
                    id: loss_id(loss),
                    kind,
                    field: loss.field.to_owned(),
                    about: loss.about.to_owned(),
                    kept_in: kept_in(loss).to_owned(),
                    record_count,
                });
            }
        }
    }
    found
}

/// How many records of a kind are in scope at most.
fn count_in_scope(scope: &Scope, kind: Kind, records: i64) -> i64 {
    if !scope.has(kind) {
        return 0;
    }
    let Some(filter) = scope.filter(kind) else { return records };
    let named = filter.source_ids.len() as u64;
    let most = [named, filter.max_records].into_iter().filter(|count| *count > 0).min();
    most.map_or(records, |most| i64::try_from(most).unwrap_or(i64::MAX).min(records))
}

/// BLAKE3 of all that is approved: the bytes of the snapshot, the words of the mapping, the scope.
fn content_hash(snapshot: &Snapshot, revision: &MappingRevision, scope: &Scope) -> Result<String> {
    let scope = serde_json::to_string(scope)?;
    let parts = [snapshot.manifest_digest.as_str(), &revision.content_hash, &scope];
    Ok(blake3::hash(parts.join("\n").as_bytes()).to_hex().to_string())
}

async fn unmet(plan: &Plan, snapshot: &Snapshot, revision: &MappingRevision) -> Result<Vec<Unmet>> {
    let mut unmet = Vec::new();
    let mut add = |condition, subject: &str, description: String| {
        unmet.push(Unmet { condition, subject: subject.to_owned(), description });
    };
    if snapshot.restore_verdict != Some(Verdict::Passed) {
        let message = "The snapshot has no restore test that passed; create one.";
        add("RESTORE_TEST_REQUIRED", &plan.snapshot, message.to_owned());
    }
    let issues = mapping::issues(&revision.target_platform, &revision.content).await?.len();
    if issues > 0 {
        let message = format!("The mapping has {issues} issues; publish a valid revision.");
        add("MAPPING_INVALID", &plan.mapping_revision, message);
    }
    let open = |loss: &&PlannedLoss| !plan.acknowledged_loss_ids.contains(&loss.id);
    let missing: Vec<&str> = plan.losses.iter().filter(open).map(|loss| loss.id.as_str()).collect();
    if let Some(first) = missing.first() {
        let message = format!("{} losses are not acknowledged, such as {first}.", missing.len());
        add("LOSSES_UNACKNOWLEDGED", &plan.snapshot, message);
    }
    Ok(unmet)
}

fn merge(known: &mut Vec<String>, more: &[String]) {
    known.extend_from_slice(more);
    known.sort();
    known.dedup();
}

/// The event of a change of state.
fn state_event(plan: &Resource<Plan>, before: PlanState) -> NewEvent {
    NewEvent::of_state(plan, before)
}

#[cfg(test)]
mod tests {
    use cartage_model::RuleValue;
    use cartage_pipeline::mapping::canonical_fields;

    use super::{super::snapshot::KindCounts, *};

    fn snapshot() -> Snapshot {
        let counts = [(Kind::Order, 8), (Kind::Customer, 5), (Kind::Review, 2)];
        let counts = counts.map(|(kind, records)| (kind, KindCounts { records, unreadable: 1 }));
        Snapshot { counts: counts.into(), manifest_digest: "d".to_owned(), ..Snapshot::default() }
    }

    #[test]
    fn losses_are_those_of_the_kinds_in_scope_with_ids_of_their_own() {
        let target = connection::target_of_platform("medusa").unwrap();
        let all = losses(target.as_ref(), &snapshot(), &Scope::default());
        assert!(all.iter().any(|loss| loss.id == "order-number" && loss.record_count == 9));
        assert!(all.iter().any(|loss| loss.id == "review" && loss.field.is_empty()));
        let ids: std::collections::BTreeSet<&str> = all.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), all.len());
        let orders = Scope { kinds: vec![Kind::Order], ..Scope::default() };
        let some = losses(target.as_ref(), &snapshot(), &orders);
        assert!(some.len() < all.len() && some.iter().all(|loss| loss.kind == Kind::Order));
    }

    /// Lists that fit takes apart: what of each it reads, by the paths below it.
    const TAKEN_APART: &[(&str, &[&str])] = &[
        ("images", &["url", "position", "alt_text", "hidden"]),
        ("options", &["name", "label", "values.value", "values.label"]),
        ("categories", &["source_id"]),
        ("collections", &["source_id"]),
        ("variants.stock", &["location", "quantity"]),
    ];

    /// What is in the target in another form: ids of the parts of a record, the order of lists, the
    /// texts of instants, the currency of an order's amounts, what an address of an order is not.
    fn is_implied(path: &str) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path);
        let of_address =
            path.starts_with("billing_address.") || path.starts_with("shipping_address.");
        ["source_id", "position", "level", "original", "offset", "guessed", "currency"]
            .contains(&name)
            || path == "kind"
            || (of_address && name.starts_with("default_"))
    }

    /// Whether a path is another one or lies below it.
    fn is_at(path: &str, above: &str) -> bool {
        path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The canonical paths of a kind that have no parts, without brackets.
    fn leaves(kind: Kind) -> Vec<String> {
        let paths: Vec<String> =
            canonical_fields(kind).iter().map(|it| it.path.replace("[]", "")).collect();
        let is_leaf =
            |path: &&String| !paths.iter().any(|other| other != *path && is_at(other, path));
        paths.iter().filter(is_leaf).cloned().collect()
    }

    /// The canonical paths that the mapping to start with reads.
    fn mapped(target: &dyn Target, kind: Kind) -> Vec<String> {
        let mut read = Vec::new();
        for rule in target.default_mapping().rules.iter().filter(|rule| rule.kind == kind) {
            let (RuleValue::SourcePath(path) | RuleValue::ValueMap { source_path: path, .. }) =
                &rule.value
            else {
                panic!("the test knows no such rule: {rule:?}");
            };
            let path = path.replace("[]", "");
            match TAKEN_APART.iter().find(|(list, _)| *list == path) {
                Some((_, parts)) => read.extend(parts.iter().map(|part| format!("{path}.{part}"))),
                None => read.push(path),
            }
        }
        read
    }

    /// The canonical paths that a loss is about.
    fn named(loss: &cartage_model::Loss) -> impl Iterator<Item = &'static str> {
        loss.paths().chain([loss.field]).filter_map(|path| path.split('=').next())
    }

    #[test]
    fn whatever_a_record_can_say_is_mapped_or_a_loss_and_kept_is_mapped() {
        let target = connection::target_of_platform("medusa").unwrap();
        let (mut silent, mut untrue) = (Vec::new(), Vec::new());
        for kind in target.kinds() {
            let read = mapped(target.as_ref(), kind);
            let losses = || target.losses().iter().filter(|loss| loss.kind == kind);
            let said = |path: &str, kept| {
                let of_sort = losses().filter(|loss| loss.kept_as_metadata == kept);
                of_sort.flat_map(named).any(|above| is_at(path, above))
            };
            for path in leaves(kind).iter().filter(|path| !is_implied(path)) {
                let is_read = read.iter().any(|above| is_at(path, above));
                if !is_read && said(path, true) && !said(path, false) {
                    untrue.push(format!("{kind} {path}"));
                } else if !is_read && !said(path, false) {
                    silent.push(format!("{kind} {path}"));
                }
            }
            for path in losses().filter(|it| !it.shown_by.is_empty()).flat_map(|it| it.paths()) {
                let path = path.split('=').next().unwrap_or(path);
                let is_known = leaves(kind).iter().any(|leaf| is_at(leaf, path));
                assert!(is_known, "{kind} has no {path}");
            }
        }
        assert_eq!((silent, untrue), Default::default(), "not said; not kept, though it is said");
    }

    #[test]
    fn what_no_record_has_is_no_loss() {
        let target = connection::target_of_platform("medusa").unwrap();
        let mut snapshot = snapshot();
        let fields = [("lines.parent_line", 2), ("notes", 8)];
        let fields = fields.map(|(path, records)| (path.to_owned(), records)).into();
        snapshot.field_counts.insert(Kind::Order, fields);
        let orders = Scope { kinds: vec![Kind::Order], ..Scope::default() };
        let found = losses(target.as_ref(), &snapshot, &orders);
        let found: Vec<_> = found.iter().map(|it| (it.field.as_str(), it.record_count)).collect();
        assert_eq!(found, [("lines.parent_line", 2), ("notes", 8)]);
    }

    #[test]
    fn an_approval_counts_for_the_content_it_was_given_to() {
        let approval = |content_hash: &str| Approval {
            approver: "a".to_owned(),
            content_hash: content_hash.to_owned(),
            approve_time: Utc::now(),
            comment: String::new(),
        };
        let mut plan = Plan {
            content_hash: "new".to_owned(),
            approvals: vec![approval("old")],
            required_approval_count: 1,
            ..Plan::default()
        };
        assert!(!is_approved(&plan));
        plan.approvals.push(approval("new"));
        assert!(is_approved(&plan));
        plan.required_approval_count = 2;
        assert!(!is_approved(&plan));
    }

    #[test]
    fn the_hash_follows_snapshot_mapping_and_scope() {
        let revision = MappingRevision { content_hash: "m".to_owned(), ..Default::default() };
        let whole = content_hash(&snapshot(), &revision, &Scope::default()).unwrap();
        let orders = Scope { kinds: vec![Kind::Order], ..Scope::default() };
        let other = Snapshot { manifest_digest: "e".to_owned(), ..snapshot() };
        let edited = MappingRevision { content_hash: "n".to_owned(), ..Default::default() };
        assert_ne!(whole, content_hash(&snapshot(), &revision, &orders).unwrap());
        assert_ne!(whole, content_hash(&other, &revision, &Scope::default()).unwrap());
        assert_ne!(whole, content_hash(&snapshot(), &edited, &Scope::default()).unwrap());
    }
}
