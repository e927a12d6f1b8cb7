//! Fetches a verification report as a file, and goes on where a broken transfer stopped.

use std::{path::Path, time::Duration};

use cartage_proto::v1::{self, export_verification_report_request::Format};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{Client, Error, retry};

/// What was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The media type, such as `text/html; charset=utf-8`.
    pub content_type: String,
    /// The size of the file.
    pub bytes: u64,
}

/// How long the service may take for one piece.
const PIECE_DEADLINE: Duration = Duration::from_secs(30);

/// Writes the report to `out`, piece by piece. The service's hash is compared at the end: after an error,
/// what was written is not to be used.
///
/// # Errors
/// [`Error::Status`]; [`Error::Contract`] when what came is not what was hashed; [`Error::File`] (without
/// a path) when `out` fails.
pub async fn export(
    client: &Client,
    report: &str,
    format: Format,
    out: &mut (impl AsyncWrite + Unpin + Send),
) -> Result<Exported, Error> {
    let policy = retry::Policy::default();
    let mut transfer = Transfer { exported: Exported::default(), hasher: blake3::Hasher::new() };
    let mut failures = 0;
    loop {
        let before = transfer.exported.bytes;
        match transfer.receive(client, report, format, out).await {
            Ok(()) => return Ok(transfer.exported),
            Err(error) => {
                failures = if transfer.exported.bytes > before { 1 } else { failures + 1 };
                if failures >= policy.max_attempts || !retry::is_broken(&error) {
                    return Err(error);
                }
                tokio::time::sleep(policy.backoff(failures, error.retry_delay())).await;
            }
        }
    }
}

/// Writes the report to a file, which appears under its name only when it is whole.
///
/// # Errors
/// As [`export`], and [`Error::File`].
pub async fn export_to_file(
    client: &Client,
    report: &str,
    format: Format,
    path: &Path,
) -> Result<Exported, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = tokio::fs::File::create(&part).await.map_err(failed)?;
    let exported = export(client, report, format, &mut file).await?;
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    tokio::fs::rename(&part, path).await.map_err(failed)?;
    Ok(exported)
}

struct Transfer {
    exported: Exported,
    hasher: blake3::Hasher,
}

impl Transfer {
    async fn receive(
        &mut self,
        client: &Client,
        report: &str,
        format: Format,
        out: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<(), Error> {
        let offset = i64::try_from(self.exported.bytes).unwrap_or(i64::MAX);
        let request = v1::ExportVerificationReportRequest {
            name: report.to_owned(),
            format: format.into(),
            offset,
        };
        let opened =
            in_time(async { client.verifications().export_verification_report(request).await });
        let mut stream = opened.await?.into_inner();
        loop {
            let piece = in_time(stream.message()).await?.ok_or_else(|| {
                tonic::Status::unavailable("the report ended before its last piece")
            })?;
            if u64::try_from(piece.offset) != Ok(self.exported.bytes) {
                return Err(Error::Contract("a piece of the report is out of place".to_owned()));
            }
            if !piece.content_type.is_empty() {
                self.exported.content_type = piece.content_type;
            }
            let written = out.write_all(&piece.data).await;
            written.map_err(|source| Error::File { path: "report".into(), source })?;
            self.hasher.update(&piece.data);
            self.exported.bytes += piece.data.len() as u64;
            if piece.last {
                return self.check(&piece.blake3);
            }
        }
    }

    fn check(&self, expected: &str) -> Result<(), Error> {
        if expected.is_empty() || self.hasher.finalize().to_string() == expected {
            return Ok(());
        }
        Err(Error::Contract("the report is not the one that was hashed".to_owned()))
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(PIECE_DEADLINE, call).await;
    let silent = |_| Error::deadline("export_verification_report", PIECE_DEADLINE);
    Ok(answer.map_err(silent)??)
}
