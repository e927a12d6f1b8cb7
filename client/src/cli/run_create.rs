//! `cartage run create`.

use cartage_client::{
    name::Pattern,
    v1::{self, RecordKind, RunKind, conflict_policy::Winner, match_rule::Action},
};

use super::{Context, Failure, value};

/// See `cartage run create --help`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cartage run create spring --test --snapshot old/monday --mapping-revision spring/main/r1 --target-connection rehearsal
  cartage run create spring --live --plan spring/first --target-snapshot new/before
  cartage run create spring --delta --plan spring/first --snapshot old/tuesday --conflict product:title=target --conflict =source
  cartage run create spring --live --plan spring/first --target-snapshot new/before --match customer:email=adopt")]
#[command(group = clap::ArgGroup::new("purpose").required(true).args(["test", "live", "delta", "reapply"]))]
pub(crate) struct Arguments {
    /// The migration.
    migration: String,
    /// A rehearsal into a sandbox or a test shop.
    #[arg(long, requires_all = ["snapshot", "mapping_revision", "target_connection"])]
    test: bool,
    /// The real thing, from an approved plan.
    #[arg(long, requires_all = ["plan", "target_snapshot"])]
    live: bool,
    /// What changed in the source since: a newer snapshot, by the mapping of an approved plan.
    #[arg(long, requires_all = ["plan", "snapshot"])]
    delta: bool,
    /// What a newer mapping revision changes, from an approved plan with it.
    #[arg(long, requires = "plan")]
    reapply: bool,
    /// The id of the run; chosen by the service when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    /// Not with --test: the approved plan, `MIGRATION/PLAN`.
    #[arg(long, value_name = "PLAN", conflicts_with = "test")]
    plan: Option<String>,
    /// With --live: the snapshot of the target, `CONNECTION/SNAPSHOT`.
    #[arg(long, value_name = "SNAPSHOT", requires = "live")]
    target_snapshot: Option<String>,
    /// With --test and --delta: the snapshot of the source, `CONNECTION/SNAPSHOT`.
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["live", "reapply"])]
    snapshot: Option<String>,
    /// With --test: the revision, `MIGRATION/MAPPING/REVISION`.
    #[arg(long, value_name = "REVISION", requires = "test")]
    mapping_revision: Option<String>,
    /// With --test: the sandbox or test shop to write.
    #[arg(long, value_name = "CONNECTION", requires = "test")]
    target_connection: Option<String>,
    /// With --test into a sandbox: write personal data as it is.
    #[arg(long, requires = "test")]
    unmasked: bool,
    /// Only these kinds of records; all when not given.
    #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<RecordKind>,
    /// Pause when more records than this are quarantined.
    #[arg(long, value_name = "NUMBER")]
    max_quarantined: Option<i64>,
    /// With --delta and --reapply: whose value counts where a field was changed on both sides, `source`,
    /// `target` or `ask`; without a field for all. The last that fits decides; `ask` where none does.
    #[arg(long, value_parser = policy, value_name = "[KIND:][FIELD]=WINNER", conflicts_with_all = ["test", "live"])]
    conflict: Vec<v1::ConflictPolicy>,
    /// With --delta: delete in the target what the source no longer has, where nobody changed it.
    #[arg(long, requires = "delta")]
    delete_missing: bool,
    /// Objects of others that have the same value are the record's: `adopt` them as they are, `update` them,
    /// or `skip` the record. The first that finds one decides.
    #[arg(long = "match", value_parser = rule, value_name = "KIND:FIELD=ACTION", conflicts_with = "test")]
    matches: Vec<v1::MatchRule>,
}

pub(crate) async fn create(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let full = |pattern: Pattern, text: Option<String>| {
        text.map(|text| context.name(pattern, &text)).transpose().map(Option::unwrap_or_default)
    };
    let mut run = v1::Run {
        plan: full(Pattern::PLAN, arguments.plan)?,
        target_snapshot: full(Pattern::SNAPSHOT, arguments.target_snapshot)?,
        snapshot: full(Pattern::SNAPSHOT, arguments.snapshot)?,
        mapping_revision: full(Pattern::MAPPING_REVISION, arguments.mapping_revision)?,
        target_connection: full(Pattern::CONNECTION, arguments.target_connection)?,
        scope: value::scope(&arguments.kinds),
        max_quarantined_records: arguments.max_quarantined,
        conflict_policies: arguments.conflict,
        match_rules: arguments.matches,
        ..Default::default()
    };
    run.set_kind(match (arguments.live, arguments.delta, arguments.reapply) {
        (true, _, _) => RunKind::Live,
        (_, true, _) => RunKind::Delta,
        (_, _, true) => RunKind::Reapply,
        _ => RunKind::Test,
    });
    if arguments.unmasked {
        run.set_masking(v1::Masking::None);
    }
    if arguments.delete_missing {
        run.set_deleted_records(v1::DeletedRecords::Delete);
    }
    let request = v1::CreateRunRequest {
        parent: context.name(Pattern::MIGRATION, &arguments.migration)?,
        run_id: arguments.id,
        run: Some(run),
        ..Default::default()
    };
    context.show(request).await
}

/// Reads `product:title=target`, `title=target`, `product:=source` or `=source`.
fn policy(text: &str) -> Result<v1::ConflictPolicy, String> {
    let (place, winner) = text.rsplit_once('=').ok_or("expected [KIND:][FIELD]=WINNER")?;
    let (kind, field) = match place.split_once(':') {
        Some((kind, field)) => (value::kind(kind)?.into(), field),
        None => (0, place),
    };
    Ok(v1::ConflictPolicy { kind, field: field.to_owned(), winner: self::winner(winner)?.into() })
}

/// Reads whose value counts.
pub(crate) fn winner(text: &str) -> Result<Winner, String> {
    let winner = Winner::from_str_name(&text.to_ascii_uppercase());
    winner
        .filter(|it| *it != Winner::Unspecified)
        .ok_or_else(|| format!("{text:?} is none of source, target and ask"))
}

/// Reads `customer:email=adopt`.
fn rule(text: &str) -> Result<v1::MatchRule, String> {
    let wrong = || "expected KIND:FIELD=ACTION, such as customer:email=adopt".to_owned();
    let (place, action) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (kind, field) = place.split_once(':').ok_or_else(wrong)?;
    let action = Action::from_str_name(&action.to_ascii_uppercase())
        .filter(|it| *it != Action::Unspecified)
        .ok_or_else(|| format!("{action:?} is none of adopt, update and skip"))?;
    Ok(v1::MatchRule {
        kind: value::kind(kind)?.into(),
        field: field.to_owned(),
        action: action.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_and_rules_are_read_and_nonsense_is_named() {
        let read = |text: &str| policy(text).map(|it| (it.kind(), it.field.clone(), it.winner()));
        let product = RecordKind::Product;
        assert_eq!(read("product:title=target"), Ok((product, "title".to_owned(), Winner::Target)));
        assert_eq!(read("=source"), Ok((RecordKind::Unspecified, String::new(), Winner::Source)));
        assert_eq!(read("product:=ASK"), Ok((product, String::new(), Winner::Ask)));
        for wrong in ["title", "title=theirs", "prodct:title=target", "=unspecified"] {
            assert!(policy(wrong).is_err(), "{wrong}");
        }
        let found = rule("customer:email=adopt").unwrap();
        assert_eq!((found.kind(), found.action()), (RecordKind::Customer, Action::Adopt));
        for wrong in ["email=adopt", "customer:email", "customer:email=take"] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }
}
