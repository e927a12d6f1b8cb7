//! Compares the records of one kind, page by page.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use cartage_connectors::record_key;
use cartage_model::{Kind, Mapped, Product, Record};
use cartage_pipeline::{
    snapshot::StoredRecord,
    verify::{Amounts, Difference, KindVerification, compare},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    Gathered,
    kept::{by_children, is_below, still_kept, stock_at},
};
use crate::{
    app::run::change::KEPT,
    error::Result,
    name::Name,
    store::{discrepancy::Discrepancy, progress::Progress, record_link::LinkSpace},
    worker::{
        Work,
        records::{Fate, ScopeMeter, Way, without_missing},
    },
};

/// How many records are read back at once.
const BATCH_RECORDS: usize = 100;
/// How many keys of the target are looked up at once.
const KEYS_AT_ONCE: usize = 1_000;
/// The longest value kept of a difference, in characters.
const VALUE_CHARACTERS_MAX: usize = 300;
/// How many differences are kept per record; all are counted.
const DIFFERENCES_PER_RECORD_MAX: usize = 50;

/// Compares one kind after the other.
pub(super) struct Comparer<'a> {
    pub(super) work: &'a Work,
    pub(super) way: &'a Way,
    pub(super) run: &'a Name,
    pub(super) space: &'a LinkSpace,
    pub(super) report: &'a Name,
    pub(super) sequence: i64,
    pub(super) gathered: &'a mut Gathered,
    pub(super) progress: Progress,
    pub(super) progress_at: Instant,
}

/// A record with what became of it.
struct Expected<'a> {
    stored: &'a StoredRecord,
    target_id: Option<String>,
    mapped: Mapped,
    /// Fields of which the target keeps its own values, and these, as the ledger says.
    kept: Vec<(String, Value)>,
}

impl Comparer<'_> {
    /// Compares all records of a kind.
    pub(super) async fn kind(&mut self, kind: Kind) -> Result<()> {
        let mut verification = KindVerification::new(kind);
        let mut meter = ScopeMeter::default();
        let mut first = 0;
        loop {
            self.work.go_on()?;
            let (records, next) = self.way.page(kind, first, &mut meter).await?;
            let expected = self.expected(kind, &records).await?;
            for batch in expected.chunks(BATCH_RECORDS) {
                self.batch(kind, batch, &mut verification).await?;
            }
            self.tell(kind, records.len()).await?;
            match next {
                Some(next) => first = next,
                None => break,
            }
        }
        if kind == Kind::Order {
            let unreadable = self.way.unreadable_in_scope(kind);
            self.gathered.money.add_unreadable(u64::try_from(unreadable).unwrap_or_default());
        }
        self.strangers(kind, &mut verification).await?;
        self.gathered.comparisons.push(verification);
        Ok(())
    }

    /// Those records that should stand in the target; the others are summed up as left out.
    async fn expected<'r>(
        &mut self,
        kind: Kind,
        records: &'r [StoredRecord],
    ) -> Result<Vec<Expected<'r>>> {
        let own: Vec<_> = records
            .iter()
            .map(|it| (kind.as_str().to_owned(), it.source_id.clone(), kind.as_str().to_owned()))
            .collect();
        let mut tx = self.work.begin().await?;
        let links = tx.record_link_find(self.space, &own).await?;
        let ids: Vec<String> = records.iter().map(|it| it.source_id.clone()).collect();
        let outcomes: HashMap<String, String> =
            tx.run_record_outcomes(self.run, kind.as_str(), &ids).await?.into_iter().collect();
        let mut kept: HashMap<String, Vec<(String, Value)>> = HashMap::new();
        let changed = tx.run_record_changed_for(self.run, kind.as_str(), &ids, KEPT).await?;
        for (id, field, value) in changed {
            kept.entry(id).or_default().push((field, value));
        }
        let mut targets: HashMap<String, String> =
            links.into_iter().map(|link| (link.source_id, link.target_id)).collect();
        let mut expected = Vec::new();
        for stored in records {
            let outcome = outcomes.get(&stored.source_id).map_or("none", String::as_str);
            self.add_source(&stored.record);
            match self.way.fate(stored) {
                Fate::Fitted(mapped) if matches!(outcome, "migrated" | "changed") => {
                    if let Record::Product(product) = &stored.record {
                        self.add_changed_stock(product, &mapped);
                    }
                    let target_id = targets.remove(&stored.source_id);
                    let kept = kept.remove(&stored.source_id).unwrap_or_default();
                    expected.push(Expected { stored, target_id, mapped, kept });
                }
                _ => self.add_left_out(&stored.record, outcome),
            }
        }
        let records = expected.iter_mut().map(|it| &mut it.mapped);
        without_missing(&mut tx, self.space, self.way.target.as_ref(), records).await?;
        tx.rollback().await?;
        Ok(expected)
    }

    async fn batch(
        &mut self,
        kind: Kind,
        batch: &[Expected<'_>],
        verification: &mut KindVerification,
    ) -> Result<()> {
        let ids: Vec<String> = batch.iter().filter_map(|it| it.target_id.clone()).collect();
        let read =
            if ids.is_empty() { Vec::new() } else { self.way.target.read_back(kind, &ids).await? };
        let mut fields: HashMap<String, Map<String, Value>> =
            read.into_iter().filter_map(|one| Some((one.target_id, one.fields?))).collect();
        let specs = self.way.target.schema(kind);
        let mut rows = Vec::new();
        for it in batch {
            let actual = it.target_id.as_ref().and_then(|id| fields.remove(id));
            let Some(actual) = actual else {
                verification.add(&it.stored.source_id, None);
                rows.push(self.row("missing", kind, it, "", String::new(), String::new()));
                continue;
            };
            let mut comparison = compare(specs, &it.mapped.fields, &actual);
            let mut explained = Vec::new();
            if !it.kept.is_empty() {
                let sides = [&it.mapped.fields, &actual].map(|it| Value::Object(it.clone()));
                let kept = still_kept(&it.kept, &sides[1]);
                (explained, comparison.differences) =
                    std::mem::take(&mut comparison.differences).into_iter().partition(
                        |difference| is_below(&kept, &by_children(&difference.field, &sides)),
                    );
                self.add_kept_stock(&kept, &sides);
            }
            verification.add(&it.stored.source_id, Some(&comparison));
            rows.extend(self.differences(kind, it, &comparison.differences, None));
            rows.extend(self.differences(kind, it, &explained, Some(KEPT)));
            self.add_target(kind, &actual);
        }
        if !rows.is_empty() {
            let mut tx = self.work.begin().await?;
            tx.discrepancy_insert(self.report, &rows).await?;
            self.work.commit(tx).await?;
        }
        Ok(())
    }

    fn differences(
        &mut self,
        kind: Kind,
        it: &Expected<'_>,
        differences: &[Difference],
        explanation: Option<&str>,
    ) -> Vec<Discrepancy> {
        let differences = differences.iter().take(DIFFERENCES_PER_RECORD_MAX);
        differences
            .map(|difference| {
                let expected = text(&difference.expected);
                let actual = text(&difference.actual);
                let row = self.row("different", kind, it, &difference.field, expected, actual);
                Discrepancy { explanation: explanation.map(ToOwned::to_owned), ..row }
            })
            .collect()
    }

    fn row(
        &mut self,
        discrepancy_type: &str,
        kind: Kind,
        it: &Expected<'_>,
        field: &str,
        expected: String,
        actual: String,
    ) -> Discrepancy {
        self.sequence += 1;
        Discrepancy {
            sequence: self.sequence,
            discrepancy_type: discrepancy_type.to_owned(),
            kind: kind.as_str().to_owned(),
            source_id: it.stored.source_id.clone(),
            target_id: it.target_id.clone().unwrap_or_default(),
            field: field.to_owned(),
            expected,
            actual,
            explanation: None,
        }
    }

    /// Objects in the target that carry a key of this migration and that no record became, in this
    /// run or an earlier one.
    async fn strangers(&mut self, kind: Kind, verification: &mut KindVerification) -> Result<()> {
        let migration = self.space.migration.id();
        let prefix = record_key(migration, kind, "");
        let keys = self.way.target.keys(migration, kind).await?;
        for keys in keys.chunks(KEYS_AT_ONCE) {
            self.work.go_on()?;
            let source_id = |key: &str| key.strip_prefix(&prefix).unwrap_or(key).to_owned();
            let targets: Vec<String> =
                keys.iter().map(|(_, target_id)| target_id.clone()).collect();
            let sources: Vec<String> = keys.iter().map(|(key, _)| source_id(key)).collect();
            let mut tx = self.work.begin().await?;
            let links = tx.record_link_known(self.space, kind.as_str(), &targets, &sources).await?;
            let known: HashSet<&str> = links.iter().map(|(_, target)| target.as_str()).collect();
            let taken: HashSet<&str> = links.iter().map(|(source, _)| source.as_str()).collect();
            let mut rows = Vec::new();
            for (key, target_id) in keys.iter().filter(|(_, id)| !known.contains(id.as_str())) {
                let source_id = source_id(key);
                // A second object of a record that has one is a duplicate.
                if taken.contains(source_id.as_str()) {
                    verification.duplicated += 1;
                } else {
                    verification.unexpected += 1;
                }
                self.sequence += 1;
                rows.push(Discrepancy {
                    sequence: self.sequence,
                    discrepancy_type: "unexpected".to_owned(),
                    kind: kind.as_str().to_owned(),
                    source_id,
                    target_id: target_id.clone(),
                    field: String::new(),
                    expected: String::new(),
                    actual: String::new(),
                    explanation: None,
                });
            }
            if rows.is_empty() {
                tx.rollback().await?;
            } else {
                tx.discrepancy_insert(self.report, &rows).await?;
                self.work.commit(tx).await?;
            }
        }
        Ok(())
    }

    fn add_source(&mut self, record: &Record) {
        match record {
            Record::Order(order) => self.gathered.money.add_source(order),
            Record::Product(product) => self.gathered.stock.add_source(product),
            _ => {}
        }
    }

    fn add_left_out(&mut self, record: &Record, outcome: &str) {
        match record {
            Record::Order(order) => self.gathered.money.add_not_migrated(order, outcome),
            Record::Product(product) => self.gathered.stock.add_not_migrated(product),
            _ => {}
        }
    }

    /// Stock that the target does not hold as it was is left out only where that is known: by a
    /// change that the ledger names (negative numbers), or because the source does not count it.
    /// Any other difference stands out.
    fn add_changed_stock(&mut self, product: &Product, mapped: &Mapped) {
        let announced = mapped.changes.iter().any(|change| change.field.ends_with(".stock"));
        let mut missing: HashMap<String, Decimal> = HashMap::new();
        let mut uncounted: HashMap<String, Decimal> = HashMap::new();
        for variant in &product.variants {
            for stock in &variant.stock {
                let location = stock.location.clone().unwrap_or_default();
                if !variant.stock_tracked {
                    *uncounted.entry(location.clone()).or_default() += stock.quantity;
                }
                *missing.entry(location).or_default() += stock.quantity;
            }
        }
        for (location, quantity) in stock_of(&mapped.fields) {
            *missing.entry(location).or_default() -= quantity;
        }
        for (location, quantity) in missing {
            let known = match uncounted.get(&location) {
                _ if announced => quantity,
                Some(uncounted) => quantity.min(*uncounted),
                None => Decimal::ZERO,
            };
            self.gathered.stock.add_left_out(&location, known);
        }
    }

    /// Stock that the target keeps is what the ledger says is not as in the source.
    fn add_kept_stock(&mut self, kept: &[&str], sides: &[Value; 2]) {
        for field in kept.iter().filter(|field| field.starts_with("variants")) {
            let [expected, actual] = sides.each_ref().map(|side| stock_at(side, field));
            for (location, quantity) in expected {
                self.gathered.stock.add_left_out(&location, quantity);
            }
            for (location, quantity) in actual {
                self.gathered.stock.add_left_out(&location, -quantity);
            }
        }
    }

    /// The sums of an order and the stock of a product as the target itself states them.
    fn add_target(&mut self, kind: Kind, fields: &Map<String, Value>) {
        match kind {
            Kind::Order => {
                let amount = |field: &str| decimal(fields.get(field));
                let amounts = Amounts {
                    revenue: amount("total"),
                    tax: amount("tax_total"),
                    discounts: amount("discount_total"),
                    refunds: amount("refunded_total"),
                    shipping: amount("shipping_total"),
                };
                let of =
                    |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
                let month: String = chrono::DateTime::parse_from_rfc3339(of("placed_at"))
                    .map(|time| time.to_utc().format("%Y-%m").to_string())
                    .unwrap_or_default();
                self.gathered.money.add_target(&month, of("currency_code"), &amounts);
            }
            Kind::Product => {
                for (location, quantity) in stock_of(fields) {
                    let location = (!location.is_empty()).then_some(location);
                    self.gathered.stock.add_target(location.as_deref(), quantity);
                }
            }
            _ => {}
        }
    }

    async fn tell(&mut self, kind: Kind, records: usize) -> Result<()> {
        let of_kind = self.progress.kinds.iter_mut().find(|it| it.kind == kind.as_str());
        if let Some(progress) = of_kind {
            progress.done += i64::try_from(records).unwrap_or_default();
        }
        self.progress.activity = format!("verify {kind}");
        if self.progress_at.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        self.progress_at = Instant::now();
        let mut tx = self.work.begin().await?;
        tx.progress_put(self.report, &self.progress).await?;
        self.work.commit(tx).await
    }
}

fn decimal(value: Option<&Value>) -> Decimal {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.to_string().parse().unwrap_or_default(),
        _ => Decimal::ZERO,
    }
}

/// Stock by location in a target's fields: `variants[].stock[] { location, quantity }`.
pub(super) fn stock_of(fields: &Map<String, Value>) -> Vec<(String, Decimal)> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    list(fields.get("variants"))
        .iter()
        .flat_map(|variant| list(variant.get("stock")))
        .map(|stock| {
            let location = stock.get("location").and_then(Value::as_str).unwrap_or_default();
            (location.to_owned(), decimal(stock.get("quantity")))
        })
        .collect()
}

fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    text.chars().take(VALUE_CHARACTERS_MAX).collect()
}
