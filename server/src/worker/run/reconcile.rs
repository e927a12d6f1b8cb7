//! Deletions without a result, which a rollback that ended in mid-call leaves: looked up before anything
//! else is written.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use cartage_connectors::Target;
use cartage_model::Kind;

use super::{super::Work, load::Stopped, patience::Tries, rollback::own_links};
use crate::{name::Name, store::record_link::LinkSpace};

/// Finds out which of the deletions that have no result took place, before anything else is written:
/// a rollback may have ended in mid-call. What is gone is forgotten, and what stands is as it was.
pub(super) async fn reconcile(
    work: &Work,
    run: &Name,
    target: &dyn Target,
    space: &LinkSpace,
) -> std::result::Result<(), Stopped> {
    let mut tx = work.begin().await?;
    let open = tx.external_call_open_removals(space).await?;
    tx.rollback().await?;
    let mut by_kind: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    for (kind, source_id) in open {
        if let Some(kind) = Kind::ALL.into_iter().find(|it| it.as_str() == kind) {
            by_kind.entry(kind).or_default().push(source_id);
        }
    }
    for (kind, ids) in by_kind {
        let mut tx = work.begin().await?;
        let links = own_links(&mut tx, space, kind, &ids, run).await?;
        tx.rollback().await?;
        let target_ids: Vec<String> = links.values().map(|link| link.0.clone()).collect();
        let mut there = standing(work, run, target, kind, &target_ids).await?;
        if !there.is_empty() {
            // The shop may still be working on a deletion whose caller has gone.
            settled(work, target, kind).await?;
            there = standing(work, run, target, kind, &target_ids).await?;
        }
        let gone: Vec<String> = links
            .into_iter()
            .filter(|(_, (target_id, ..))| !there.contains(target_id))
            .map(|(source_id, _)| source_id)
            .collect();
        let mut tx = work.begin().await?;
        tx.external_call_void_removals(space, kind.as_str(), &ids).await?;
        tx.record_forget(space, kind.as_str(), &gone).await?;
        work.commit(tx).await?;
    }
    Ok(())
}

/// Which of some objects stand in the target.
async fn standing(
    work: &Work,
    run: &Name,
    target: &dyn Target,
    kind: Kind,
    target_ids: &[String],
) -> std::result::Result<HashSet<String>, Stopped> {
    let mut tries = Tries::new(work, run);
    loop {
        tries.begin()?;
        match tries.heard(target.read_back(kind, target_ids).await, None).await? {
            Ok(read) => {
                let read = read.into_iter().filter(|one| one.fields.is_some());
                return Ok(read.map(|one| one.target_id).collect());
            }
            Err(held_up) => drop(tries.wait(held_up).await?),
        }
    }
}

/// Waits as long as the shop may still be working on a request for a kind.
pub(super) async fn settled(
    work: &Work,
    target: &dyn Target,
    kind: Kind,
) -> std::result::Result<(), Stopped> {
    let look_ups = target.look_ups().iter().filter(|look_up| look_up.kind == kind);
    let settle_time_s = look_ups.map(|look_up| look_up.settle_time_s).max().unwrap_or_default();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(settle_time_s.into())) => Ok(()),
        () = work.stop.cancelled() => Err(Stopped::Withdrawn),
    }
}
