//! The road itself is broken: a small shop is migrated with a mapping in which rules of every kind
//! are missing or altered, and the comparison must find these fields and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use cartage_client::v1::{MappingContent, RecordKind, field_rule::Value};
use cartage_sandbox::shopify_export::{self, Settings};

use super::compare::Problem;
use super::facts::Kind;
use super::shops::Shop;
use super::table::{Table, Topic};
use super::{actual::Actual, admin::Admin, compare, expected, report};

/// What is done to the rule of a field.
enum Change {
    /// It is taken out.
    Drop,
    /// It gives this text instead.
    Text(&'static str),
}

/// The rules that are broken, and the facts that must differ for it.
const BROKEN: &[(Kind, &str, Change, &str)] = &[
    (Kind::Category, "parent", Change::Drop, "parent"),
    (Kind::Collection, "title", Change::Text("Altered"), "title"),
    (Kind::Product, "metadata.vendor", Change::Drop, "metadata.vendor"),
    (Kind::Product, "variants[].barcode", Change::Drop, "variants[].barcode"),
    (Kind::CustomerGroup, "name", Change::Text("Altered {{ title }}"), "name"),
    (Kind::Customer, "phone", Change::Drop, "phone"),
    (Kind::Customer, "last_name", Change::Text("Altered"), "last_name"),
    (Kind::Order, "metadata.channel", Change::Drop, "metadata.channel"),
    (Kind::Order, "billing_address.city", Change::Drop, "billing_address.city"),
];

/// What differs because of them.
const FOLLOWS: &[(Kind, &str)] = &[(Kind::Customer, "groups")];

/// Columns whose cells must not be those of another shop in the same target.
const OWN: &[(Topic, &str, &str)] = &[
    (Topic::Products, "Handle", "altered-"),
    (Topic::Products, "Variant SKU", "ALT-"),
    (Topic::Products, "Variant Barcode", "9"),
    (Topic::Products, "Product Category", "Altered "),
    (Topic::Products, "Collection", "Altered "),
    (Topic::Customers, "Customer ID", "'9"),
    (Topic::Customers, "Email", "altered."),
    (Topic::Customers, "Tags", "Altered "),
    (Topic::Orders, "Name", "#ALT"),
    (Topic::Orders, "Id", "9"),
    (Topic::Orders, "Email", "altered."),
    (Topic::Orders, "Lineitem sku", "ALT-"),
];

/// A shop of some records of each kind that shares none with the fixtures.
pub(crate) fn shop(folder: &Path) -> Result<Shop> {
    let settings =
        Settings { seed: 11, products: 15, customers: 15, orders: 12, ..Settings::end_to_end() };
    shopify_export::generate(&settings, folder).context("making the shop")?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let mut table = Table::read(&path)?;
        for (topic, heading, before) in OWN {
            let column = table.headings.iter().position(|it| it == heading);
            let Some(column) = column.filter(|_| *topic == table.topic) else { continue };
            let cells = table.rows.iter_mut().filter_map(|row| row.get_mut(column));
            cells.filter(|cell| !cell.is_empty()).for_each(|cell| *cell = own(cell, before));
        }
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(&table.headings)?;
        for row in &table.rows {
            writer.write_record(row)?;
        }
        writer.flush()?;
    }
    Shop::open("altered", folder.to_owned(), "EUR", &Kind::ALL, true)
}

/// A cell, or each of its parts, with a word before it.
fn own(cell: &str, before: &str) -> String {
    for separator in [" > ", ", "] {
        if cell.contains(separator) && !cell.contains('@') {
            let parts = cell.split(separator).map(|part| format!("{before}{part}"));
            return parts.collect::<Vec<_>>().join(separator);
        }
    }
    format!("{before}{}", cell.trim_start_matches(['\'', '#']))
}

/// The mapping with its rules broken.
pub(crate) fn mapping(of: &MappingContent) -> Result<MappingContent> {
    let mut mapping = of.clone();
    for (kind, field, change, _) in BROKEN {
        let wire =
            RecordKind::from_str_name(&format!("RECORD_KIND_{}", kind.word().to_uppercase()))
                .with_context(|| format!("the API has no {kind}"))?;
        let is_it = |rule: &cartage_client::v1::FieldRule| {
            rule.kind() == wire && rule.target_field == *field
        };
        let place = mapping.rules.iter().position(is_it);
        let place = place.with_context(|| format!("no rule gives {kind} {field}"))?;
        match change {
            Change::Drop => drop(mapping.rules.remove(place)),
            Change::Text(text) => {
                if let Some(rule) = mapping.rules.get_mut(place) {
                    rule.value = Some(Value::Template((*text).to_owned()));
                }
            }
        }
    }
    Ok(mapping)
}

/// Compares, and tells how many rules were broken and what of that was not noticed, or noticed
/// elsewhere.
pub(crate) async fn check(
    admin: &Admin,
    shop: &Shop,
    migrated: &super::walk::Migrated,
) -> Result<(usize, Vec<String>)> {
    let expected = expected::read(&shop.tables, shop.currency);
    let actual = Actual::read(admin, &migrated.targets).await.context("reading the shop")?;
    let result = compare::compare(&expected, &actual.records(), &migrated.ledger);
    ensure!(!actual.objects.is_empty(), "nothing of the shop `{}` arrived", shop.name);
    Ok((BROKEN.len(), faults(&result.problems)))
}

fn faults(problems: &[Problem]) -> Vec<String> {
    let found: BTreeSet<(Kind, String)> =
        problems.iter().map(|it| (it.id.0, report::general(&it.field))).collect();
    let wanted = |(kind, _, _, fact): &(Kind, &str, Change, &'static str)| (*kind, *fact);
    let unnoticed = BROKEN.iter().filter(|it| !found.contains(&(it.0, it.3.to_owned())));
    let unnoticed = unnoticed.map(|(kind, field, _, _)| {
        format!("the rule of {kind} {field} was broken, and nobody noticed")
    });
    let known: BTreeSet<(Kind, &str)> =
        BROKEN.iter().map(wanted).chain(FOLLOWS.iter().copied()).collect();
    let others = found.iter().filter(|(kind, fact)| !known.contains(&(*kind, fact.as_str())));
    let others = others
        .map(|(kind, fact)| format!("{kind} {fact} differs, though its rule was left as it is"));
    unnoticed.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: Kind, field: &str) -> Problem {
        let [expected, actual] = ["a", "b"].map(str::to_owned);
        Problem { id: (kind, "1".to_owned()), field: field.to_owned(), expected, actual }
    }

    #[test]
    fn each_broken_rule_must_be_noticed_and_nothing_else() {
        let all: Vec<Problem> = BROKEN
            .iter()
            .map(|(kind, _, _, fact)| problem(*kind, &fact.replace("[]", "[0]")))
            .collect();
        assert_eq!(faults(&all), Vec::<String>::new());
        assert_eq!(faults(all.get(1..).unwrap_or_default()).len(), 1);
        let more = [all, vec![problem(Kind::Order, "total")]].concat();
        assert_eq!(faults(&more).len(), 1);
        assert!(Kind::ALL.iter().all(|kind| BROKEN.iter().any(|it| it.0 == *kind)));
    }

    #[test]
    fn cells_become_those_of_another_shop() {
        assert_eq!(own("Home > Garden", "Altered "), "Altered Home > Altered Garden");
        assert_eq!(own("'7210", "'9"), "'97210");
        assert_eq!(own("#1001", "#ALT"), "#ALT1001");
    }
}
