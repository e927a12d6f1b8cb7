//! From a stored record to what the target is expected to hold: in scope, mapped, masked, fitted.
//!
//! A run, its verification and the preflight all go this one way, so that what is verified is what
//! was written.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use cartage_connectors::{Reference, Target};
use cartage_model::{Kind, Mapped, Record};
use cartage_pipeline::{
    mapping::{CompiledMapping, MapOutcome, Mask},
    snapshot::{RecordHead, Snapshot, StoredRecord},
};
use chrono::{DateTime, Utc};

use crate::{
    app::migration::Scope,
    error::{Error, Result},
    reason::Reason,
    store::{Tx, record_link::LinkSpace},
};

/// How many records are read from a snapshot at once.
pub const PAGE_RECORDS: usize = 500;
/// How many heads are read at once: they are small.
pub const PAGE_HEADS: u64 = 4_000;

/// Records that are in scope, of which only those are read that are wanted.
#[derive(Debug)]
pub struct Page {
    /// Their heads, in order.
    pub heads: Vec<RecordHead>,
    /// Where the next page begins; none at the end.
    pub next: Option<u64>,
    /// The records themselves, where it took reading them to tell that they are in scope.
    read: Vec<StoredRecord>,
}

/// What becomes of a record before anything is written.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A rule leaves it out.
    Excluded(String),
    /// It cannot be mapped, or the target would not take it.
    Refused {
        /// The error reason.
        reason: String,
        /// The target field.
        field: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// What the target is expected to hold.
    Fitted(Mapped),
}

/// Everything that makes the way.
pub struct Way {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The mapping.
    pub mapping: CompiledMapping,
    /// The target: its fields and what it does to values.
    pub target: Box<dyn Target>,
    /// The mask of a TEST run.
    pub mask: Option<Mask>,
    /// Which records.
    pub scope: Scope,
    /// What the target is expected to hold of a record follows from the record, from what it refers to,
    /// and from this.
    pub basis: Basis,
}

/// A digest of what a record's form in the target follows from beside the record: this program, the
/// mapping and the target's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis(Vec<u8>);

/// The digest of this program, found once. A version would not do: a correction of what a connector does
/// to values must be brought over, whoever forgot to count it up.
static PROGRAM: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();

fn program() -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let read = std::env::current_exe().and_then(std::fs::File::open);
    hasher.update_reader(read.map_err(Error::internal)?).map_err(Error::internal)?;
    Ok(hasher.finalize().to_hex().to_string())
}

impl Basis {
    /// Of these texts, in this program.
    pub async fn of(texts: &[&str]) -> Result<Self> {
        let program = PROGRAM.get_or_try_init(async || {
            tokio::task::spawn_blocking(program).await.map_err(Error::internal)?
        });
        Ok(Self::with(program.await?, texts))
    }

    fn with(program: &str, texts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in [program].iter().chain(texts) {
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Self(hasher.finalize().as_bytes().to_vec())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Page {
    /// The ordinals of those that are not done.
    pub fn left(&self, done: &HashSet<String>) -> Vec<u64> {
        let left = self.heads.iter().filter(|it| !done.contains(&it.source_id));
        left.map(|it| it.ordinal).collect()
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way(..)")
    }
}

impl Way {
    /// The kinds in scope that the snapshot has, those the target cannot take included: their
    /// records are excluded, and counted. In the order of loading.
    pub fn kinds(&self) -> Vec<Kind> {
        let manifest = self.snapshot.manifest();
        Kind::ALL
            .into_iter()
            .filter(|kind| self.scope.kinds.is_empty() || self.scope.kinds.contains(kind))
            .filter(|kind| manifest.records(*kind) + manifest.unreadable(*kind) > 0)
            .collect()
    }

    /// The record's fate.
    pub fn fate(&self, stored: &StoredRecord) -> Fate {
        guarded(|| self.decide(stored))
    }

    fn decide(&self, stored: &StoredRecord) -> Fate {
        let kind = stored.record.kind();
        let mut mapped = match self.mapping.map(kind, &stored.source_id, &stored.json) {
            MapOutcome::Mapped(mapped) => mapped,
            MapOutcome::Excluded { rule } => return Fate::Excluded(rule),
            MapOutcome::Failed(failure) => {
                return Fate::Refused {
                    reason: failure.reason,
                    field: failure.field,
                    message: failure.message,
                };
            }
        };
        if let Some(mask) = &self.mask {
            // What the target would do to the value decides first: a masked e-mail is always
            // well-formed, and a rehearsal must refuse what the real run will refuse.
            if let Err(refusal) = self.target.fit(mapped.clone()) {
                return refused(refusal);
            }
            mask.mask(self.target.schema(kind), &mut mapped);
        }
        match self.target.fit(mapped) {
            Ok(fitted) => Fate::Fitted(fitted),
            Err(refusal) => refused(refusal),
        }
    }

    /// The page of records from an ordinal on that are in scope, and where the next page begins;
    /// none at the end.
    pub async fn page(
        &self,
        kind: Kind,
        first: u64,
        meter: &mut ScopeMeter,
    ) -> Result<(Vec<StoredRecord>, Option<u64>)> {
        let stored = self.snapshot.records(kind, first, PAGE_RECORDS as u64).await?;
        let count = u64::try_from(stored.len()).unwrap_or(u64::MAX);
        let inside = stored.into_iter().filter(|record| meter.take(&self.scope, record)).collect();
        // Behind the last record that a filter lets in there is none.
        let is_last = count == 0 || meter.is_full(&self.scope, kind);
        let next = (!is_last).then(|| first.saturating_add(count));
        Ok((inside, next))
    }

    /// Whether only some records of a kind are in scope.
    pub fn is_filtered(&self, kind: Kind) -> bool {
        self.scope.filters.iter().any(|filter| filter.kind == kind)
    }

    /// As [`Self::page`], but that it reads no more than it must.
    pub async fn heads(&self, kind: Kind, first: u64, meter: &mut ScopeMeter) -> Result<Page> {
        if self.is_filtered(kind) {
            let (read, next) = self.page(kind, first, meter).await?;
            let head = |it: &StoredRecord| RecordHead {
                ordinal: it.ordinal,
                source_id: it.source_id.clone(),
                hash: it.hash.clone(),
            };
            return Ok(Page { heads: read.iter().map(head).collect(), next, read });
        }
        let heads = self.snapshot.heads(kind, first, PAGE_HEADS).await?;
        let count = u64::try_from(heads.len()).unwrap_or(u64::MAX);
        let next = (count > 0).then(|| first.saturating_add(count));
        Ok(Page { heads, next, read: Vec::new() })
    }

    /// Reads some records of a page, given by their ordinals, which ascend.
    pub async fn read(
        &self,
        kind: Kind,
        page: &mut Page,
        ordinals: &[u64],
    ) -> Result<Vec<StoredRecord>> {
        if self.is_filtered(kind) {
            let wanted: HashSet<u64> = ordinals.iter().copied().collect();
            let read = page.read.extract_if(.., |it| wanted.contains(&it.ordinal));
            return Ok(read.collect());
        }
        Ok(self.snapshot.records_at(kind, ordinals).await?)
    }

    /// How many records of each kind are in scope, those that could not be read included.
    pub async fn totals(&self) -> Result<BTreeMap<String, i64>> {
        let manifest = self.snapshot.manifest();
        let mut totals = BTreeMap::new();
        for kind in self.kinds() {
            let readable = if self.is_filtered(kind) {
                let mut meter = ScopeMeter::default();
                let (mut first, mut count) = (0, 0);
                loop {
                    let (records, next) = self.page(kind, first, &mut meter).await?;
                    count += records.len();
                    match next {
                        Some(next) => first = next,
                        None => break i64::try_from(count).unwrap_or(i64::MAX),
                    }
                }
            } else {
                i64::try_from(manifest.records(kind)).unwrap_or(i64::MAX)
            };
            let unreadable = self.unreadable_in_scope(kind);
            totals.insert(kind.as_str().to_owned(), readable + unreadable);
        }
        Ok(totals)
    }

    /// How many unreadable records of a kind are in scope: a filter cannot look into them, so a
    /// kind that is filtered leaves them out.
    pub fn unreadable_in_scope(&self, kind: Kind) -> i64 {
        if self.is_filtered(kind) {
            return 0;
        }
        i64::try_from(self.snapshot.manifest().unreadable(kind)).unwrap_or(i64::MAX)
    }
}

/// Takes out of fitted records what they say about others that are not in the target; gives the source
/// ids of those of which something was taken out.
pub async fn without_missing<'a>(
    tx: &mut Tx,
    space: &LinkSpace,
    target: &dyn Target,
    records: impl Iterator<Item = &'a mut Mapped> + Send,
) -> Result<HashSet<String>> {
    // Objects of another role (an e-mail address, an article number) are hints, and may be absent.
    let own = |it: &Reference| it.role == it.kind.as_str();
    let referring: Vec<(&mut Mapped, BTreeSet<Reference>)> = records
        .map(|mapped| {
            let references = target.references(mapped).into_iter().filter(own).collect();
            (mapped, references)
        })
        .filter(|(_, references): &(_, BTreeSet<Reference>)| !references.is_empty())
        .collect();
    let wanted: BTreeSet<(String, String, String)> = referring
        .iter()
        .flat_map(|(_, references)| references)
        .map(|it| (it.kind.as_str().to_owned(), it.source_id.clone(), it.role.clone()))
        .collect();
    let mut lacking = HashSet::new();
    if wanted.is_empty() {
        return Ok(lacking);
    }
    let links = tx.record_link_find(space, &wanted.into_iter().collect::<Vec<_>>()).await?;
    let linked: HashSet<(String, String)> =
        links.into_iter().map(|link| (link.kind, link.source_id)).collect();
    for (mapped, references) in referring {
        let missing: BTreeSet<Reference> = references
            .into_iter()
            .filter(|it| !linked.contains(&(it.kind.as_str().to_owned(), it.source_id.clone())))
            .collect();
        if !missing.is_empty() {
            lacking.insert(mapped.source_id.clone());
            target.without(mapped, &missing);
        }
    }
    Ok(lacking)
}

/// A bug in a mapping or in a connector must cost one record, not the run. All of it is pure: nothing is
/// left half done.
fn guarded(work: impl FnOnce() -> Fate) -> Fate {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!(
            "A record could not be brought into the target's form: its mapping or fit panicked."
        );
        Fate::Refused {
            reason: Reason::InternalError.as_str().to_owned(),
            field: None,
            message: "Bringing this record into the target's form broke down.".to_owned(),
        }
    })
}

fn refused(refusal: cartage_connectors::Refusal) -> Fate {
    Fate::Refused { reason: refusal.reason, field: refusal.field, message: refusal.message }
}

/// Counts the records of one kind that were taken, for filters with a number.
#[derive(Clone, Debug, Default)]
pub struct ScopeMeter {
    taken: u64,
}

impl ScopeMeter {
    /// Whether a filter lets in no more records, whatever they are.
    fn is_full(&self, scope: &Scope, kind: Kind) -> bool {
        let filter = scope.filters.iter().find(|filter| filter.kind == kind);
        filter.is_some_and(|filter| filter.max_records > 0 && self.taken >= filter.max_records)
    }

    /// Whether a record is in scope. Records must come in order, each once.
    pub fn take(&mut self, scope: &Scope, stored: &StoredRecord) -> bool {
        let kind = stored.record.kind();
        let Some(filter) = scope.filters.iter().find(|filter| filter.kind == kind) else {
            return true;
        };
        if !filter.source_ids.is_empty() && !filter.source_ids.contains(&stored.source_id) {
            return false;
        }
        // A record without a creation time is in scope, as the API says.
        let created = created_at(&stored.record);
        if filter.created_after.is_some_and(|bound| created.is_some_and(|time| time < bound))
            || filter.created_before.is_some_and(|bound| created.is_some_and(|time| time >= bound))
        {
            return false;
        }
        if filter.max_records > 0 && self.taken >= filter.max_records {
            return false;
        }
        self.taken += 1;
        true
    }
}

fn created_at(record: &Record) -> Option<DateTime<Utc>> {
    match record {
        Record::Product(product) => product.created_at.as_ref().map(|instant| instant.utc),
        Record::Customer(customer) => customer.created_at.as_ref().map(|instant| instant.utc),
        Record::Order(order) => Some(order.placed_at.utc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::migration::KindFilter;

    #[test]
    fn a_walk_ends_where_a_filter_has_its_number() {
        let filter = KindFilter {
            kind: Kind::Product,
            created_after: None,
            created_before: None,
            source_ids: Vec::new(),
            max_records: 2,
        };
        let scope = Scope { filters: vec![filter], ..Scope::default() };
        let full = |taken| ScopeMeter { taken }.is_full(&scope, Kind::Product);
        assert!(!full(1) && full(2));
        assert!(!ScopeMeter { taken: 9 }.is_full(&scope, Kind::Order), "it has no filter");
        assert!(!ScopeMeter { taken: 9 }.is_full(&Scope::default(), Kind::Product));
    }

    #[test]
    fn a_basis_is_another_one_where_any_of_its_texts_is() {
        let basis = Basis::with("1", &["a", "bc"]);
        assert_eq!(basis, Basis::with("1", &["a", "bc"]));
        assert_ne!(basis, Basis::with("2", &["a", "bc"]));
        assert_ne!(basis, Basis::with("1", &["ab", "c"]));
        assert_ne!(basis, Basis::with("1", &["a", "bc", ""]));
    }

    #[test]
    fn what_breaks_down_at_a_record_refuses_it() {
        let broken = guarded(|| panic!("made to panic"));
        let Fate::Refused { reason, .. } = broken else { panic!("{broken:?}") };
        assert_eq!(reason, "INTERNAL_ERROR");
        assert!(matches!(guarded(|| Fate::Excluded("rule".to_owned())), Fate::Excluded(_)));
    }
}
