//! What is expected of a made-up shop: what its manifest says of planted faults, and what its files
//! say of the kinds that have no file of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use cartage_client::v1::{Outcome, RecordKind};
use cartage_sandbox::shopify_export::{self, Manifest};

/// Records by kind and source id.
pub(crate) type Id = (RecordKind, String);

/// What should become of the records.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// How many records of each kind should end in each outcome.
    pub(crate) counts: BTreeMap<RecordKind, BTreeMap<Outcome, i64>>,
    /// The ids in the ledger of the records that each planted fault is in, or may be in.
    pub(crate) faults: BTreeMap<String, Fault>,
}

/// A planted fault.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The audit rule that must find it.
    pub(crate) rule: String,
    /// What must become of its records.
    pub(crate) outcome: Outcome,
    /// Its records; of each the ids by which it can be known: two orders may share a number.
    pub(crate) records: Vec<Vec<Id>>,
}

/// Reads the manifest, and the files it describes.
pub(crate) fn expected(manifest: &Manifest, export: &Path) -> Result<Expected> {
    let mut expected = Expected::default();
    for (planted, outcomes) in &manifest.expected_outcomes {
        let counts = expected.counts.entry(kind(*planted)).or_default();
        for (planted, count) in outcomes {
            counts.insert(outcome(*planted), i64::try_from(*count)?);
        }
    }
    let files = Files::read(manifest, export)?;
    for (of, ids) in
        [(RecordKind::Category, &files.categories), (RecordKind::CustomerGroup, &files.groups)]
    {
        expected.counts.entry(of).or_default().insert(Outcome::Migrated, i64::try_from(ids.len())?);
    }
    for (name, planted) in &manifest.faults {
        let of = kind(planted.kind);
        let known = |id: &String| match files.orders.get(id) {
            Some(ids) if of == RecordKind::Order => ids.clone(),
            _ => vec![id.clone()],
        };
        let ids = |id: &String| known(id).into_iter().map(|id| (of, id)).collect();
        let own = |(id, related): (&String, &String)| match related.as_str() {
            // An order that repeats a number has an id of its own.
            related if of == RecordKind::Order && !related.is_empty() => {
                vec![(of, related.to_owned())]
            }
            _ => ids(id),
        };
        let records = planted.source_ids.iter().zip(&planted.related_ids).map(own).collect();
        let outcome = outcome(planted.expected_outcome);
        let fault = Fault { rule: planted.rule.clone(), outcome, records };
        expected.faults.insert(name.clone(), fault);
    }
    Ok(expected)
}

fn kind(kind: shopify_export::Kind) -> RecordKind {
    match kind {
        shopify_export::Kind::Product => RecordKind::Product,
        shopify_export::Kind::Collection => RecordKind::Collection,
        shopify_export::Kind::Customer => RecordKind::Customer,
        shopify_export::Kind::Order => RecordKind::Order,
    }
}

fn outcome(outcome: shopify_export::Outcome) -> Outcome {
    match outcome {
        shopify_export::Outcome::Migrated => Outcome::Migrated,
        shopify_export::Outcome::Changed => Outcome::Changed,
        shopify_export::Outcome::Merged => Outcome::Merged,
        shopify_export::Outcome::Excluded => Outcome::Excluded,
        shopify_export::Outcome::Quarantined => Outcome::Quarantined,
    }
}

/// What the files say beside the manifest.
#[derive(Debug, Default)]
struct Files {
    /// Every category with those above it.
    categories: BTreeSet<String>,
    /// Every tag of a customer.
    groups: BTreeSet<String>,
    /// The ids of orders by number: the manifest names them by this, the ledger by that.
    orders: BTreeMap<String, Vec<String>>,
}

impl Files {
    fn read(manifest: &Manifest, export: &Path) -> Result<Self> {
        let mut files = Self::default();
        for name in &manifest.files {
            let mut reader = csv::Reader::from_path(export.join(name))?;
            let header = reader.headers()?.clone();
            for row in reader.records() {
                let row = row.with_context(|| name.clone())?;
                let of = |heading: &str| {
                    let column = header.iter().position(|it| it == heading)?;
                    row.get(column).filter(|cell| !cell.is_empty())
                };
                match name.split('_').next() {
                    Some("products") => files.categories.extend(lineage(of("Product Category"))),
                    Some("customers") => {
                        let tags = of("Tags").unwrap_or_default().split(", ");
                        let tags = tags.filter(|tag| !tag.is_empty());
                        files.groups.extend(tags.map(str::to_owned));
                    }
                    _ => {
                        let Some((name, id)) = of("Name").zip(of("Id")) else { continue };
                        let id = id.trim_start_matches('\'').to_owned();
                        files.orders.entry(name.to_owned()).or_default().push(id);
                    }
                }
            }
        }
        Ok(files)
    }
}

/// A category's path and the paths above it.
fn lineage(path: Option<&str>) -> Vec<String> {
    let titles: Vec<&str> = path.map(|path| path.split(" > ").collect()).unwrap_or_default();
    (1..=titles.len()).filter_map(|count| Some(titles.get(..count)?.join(" > "))).collect()
}

#[cfg(test)]
mod tests {
    use cartage_sandbox::shopify_export::{Settings, generate};

    use super::*;

    #[test]
    fn each_planted_record_is_known_by_its_id_in_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let export = folder.path().join("export");
        let settings =
            Settings { products: 200, customers: 500, orders: 800, ..Settings::default() };
        let manifest = generate(&settings, &export).unwrap();
        let expected = expected(&manifest, &export).unwrap();
        assert_eq!(expected.faults.len(), manifest.faults.len());
        for (name, fault) in &expected.faults {
            assert_eq!(fault.records.len(), manifest.faults[name].count, "{name}");
        }
        let repeated = &expected.faults["duplicate_order_number"].records;
        assert!(repeated.iter().flatten().all(|(_, id)| id.bytes().all(|it| it.is_ascii_digit())));
        let total: i64 = expected.counts.values().flat_map(BTreeMap::values).sum();
        let more = [RecordKind::Category, RecordKind::CustomerGroup]
            .map(|kind| expected.counts[&kind][&Outcome::Migrated]);
        assert!(more.iter().all(|count| *count > 1));
        assert_eq!(total - more.iter().sum::<i64>(), i64::try_from(manifest.total()).unwrap());
    }

    #[test]
    fn a_category_stands_for_those_above_it() {
        assert_eq!(lineage(Some("A > B > C")), ["A", "A > B", "A > B > C"]);
        assert_eq!(lineage(None), Vec::<String>::new());
    }
}
