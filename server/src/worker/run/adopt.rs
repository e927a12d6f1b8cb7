//! Records that were in the target before the run, by links that were imported: they are not written.
//!
//! They come first of their kind, because they may be what others of it are the same as: a customer
//! with the e-mail address of one that is there already is merged into that one.

use std::collections::{BTreeMap, HashMap, HashSet};

use cartage_model::{Kind, Mapped};

use super::{
    super::records::{Fate, ScopeMeter},
    book::Entry,
    ledger::Row,
    load::{Loader, Stopped},
};
use crate::{
    app::record_key::Key,
    error::Result,
    store::{Tx, record_link::RecordLink},
};

/// A record that is there, and where.
struct There {
    ordinal: i64,
    mapped: Mapped,
    keys: Vec<Key>,
    target_id: String,
}

impl Loader<'_> {
    /// Takes over the records of a kind that have an imported link. Those that a rule leaves out, or
    /// that cannot be mapped, have their own outcome as any others.
    pub(super) async fn adopt(&self, kind: Kind) -> std::result::Result<(), Stopped> {
        let mut tx = self.work.begin().await?;
        let any = tx.record_link_any_imported(self.space, kind.as_str()).await?;
        tx.rollback().await?;
        if !any {
            return Ok(());
        }
        let mut scope = ScopeMeter::default();
        let mut first = 0;
        loop {
            let (records, next) = self.way.page(kind, first, &mut scope).await?;
            let ids: Vec<String> = records.iter().map(|it| it.source_id.clone()).collect();
            let mut tx = self.work.begin().await?;
            let done: HashSet<String> =
                tx.run_record_done(self.run, kind.as_str(), &ids).await?.into_iter().collect();
            let links = self.own_links(&mut tx, kind, &ids).await?;
            tx.rollback().await?;
            let mut there = Vec::new();
            for stored in records.iter().filter(|it| !done.contains(&it.source_id)) {
                let link = links.get(&stored.source_id).filter(|link| {
                    // One with a hash was brought to the source's values since: it is as any other.
                    link.create_run.is_empty() && link.payload_hash.is_none()
                });
                let Some(link) = link else { continue };
                if let Fate::Fitted(mapped) = self.way.fate(stored) {
                    there.push(There {
                        ordinal: i64::try_from(stored.ordinal).unwrap_or(i64::MAX),
                        mapped,
                        keys: self.keys(stored),
                        target_id: link.target_id.clone(),
                    });
                }
                tokio::task::consume_budget().await;
            }
            self.take_over(kind, there).await?;
            match next {
                Some(next) => first = next,
                None => return Ok(()),
            }
        }
    }

    async fn take_over(
        &self,
        kind: Kind,
        mut there: Vec<There>,
    ) -> std::result::Result<(), Stopped> {
        if there.is_empty() {
            return Ok(());
        }
        let mut tx = self.work.begin().await?;
        let twins = self.twins(&mut tx, kind, &there).await?;
        // They are merged as if the run had written the first of them.
        there.retain(|it| !twins.contains(&it.mapped.source_id));
        let links = self.further_links(&mut tx, &there).await?;
        tx.commit().await?;
        let mut entry = Entry { links, ..Entry::default() };
        for it in &there {
            let row = Row::adopted(kind, &it.mapped.source_id, it.ordinal);
            entry.rows.push(row.found_by(&it.keys));
            // Later changes of the source count, and not what differs now.
            entry.adopted.extend(self.written(&it.mapped, None));
        }
        self.enter(kind, entry).await
    }

    /// Claims their identities; gives those that stand for the same object as the record that has
    /// the identity already.
    async fn twins(&self, tx: &mut Tx, kind: Kind, there: &[There]) -> Result<HashSet<String>> {
        let claims: Vec<(String, String)> = there
            .iter()
            .filter_map(|it| {
                let identity = self.way.target.identity(&it.mapped)?;
                Some((identity, it.mapped.source_id.clone()))
            })
            .collect();
        if claims.is_empty() {
            return Ok(HashSet::new());
        }
        let owners = tx.record_identity_claim(self.space, kind.as_str(), &claims).await?;
        let linked = self.own_links(tx, kind, &owners).await?;
        let target_ids: HashMap<&str, &str> =
            there.iter().map(|it| (it.mapped.source_id.as_str(), it.target_id.as_str())).collect();
        let same = |source_id: &str, owner: &str| {
            source_id != owner
                && linked.get(owner).map(|link| link.target_id.as_str())
                    == target_ids.get(source_id).copied()
        };
        let claimed = claims.into_iter().map(|(_, source_id)| source_id).zip(owners);
        Ok(claimed.filter(|(id, owner)| same(id, owner)).map(|(id, _)| id).collect())
    }

    /// The links by which others refer to them, where none was imported.
    async fn further_links(&self, tx: &mut Tx, there: &[There]) -> Result<Vec<RecordLink>> {
        let mut links = BTreeMap::new();
        for it in there {
            for link in self.way.target.links_of(&it.mapped, &it.target_id) {
                let place = (
                    link.reference.kind.as_str().to_owned(),
                    link.reference.source_id.clone(),
                    link.reference.role.clone(),
                );
                links.entry(place).or_insert((link.target_id, it.mapped.source_id.clone()));
            }
        }
        let places: Vec<_> = links.keys().cloned().collect();
        for known in tx.record_link_find(self.space, &places).await? {
            links.remove(&(known.kind, known.source_id, known.role));
        }
        let links =
            links.into_iter().map(|((kind, source_id, role), (target_id, record))| RecordLink {
                kind,
                source_id,
                role,
                target_id,
                record_source_id: record,
                payload_hash: None,
                create_run: self.run.as_str().to_owned(),
                create_time: chrono::DateTime::UNIX_EPOCH,
                update_time: chrono::DateTime::UNIX_EPOCH,
            });
        Ok(links.collect())
    }

    /// The links of the own objects of some records.
    pub(super) async fn own_links(
        &self,
        tx: &mut Tx,
        kind: Kind,
        source_ids: &[String],
    ) -> Result<HashMap<String, RecordLink>> {
        let own = |id: &String| (kind.as_str().to_owned(), id.clone(), kind.as_str().to_owned());
        let wanted: Vec<_> = source_ids.iter().map(own).collect();
        let links = tx.record_link_find(self.space, &wanted).await?;
        Ok(links.into_iter().map(|link| (link.source_id.clone(), link)).collect())
    }
}
