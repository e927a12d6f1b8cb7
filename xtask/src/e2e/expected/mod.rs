//! What should stand in the shop, read from the export files by a reader of the test's own: it
//! shares no code with the connectors, and says in the target's words what each cell becomes.

mod address;
mod customer;
mod order;
mod order_money;
mod product;
mod variant;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};

use super::facts::{Facts, Kind, Records};
use super::table::{Sheet, Table, Topic};

/// Reads all records of a shop. `currency` is that of the shop's prices.
pub(crate) fn read(tables: &[Table], currency: &str) -> Records {
    let others = Others::of(tables);
    let mut records = Records::new();
    for table in tables {
        for sheet in table.sheets() {
            record(table.topic, &sheet, currency, &others, &mut records);
        }
    }
    records
}

/// What an order needs to know of other records.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Customers by e-mail.
    accounts: BTreeMap<String, String>,
    /// The article numbers the shop sells.
    skus: BTreeSet<String>,
}

impl Others {
    /// Reads it from the files of customers and products.
    pub(crate) fn of(tables: &[Table]) -> Self {
        let mut others = Self::default();
        for table in tables {
            for sheet in table.sheets() {
                match table.topic {
                    Topic::Products => others.skus.extend(variant::skus(&sheet)),
                    Topic::Customers => {
                        let (id, facts) = customer::read(&sheet);
                        let email = facts.get("email").map(str::to_owned);
                        others.accounts.extend(email.map(|email| (email, id)));
                    }
                    Topic::Orders => {}
                }
            }
        }
        others
    }
}

/// Reads a record, and those that stand in it without a file of their own.
pub(crate) fn record(
    topic: Topic,
    sheet: &Sheet<'_>,
    currency: &str,
    others: &Others,
    records: &mut Records,
) {
    match topic {
        Topic::Products => {
            let (id, facts) = product::read(sheet, currency);
            for path in facts.get("categories").into_iter().flat_map(lineage) {
                records.insert((Kind::Category, path.clone()), category(&path));
            }
            if let Some(title) = facts.get("collection") {
                records.insert((Kind::Collection, title.to_owned()), collection(title));
            }
            records.insert((Kind::Product, id), facts);
        }
        Topic::Customers => {
            let (id, facts) = customer::read(sheet);
            for tag in facts.get("groups").into_iter().flat_map(|groups| groups.split(" | ")) {
                let mut group = key(Kind::CustomerGroup, tag);
                group.put("name", tag);
                records.insert((Kind::CustomerGroup, tag.to_owned()), group);
            }
            records.insert((Kind::Customer, id), facts);
        }
        Topic::Orders => {
            let (id, facts) = order::read(sheet, &others.accounts, &others.skus);
            records.insert((Kind::Order, id), facts);
        }
    }
}

/// The mark by which every object of ours is known.
fn key(kind: Kind, id: &str) -> Facts {
    let mut facts = Facts::default();
    facts.put("key", format!("{kind}:{id}"));
    facts
}

/// A path of categories with the paths above it.
fn lineage(path: &str) -> Vec<String> {
    let titles: Vec<&str> = path.split(" > ").collect();
    (1..=titles.len()).filter_map(|count| Some(titles.get(..count)?.join(" > "))).collect()
}

fn category(path: &str) -> Facts {
    let mut facts = key(Kind::Category, path);
    let (parent, name) = path.rsplit_once(" > ").unwrap_or(("", path));
    facts.put("external_key", format!("category:{path}"));
    facts.put("name", name);
    facts.put("parent", parent);
    facts.put("handle", handle(path));
    facts.put("is_active", "true");
    facts
}

fn collection(title: &str) -> Facts {
    let mut facts = key(Kind::Collection, title);
    facts.put("title", title);
    facts.put("handle", handle(title));
    facts
}

/// The last part of an address, made of a name: its words in lower case with hyphens between.
fn handle(name: &str) -> String {
    let mut made = String::new();
    for letter in name.to_lowercase().chars() {
        match letter.is_alphanumeric() {
            true => made.push(letter),
            false if made.ends_with('-') || made.is_empty() => {}
            false => made.push('-'),
        }
    }
    made.trim_end_matches('-').to_owned()
}

/// Without the apostrophe that spreadsheets need before digits.
fn bare(text: &str) -> String {
    text.strip_prefix('\'').unwrap_or(text).to_owned()
}

/// The words of a list, without the commas.
fn words(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// `yes` or `true`; `no` or `false`.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// A time as it is kept, and its offset in seconds.
fn time(text: &str) -> Option<(String, i32)> {
    let time = DateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S %z").ok()?;
    let utc = time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true);
    Some((utc, time.offset().local_minus_utc()))
}

/// A time with all that is kept of it.
fn put_time(facts: &mut Facts, path: &str, text: Option<String>) {
    let Some(text) = text else { return };
    if let Some((utc, offset)) = time(&text) {
        facts.put(format!("{path}.utc"), utc);
        facts.put(format!("{path}.zone.offset"), offset.to_string());
    }
    facts.put(format!("{path}.original"), text);
}

/// Fields of the merchant's own, under their names.
fn put_fields(facts: &mut Facts, path: &str, cells: Vec<(String, String)>) {
    for (heading, text) in cells {
        let lower = heading.to_lowercase();
        let name = match lower.strip_prefix("google shopping / ") {
            Some(name) => format!("google_shopping.{}", handle(name).replace('-', "_")),
            None => metafield(&heading).unwrap_or_default(),
        };
        facts.put(format!("{path}.custom_fields.{name}"), text);
    }
}

fn is_google(heading: &str) -> bool {
    heading.to_lowercase().starts_with("google shopping / ")
}

/// The name space and name in `Fabric (product.metafields.custom.fabric)`.
fn metafield(heading: &str) -> Option<String> {
    let (_, path) = heading.trim_end_matches(')').rsplit_once(".metafields.")?;
    Some(path.to_owned())
}
