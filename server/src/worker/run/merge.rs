//! Records that would be the same as an earlier one in the target are merged into it.
//!
//! The first record with an identity keeps it. The others wait until that one has been written:
//! where it stands in the target they are merged into it; where the target refused it, the next one
//! takes its place, so that a bad record takes no good one with it.

use std::collections::{HashMap, HashSet};

use cartage_model::Kind;

use super::{
    ledger::Row,
    load::{Loader, Ready, Stopped},
};
use crate::{error::Result, reason::Reason, store::record_link::RecordLink};

/// Why a record is undecided that is like an undecided one.
const OWNER_UNDECIDED: &str = "the record that it is the same as cannot be decided";

/// A record whose identity an earlier one has.
pub(super) struct Twin {
    ready: Ready,
    identity: String,
    owner: String,
}

/// What became of some twins.
#[derive(Default)]
struct Judged {
    rows: Vec<Row>,
    links: Vec<RecordLink>,
    /// They took the identity over, and are to be written.
    heirs: Vec<Ready>,
    /// They wait for an heir.
    waiting: Vec<Twin>,
}

impl Loader<'_> {
    /// Parts those that have their identity for themselves from the twins of earlier records.
    pub(super) async fn part_twins(
        &self,
        kind: Kind,
        ready: Vec<Ready>,
    ) -> Result<(Vec<Ready>, Vec<Twin>)> {
        let claims: Vec<(String, String)> = ready
            .iter()
            .filter_map(|it| {
                let identity = self.way.target.identity(&it.mapped)?;
                Some((identity, it.mapped.source_id.clone()))
            })
            .collect();
        if claims.is_empty() {
            return Ok((ready, Vec::new()));
        }
        let mut tx = self.work.begin().await?;
        let owners = tx.record_identity_claim(self.space, kind.as_str(), &claims).await?;
        tx.commit().await?;
        let mut taken: HashMap<String, (String, String)> = claims
            .into_iter()
            .zip(owners)
            .filter(|((_, source_id), owner)| source_id != owner)
            .map(|((identity, source_id), owner)| (source_id, (identity, owner)))
            .collect();
        let (mut own, mut twins) = (Vec::new(), Vec::new());
        for it in ready {
            match taken.remove(&it.mapped.source_id) {
                Some((identity, owner)) => twins.push(Twin { ready: it, identity, owner }),
                None => own.push(it),
            }
        }
        Ok((own, twins))
    }

    /// Merges twins, once the records they are like have been written.
    pub(super) async fn merge(
        &self,
        kind: Kind,
        mut twins: Vec<Twin>,
    ) -> std::result::Result<(), Stopped> {
        while !twins.is_empty() {
            let judged = self.judge(kind, twins).await?;
            self.settle(kind, judged.rows, judged.links).await?;
            self.write_new(kind, judged.heirs).await?;
            twins = judged.waiting;
        }
        Ok(())
    }

    async fn judge(&self, kind: Kind, twins: Vec<Twin>) -> Result<Judged> {
        let owners: Vec<String> = twins.iter().map(|twin| twin.owner.clone()).collect();
        let own = |id: &String| (kind.as_str().to_owned(), id.clone(), kind.as_str().to_owned());
        let mut tx = self.work.begin().await?;
        let links =
            tx.record_link_find(self.space, &owners.iter().map(own).collect::<Vec<_>>()).await?;
        let outcomes = tx.run_record_outcomes(self.run, kind.as_str(), &owners).await?;
        let links: HashMap<String, RecordLink> =
            links.into_iter().map(|link| (link.source_id.clone(), link)).collect();
        let ids: Vec<_> = twins.iter().map(|twin| own(&twin.ready.mapped.source_id)).collect();
        let theirs = tx.record_link_find(self.space, &ids).await?;
        let theirs: HashMap<String, RecordLink> =
            theirs.into_iter().map(|link| (link.source_id.clone(), link)).collect();
        // One that is undecided may stand there: a second one beside it could be one too many, and
        // whether there is anything to be merged into is just as undecided. The ledger does not say
        // so of one that is to be tried again or belongs to another run; the journal does.
        let open = tx.external_call_open(self.space, kind.as_str(), &owners).await?;
        let undecided: HashSet<String> = outcomes
            .into_iter()
            .filter(|(_, outcome)| outcome == "unknown")
            .map(|(source_id, _)| source_id)
            .chain(open)
            .collect();
        let mut judged = Judged::default();
        let mut heirs: HashMap<String, String> = HashMap::new();
        for twin in twins {
            let source_id = twin.ready.mapped.source_id.clone();
            let ordinal = twin.ready.ordinal;
            let stands_apart = |link: &&RecordLink| {
                let is_own = link.payload_hash.is_some() || link.create_run.is_empty();
                is_own && links.get(&twin.owner).is_none_or(|it| it.target_id != link.target_id)
            };
            if theirs.get(&source_id).filter(stands_apart).is_some() {
                // Merged now, its own object would be nobody's.
                let reason = Reason::TargetConflict.as_str();
                let message = "It is the same as another record now, and has an object of its own.";
                let row = Row::quarantined(kind, &source_id, Some(ordinal), reason, None, message);
                judged.rows.push(row.found_by(&twin.ready.keys));
                continue;
            }
            if let Some(link) = links.get(&twin.owner) {
                // Whoever refers to the merged record finds the one it was merged into.
                judged.links.push(RecordLink {
                    source_id: source_id.clone(),
                    record_source_id: source_id.clone(),
                    payload_hash: None,
                    create_run: self.run.as_str().to_owned(),
                    ..link.clone()
                });
            }
            if links.contains_key(&twin.owner) {
                let row = Row::merged(kind, &source_id, ordinal, &twin.owner);
                judged.rows.push(row.found_by(&twin.ready.keys));
            } else if undecided.contains(&twin.owner) {
                let row = Row::unknown(kind, &source_id, Some(ordinal), OWNER_UNDECIDED);
                judged.rows.push(row.found_by(&twin.ready.keys));
            } else if let Some(heir) = heirs.get(&twin.identity) {
                judged.waiting.push(Twin { owner: heir.clone(), ..twin });
            } else {
                tx.record_identity_pass(self.space, kind.as_str(), &twin.identity, &source_id)
                    .await?;
                heirs.insert(twin.identity, source_id);
                judged.heirs.push(twin.ready);
            }
        }
        tx.commit().await?;
        Ok(judged)
    }
}
