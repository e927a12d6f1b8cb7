//! Objects are brought to other values and back again, and found by what they say.

mod adopted;
mod broken;
mod changes;
mod found;
mod orders;

use std::collections::BTreeMap;

use cartage_connectors::{
    Error, Link, Reference, Target, UPDATE_ORDINAL, UpdateItem, Written, WrittenOutcome, record_key,
};
use cartage_model::{Kind, Mapped};
use serde_json::{Map, Value, json};

use super::support::{
    Journal, Ledger, Shop, assert_all_created, calls_of, dense, fitted, load, needs, records,
    sorted, writes,
};

/// A record as it was written, with what is to become of it.
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) target_id: String,
}

/// Writes records and gives those of some kinds.
pub(crate) async fn written(
    shop: &Shop,
    ledger: &mut Ledger,
    records: &[(Kind, &str, Value)],
) -> BTreeMap<String, Case> {
    assert_all_created(&load(shop, ledger, records, None).await.unwrap());
    let case = |kind: Kind, id: &str| {
        let role = kind.as_str().to_owned();
        let own = Reference { kind, source_id: id.to_owned(), role };
        Case { kind, id: id.to_owned(), target_id: ledger.links[&own].clone() }
    };
    records.iter().map(|(kind, id, _)| ((*id).to_owned(), case(*kind, id))).collect()
}

/// The fields of a record of the usual ones.
pub(crate) fn record(records: &[(Kind, &'static str, Value)], id: &str) -> Value {
    records.iter().find(|(_, other, _)| *other == id).unwrap().2.clone()
}

/// The fields as they are read back.
pub(crate) async fn read(shop: &Shop, case: &Case) -> Map<String, Value> {
    let ids = [case.target_id.clone()];
    let mut read = shop.medusa.read_back(case.kind, &ids).await.unwrap();
    read.remove(0).fields.unwrap()
}

/// What the server would hand in for a record.
pub(crate) async fn item(
    shop: &Shop,
    ledger: &Ledger,
    case: &Case,
    fields: Map<String, Value>,
) -> UpdateItem {
    let mapped =
        Mapped { kind: case.kind, source_id: case.id.clone(), fields, changes: Vec::new() };
    let wanted = shop.medusa.references(&mapped);
    let current = read(shop, case).await;
    let of_now = shop.medusa.references(&Mapped { fields: current.clone(), ..mapped.clone() });
    let is_own = |to: &Reference, id: &str| {
        to.kind == Kind::Product
            && case.kind == Kind::Product
            && to.role != "product"
            && variants(shop, &case.target_id).iter().any(|variant| variant["id"] == id)
    };
    let links = ledger
        .links
        .clone()
        .into_iter()
        .filter(|(to, id)| wanted.contains(to) || of_now.contains(to) || is_own(to, id));
    let calls = calls_of(ledger, case.kind, &case.id);
    UpdateItem {
        source_id: case.id.clone(),
        key: record_key(&shop.run, case.kind, &case.id),
        target_id: case.target_id.clone(),
        current,
        links: links.collect(),
        calls: calls.into_iter().filter(|made| made.call.ordinal >= UPDATE_ORDINAL).collect(),
        mapped,
    }
}

/// The variants of a product as the shop holds them, asked for on a thread of its own.
pub(crate) fn variants(shop: &Shop, product: &str) -> Vec<Value> {
    let fields = "id,variants.id,variants.sku,variants.metadata";
    let path = format!("/admin/products/{product}?fields={fields}");
    let answer = tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(get(shop, &path))
    });
    answer["product"]["variants"].as_array().cloned().unwrap_or_default()
}

/// The shop's address and a key.
fn door(shop: &Shop) -> (String, String) {
    match &shop.sandbox {
        Some(sandbox) => (sandbox.url(), sandbox.api_key().to_owned()),
        None => (
            std::env::var("MEDUSA_URL").unwrap(),
            std::env::var("MEDUSA_API_KEY").unwrap().trim().to_owned(),
        ),
    }
}

/// Asks the shop as somebody else.
pub(crate) async fn get(shop: &Shop, path: &str) -> Value {
    let (url, key) = door(shop);
    let request = reqwest::Client::new().get(format!("{url}{path}"));
    let response = request.basic_auth(key, Some("")).send().await.unwrap();
    response.json().await.unwrap()
}

/// Changes something in the shop as somebody else.
pub(crate) async fn post(shop: &Shop, path: &str, body: &Value) -> Value {
    let (url, key) = door(shop);
    let request = reqwest::Client::new().post(format!("{url}{path}")).json(body);
    let response = request.basic_auth(key, Some("")).send().await.unwrap();
    let is_taken = response.status().is_success();
    let answer: Value = response.json().await.unwrap();
    assert!(is_taken, "{path}: {answer}");
    answer
}

/// How many writes the shop has taken; a real one does not count them.
pub(crate) fn sent(shop: &Shop) -> Option<u64> {
    shop.sandbox.as_ref().map(|_| writes(shop))
}

/// Hands items in as the server does, and keeps what became of their links.
pub(crate) async fn hand_in(
    shop: &Shop,
    ledger: &mut Ledger,
    items: Vec<UpdateItem>,
) -> Result<Vec<Written>, Error> {
    let kind = items[0].mapped.kind;
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await?;
    let journal = Journal::on(ledger.calls.entry(kind).or_default());
    let written = shop.medusa.update(&prepared, kind, items, &journal).await?;
    journal.commit();
    for record in &written {
        if let WrittenOutcome::Updated { made, gone } = &record.outcome {
            for Link { reference, .. } in gone {
                ledger.links.remove(reference);
            }
            for Link { reference, target_id } in made {
                ledger.links.insert(reference.clone(), target_id.clone());
            }
        }
    }
    Ok(written)
}

/// Updates a record to fields; it must come to its end.
pub(crate) async fn bring(
    shop: &Shop,
    ledger: &mut Ledger,
    case: &Case,
    fields: Map<String, Value>,
) -> (Vec<Link>, Vec<Link>) {
    let items = vec![item(shop, ledger, case, fields).await];
    let mut written = hand_in(shop, ledger, items).await.unwrap();
    match written.remove(0).outcome {
        WrittenOutcome::Updated { made, gone } => (made, gone),
        other => panic!("{} {}: {other:?}", case.kind, case.id),
    }
}

pub(crate) fn assert_alike(actual: &Map<String, Value>, expected: &Map<String, Value>, what: &str) {
    let form = |fields: &Map<String, Value>| {
        let fields = sorted(&dense(&Value::Object(fields.clone())));
        serde_json::to_string_pretty(&fields).unwrap()
    };
    assert_eq!(form(actual), form(expected), "{what}");
}

/// Brings a record to other fields, asserts that it stands there, that a second time sends nothing,
/// and that the way back leads to the first state.
pub(crate) async fn there_and_back(shop: &Shop, ledger: &mut Ledger, case: &Case, changed: &Value) {
    let what = format!("{} {}", case.kind, case.id);
    let first = read(shop, case).await;
    let wanted = fitted(shop, case.kind, &case.id, changed).fields;
    let before = sent(shop);
    bring(shop, ledger, case, wanted.clone()).await;
    assert!(before.is_none() || sent(shop) > before, "{what} sent nothing");
    assert_alike(&read(shop, case).await, &wanted, &what);
    assert_quiet(shop, ledger, case, wanted).await;
    bring(shop, ledger, case, first.clone()).await;
    assert_alike(&read(shop, case).await, &first, &format!("{what} back"));
    assert_quiet(shop, ledger, case, first).await;
}

/// Asserts that an update to what stands sends nothing and tells of nothing.
pub(crate) async fn assert_quiet(
    shop: &Shop,
    ledger: &mut Ledger,
    case: &Case,
    fields: Map<String, Value>,
) {
    let items = vec![item(shop, ledger, case, fields).await];
    shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await.unwrap();
    let before = sent(shop);
    let written = hand_in(shop, ledger, items).await.unwrap();
    let nothing = WrittenOutcome::Updated { made: Vec::new(), gone: Vec::new() };
    assert_eq!(written[0].outcome, nothing, "{} {}", case.kind, case.id);
    assert_eq!(sent(shop), before, "{} {}", case.kind, case.id);
}

/// The usual records with entries of a record changed; null takes one out.
pub(crate) fn with(record: &Value, changes: &Value) -> Value {
    let mut record = record.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(record.as_object_mut().unwrap().remove(name)),
            value => record[name] = value.clone(),
        }
    }
    record
}

/// The usual records, written.
pub(crate) async fn usual(
    shop: &Shop,
) -> (Ledger, BTreeMap<String, Case>, Vec<(Kind, &'static str, Value)>) {
    let records = records(&shop.run);
    let mut ledger = Ledger::default();
    let cases = written(shop, &mut ledger, &records).await;
    (ledger, cases, records)
}

/// A regular price.
pub(crate) fn price(amount: &str, currency: &str) -> Value {
    json!({"kind": "regular", "money": {"amount": amount, "currency": currency}})
}
