//! The sandbox's generated exports, which share no code with this reader.

use std::collections::BTreeMap;

use cartage_connectors::Source;
use cartage_model::{Kind, Record};
use cartage_sandbox::shopify_export::{Layout, Settings, generate};

use crate::{
    shopify_order::adds_up,
    support::{folder, open, walk},
};

fn check(layout: Layout, faults: bool) {
    let folder = folder(&[]);
    let directory = folder.path().join("exports");
    let size = Settings { products: 300, customers: 300, orders: 400, ..Settings::default() };
    let manifest = generate(&Settings { layout, faults, ..size }, &directory).unwrap();
    let source = open(&directory).unwrap();
    let map = source.read_map();
    let mut read: BTreeMap<Kind, Vec<Record>> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for kind in source.kinds() {
        let (records, failures) = walk(&source, kind);
        let mut ids: Vec<_> = records.iter().map(|record| record.source_id.clone()).collect();
        ids.extend(failures.iter().map(|failure| failure.source_id.clone()));
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{kind}: ids are unique");
        for record in records.iter().map(|raw| map.read(raw)) {
            match record {
                Ok(record) => read.entry(kind).or_default().push(record),
                Err(cause) => *reasons.entry(cause.reason).or_default() += 1,
            }
        }
        let expected = match kind {
            Kind::Product => manifest.records.products,
            Kind::Collection => manifest.records.collections,
            Kind::Customer => manifest.records.customers,
            Kind::Order => manifest.records.orders,
            _ => all,
        };
        assert_eq!((all, failures.len()), (expected, 0), "{kind}");
    }
    let planted = |name: &str| manifest.faults.get(name).map_or(0, |planted| planted.count);
    let found = |reason: &str| reasons.get(reason).copied().unwrap_or_default();
    assert_eq!(found("FIELD_MISSING"), planted("missing_title"));
    assert_eq!(found("MONEY_MALFORMED"), planted("malformed_price"));
    assert_eq!(found("ORDER_WITHOUT_LINES"), planted("order_without_lines"));
    assert_eq!(found("CURRENCY_INVALID"), planted("order_currency_invalid"));
    let values = planted("order_date_malformed") + planted("line_quantity_malformed");
    assert_eq!(found("VALUE_INVALID"), values);
    if faults {
        return;
    }
    assert!(reasons.is_empty());
    let (mut lines, mut revenue) = (0, rust_decimal::Decimal::ZERO);
    for record in &read[&Kind::Order] {
        let Record::Order(order) = record else { panic!("{record:?}") };
        adds_up(order);
        lines += order.lines.len();
        revenue += order.total.amount;
    }
    assert_eq!(lines, manifest.records.lines);
    let stated = manifest.money.values().flat_map(BTreeMap::values).map(|month| month.revenue);
    assert_eq!(revenue, stated.sum());
    let variants = read[&Kind::Product].iter().map(|record| match record {
        Record::Product(product) => product.variants.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(variants.sum::<usize>(), manifest.records.variants);
}

#[test]
fn a_generated_shop_without_faults_is_read_whole() {
    check(Layout::Current, false);
    check(Layout::Older, false);
}

#[test]
fn planted_faults_give_the_causes_that_were_planted() {
    check(Layout::Current, true);
    check(Layout::Older, true);
}
