//! Links as a file, and links that are taken over: the id map of a migration on its way out and in.

use std::{path::Path, time::Duration};

use cartage_proto::v1;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{Client, Error, retry};

/// The most links the service takes at once.
pub const IMPORT_MAX: usize = 1_000;

/// How long the service may take for one piece.
const PIECE_DEADLINE: Duration = Duration::from_secs(30);

/// What was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The media type, such as `text/csv; charset=utf-8`.
    pub content_type: String,
    /// How many links.
    pub links: u64,
    /// The size of the file.
    pub bytes: u64,
}

/// Writes the links that a request asks for to `out`, piece by piece, and goes on where a broken
/// transfer stopped.
///
/// # Errors
/// [`Error::Status`]; [`Error::File`] (without a path) when `out` fails. What was written then is not the
/// whole file.
pub async fn export(
    client: &Client,
    mut request: v1::ExportRecordLinksRequest,
    out: &mut (impl AsyncWrite + Unpin + Send),
    mut progress: impl FnMut(&Exported) + Send,
) -> Result<Exported, Error> {
    let policy = retry::Policy::default();
    let mut exported = Exported::default();
    let mut failures = 0;
    loop {
        let before = exported.links;
        match receive(client, &mut request, out, &mut exported, &mut progress).await {
            Ok(()) => return Ok(exported),
            Err(error) => {
                failures = if exported.links > before { 1 } else { failures + 1 };
                if failures >= policy.max_attempts || !retry::is_broken(&error) {
                    return Err(error);
                }
                tokio::time::sleep(policy.backoff(failures, error.retry_delay())).await;
            }
        }
    }
}

/// Writes the links to a file, which appears under its name only when it is whole.
///
/// # Errors
/// As [`export`], and [`Error::File`].
pub async fn export_to_file(
    client: &Client,
    request: v1::ExportRecordLinksRequest,
    path: &Path,
    progress: impl FnMut(&Exported) + Send,
) -> Result<Exported, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = tokio::fs::File::create(&part).await.map_err(failed)?;
    let exported = export(client, request, &mut file, progress).await?;
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    tokio::fs::rename(&part, path).await.map_err(failed)?;
    Ok(exported)
}

async fn receive(
    client: &Client,
    request: &mut v1::ExportRecordLinksRequest,
    out: &mut (impl AsyncWrite + Unpin + Send),
    exported: &mut Exported,
    progress: &mut (impl FnMut(&Exported) + Send),
) -> Result<(), Error> {
    let asked = request.clone();
    let opened = in_time(async { client.runs().export_record_links(asked).await });
    let mut stream = opened.await?.into_inner();
    loop {
        let piece = in_time(stream.message())
            .await?
            .ok_or_else(|| tonic::Status::unavailable("the links ended before their last piece"))?;
        let written = out.write_all(&piece.data).await;
        written.map_err(|source| Error::File { path: "links".into(), source })?;
        exported.bytes += piece.data.len() as u64;
        exported.links += u64::try_from(piece.link_count).unwrap_or_default();
        exported.content_type = piece.content_type;
        progress(exported);
        if piece.last {
            return Ok(());
        }
        request.resume_token = piece.resume_token;
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(PIECE_DEADLINE, call).await;
    Ok(answer.map_err(|_| Error::deadline("export_record_links", PIECE_DEADLINE))??)
}

/// What became of links that were to be taken over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// How many are new.
    pub created: u64,
    /// How many were there already.
    pub unchanged: u64,
    /// Those that were refused, by their place among all.
    pub refused: Vec<(usize, v1::Failure)>,
}

/// Has links taken over, a thousand at a time. A call that is repeated takes over what is missing.
///
/// # Errors
/// [`Error::Status`]; the calls before it have taken effect.
pub async fn import(
    client: &Client,
    migration: &str,
    links: &[v1::ImportedRecordLink],
    validate_only: bool,
    mut progress: impl FnMut(usize) + Send,
) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    let mut done = 0;
    for some in links.chunks(IMPORT_MAX) {
        let request = v1::ImportRecordLinksRequest {
            parent: migration.to_owned(),
            record_links: some.to_vec(),
            validate_only,
            ..Default::default()
        };
        let answer = client.call(request).await?;
        imported.created += u64::try_from(answer.created_count).unwrap_or_default();
        imported.unchanged += u64::try_from(answer.unchanged_count).unwrap_or_default();
        let refused = answer.refused_record_links.into_iter();
        imported.refused.extend(refused.map(|link| {
            let place = done + usize::try_from(link.index).unwrap_or_default();
            (place, link.failure.unwrap_or_default())
        }));
        done += some.len();
        progress(done);
    }
    Ok(imported)
}
