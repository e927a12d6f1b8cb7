//! Bad exports: what cannot be used is refused and named, what is spoiled is kept with its cause,
//! and everything beside it is read.

use cartage_client::{
    Client, paginate, road,
    v1::{self, ErrorReason, RecordKind},
    wait,
};
use futures::TryStreamExt;

use crate::support::{
    Server, connect, connection, csv_at, folder, products, refused_with, soon, violation,
};

async fn verified(client: &Client, name: &str) -> v1::Connection {
    let request = v1::VerifyConnectionRequest { name: name.to_owned(), ..Default::default() };
    client.call(request).await.unwrap();
    soon(wait::connection(client, name)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_used_is_refused_by_name() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let utf_16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain("Handle,Title\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let misspelt = b"Handel,Title,Body (HTML),Vendor,Variant Price\na,A,,,1\n";
    for (id, file, bytes, reason, words) in [
        (
            "column",
            "p.csv",
            misspelt.as_slice(),
            ErrorReason::CsvColumnMissing,
            "p.csv Handle Handel",
        ),
        ("columns", "x.csv", b"when,what\n1,2\n", ErrorReason::CsvColumnUnknown, "x.csv"),
        ("utf16", "u.csv", &utf_16, ErrorReason::TextEncodingInvalid, "u.csv UTF-8"),
        ("empty", "e.csv", b"", ErrorReason::SourceFileMissing, "CSV"),
        ("none", "readme.md", b"hello", ErrorReason::SourceFileMissing, "CSV"),
    ] {
        let files = folder(&[(file, bytes)]);
        let name = connect(&client, "acme", id, csv_at(files.path())).await;
        let found = verified(&client, &name).await;
        assert_eq!(found.state(), v1::connection::State::Failed, "{id}");
        let failure = found.failure.unwrap();
        assert_eq!(failure.reason(), reason, "{id}: {}", failure.message);
        for word in words.split(' ') {
            assert!(failure.message.contains(word), "{id}: {}", failure.message);
        }
        let checks = found.verification.unwrap().checks;
        let failed = v1::connection_check::Result::Failed;
        assert!(checks.iter().any(|check| check.result() == failed), "{id}: {checks:?}");
        let request = v1::CreateSnapshotRequest { parent: name, ..Default::default() };
        refused_with(&client, request, ErrorReason::StateConflict).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_after_it_was_verified_fails_the_snapshot() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let files = folder(&[("p.csv", &products("a,A,,,1\n"))]);
    let name = connect(&client, "acme", "shop", csv_at(files.path())).await;
    soon(road::verify_connection(&client, &name)).await.unwrap();
    std::fs::write(files.path().join("p.csv"), "Handel,Title,Body (HTML),Vendor,Variant Price\n")
        .unwrap();
    let request = v1::CreateSnapshotRequest { parent: name, ..Default::default() };
    let snapshot = client.call(request).await.unwrap();
    let ended = soon(wait::snapshot(&client, &snapshot.name, |_| {})).await.unwrap();
    assert_eq!(ended.state(), v1::snapshot::State::Failed);
    let failure = ended.failure.unwrap();
    assert_eq!(failure.reason(), ErrorReason::CsvColumnMissing);
    assert!(failure.message.contains("p.csv") && failure.message.contains("Handle"));
    assert!(!failure.retryable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spoiled_records_are_kept_with_their_cause_and_the_others_are_read() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut rows = products("good,Good,,Acme,1\nshort,Short,1\n");
    rows.extend_from_slice(b"latin,Gr\xFCn,,Acme,2\nhuge,Huge,\"");
    rows.resize(rows.len() + 50_000_000, b'x');
    rows.extend_from_slice(b"\",Acme,3\nlast,Last,,Acme,4\nbroken,\"Bro");
    let files = folder(&[("products_export.csv", &rows)]);
    drop(rows);
    let name = connect(&client, "acme", "shop", csv_at(files.path())).await;
    soon(road::verify_connection(&client, &name)).await.unwrap();
    let snapshot = soon(road::take_snapshot(&client, &name, |_| {})).await.unwrap();
    let of = |counts: &[v1::KindCount]| {
        counts.iter().find(|it| it.kind() == RecordKind::Product).map(|it| it.count)
    };
    assert_eq!(of(&snapshot.record_counts), Some(6), "those in quarantine included");
    assert_eq!(of(&snapshot.quarantined_counts), Some(4));
    // The shop itself with its currency; these exports name no markets.
    assert_eq!((snapshot.format_version, snapshot.scope_count), (2, 1));
    let shop = &snapshot.scopes[0];
    assert_eq!((shop.level(), shop.currency_code.as_str()), (v1::shop_scope::Level::Shop, "EUR"));

    let list = v1::ListSnapshotRecordsRequest {
        parent: snapshot.name.clone(),
        kind: RecordKind::Product.into(),
        page_size: 2,
        view: v1::ResourceView::Full.into(),
        ..Default::default()
    };
    let records: Vec<v1::SnapshotRecord> =
        paginate(&client, list.clone()).try_collect().await.unwrap();
    let mut found: Vec<(&str, Option<ErrorReason>)> = records
        .iter()
        .map(|it| (it.source_id.as_str(), it.failure.as_ref().map(v1::Failure::reason)))
        .collect();
    found.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(
        found,
        [
            ("broken", Some(ErrorReason::CsvMalformed)),
            ("good", None),
            ("huge", Some(ErrorReason::CellTooLarge)),
            ("last", None),
            ("latin", Some(ErrorReason::TextEncodingInvalid)),
            ("short", Some(ErrorReason::CsvMalformed)),
        ]
    );
    for record in &records {
        match &record.failure {
            None => assert!(record.document.is_some()),
            Some(failure) => assert!(failure.message.contains("line"), "{}", failure.message),
        }
    }
    let spoiled = v1::ListSnapshotRecordsRequest { filter: "quarantined = true".into(), ..list };
    let spoiled: Vec<v1::SnapshotRecord> = paginate(&client, spoiled).try_collect().await.unwrap();
    assert_eq!(spoiled.len(), 4);
    soon(road::test_restore(&client, &snapshot.name)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_own_files_are_no_source() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let data = server.app.config.data_dir.clone();
    let files = crate::support::folder(&[("products_export.csv", &crate::support::products(""))]);
    let (good, link) = (files.path().join("good"), files.path().join("link"));
    std::fs::create_dir(&good).unwrap();
    std::os::unix::fs::symlink(data.join("uploads"), &link).unwrap();
    let own = ["uploads", "objects", "scratch", "keys", "postgres", "", "..", "x/../../data"];
    let paths = own.map(|path| data.join(path));
    for path in paths.iter().chain([&link, &link.join("acme"), &"/".into()]) {
        let request = connection("acme", "own", csv_at(path));
        let status = refused_with(&client, request, ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status), ("connection.shopify_csv.path", "PATH_FORBIDDEN"));
    }
    // A link that leads elsewhere by the time it is read.
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&good, &link).unwrap();
    let name = connect(&client, "acme", "turned", csv_at(&link)).await;
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&data, &link).unwrap();
    let verified = soon(road::verify_connection(&client, &name)).await;
    let told = format!("{verified:?}");
    assert!(told.contains("reason: SourcePathForbidden"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_are_refused_at_once() {
    let server = Server::start_with(|config| config.local_paths = false).await;
    let client = server.client("acme").await;
    let local = connection("acme", "a", csv_at(std::path::Path::new("/tmp")));
    let status = crate::support::refusal(&client, local).await;
    assert!(
        status.reason == Some(ErrorReason::SourcePathForbidden)
            || violation(&status).1 == "PATH_FORBIDDEN",
        "{status}"
    );
    let upload = v1::shopify_csv_config::Source::Upload("accounts/acme/uploads/none".to_owned());
    let missing = connection("acme", "a", crate::support::csv(upload));
    refused_with(&client, missing, ErrorReason::InvalidFields).await;
    for url in ["", "nonsense", "ftp://example.com", "http://user:secret@example.com"] {
        let config = v1::MedusaConfig { base_url: url.to_owned(), test_shop: false };
        let mut request = connection("acme", "a", v1::connection::Config::Medusa(config));
        request.connection.as_mut().unwrap().credentials = Some(v1::Credentials {
            secret: Some(v1::credentials::Secret::ApiKey("key".to_owned())),
        });
        let status = refused_with(&client, request, ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status).0, "connection.medusa.base_url", "{url}");
        assert!(!status.message.contains("secret"), "{status}");
    }
}
