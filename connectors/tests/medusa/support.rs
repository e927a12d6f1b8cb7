//! Records, journals and ledgers for the tests of the Medusa connector.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cartage_connectors::{
    Call, CallJournal, CallResult, CallState, Error, JournalError, JournaledCall, Lease, Link,
    Needs, Reference, Refusal, TAKE_BACK, Target, UPDATE_ORDINAL, WriteItem, Written,
    WrittenOutcome,
    http::HttpSettings,
    medusa::{Medusa, Settings},
    record_key,
};
use cartage_model::{Kind, Mapped};
use cartage_sandbox::medusa as sandbox;
use serde_json::{Map, Value, json};

/// What is journaled, by source id; it outlives a write that is cut.
pub(crate) type Calls = Arc<Mutex<BTreeMap<String, Vec<JournaledCall>>>>;

/// A journal in memory. Results are kept until the next commit, as the server keeps them: a write
/// that is cut loses those that came after its last intent.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) calls: Calls,
    pub(crate) kept: Mutex<Vec<CallResult>>,
    pub(crate) operations: AtomicU64,
    /// Fails from its n-th operation on.
    pub(crate) fails_at: Option<u64>,
    /// Whether the work was taken away, which only who asks is told.
    pub(crate) is_taken: bool,
}

impl Journal {
    /// A journal that goes on with what was committed.
    pub(crate) fn on(calls: &Calls) -> Self {
        Self { calls: Arc::clone(calls), ..Self::default() }
    }

    fn operation(&self) -> Result<(), JournalError> {
        let n = self.operations.fetch_add(1, Ordering::SeqCst);
        match self.fails_at {
            Some(at) if n >= at => Err(JournalError::Withdrawn("the test says so".to_owned())),
            _ => Ok(()),
        }
    }

    /// Makes the results durable.
    pub(crate) fn commit(&self) {
        let mut held = self.calls.lock().unwrap();
        for result in self.kept.lock().unwrap().drain(..) {
            let entries = held.entry(result.source_id.clone()).or_default();
            match entries.iter_mut().find(|entry| entry.call.ordinal == result.ordinal) {
                Some(entry) => entry.state = result.state,
                None => panic!("a result without an intent: {result:?}"),
            }
        }
    }
}

#[async_trait]
impl CallJournal for Journal {
    async fn intend(&self, calls: &[Call]) -> Result<(), JournalError> {
        self.operation()?;
        self.commit();
        let mut held = self.calls.lock().unwrap();
        for call in calls {
            let entries = held.entry(call.source_id.clone()).or_default();
            entries.retain(|entry| {
                let is_void = match entry.state {
                    CallState::Refused(_) => entry.earlier_run,
                    CallState::Intended => entry.call.payload_hash != call.payload_hash,
                    CallState::Applied(_) => entry.call.name == TAKE_BACK,
                };
                // Each update is one of its own.
                let is_void = is_void
                    || entry.call.ordinal >= UPDATE_ORDINAL && entry.state != CallState::Intended;
                !(is_void && entry.call.ordinal == call.ordinal)
            });
            if !entries.iter().any(|entry| entry.call.ordinal == call.ordinal) {
                let state = CallState::Intended;
                entries.push(JournaledCall { call: call.clone(), state, earlier_run: false });
                entries.sort_by_key(|entry| entry.call.ordinal);
            }
        }
        Ok(())
    }

    async fn record(&self, results: &[CallResult]) -> Result<(), JournalError> {
        self.operation()?;
        self.kept.lock().unwrap().extend_from_slice(results);
        Ok(())
    }
}

#[async_trait]
impl Lease for Journal {
    async fn still_ours(&self) -> Result<(), JournalError> {
        self.operation()?;
        match self.is_taken {
            true => Err(JournalError::Withdrawn("another has the lease".to_owned())),
            false => Ok(()),
        }
    }
}

/// A shop under test.
pub(crate) struct Shop {
    pub(crate) medusa: Medusa,
    pub(crate) sandbox: Option<sandbox::Medusa>,
    /// Part of every handle, e-mail and key, so that a shared server may be used again.
    pub(crate) run: String,
}

pub(crate) fn connect(url: &str, key: &str) -> Medusa {
    connect_for(url, key, Duration::from_secs(20), Duration::from_millis(600))
}

pub(crate) fn connect_for(
    url: &str,
    key: &str,
    timeout: Duration,
    settle_time: Duration,
) -> Medusa {
    let mut settings = Settings::new(url, key.to_owned().into());
    settings.http = HttpSettings {
        private_hosts_allowed: true,
        request_timeout: timeout,
        ..HttpSettings::default()
    };
    settings.settle_time = settle_time;
    Medusa::connect(settings).unwrap()
}

pub(crate) fn run_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("t{}x{}", now.as_millis(), COUNTER.fetch_add(1, Ordering::SeqCst))
}

pub(crate) async fn simulated() -> Shop {
    let sandbox = sandbox::start(sandbox::Options::default()).await.unwrap();
    let medusa = connect(&sandbox.url(), sandbox.api_key());
    Shop { medusa, sandbox: Some(sandbox), run: run_name() }
}

pub(crate) async fn shops() -> Vec<Shop> {
    let mut shops = vec![simulated().await];
    if let (Ok(url), Ok(key)) = (std::env::var("MEDUSA_URL"), std::env::var("MEDUSA_API_KEY")) {
        shops.push(Shop { medusa: connect(&url, key.trim()), sandbox: None, run: run_name() });
    }
    shops
}

pub(crate) fn needs() -> Needs {
    Needs {
        currencies: vec!["EUR".to_owned(), "USD".to_owned()],
        countries: vec!["DE".to_owned()],
        locations: vec![String::new(), "Berlin".to_owned()],
        tags: vec!["blue".to_owned(), "summer sale".to_owned()],
        merchandise_types: vec!["Shirt".to_owned()],
    }
}

pub(crate) fn address(first: &str) -> Value {
    json!({
        "first_name": first, "last_name": "Döe", "company": "ACME & Co", "address_1": "Hauptstr. 1",
        "address_2": "c/o", "city": "Köln", "postal_code": "01234", "country_code": "DE",
        "phone": "+49 1", "metadata": {"province_code": "NW", "country": "Germany", "unknown": {}}
    })
}

/// Records of every kind in the form a mapping gives them, in loading order.
pub(crate) fn records(run: &str) -> Vec<(Kind, &'static str, Value)> {
    let product = |handle: &str, sku: &str| {
        json!({
            "title": "Shirt \"Ünï\"", "description": "<p>Hello<br>World</p>",
            "handle": format!("{handle}-{run}"), "status": "published", "type": "Shirt",
            "images": [
                {"url": "https://x.test/b.jpg", "position": 2, "alt_text": {"value": "Back"}},
                {"url": "https://x.test/a.jpg", "position": 1, "alt_text": {}}
            ],
            "tags": ["summer sale", "blue", "blue"],
            "categories": [{"source_id": "c2", "position": 1}],
            "collections": [{"source_id": "k1"}, {"source_id": "k2"}],
            "options": [
                {"name": "Size", "values": [{"value": "S"}, {"value": "M"}]},
                {"name": "Colour", "values": [{"value": "Red"}, {"value": "Blue"}]}
            ],
            "variants": [
                {
                    "source_id": format!("{handle}:S"), "sku": format!("{sku}-S-{run}"),
                    "barcode": format!("{sku}{run}"),
                    "options": [{"option": "Size", "value": "S"}, {"option": "Colour", "value": "Red"}],
                    "prices": [
                        {"kind": "regular", "money": {"amount": "19.99", "currency": "EUR"}},
                        {"kind": "regular", "money": {"amount": "21.005", "currency": "USD"}},
                        {"kind": "cost", "money": {"amount": "7.5", "currency": "EUR"}}
                    ],
                    "weight_g": {"value": "0.45359237", "unit": "kilogram"},
                    "manage_inventory": true, "allow_backorder": true,
                    "stock": [{"location": null, "quantity": "7"}, {"location": "Berlin", "quantity": "-3"}],
                    "metadata": {"taxable": true, "requires_shipping": false, "unknown": {"x": [1, {"y": null}]}}
                },
                {
                    "source_id": format!("{handle}:M"), "sku": format!("{sku}-M-{run}"),
                    "options": [{"option": "Size", "value": "M"}, {"option": "Colour", "value": "Blue"}],
                    "prices": [{"kind": "regular", "money": {"amount": "0", "currency": "EUR"}}],
                    "manage_inventory": false, "allow_backorder": false,
                    "stock": [{"location": null, "quantity": "5"}]
                }
            ],
            "metadata": {"vendor": "ACME", "seo_title": "Buy", "custom_fields": [], "product_type": "configurable"}
        })
    };
    let simple = json!({
        "title": "Plain", "handle": format!("Plain_{run}"), "status": "draft",
        "variants": [{"source_id": "plain", "sku": format!("PLAIN-{run}"), "manage_inventory": true,
            "prices": [{"kind": "regular", "money": {"amount": "5", "currency": "EUR"}}],
            "stock": [{"location": null, "quantity": "12"}]}]
    });
    let order = |number: &str, extra: Value| {
        let mut order = json!({
            "number": number, "placed_at": "2024-03-01T09:12:13Z",
            "email": format!("Jane.{run}@Example.com"), "currency_code": "EUR", "state": "open",
            "financial_status": "paid", "fulfilment_status": "fulfilled",
            "lines": [
                {"title": "Shirt - S", "sku": format!("A-S-{run}"), "quantity": "2", "unit_price": "19.99",
                    "discount": "1.00", "metadata": {"variant": "p1:S", "taxable": true}},
                {"title": "Gift", "quantity": "1", "unit_price": "0.1", "metadata": {"properties": [{"k": "v"}]}},
                {"title": "Gone", "quantity": "0", "unit_price": "3", "metadata": {}}
            ],
            "shipping_lines": [{"title": "DHL", "amount": "4.95", "metadata": {}}],
            "discount_total": "4.00", "subtotal": "35.08", "shipping_total": "4.95", "tax_total": "6.67",
            "total": "46.70", "refunded_total": "0",
            "adjustments": [{"kind": "discount", "code": "TEN", "title": null,
                "money": {"amount": "4.00", "currency": "EUR"}}],
            "taxes": [{"title": "MwSt.", "rate_percent": "19", "money": {"amount": "6.67", "currency": "EUR"}}],
            "billing_address": address("Jane"),
            "shipping_address": {"metadata": {"full_name": "Jane Döe"}, "city": "Köln"},
            "metadata": {"tags": ["vip"], "notes": [{"text": "Ring twice"}], "unknown": {"Device ID": "7"}}
        });
        for (name, value) in extra.as_object().unwrap() {
            order[name] = value.clone();
        }
        order
    };
    vec![
        (
            Kind::Category,
            "c1",
            json!({"name": "Clothes", "handle": format!("clothes-{run}"),
            "description": "<p>All</p>", "metadata": {"position": 1}}),
        ),
        (
            Kind::Category,
            "c2",
            json!({"name": "Shirts & more", "handle": format!("Shirts {run}"),
            "parent": "c1", "is_active": false, "metadata": {"unknown": {"a": 1}}}),
        ),
        (
            Kind::Collection,
            "k1",
            json!({"title": "Summer", "handle": format!("summer-{run}"),
            "metadata": {"description": "Hot", "rules": {"all": true}}}),
        ),
        (Kind::Collection, "k2", json!({"title": format!("Winter {run}")})),
        (Kind::Product, "p1", product("p1", "A")),
        (Kind::Product, "p2", product("p2", "B")),
        (Kind::Product, "p3", simple),
        (
            Kind::CustomerGroup,
            "g1",
            json!({"name": format!("Retail {run}"), "metadata": {"tax_class": "T"}}),
        ),
        (
            Kind::Customer,
            "u1",
            json!({"email": format!(" Jane.{run}@Example.com"), "first_name": "Jane",
            "last_name": "Döe", "phone": "+49 1", "company_name": "ACME", "groups": ["g1"],
            "addresses": [
                {"is_default_shipping": true, "is_default_billing": true, "address_name": "Home",
                    "city": "Köln", "metadata": {"province_code": "NW"}},
                address("John")
            ],
            "metadata": {"note": "Nice\nperson", "tax_exempt": false, "consents": [{"channel": "email", "state": "given"}]}}),
        ),
        (Kind::Customer, "u2", json!({"first_name": "Nobody", "metadata": {"orders_count": 0}})),
        (Kind::Order, "#1", order("#1", json!({}))),
        (Kind::Order, "#2", order("#2", json!({"refunded_total": "6.70", "state": "completed"}))),
        (
            Kind::Order,
            "#3",
            order(
                "#3",
                json!({"financial_status": "refunded", "refunded_total": "46.70",
            "state": "cancelled"}),
            ),
        ),
        (
            Kind::Order,
            "#4",
            order(
                "#4",
                json!({"state": "cancelled", "financial_status": "partially_refunded",
            "refunded_total": "1", "email": "not an address"}),
            ),
        ),
        (
            Kind::Order,
            "#5",
            order(
                "#5",
                json!({"financial_status": "pending", "state": "cancelled",
            "email": null, "tax_total": "6.67", "total": "40.03", "taxes_included": true}),
            ),
        ),
        (
            Kind::Order,
            "#6",
            order(
                "#6",
                json!({"shipping_lines": [], "total": "50", "subtotal": "34.08",
            "email": format!("guest.{run}@example.com")}),
            ),
        ),
    ]
}

pub(crate) fn fitted(shop: &Shop, kind: Kind, source_id: &str, fields: &Value) -> Mapped {
    let mapped = Mapped {
        kind,
        source_id: source_id.to_owned(),
        fields: fields.as_object().unwrap().clone(),
        changes: Vec::new(),
    };
    let once = shop.medusa.fit(mapped).unwrap();
    let twice = shop.medusa.fit(once.clone()).unwrap();
    assert_eq!(once, twice, "fitting twice changes nothing more");
    once
}

/// What the ledger would hold of a run.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) links: BTreeMap<Reference, String>,
    pub(crate) done: BTreeSet<(Kind, String)>,
    pub(crate) calls: BTreeMap<Kind, Calls>,
}

impl Ledger {
    /// Begins another run: what was journaled is of an earlier one.
    pub(crate) fn next_run(&self) {
        for calls in self.calls.values() {
            for entry in calls.lock().unwrap().values_mut().flatten() {
                entry.earlier_run = true;
            }
        }
    }

    /// Forgets what became of the records; what was journaled stays.
    pub(crate) fn forget(&mut self) {
        self.done.clear();
        self.links.clear();
    }

    pub(crate) fn keep(&mut self, kind: Kind, written: Vec<Written>) -> Vec<Written> {
        for record in &written {
            if let WrittenOutcome::Created(links) = &record.outcome {
                self.done.insert((kind, record.source_id.clone()));
                for Link { reference, target_id } in links {
                    self.links.insert(reference.clone(), target_id.clone());
                }
            }
        }
        written
    }
}

pub(crate) fn calls_of(ledger: &Ledger, kind: Kind, id: &str) -> Vec<JournaledCall> {
    let Some(calls) = ledger.calls.get(&kind) else { return Vec::new() };
    calls.lock().unwrap().get(id).cloned().unwrap_or_default()
}

pub(crate) fn items(
    shop: &Shop,
    ledger: &Ledger,
    records: &[(Kind, &str, Value)],
    kind: Kind,
) -> Vec<WriteItem> {
    records
        .iter()
        .filter(|(of, id, _)| *of == kind && !ledger.done.contains(&(kind, (*id).to_owned())))
        .map(|(kind, id, fields)| {
            let mapped = fitted(shop, *kind, id, fields);
            let wanted = shop.medusa.references(&mapped);
            let links = ledger.links.clone().into_iter().filter(|(to, _)| wanted.contains(to));
            WriteItem {
                source_id: (*id).to_owned(),
                key: record_key(&shop.run, *kind, id),
                links: links.collect(),
                calls: calls_of(ledger, *kind, id),
                mapped,
            }
        })
        .collect()
}

/// Writes everything that is not done; the first failure of the journal ends it.
pub(crate) async fn load(
    shop: &Shop,
    ledger: &mut Ledger,
    records: &[(Kind, &str, Value)],
    fails_at: Option<u64>,
) -> Result<Vec<Written>, Error> {
    let prepared = shop.medusa.prepare(&shop.run, &needs(), &Journal::default()).await?;
    let mut all = Vec::new();
    let mut left = fails_at;
    for kind in Target::kinds(&shop.medusa) {
        let items = items(shop, ledger, records, kind);
        if items.is_empty() {
            continue;
        }
        let mut journal = Journal::on(ledger.calls.entry(kind).or_default());
        journal.fails_at = left;
        let result = shop.medusa.write(&prepared, kind, items, &journal).await;
        if result.is_ok() {
            journal.commit();
        }
        let used = journal.operations.load(Ordering::SeqCst);
        left = left.map(|left| left.saturating_sub(used));
        all.extend(ledger.keep(kind, result?));
    }
    Ok(all)
}

/// Without what says nothing.
pub(crate) fn dense(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .map(|(name, value)| (name.clone(), dense(value)))
                .filter(|(_, value)| {
                    !(value.is_null()
                        || value == &json!("")
                        || value == &json!([])
                        || value == &json!({}))
                })
                .collect();
            Value::Object(kept)
        }
        Value::Array(list) => list.iter().map(dense).collect(),
        other => other.clone(),
    }
}

pub(crate) async fn assert_reads_back(
    shop: &Shop,
    ledger: &Ledger,
    records: &[(Kind, &str, Value)],
) {
    for (kind, id, fields) in records {
        let expected = Value::Object(fitted(shop, *kind, id, fields).fields);
        let own =
            Reference { kind: *kind, source_id: (*id).to_owned(), role: kind.as_str().to_owned() };
        let target_id = ledger.links.get(&own).unwrap_or_else(|| panic!("{kind} {id} has no link"));
        let ids = [target_id.clone(), "no_such_id".to_owned()];
        let read = shop.medusa.read_back(*kind, &ids).await.unwrap();
        assert_eq!(read[1].fields, None);
        let actual = Value::Object(read[0].fields.clone().unwrap());
        let (expected, actual) = (dense(&expected), dense(&actual));
        assert_eq!(
            serde_json::to_string_pretty(&sorted(&expected)).unwrap(),
            serde_json::to_string_pretty(&sorted(&actual)).unwrap(),
            "{kind} {id}"
        );
    }
}

pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let names: BTreeMap<_, _> =
                map.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            Value::Object(names.into_iter().collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Exactly one live object per record carries our key.
pub(crate) async fn assert_once(shop: &Shop, records: &[(Kind, &str, Value)]) {
    for kind in Target::kinds(&shop.medusa) {
        let mut expected: Vec<String> = records
            .iter()
            .filter(|(of, _, _)| *of == kind)
            .map(|(kind, id, _)| record_key(&shop.run, *kind, id))
            .collect();
        expected.sort();
        let keys = shop.medusa.keys(&shop.run, kind).await.unwrap();
        let found: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, expected, "{kind}");
    }
}

pub(crate) fn assert_all_created(written: &[Written]) {
    for record in written {
        assert!(matches!(record.outcome, WrittenOutcome::Created(_)), "{record:?}");
    }
}

/// Writes records of one kind with a journal of its own; nothing is committed behind it.
pub(crate) async fn write_with(
    shop: &Shop,
    ledger: &Ledger,
    records: &[(Kind, &str, Value)],
    kind: Kind,
    journal: &Journal,
) -> Result<Vec<Written>, Error> {
    let prepared = shop.medusa.prepare(&shop.run, &Needs::default(), &Journal::default()).await?;
    shop.medusa.write(&prepared, kind, items(shop, ledger, records, kind), journal).await
}

/// One fault of the simulated shop.
pub(crate) fn set_fault(shop: &Shop, rule: sandbox::Rule) {
    let faults = sandbox::Faults { rules: vec![rule], ..sandbox::Faults::default() };
    simulation(shop).set_faults(faults);
}

/// How many writes the simulated shop has taken.
pub(crate) fn writes(shop: &Shop) -> u64 {
    simulation(shop).state("cartage_key")["writes"].as_u64().unwrap()
}

/// A text whose records the simulated shop refuses.
pub(crate) fn set_marker(shop: &Shop, marker: &str) {
    let markers = vec![marker.to_owned()];
    simulation(shop).set_faults(sandbox::Faults { markers, ..sandbox::Faults::default() });
}

pub(crate) fn heal(shop: &Shop) {
    simulation(shop).set_faults(sandbox::Faults::default());
}

pub(crate) fn simulation(shop: &Shop) -> &sandbox::Medusa {
    shop.sandbox.as_ref().unwrap()
}

/// How many objects of a kind the simulated shop holds.
pub(crate) fn count(shop: &Shop, kind: &str) -> u64 {
    simulation(shop).state("cartage_key")["counts"][kind].as_u64().unwrap()
}

/// The refusal of a record.
pub(crate) fn refusal(written: &Written) -> &Refusal {
    match &written.outcome {
        WrittenOutcome::Refused(refusal) => refusal,
        other => panic!("{} is not refused: {other:?}", written.source_id),
    }
}
