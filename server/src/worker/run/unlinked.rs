//! Objects that may stand in the target and that no link names, because the run that made them was
//! paused, cancelled or gave up in mid-call: found before a rollback counts what it takes back.

use std::collections::{BTreeMap, HashMap};

use cartage_connectors::{PARTIAL, Target, record_key};
use cartage_model::Kind;

use super::{super::Work, ledger::Row, load::Stopped, patience::Tries, reconcile::settled, shop};
use crate::{
    app::{connection, mapping::MappingRevision, run::Run},
    error::Result,
    name::Name,
    store::{
        Tx,
        record_link::{LinkSpace, RecordLink},
        resource::Resource,
    },
};

/// Why nobody knows whether a record has an object.
const NO_RESULT: &str =
    "A call for it may have had an effect, and the platform cannot be searched by our key.";

/// Links what the journal knows of, and then what the shop finds by our key, as parts of their records.
pub(super) async fn link(
    work: &Work,
    run: &Resource<Run>,
    space: &LinkSpace,
) -> std::result::Result<(), Stopped> {
    let mut tx = work.begin().await?;
    link_journaled(&mut tx, run, space).await?;
    let open = tx.external_call_unlinked(space, &run.body.rollback_runs).await?;
    work.commit(tx).await?;
    let Some((.., made_by)) = open.first() else { return Ok(()) };
    let mut tx = work.begin().await?;
    let taken = tx.resource_get::<Run>(&Name::trusted(made_by)).await?;
    tx.rollback().await?;
    let (way, _) = shop::open(&work.app, &work.claim.account, &taken).await?;
    let look_ups = way.target.look_ups();
    let can_be_searched = |kind: &Kind| look_ups.iter().any(|it| it.kind == *kind);
    for (kind, records) in by_kind(&open).into_iter().filter(|(kind, _)| can_be_searched(kind)) {
        // The shop may still be working on a request whose caller has gone.
        settled(work, way.target.as_ref(), kind).await?;
        let keys = keys(work, &run.name, way.target.as_ref(), space, kind).await?;
        let links: Vec<RecordLink> = records
            .into_iter()
            .filter_map(|(source_id, made_by)| {
                let key = record_key(space.migration.id(), kind, source_id);
                Some(part(kind, source_id, made_by, keys.get(&key)?.clone()))
            })
            .collect();
        let mut tx = work.begin().await?;
        tx.record_link_put(space, &links).await?;
        work.commit(tx).await?;
    }
    Ok(())
}

/// The rows of the records of which no object was found, and which of them have none: the shop was
/// asked. Of the others nobody can tell.
pub(super) async fn left(
    work: &Work,
    run: &Resource<Run>,
    space: &LinkSpace,
) -> Result<Vec<(Kind, Vec<Row>, Vec<String>)>> {
    let mut tx = work.begin().await?;
    let open = tx.external_call_unlinked(space, &run.body.rollback_runs).await?;
    let target = target(&mut tx, run).await?;
    tx.rollback().await?;
    let entries = by_kind(&open).into_iter().map(|(kind, records)| {
        let can_be_searched = target.look_ups().iter().any(|it| it.kind == kind);
        let ids = records.into_iter().map(|(source_id, _)| source_id);
        if can_be_searched {
            let gone: Vec<String> = ids.map(ToOwned::to_owned).collect();
            let rows = gone.iter().map(|id| Row::removed(kind, id, None, "none")).collect();
            (kind, rows, gone)
        } else {
            let rows = ids.map(|id| Row::unknown(kind, id, None, NO_RESULT)).collect();
            (kind, rows, Vec::new())
        }
    });
    Ok(entries.collect())
}

/// Source ids and the runs that made calls for them.
fn by_kind(open: &[(String, String, String)]) -> BTreeMap<Kind, Vec<(&str, &str)>> {
    let mut by_kind: BTreeMap<Kind, Vec<(&str, &str)>> = BTreeMap::new();
    for (kind, source_id, made_by) in open {
        if let Some(kind) = Kind::ALL.into_iter().find(|it| it.as_str() == kind) {
            by_kind.entry(kind).or_default().push((source_id, made_by));
        }
    }
    by_kind
}

/// The objects of a kind that carry keys of the migration, by key.
async fn keys(
    work: &Work,
    run: &Name,
    target: &dyn Target,
    space: &LinkSpace,
    kind: Kind,
) -> std::result::Result<HashMap<String, String>, Stopped> {
    let mut tries = Tries::new(work, run);
    loop {
        tries.begin()?;
        match tries.heard(target.keys(space.migration.id(), kind).await, None).await? {
            Ok(keys) => return Ok(keys.into_iter().collect()),
            Err(held_up) => drop(tries.wait(held_up).await?),
        }
    }
}

/// Links the objects of which the journal knows.
async fn link_journaled(tx: &mut Tx, run: &Resource<Run>, space: &LinkSpace) -> Result<()> {
    let target = target(tx, run).await?;
    let unlinked = tx.external_call_unlinked(space, &run.body.rollback_runs).await?;
    for (kind, records) in by_kind(&unlinked) {
        let runs: HashMap<&str, &str> = records.into_iter().collect();
        let ids: Vec<String> = runs.keys().map(|id| (*id).to_owned()).collect();
        let calls = tx.external_call_find(space, kind.as_str(), &run.name, &ids).await?;
        // They come record by record.
        let of_records = calls.chunk_by(|one, next| one.call.source_id == next.call.source_id);
        let links: Vec<RecordLink> = of_records
            .filter_map(|calls| {
                let source_id = &calls.first()?.call.source_id;
                let made_by = runs.get(source_id.as_str())?;
                Some(part(kind, source_id, made_by, target.object_of(kind, calls)?))
            })
            .collect();
        tx.record_link_put(space, &links).await?;
    }
    Ok(())
}

async fn target(tx: &mut Tx, run: &Resource<Run>) -> Result<Box<dyn Target>> {
    let revision = Name::trusted(&run.body.mapping_revision);
    let revision = tx.resource_get::<MappingRevision>(&revision).await?;
    connection::target_of_platform(&revision.body.target_platform)
}

fn part(kind: Kind, source_id: &str, made_by: &str, target_id: String) -> RecordLink {
    RecordLink {
        kind: kind.as_str().to_owned(),
        source_id: source_id.to_owned(),
        role: PARTIAL.to_owned(),
        target_id,
        record_source_id: source_id.to_owned(),
        payload_hash: None,
        create_run: made_by.to_owned(),
        create_time: chrono::DateTime::UNIX_EPOCH,
        update_time: chrono::DateTime::UNIX_EPOCH,
    }
}
