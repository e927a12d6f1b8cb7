//! Records that stand in the target as they were written, in a run that brings records up to date: of
//! them nothing is read, mapped or sent.
//!
//! What the target is expected to hold of a record follows from the record, whose hash is in the
//! snapshot, from what it refers to, and from the basis of its [`Way`]. Where none of these has changed
//! since the record was written, what was said of it then is said again.

use std::collections::BTreeMap;

use cartage_model::Kind;
use cartage_pipeline::snapshot::RecordHead;
use futures::{StreamExt, stream};

use super::{
    super::{
        Work,
        records::{PAGE_HEADS, ScopeMeter, Way},
    },
    asked_to_stop,
    load::Stopped,
};
use crate::{
    error::Result,
    name::Name,
    store::{
        progress::{KindProgress, Progress},
        record_link::LinkSpace,
    },
};

/// How many pages are entered at once: the database takes longer than reading does.
const AT_ONCE: usize = 2;

/// Enters the records of a run that stand as they were written. A second time it finds none.
pub(super) async fn enter(
    work: &Work,
    run: &Name,
    way: &Way,
    space: &LinkSpace,
    totals: &BTreeMap<String, i64>,
) -> std::result::Result<(), Stopped> {
    // A filter asks for what only the record itself says.
    let kinds: Vec<Kind> = way
        .kinds()
        .into_iter()
        .filter(|kind| way.target.kinds().contains(kind) && !way.is_filtered(*kind))
        .collect();
    let mut progress =
        Progress { activity: "compare with what was written".to_owned(), ..Progress::default() };
    for kind in kinds {
        let total = totals.get(kind.as_str()).copied().unwrap_or_default();
        let mut told = KindProgress {
            kind: kind.as_str().to_owned(),
            total: Some(total),
            ..KindProgress::default()
        };
        let records = way.snapshot.manifest().records(kind);
        let pages = (0..records).step_by(usize::try_from(PAGE_HEADS).unwrap_or(1));
        let mut pages = stream::iter(pages)
            .map(|first| page(work, run, way, space, kind, first))
            .buffered(AT_ONCE);
        while let Some(stand) = pages.next().await {
            let stand = stand?;
            told.done += stand;
            told.effects.insert("unchanged".to_owned(), told.done);
            progress.kinds.retain(|it| it.kind != told.kind);
            progress.kinds.push(told.clone());
            let mut tx = work.begin().await?;
            tx.progress_put(run, &progress).await?;
            let stops = asked_to_stop(&mut tx, run).await?;
            work.commit(tx).await?;
            if stops {
                return Err(Stopped::Withdrawn);
            }
        }
    }
    Ok(())
}

/// Enters those of a page; gives how many they are.
async fn page(
    work: &Work,
    run: &Name,
    way: &Way,
    space: &LinkSpace,
    kind: Kind,
    first: u64,
) -> Result<i64> {
    let heads = way.heads(kind, first, &mut ScopeMeter::default()).await?.heads;
    let ids: Vec<String> = heads.iter().map(|it| it.source_id.clone()).collect();
    let hashes: Vec<String> = heads.iter().map(|it| it.hash.clone()).collect();
    let ordinal = |it: &RecordHead| i64::try_from(it.ordinal).unwrap_or(i64::MAX);
    let ordinals: Vec<i64> = heads.iter().map(ordinal).collect();
    let mut tx = work.begin().await?;
    let basis = (run, way.basis.as_bytes());
    let records = (ids.as_slice(), hashes.as_slice(), ordinals.as_slice());
    let standing = tx.record_written_stand(space, basis, kind.as_str(), records).await?;
    tx.record_key_carry_over(space, run, kind.as_str(), &standing).await?;
    work.commit(tx).await?;
    Ok(i64::try_from(standing.len()).unwrap_or(i64::MAX))
}
