//! A shop in memory and a read map that takes the canonical record as the raw one's body.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{str::FromStr, sync::Arc};

use cartage_model::{
    Currency, Customer, Instant, Kind, Money, Order, OrderLine, OrderState, Price, PriceKind,
    Product, ProductStatus, RawFailure, RawRecord, RawScope, ReadMap, Record, ScopeTree, Scoped,
    Seo, Unreadable, Variant,
};
use cartage_pipeline::snapshot::{DataKey, Header, Location, Snapshot, SnapshotWriter};
use datafusion::object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, memory::InMemory, path::Path,
};
use rust_decimal::Decimal;

pub(crate) struct Plain;

impl ReadMap for Plain {
    fn version(&self) -> &'static str {
        "plain/1"
    }

    fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable> {
        serde_json::from_value(raw.body.clone())
            .map_err(|_| Unreadable::field("MONEY_MALFORMED", "Variant Price", "is no amount"))
    }

    fn scopes(&self, raw: &[RawScope]) -> Result<ScopeTree, Unreadable> {
        let node = |said: &RawScope| serde_json::from_value(said.body.clone());
        let nodes = raw.iter().map(node).collect::<Result<_, _>>();
        let nodes = nodes.map_err(|_| Unreadable::record("VALUE_INVALID", "is no scope"))?;
        ScopeTree::new(nodes).map_err(|error| error.to_unreadable())
    }
}

pub(crate) fn location(store: &Arc<dyn ObjectStore>) -> Location {
    Location {
        store: Arc::clone(store),
        prefix: Path::from("accounts/a/connections/c/snapshots/s"),
        key: DataKey::from_bytes([7; 32]),
    }
}

pub(crate) fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

pub(crate) fn header() -> Header {
    Header {
        connection: "accounts/a/connections/c".to_owned(),
        platform: "shopify_csv".to_owned(),
        read_map_version: "plain/1".to_owned(),
        created_at: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn raw(record: &Record) -> RawRecord {
    RawRecord {
        kind: record.kind(),
        source_id: record.source_id().to_owned(),
        body: serde_json::to_value(record).unwrap(),
    }
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap()
}

pub(crate) fn eur(amount: &str) -> Money {
    Money::new(decimal(amount), Currency::parse("EUR").unwrap())
}

/// A product with one variant in which nothing is wrong.
pub(crate) fn product(id: &str) -> Product {
    Product {
        source_id: id.to_owned(),
        status: ProductStatus::Active,
        title: Scoped::shop(format!("Title of {id}")),
        description_html: Scoped::shop("<p>Fine</p>".to_owned()),
        slug: Scoped::shop(id.to_owned()),
        seo: Seo {
            title: Scoped::shop("A title".to_owned()),
            description: Scoped::shop("A description".to_owned()),
            ..Seo::default()
        },
        variants: vec![Variant {
            source_id: id.to_owned(),
            sku: Some(format!("SKU-{id}")),
            barcode: Some("4006381333931".to_owned()),
            prices: vec![Price::plain(PriceKind::Regular, eur("19.90"))],
            ..Variant::default()
        }],
        images: vec![cartage_model::Image {
            url: format!("https://cdn.example/{id}.jpg"),
            position: 1,
            alt_text: Scoped::shop("What is seen".to_owned()),
            ..cartage_model::Image::default()
        }],
        categories: vec![cartage_model::Placement {
            source_id: "category".to_owned(),
            ..cartage_model::Placement::default()
        }],
        ..Product::default()
    }
}

/// A customer in whom nothing is wrong.
pub(crate) fn customer(id: &str) -> Customer {
    Customer {
        source_id: id.to_owned(),
        email: Some(format!("{id}@example.com")),
        first_name: Some("Ada".to_owned()),
        last_name: Some("Muster".to_owned()),
        phone: Some("+49 30 1234567".to_owned()),
        orders_count: Some(3),
        ..Customer::default()
    }
}

/// An order in which nothing is wrong but that its buyer and goods must exist.
pub(crate) fn order(number: u32, customer: &str, product: &str) -> Order {
    let line = OrderLine {
        sku: Some(format!("SKU-{product}")),
        title: "A thing".to_owned(),
        taxable: Some(true),
        requires_shipping: Some(true),
        ..OrderLine::new(format!("#{number}:1"), 1, decimal("2"), eur("19.90"))
    };
    Order {
        state: OrderState::Completed,
        financial_status: Some("pending".to_owned()),
        fulfilment_status: Some("fulfilled".to_owned()),
        email: Some(format!("{customer}@example.com")),
        taxes_included: Some(false),
        lines: vec![line],
        subtotal: eur("39.80"),
        shipping_total: eur("5.00"),
        tax_total: eur("7.56"),
        total: eur("52.36"),
        ..Order::new(
            format!("#{number}"),
            Currency::parse("EUR").unwrap(),
            Instant::parse("2026-01-02 03:04:05 +0100", 0).unwrap(),
        )
    }
}

/// Writes records and failures as a snapshot, one page per kind, and opens it.
pub(crate) async fn snapshot_of(
    store: &Arc<dyn ObjectStore>,
    records: &[RawRecord],
    failures: &[RawFailure],
) -> Snapshot {
    let mut writer = SnapshotWriter::create(location(store), header()).await.unwrap();
    writer.write_scopes(&[], &Plain).await.unwrap();
    for kind in Kind::ALL {
        let records: Vec<_> = records.iter().filter(|it| it.kind == kind).cloned().collect();
        let failures: Vec<_> = failures.iter().filter(|it| it.kind == kind).cloned().collect();
        if records.is_empty() && failures.is_empty() {
            continue;
        }
        writer.write_page(kind, &records, &failures, &Plain).await.unwrap();
    }
    writer.finish().await.unwrap();
    Snapshot::open(location(store)).await.unwrap()
}

/// A snapshot as format 1 had it, written by the version before format 2.
pub(crate) async fn of_format_1() -> Arc<dyn ObjectStore> {
    let store = memory();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format_1");
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            let payload = PutPayload::from(std::fs::read(path).unwrap());
            store.put(&Path::from(below), payload).await.unwrap();
        }
    }
    store
}
