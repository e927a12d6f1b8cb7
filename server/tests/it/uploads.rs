//! Uploads: pieces that come wrong, files that break off, archives that mean harm.

use std::io::Write;

use cartage_client::{
    Client, road,
    v1::{self, ErrorReason, shopify_csv_config::Source},
};
use tonic::Code;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::support::{Server, connect, csv, folder, products, refused_with, soon};

async fn announce(client: &Client, id: &str, size: usize, blake3: &str) -> String {
    let name = if id.contains("zip") { "export.zip" } else { "products_export.csv" };
    let request = v1::CreateUploadRequest {
        parent: "accounts/acme".to_owned(),
        upload_id: id.to_owned(),
        upload: Some(v1::Upload {
            file_name: name.to_owned(),
            size_bytes: size.try_into().unwrap(),
            blake3: blake3.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    client.call(request).await.unwrap().name
}

fn piece(name: &str, offset: usize, data: &[u8]) -> v1::WriteUploadChunkRequest {
    v1::WriteUploadChunkRequest {
        name: name.to_owned(),
        offset: offset.try_into().unwrap(),
        crc32c: crc32c::crc32c(data),
        data: data.to_vec().into(),
    }
}

fn finalize(name: &str) -> v1::FinalizeUploadRequest {
    v1::FinalizeUploadRequest { name: name.to_owned(), ..Default::default() }
}

async fn get(client: &Client, name: &str) -> v1::Upload {
    client.call(v1::GetUploadRequest { name: name.to_owned() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_in_pieces_and_a_connection_reads_it() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let bytes = products("shirt,Shirt,\"<p>one\ntwo</p>\",Acme,10.00\nhat,Hat,,Acme,5\n");
    let name = announce(&client, "pieces", bytes.len(), "").await;
    let (first, second) = bytes.split_at(20);
    let sent = client.call(piece(&name, 0, first)).await.unwrap();
    assert_eq!(sent.committed_size, 20);
    // The answer was lost: the same piece again is as good.
    assert_eq!(client.call(piece(&name, 0, first)).await.unwrap().committed_size, 20);

    let mut spoiled = piece(&name, 20, second);
    spoiled.crc32c ^= 1;
    let status = refused_with(&client, spoiled, ErrorReason::ChecksumMismatch).await;
    assert_eq!(status.code, Code::DataLoss);
    for wrong in [piece(&name, 25, second.split_at(5).1), piece(&name, 0, b"something else")] {
        let status = refused_with(&client, wrong, ErrorReason::UploadOffsetMismatch).await;
        assert_eq!(status.metadata["committedSize"], "20");
    }
    let beyond = [second, b"x"].concat();
    refused_with(&client, piece(&name, 20, &beyond), ErrorReason::InvalidFields).await;
    let status = refused_with(&client, finalize(&name), ErrorReason::UploadTruncated).await;
    assert_eq!(status.metadata["committedSize"], "20");
    assert_eq!(status.metadata["sizeBytes"], bytes.len().to_string());
    assert_eq!(get(&client, &name).await.state(), v1::upload::State::Receiving);

    client.call(piece(&name, 20, second)).await.unwrap();
    let ready = client.call(finalize(&name)).await.unwrap();
    assert_eq!(ready.state(), v1::upload::State::Ready);
    assert_eq!(ready.blake3, blake3::hash(&bytes).to_string());
    assert_eq!(client.call(finalize(&name)).await.unwrap().state(), ready.state());
    let late = refused_with(&client, piece(&name, 0, first), ErrorReason::StateConflict).await;
    assert_eq!(late.metadata["currentState"], "READY");

    let source = connect(&client, "acme", "shop", csv(Source::Upload(name.clone()))).await;
    let verified = soon(road::verify_connection(&client, &source)).await.unwrap();
    assert_eq!(verified.state(), v1::connection::State::Active);
    let snapshot = soon(road::take_snapshot(&client, &source, |_| {})).await.unwrap();
    let counts: Vec<_> = snapshot.record_counts.iter().map(|it| (it.kind(), it.count)).collect();
    assert!(counts.contains(&(v1::RecordKind::Product, 2)), "{counts:?}");
    let delete = v1::DeleteUploadRequest { name, ..Default::default() };
    let status = refused_with(&client, delete, ErrorReason::ChildrenExist).await;
    assert_eq!(status.metadata["usedBy"], source);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_sends_a_file_and_goes_on_with_it() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let bytes = products(&"a,A,,,1\n".repeat(300_000));
    let files = folder(&[("products_export.csv", &bytes)]);
    let path = files.path().join("products_export.csv");
    let hash = blake3::hash(&bytes).to_string();
    // Another process began, and ended in the middle.
    let name = announce(&client, "large", bytes.len(), &hash).await;
    client.call(piece(&name, 0, &bytes[..1 << 20])).await.unwrap();
    let mut sent = Vec::new();
    let tell = |progress: cartage_client::upload::Sent| sent.push(progress.committed);
    let sending = cartage_client::upload(&client, "accounts/acme", "large", &path, tell);
    let upload = soon(sending).await.unwrap();
    assert_eq!((upload.state(), upload.blake3), (v1::upload::State::Ready, hash));
    assert_eq!(sent.first(), Some(&(1 << 20)), "what was there is not sent again");
    assert_eq!(sent.last(), Some(&(bytes.len() as u64)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_must_be_possible() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    for (file_name, size_bytes, blake3, field) in [
        ("", 1, "", "upload.file_name"),
        ("../a.csv", 1, "", "upload.file_name"),
        ("a.csv", 0, "", "upload.size_bytes"),
        ("a.csv", -1, "", "upload.size_bytes"),
        ("a.csv", i64::MAX, "", "upload.size_bytes"),
        ("a.csv", 1, "nonsense", "upload.blake3"),
    ] {
        let upload = v1::Upload {
            file_name: file_name.to_owned(),
            size_bytes,
            blake3: blake3.to_owned(),
            ..Default::default()
        };
        let request = v1::CreateUploadRequest {
            parent: "accounts/acme".to_owned(),
            upload: Some(upload),
            ..Default::default()
        };
        let status = refused_with(&client, request, ErrorReason::InvalidFields).await;
        assert_eq!(status.violations[0].subject, field);
    }
    let name = announce(&client, "big", 4 << 20, "").await;
    let large = piece(&name, 0, &vec![b'x'; (1 << 20) + 1]);
    refused_with(&client, large, ErrorReason::MessageTooLarge).await;
    refused_with(&client, piece(&name, 0, b""), ErrorReason::InvalidFields).await;
}

/// An archive with these entries.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

async fn send(client: &Client, id: &str, bytes: &[u8], blake3: &str) -> String {
    let name = announce(client, id, bytes.len(), blake3).await;
    for (index, data) in bytes.chunks(1 << 20).enumerate() {
        client.call(piece(&name, index << 20, data)).await.unwrap();
    }
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_mean_harm_are_refused_and_the_service_goes_on() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let rows = products("a,A,,,1\n");
    let bomb = products(&"a,A,,,1\n".repeat(2_000_000));
    let whole = archive(&[("products_export.csv", &rows)]);
    let half = whole[..whole.len() / 2].to_vec();
    let zeros = "0".repeat(64);
    let long_name = format!("{}.csv", "n".repeat(1_000));
    let cases: [(&str, Vec<u8>, &str, ErrorReason); 7] = [
        (
            "zip-up",
            archive(&[("../products_export.csv", &rows)]),
            "",
            ErrorReason::ArchiveUnsafePath,
        ),
        ("zip-root", archive(&[("/etc/cron.csv", &rows)]), "", ErrorReason::ArchiveUnsafePath),
        ("zip-name", archive(&[(&long_name, &rows)]), "", ErrorReason::ArchiveInvalid),
        ("zip-bomb", archive(&[("p.csv", &bomb)]), "", ErrorReason::ArchiveExpansionTooLarge),
        ("zip-half", half, "", ErrorReason::ArchiveInvalid),
        ("picture", b"GIF89a\0\0".to_vec(), "", ErrorReason::ArchiveInvalid),
        ("spoiled", rows.clone(), &zeros, ErrorReason::ChecksumMismatch),
    ];
    for (id, bytes, hash, reason) in cases {
        let name = send(&client, id, &bytes, hash).await;
        refused_with(&client, finalize(&name), reason).await;
        let upload = get(&client, &name).await;
        assert_eq!(upload.state(), v1::upload::State::Failed, "{id}");
        assert_eq!(upload.failure.unwrap().reason(), reason, "{id}");
        // A second try gets the same answer, and no connection can be made of it.
        refused_with(&client, finalize(&name), reason).await;
        let source = crate::support::connection("acme", id, csv(Source::Upload(name)));
        assert!(client.call_once(source).await.is_err(), "{id}");
    }
    let name = send(&client, "zip-good", &whole, "").await;
    let upload = client.call(finalize(&name)).await.unwrap();
    let files: Vec<_> = upload.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["products_export.csv"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_cut_off_nothing_that_later_ones_committed() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let mut bytes = products("");
    for row in 0..8_000 {
        bytes.extend_from_slice(format!("shirt-{row},Shirt {row},,Acme,{row}.00\n").as_bytes());
    }
    let name = announce(&client, "given-up", bytes.len(), "").await;
    let mut offset = 0;
    let mut round = 0_u64;
    while offset < bytes.len() {
        let end = (offset + 4_000).min(bytes.len());
        // Given up after a moment, each time a little later: before, in and after the write.
        for attempt in 0..3 {
            round += 1;
            let call = client.call_once(piece(&name, offset, &bytes[offset..end]));
            let moment = std::time::Duration::from_micros(150 * (round % 24) + attempt);
            drop(tokio::time::timeout(moment, call).await);
        }
        let sent = soon(client.call(piece(&name, offset, &bytes[offset..end]))).await.unwrap();
        assert_eq!(sent.committed_size, i64::try_from(end).unwrap());
        offset = end;
    }
    let ready = soon(client.call(finalize(&name))).await.unwrap();
    assert_eq!(ready.state(), v1::upload::State::Ready);
    assert_eq!(ready.blake3, blake3::hash(&bytes).to_string());
}
