//! Snapshots are written, read again, proven, and found out when they are damaged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail it")]

mod support;

use std::{sync::Arc, time::Instant};

use cartage_model::{
    Kind, RawFailure, RawRecord, RawScope, ReadMap, Record, Scope, ScopeTree, Scoped, ScopedValue,
    Unreadable, record_hash,
};
use cartage_pipeline::snapshot::{
    Damage, DataKey, Snapshot, SnapshotError, SnapshotWriter, restore_test, verify_digests,
};
use datafusion::object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use futures::TryStreamExt;
use support::{
    Plain, customer, header, location, memory, of_format_1, order, product, raw, snapshot_of,
};

fn shop(products: usize) -> Vec<RawRecord> {
    let mut records: Vec<RawRecord> =
        (0..products).map(|n| raw(&Record::Product(product(&format!("p{n}"))))).collect();
    records.push(raw(&Record::Customer(customer("ada"))));
    records.push(raw(&Record::Order(order(1001, "ada", "p0"))));
    records
}

fn broken(id: &str) -> RawRecord {
    let body = serde_json::json!({ "kind": "product", "variants": 3 });
    RawRecord { kind: Kind::Product, source_id: id.to_owned(), body }
}

async fn segment_path(store: &Arc<dyn ObjectStore>, part: &str) -> Path {
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    all.into_iter().map(|it| it.location).find(|it| it.as_ref().contains(part)).unwrap()
}

#[tokio::test]
async fn what_was_written_is_read_again() {
    let store = memory();
    let mut records = shop(3);
    records.push(raw(&Record::Product(product("p1"))));
    records.push(broken("p9"));
    let failure = RawFailure {
        kind: Kind::Product,
        source_id: "products.csv:17".to_owned(),
        cause: Unreadable::record("CSV_MALFORMED", "a row is too short"),
    };
    let snapshot = snapshot_of(&store, &records, std::slice::from_ref(&failure)).await;
    let facts = &snapshot.manifest().kinds[&Kind::Product];
    assert_eq!((facts.records, facts.unreadable, facts.raw, facts.failures), (3, 3, 5, 1));

    let products = snapshot.records(Kind::Product, 0, 100).await.unwrap();
    for (index, stored) in products.iter().enumerate() {
        let expected = Record::Product(product(&format!("p{index}")));
        assert_eq!(stored.ordinal, index as u64);
        assert_eq!(stored.hash, record_hash(&expected).unwrap());
        assert_eq!(stored.json, serde_json::to_value(&expected).unwrap());
        assert_eq!(stored.record, expected);
    }
    let orders = snapshot.records(Kind::Order, 0, 10).await.unwrap();
    assert_eq!(orders[0].record, Record::Order(order(1001, "ada", "p0")));

    let unreadable = snapshot.unreadable(Kind::Product, 0, 10).await.unwrap();
    let reasons: Vec<_> = unreadable.iter().map(|it| it.cause.reason.as_str()).collect();
    assert_eq!(reasons, ["SOURCE_ID_DUPLICATE", "MONEY_MALFORMED", "CSV_MALFORMED"]);
    assert_eq!(unreadable[2].cause, failure.cause);
    assert_eq!(snapshot.unreadable(Kind::Product, 2, 10).await.unwrap(), unreadable[2..]);

    let found = snapshot.find(Kind::Product, "p2").await.unwrap().unwrap();
    assert_eq!(found, products[2]);
    assert!(snapshot.find(Kind::Product, "p9").await.unwrap().is_none());
    assert!(snapshot.find(Kind::Coupon, "none").await.unwrap().is_none());

    let raw: Vec<_> = snapshot.raw(Kind::Product).try_collect().await.unwrap();
    assert_eq!(raw.len(), 5);
    assert_eq!(raw[4], broken("p9"));

    let again = Snapshot::open(location(&store)).await.unwrap();
    assert_eq!(again.manifest().digest().unwrap(), snapshot.manifest().digest().unwrap());
    let report = restore_test(location(&store), &Plain).await.unwrap();
    assert!(report.passed, "{report:?}");
    assert_eq!(report.kinds.len(), 3);
    assert!(verify_digests(location(&store)).await.unwrap().passed);
}

#[tokio::test]
async fn ranges_and_samples_cross_row_groups() {
    let store = memory();
    let snapshot = snapshot_of(&store, &shop(11_003), &[]).await;
    for (first, count) in [(0, 1), (4_999, 2), (9_990, 20), (11_000, 50), (20_000, 5)] {
        let records = snapshot.records(Kind::Product, first, count).await.unwrap();
        let expected: Vec<u64> = (first..(first + count).min(11_003)).collect();
        assert_eq!(records.iter().map(|it| it.ordinal).collect::<Vec<_>>(), expected);
        assert!(records.iter().all(|it| it.source_id == format!("p{}", it.ordinal)));
    }
    let sample = snapshot.sample(Kind::Product, 7).await.unwrap();
    assert_eq!(sample.len(), 7);
    assert_eq!(sample, snapshot.sample(Kind::Product, 7).await.unwrap());
    assert_eq!(snapshot.sample(Kind::Customer, 7).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_snapshot_is_written_once_and_holds_nothing_in_the_clear() {
    let store = memory();
    snapshot_of(&store, &shop(2), &[]).await;
    let second = SnapshotWriter::create(location(&store), header()).await;
    assert!(matches!(second.err(), Some(SnapshotError::Exists(_))));
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert!(all.len() > 8);
    for meta in all {
        let bytes = store.get(&meta.location).await.unwrap().bytes().await.unwrap();
        for word in [b"example.com".as_slice(), b"PAR1", b"source_id", b"format_version"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word), "{}", meta.location);
        }
    }
}

#[tokio::test]
async fn a_page_of_mixed_kinds_is_refused_whole() {
    let store = memory();
    let mut writer = SnapshotWriter::create(location(&store), header()).await.unwrap();
    let error = writer.write_page(Kind::Product, &shop(1), &[], &Plain).await.unwrap_err();
    assert!(matches!(error, SnapshotError::KindMixed { .. }), "{error}");
}

/// Writes a snapshot, does something to its files, and says what the restore test finds first.
async fn first_difference<F, Fut>(harm: F) -> String
where
    F: FnOnce(Arc<dyn ObjectStore>) -> Fut,
    Fut: Future<Output = ()>,
{
    let store = memory();
    let records: Vec<RawRecord> = shop(3_000);
    snapshot_of(&store, &records, &[]).await;
    harm(Arc::clone(&store)).await;
    let digests = verify_digests(location(&store)).await.unwrap();
    let report = restore_test(location(&store), &Plain).await.unwrap();
    assert!(!digests.passed && !report.passed);
    assert_eq!(digests.first_difference, report.first_difference);
    report.first_difference.unwrap()
}

#[tokio::test]
async fn a_flipped_byte_is_found() {
    for (part, at) in [("tables/product/", 70_000), ("raw/product", 100), ("tables/variant/", 20)] {
        let found = first_difference(async |store: Arc<dyn ObjectStore>| {
            let path = segment_path(&store, part).await;
            let mut bytes = store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
            bytes[at] ^= 1;
            store.put(&path, PutPayload::from(bytes)).await.unwrap();
        })
        .await;
        assert!(found.contains(part) && found.contains("the snapshot is damaged"), "{found}");
    }
}

#[tokio::test]
async fn a_cut_segment_is_found() {
    // In the middle of a frame, at the end of one, and within the head.
    for length in [70_000, 48 + 65_552, 40, 48] {
        let found = first_difference(async |store: Arc<dyn ObjectStore>| {
            let path = segment_path(&store, "tables/product/").await;
            let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
            store.put(&path, bytes.slice(..length).into()).await.unwrap();
        })
        .await;
        let why = if length < 65_000 { "was cut" } else { "its length differs" };
        assert!(found.contains("tables/product/") && found.contains(why), "{length}: {found}");
    }
}

#[tokio::test]
async fn a_missing_segment_is_found() {
    let found = first_difference(async |store: Arc<dyn ObjectStore>| {
        let path = segment_path(&store, "raw/customer").await;
        store.delete(&path).await.unwrap();
    })
    .await;
    assert!(found.contains("raw/customer") && found.contains("is missing"), "{found}");
}

#[tokio::test]
async fn swapped_and_foreign_segments_are_found() {
    let found = first_difference(async |store: Arc<dyn ObjectStore>| {
        let one = segment_path(&store, "tables/variant/").await;
        let other = segment_path(&store, "tables/product_image/").await;
        let [a, b] = [&one, &other].map(|path| store.get(path));
        let (a, b) = (a.await.unwrap().bytes().await.unwrap(), b.await.unwrap().bytes().await);
        store.put(&other, a.into()).await.unwrap();
        store.put(&one, b.unwrap().into()).await.unwrap();
    })
    .await;
    assert!(found.contains("its length differs"), "{found}");

    let found = first_difference(async |store: Arc<dyn ObjectStore>| {
        let foreign = memory();
        snapshot_of(&foreign, &shop(3_000), &[]).await;
        let theirs = segment_path(&foreign, "raw/product").await;
        let bytes = foreign.get(&theirs).await.unwrap().bytes().await.unwrap();
        let ours = segment_path(&store, "raw/product").await;
        store.put(&ours, bytes.into()).await.unwrap();
    })
    .await;
    assert!(found.contains("belongs to another snapshot"), "{found}");
}

#[tokio::test]
async fn a_wrong_key_opens_nothing() {
    let store = memory();
    snapshot_of(&store, &shop(1), &[]).await;
    let mut wrong = location(&store);
    wrong.key = DataKey::generate().unwrap();
    let error = Snapshot::open(wrong.clone()).await.unwrap_err();
    assert!(matches!(error, SnapshotError::Damaged(Damage::KeyWrong { .. })), "{error}");
    assert_eq!(error.reason(), "SNAPSHOT_DAMAGED");
    let report = restore_test(wrong, &Plain).await.unwrap();
    assert!(!report.passed);
    assert!(report.first_difference.unwrap().contains("was not sealed with this key"));
    let mut elsewhere = location(&store);
    elsewhere.prefix = Path::from("nowhere");
    let error = Snapshot::open(elsewhere).await.unwrap_err();
    assert!(matches!(error, SnapshotError::Damaged(Damage::Missing { .. })), "{error}");
}

struct Older;

impl ReadMap for Older {
    fn version(&self) -> &'static str {
        "plain/0"
    }

    fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable> {
        let record = Plain.read(raw)?;
        Ok(match record {
            Record::Product(mut product) => {
                product.vendor = Some("Nobody".to_owned());
                Record::Product(product)
            }
            other => other,
        })
    }

    fn scopes(&self, raw: &[RawScope]) -> Result<ScopeTree, Unreadable> {
        Plain.scopes(raw.get(1..).unwrap_or_default())
    }
}

#[tokio::test]
async fn a_read_map_that_reads_otherwise_fails_the_restore_test() {
    let store = memory();
    snapshot_of(&store, &shop(2), &[]).await;
    let report = restore_test(location(&store), &Older).await.unwrap();
    let found = report.first_difference.unwrap();
    assert!(found.contains("product 0: the hash differs"), "{found}");
    assert!(found.contains("made with read map plain/1, tested with plain/0"), "{found}");
}

#[tokio::test]
async fn what_waits_to_be_stored_is_bounded() {
    let store = memory();
    let writer = SnapshotWriter::create(location(&store), header()).await.unwrap();
    let mut writer = writer.with_segment_bytes_max(200_000);
    let mut stored = Vec::new();
    for page in 0..8 {
        let records: Vec<RawRecord> = (0..100)
            .map(|n| {
                let mut product = product(&format!("p{page}-{n}"));
                // Text that cannot be packed: 3 KB of hexadecimal hash.
                let text: Vec<String> = (0..48)
                    .map(|part| blake3::hash(format!("{page} {n} {part}").as_bytes()).to_string())
                    .collect();
                product.description_html = cartage_model::Scoped::shop(text.concat());
                raw(&Record::Product(product))
            })
            .collect();
        writer.write_page(Kind::Product, &records, &[], &Plain).await.unwrap();
        let all: Vec<_> = store.list(None).try_collect().await.unwrap();
        stored.push(all.iter().map(|it| it.size).sum::<u64>());
    }
    // From the second page on every page makes room for itself.
    assert!(stored[1..].is_sorted_by(|a, b| a < b), "{stored:?}");
    let manifest = writer.finish().await.unwrap();
    let roots = manifest.segments.iter().filter(|it| it.table.as_deref() == Some("product"));
    assert!(roots.count() > 3);
    let snapshot = Snapshot::open(location(&store)).await.unwrap();
    let records = snapshot.records(Kind::Product, 150, 500).await.unwrap();
    assert!(records.iter().map(|it| it.ordinal).eq(150..650));
    assert_eq!(records[0].source_id, "p1-50");
    assert!(restore_test(location(&store), &Plain).await.unwrap().passed);
}

#[tokio::test]
async fn twenty_thousand_records() {
    let store = memory();
    let records = shop(20_000);
    let started = Instant::now();
    let mut writer = SnapshotWriter::create(location(&store), header()).await.unwrap();
    for page in records[..20_000].chunks(250) {
        writer.write_page(Kind::Product, page, &[], &Plain).await.unwrap();
    }
    let manifest = writer.finish().await.unwrap();
    let written = started.elapsed();
    let started = Instant::now();
    assert!(restore_test(location(&store), &Plain).await.unwrap().passed);
    let restored = started.elapsed();
    println!(
        "20,000 products written in {written:?}, restore test in {restored:?}, {} bytes",
        manifest.size_bytes()
    );
}

/// Websites and views as a source might say them, unknown names with them.
fn said() -> Vec<RawScope> {
    let shop = serde_json::json!({"level": "shop", "currency": "EUR", "locale": "en"});
    let website = serde_json::json!({"level": "website", "code": "eu", "source_type": "market"});
    let view = serde_json::json!({
        "level": "store_view", "code": "eu_de", "locale": "de",
        "parent": {"level": "website", "code": "eu"}, "unknown": {"theme": "luma"},
    });
    [shop, website, view].map(|body| RawScope { origin: "stores".to_owned(), body }).into()
}

async fn snapshot_with_scopes(store: &Arc<dyn ObjectStore>) -> Snapshot {
    let mut shirt = product("shirt");
    for (scope, value) in
        [(Scope::Website("eu".to_owned()), "Shirt EU"), (Scope::Locale("de".to_owned()), "Hemd")]
    {
        shirt.title.scoped.push(ScopedValue { scope, value: value.to_owned() });
    }
    shirt.assigned = Scoped {
        value: Some(false),
        scoped: vec![ScopedValue { scope: Scope::Website("eu".to_owned()), value: true }],
    };
    let mut writer = SnapshotWriter::create(location(store), header()).await.unwrap();
    let written = writer.write_scopes(&said(), &Plain).await.unwrap();
    let records = [raw(&Record::Product(shirt))];
    writer.write_page(Kind::Product, &records, &[], &Plain).await.unwrap();
    writer.finish().await.unwrap();
    let snapshot = Snapshot::open(location(store)).await.unwrap();
    assert_eq!(snapshot.scopes().await.unwrap(), written);
    snapshot
}

#[tokio::test]
async fn values_are_inherited_along_the_scopes_of_the_snapshot() {
    let store = memory();
    let snapshot = snapshot_with_scopes(&store).await;
    assert_eq!(snapshot.manifest().format_version, 2);
    let tree = snapshot.scopes().await.unwrap();
    let records = snapshot.records(Kind::Product, 0, 1).await.unwrap();
    let Record::Product(shirt) = &records[0].record else { panic!("a product") };
    let title = |scope: Scope| shirt.title.effective(&tree, &scope).map(|it| it.cloned());
    let is = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(title(Scope::StoreView("eu_de".to_owned())), is("Hemd"));
    assert_eq!(title(Scope::Website("eu".to_owned())), is("Shirt EU"));
    assert_eq!(title(Scope::Shop), is("Title of shirt"));
    let unknown = title(Scope::StoreView("us".to_owned())).unwrap_err();
    assert_eq!(unknown.reason(), "REFERENCE_MISSING");
    let assigned = |scope| shirt.assigned.effective(&tree, &scope).map(|it| it.copied());
    assert_eq!(assigned(Scope::StoreView("eu_de".to_owned())), Ok(Some(true)));
    assert_eq!(assigned(Scope::Shop), Ok(Some(false)));

    let raw: Vec<_> = snapshot.raw_scopes().try_collect().await.unwrap();
    assert_eq!(raw, said());
    let report = restore_test(location(&store), &Plain).await.unwrap();
    assert!(report.passed, "{report:?}");
    let scopes = report.scopes.unwrap();
    assert_eq!((scopes.scopes_expected, scopes.scopes_restored), (3, 3));
    assert_eq!(scopes.digest_expected, scopes.digest_restored);
}

#[tokio::test]
async fn scopes_that_are_damaged_or_read_otherwise_fail_the_restore_test() {
    let store = memory();
    snapshot_with_scopes(&store).await;
    let report = restore_test(location(&store), &Older).await.unwrap();
    let found = report.first_difference.unwrap();
    assert!(found.contains("the scopes differ from what the source said"), "{found}");
    assert!(found.contains("tested with plain/0"), "{found}");
    for part in ["tables/scope/", "raw/scope/"] {
        let store = memory();
        snapshot_with_scopes(&store).await;
        let path = segment_path(&store, part).await;
        store.delete(&path).await.unwrap();
        assert!(!verify_digests(location(&store)).await.unwrap().passed, "{part}");
        let found = restore_test(location(&store), &Plain).await.unwrap().first_difference;
        assert!(found.unwrap().contains("is missing"), "{part}");
    }
}

#[tokio::test]
async fn scopes_that_make_no_tree_are_refused_with_their_cause() {
    let store = memory();
    let mut writer = SnapshotWriter::create(location(&store), header()).await.unwrap();
    let eu = serde_json::json!({"level": "website", "code": "eu"});
    for (code, reason) in [("eu", "VALUE_INVALID"), ("de", "REFERENCE_MISSING")] {
        let body = serde_json::json!({"level": "website", "code": code, "parent": eu});
        let untrue = [RawScope { origin: "stores".to_owned(), body }];
        let error = writer.write_scopes(&untrue, &Plain).await.unwrap_err();
        assert!(matches!(error, SnapshotError::ScopesUnreadable(_)), "{error}");
        assert_eq!(error.reason(), reason);
    }
}

#[tokio::test]
async fn a_snapshot_of_format_1_is_read_and_proven_and_its_shop_has_no_parts() {
    let store = of_format_1().await;
    let snapshot = Snapshot::open(location(&store)).await.unwrap();
    assert_eq!((snapshot.manifest().format_version, &snapshot.manifest().scopes), (1, &None));
    // Plans were approved over this digest.
    let digest = "316488f8f398192d8abe41ddcf2837f8789796e00ca3f25d88f472ccb306958a";
    assert_eq!(snapshot.manifest().digest().unwrap(), digest);
    assert_eq!(snapshot.scopes().await.unwrap(), ScopeTree::default());
    assert!(snapshot.raw_scopes().try_next().await.unwrap().is_none());
    // The same records give the same documents and hashes as they did then.
    let stored = snapshot.records(Kind::Order, 0, 1).await.unwrap();
    let expected = Record::Order(order(1001, "ada", "p0"));
    assert_eq!(stored[0].hash, record_hash(&expected).unwrap());
    assert_eq!(stored[0].record, expected);
    let report = restore_test(location(&store), &Plain).await.unwrap();
    assert!(report.passed, "{report:?}");
    assert_eq!((report.kinds.len(), report.scopes), (3, None));
}

#[tokio::test]
async fn a_part_of_a_line_that_is_not_there_is_quarantined() {
    let store = memory();
    let mut lines = order(1002, "ada", "p0");
    lines.lines[0].parent_line = Some("gone".to_owned());
    let records = [raw(&Record::Order(order(1001, "ada", "p0"))), raw(&Record::Order(lines))];
    let snapshot = snapshot_of(&store, &records, &[]).await;
    let unreadable = snapshot.unreadable(Kind::Order, 0, 10).await.unwrap();
    assert_eq!(unreadable.len(), 1);
    assert_eq!(unreadable[0].cause.reason, "REFERENCE_MISSING");
    assert_eq!(unreadable[0].cause.field.as_deref(), Some("lines.parent_line"));
    assert!(restore_test(location(&store), &Plain).await.unwrap().passed);
}
