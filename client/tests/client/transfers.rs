//! Files to and from the service.

use std::sync::{Arc, Mutex};

use cartage_client::{Error, report, upload, v1};
use tonic::{Code, Status};
use v1::{ErrorReason, export_verification_report_request::Format, upload::State};

use super::fake::{Fake, breaks, ends, status};

const MIB: usize = 1 << 20;

/// A service that stores one upload in memory and fails as scripted.
struct Store {
    fake: Fake,
    stored: Arc<Mutex<Vec<u8>>>,
}

fn store(mut already: Vec<u8>, bytes: &[u8], mut failures: Vec<Status>) -> Store {
    let fake = Fake::default();
    let mut upload = v1::Upload {
        name: "accounts/a/uploads/u".to_owned(),
        size_bytes: bytes.len() as i64,
        blake3: blake3::hash(bytes).to_string(),
        ..Default::default()
    };
    upload.set_state(State::Receiving);
    already.truncate(bytes.len());
    let resumes = !already.is_empty();
    let stored = Arc::new(Mutex::new(already));

    let created = upload.clone();
    fake.unary("UploadService/CreateUpload", move |request: &v1::CreateUploadRequest| {
        assert_eq!(request.upload.as_ref().unwrap().blake3, created.blake3);
        match resumes {
            true => Err(status(Code::AlreadyExists, ErrorReason::ResourceExists, None)),
            false => Ok(created.clone()),
        }
    });
    let (now, bytes_now) = (upload.clone(), stored.clone());
    fake.unary("UploadService/GetUpload", move |_: &v1::GetUploadRequest| {
        let committed_size = bytes_now.lock().unwrap().len() as i64;
        Ok(v1::Upload { committed_size, ..now.clone() })
    });
    failures.reverse();
    let failures = Mutex::new(failures);
    let bytes_now = stored.clone();
    fake.unary("UploadService/WriteUploadChunk", move |chunk: &v1::WriteUploadChunkRequest| {
        assert!(!chunk.data.is_empty() && chunk.data.len() <= MIB);
        assert_eq!(chunk.crc32c, crc32c::crc32c(&chunk.data));
        let mut stored = bytes_now.lock().unwrap();
        if let Some(failure) = failures.lock().unwrap().pop() {
            // The piece was stored, but the answer says otherwise.
            stored.extend(&chunk.data);
            return Err(failure);
        }
        let offset = chunk.offset as usize;
        stored.truncate(offset);
        stored.extend(&chunk.data);
        Ok(v1::WriteUploadChunkResponse { committed_size: stored.len() as i64 })
    });
    fake.unary("UploadService/FinalizeUpload", move |_: &v1::FinalizeUploadRequest| {
        let mut done = upload.clone();
        done.set_state(State::Ready);
        Ok(done)
    });
    Store { fake, stored }
}

#[tokio::test]
async fn a_file_arrives_whole_whatever_happens_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    let bytes: Vec<u8> = (0..2 * MIB + 77).map(|at| (at % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let moved = || status(Code::OutOfRange, ErrorReason::UploadOffsetMismatch, None);
    let table = [
        (Vec::new(), vec![], 4),
        (bytes[..MIB + 5].to_vec(), vec![], 3),
        (bytes.clone(), vec![], 1),
        (Vec::new(), vec![moved()], 4),
    ];
    for (already, failures, calls) in table {
        let store = store(already, &bytes, failures);
        let mut told = Vec::new();
        let client = store.fake.client();
        let done =
            upload::upload(&client, "accounts/a", "u", &path, |sent| told.push(sent.committed));
        assert_eq!(done.await.unwrap().state(), State::Ready);
        assert!(*store.stored.lock().unwrap() == bytes);
        assert_eq!(told.len(), calls);
        assert!(told.is_sorted() && told.last() == Some(&(bytes.len() as u64)));
    }
}

#[tokio::test]
async fn an_upload_of_another_file_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    std::fs::write(&path, b"other content").unwrap();
    let store = store(Vec::new(), b"these content", vec![]);
    let client = store.fake.client();
    let error = upload::resume(&client, "accounts/a/uploads/u", &path, |_| {});
    assert!(matches!(error.await, Err(Error::Configuration(_))));
    let missing = folder.path().join("missing");
    let error = upload::resume(&client, "accounts/a/uploads/u", &missing, |_| {});
    assert!(matches!(error.await, Err(Error::File { .. })));
}

fn piece(offset: i64, text: &str, last: bool) -> v1::ExportVerificationReportResponse {
    v1::ExportVerificationReportResponse {
        offset,
        data: text.as_bytes().to_vec().into(),
        content_type: if offset == 0 { "text/html".to_owned() } else { String::new() },
        blake3: if last { blake3::hash(b"<html></html>").to_string() } else { String::new() },
        last,
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_goes_on_where_it_broke() {
    const EXPORT: &str = "VerificationService/ExportVerificationReport";
    let fake = Fake::default();
    let scripts = [
        breaks(vec![piece(0, "<html>", false)], Status::unavailable("cut")),
        ends(vec![piece(6, "</ht", false)]),
        ends(vec![piece(10, "ml>", true)]),
    ];
    let seen = fake.streams::<v1::ExportVerificationReportRequest, _>(EXPORT, scripts);
    let mut out = Vec::new();
    let exported = report::export(&fake.client(), "v", Format::Html, &mut out).await.unwrap();
    assert_eq!(out, b"<html></html>");
    assert_eq!((exported.bytes, exported.content_type.as_str()), (13, "text/html"));
    let offsets: Vec<i64> = seen.messages().iter().map(|request| request.offset).collect();
    assert_eq!(offsets, [0, 6, 10]);

    let fake = Fake::default();
    let spoiled = [ends(vec![piece(0, "<html>", false), piece(6, "</HTML>", true)])];
    fake.streams::<v1::ExportVerificationReportRequest, _>(EXPORT, spoiled);
    let result = report::export(&fake.client(), "v", Format::Html, &mut Vec::new()).await;
    assert!(matches!(result, Err(Error::Contract(_))));
}
