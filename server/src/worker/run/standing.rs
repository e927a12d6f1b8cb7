//! Records that stand in the target as they were written, in a run that brings records up to date: of
//! them nothing is read, mapped or sent.
//!
//! What the target is expected to hold of a record follows from the record, whose hash is in the
//! snapshot, from what it refers to, and from the basis of its [`Way`]. Where none of these has changed
//! since the record was written, what was said of it then is said again.

use cartage_model::Kind;

use super::{
    super::{Work, records::ScopeMeter, records::Way},
    asked_to_stop,
    load::Stopped,
};
use crate::{
    name::Name,
    store::{progress::Progress, record_link::LinkSpace},
};

/// Enters the records of a run that stand as they were written. A second time it finds none.
pub(super) async fn enter(
    work: &Work,
    run: &Name,
    way: &Way,
    space: &LinkSpace,
) -> std::result::Result<(), Stopped> {
    let manifest = way.snapshot.manifest();
    // A filter asks for what only the record itself says.
    let kinds: Vec<Kind> = way
        .kinds()
        .into_iter()
        .filter(|kind| way.target.kinds().contains(kind) && !way.is_filtered(*kind))
        .collect();
    let total = kinds.iter().map(|kind| manifest.records(*kind)).sum::<u64>();
    let mut progress = Progress {
        activity: "compare with what was written".to_owned(),
        total: i64::try_from(total).ok(),
        ..Progress::default()
    };
    for kind in kinds {
        let mut first = 0;
        loop {
            let page = way.heads(kind, first, &mut ScopeMeter::default()).await?;
            let ids: Vec<String> = page.heads.iter().map(|it| it.source_id.clone()).collect();
            let hashes: Vec<String> = page.heads.iter().map(|it| it.hash.clone()).collect();
            let ordinals: Vec<i64> =
                page.heads.iter().map(|it| i64::try_from(it.ordinal).unwrap_or(i64::MAX)).collect();
            let mut tx = work.begin().await?;
            let basis = (run, way.basis.as_bytes());
            let records = (ids.as_slice(), hashes.as_slice(), ordinals.as_slice());
            let standing = tx.record_written_stand(space, basis, kind.as_str(), records).await?;
            tx.record_key_carry_over(space, run, kind.as_str(), &standing).await?;
            progress.done += i64::try_from(ids.len()).unwrap_or_default();
            tx.progress_put(run, &progress).await?;
            let stops = asked_to_stop(&mut tx, run).await?;
            work.commit(tx).await?;
            if stops {
                return Err(Stopped::Withdrawn);
            }
            match page.next {
                Some(next) => first = next,
                None => break,
            }
        }
    }
    Ok(())
}
