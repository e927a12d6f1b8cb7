//! Sends a file in pieces, and goes on where an earlier try stopped.

use std::path::Path;

use cartage_proto::v1::{self, ErrorReason, upload::State};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom},
};

use crate::{Client, Error, name};

/// The largest piece the service takes.
const CHUNK_BYTES: usize = 1 << 20;

/// How often in a row a piece may be refused for its offset or its checksum before the upload gives up.
const REFUSALS_MAX: u32 = 4;

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Bytes the service has safely stored.
    pub committed: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Uploads a file and waits until the service has looked into it. With an `upload_id` the call can be
/// repeated after a crash: it goes on with the upload of that id, when that is of the same file. An empty
/// one lets the service choose.
///
/// ```no_run
/// # async fn example(client: &cartage_client::Client) -> Result<(), cartage_client::Error> {
/// let path = std::path::Path::new("export.zip");
/// let upload = cartage_client::upload(client, "accounts/acme", "spring-export", path, |sent| {
///     eprintln!("{} of {} bytes", sent.committed, sent.total);
/// })
/// .await?;
/// println!("{} holds {} files", upload.name, upload.files.len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::File`] when the file cannot be read, [`Error::Ended`] when the service refuses its content,
/// [`Error::Status`] otherwise.
pub async fn upload(
    client: &Client,
    parent: &str,
    upload_id: &str,
    path: &Path,
    mut progress: impl FnMut(Sent) + Send,
) -> Result<v1::Upload, Error> {
    let file = LocalFile::open(path).await?;
    let request = v1::CreateUploadRequest {
        parent: parent.to_owned(),
        upload_id: upload_id.to_owned(),
        upload: Some(file.announce()),
        ..Default::default()
    };
    let upload = match client.call(request).await {
        Err(error) if error.reason() == Some(ErrorReason::ResourceExists) => {
            let upload = get(client, &format!("{parent}/uploads/{upload_id}")).await?;
            file.must_be(&upload)?;
            upload
        }
        created => created?,
    };
    file.send(client, upload, &mut progress).await
}

/// Goes on with an upload that was begun.
///
/// # Errors
/// As [`upload`], and [`Error::Configuration`] when the file is not the one that was announced.
pub async fn resume(
    client: &Client,
    upload_name: &str,
    path: &Path,
    mut progress: impl FnMut(Sent) + Send,
) -> Result<v1::Upload, Error> {
    let file = LocalFile::open(path).await?;
    let upload = get(client, upload_name).await?;
    file.must_be(&upload)?;
    file.send(client, upload, &mut progress).await
}

async fn get(client: &Client, name: &str) -> Result<v1::Upload, Error> {
    client.call(v1::GetUploadRequest { name: name.to_owned() }).await
}

struct LocalFile<'a> {
    path: &'a Path,
    file_name: String,
    total: u64,
    blake3: String,
}

impl<'a> LocalFile<'a> {
    /// Reads the file once for its size and hash, so that a broken transfer cannot go unnoticed.
    async fn open(path: &'a Path) -> Result<Self, Error> {
        let mut file = File::open(path).await.map_err(|source| failed(path, source))?;
        let mut hasher = blake3::Hasher::new();
        let mut total = 0;
        loop {
            let piece = read(&mut file, path).await?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            total += piece.len() as u64;
        }
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = file_name.unwrap_or_default();
        Ok(Self { path, file_name, total, blake3: hasher.finalize().to_string() })
    }

    fn announce(&self) -> v1::Upload {
        v1::Upload {
            file_name: self.file_name.clone(),
            size_bytes: i64::try_from(self.total).unwrap_or(i64::MAX),
            blake3: self.blake3.clone(),
            ..Default::default()
        }
    }

    fn must_be(&self, upload: &v1::Upload) -> Result<(), Error> {
        let same_size = u64::try_from(upload.size_bytes) == Ok(self.total);
        if same_size && (upload.blake3.is_empty() || upload.blake3 == self.blake3) {
            return Ok(());
        }
        let id = name::id(&upload.name);
        let path = self.path.display();
        Err(Error::Configuration(format!("the upload `{id}` is of another file than {path}")))
    }

    async fn send(
        &self,
        client: &Client,
        upload: v1::Upload,
        progress: &mut (impl FnMut(Sent) + Send),
    ) -> Result<v1::Upload, Error> {
        if upload.state() != State::Receiving {
            return finished(upload);
        }
        let mut file = File::open(self.path).await.map_err(|source| failed(self.path, source))?;
        let mut committed = self.offset(upload.committed_size)?;
        let mut refusals = 0;
        progress(Sent { committed, total: self.total });
        while committed < self.total {
            let sought = file.seek(SeekFrom::Start(committed)).await;
            sought.map_err(|source| failed(self.path, source))?;
            let data = read(&mut file, self.path).await?;
            if data.is_empty() {
                return Err(failed(self.path, std::io::ErrorKind::UnexpectedEof.into()));
            }
            committed = match write(client, &upload.name, committed, data).await {
                Ok(stored) => {
                    refusals = 0;
                    self.offset(stored)?
                }
                Err(error) if refusals < REFUSALS_MAX && is_refused_piece(&error) => {
                    refusals += 1;
                    self.offset(get(client, &upload.name).await?.committed_size)?
                }
                Err(error) => return Err(error),
            };
            progress(Sent { committed, total: self.total });
        }
        let request = v1::FinalizeUploadRequest { name: upload.name, ..Default::default() };
        finished(client.call(request).await?)
    }

    fn offset(&self, committed: i64) -> Result<u64, Error> {
        let committed = u64::try_from(committed).ok().filter(|size| *size <= self.total);
        committed
            .ok_or_else(|| Error::Contract("the upload has more bytes than the file".to_owned()))
    }
}

async fn write(client: &Client, name: &str, offset: u64, data: Vec<u8>) -> Result<i64, Error> {
    let request = v1::WriteUploadChunkRequest {
        name: name.to_owned(),
        offset: i64::try_from(offset).unwrap_or(i64::MAX),
        crc32c: crc32c::crc32c(&data),
        data: data.into(),
    };
    Ok(client.call(request).await?.committed_size)
}

/// Whether the piece came at the wrong place or spoiled, so that asking where to go on helps.
fn is_refused_piece(error: &Error) -> bool {
    let refused = [ErrorReason::UploadOffsetMismatch, ErrorReason::ChecksumMismatch];
    error.reason().is_some_and(|reason| refused.contains(&reason))
}

fn finished(upload: v1::Upload) -> Result<v1::Upload, Error> {
    match upload.state() {
        State::Failed => Err(Error::Ended {
            state: upload.state().as_str_name().to_owned(),
            resource: upload.name,
            failure: upload.failure.map(Box::new),
        }),
        _ => Ok(upload),
    }
}

/// Up to one piece; empty at the end of the file.
async fn read(file: &mut File, path: &Path) -> Result<Vec<u8>, Error> {
    let mut piece = Vec::new();
    let limit = CHUNK_BYTES as u64;
    file.take(limit).read_to_end(&mut piece).await.map_err(|source| failed(path, source))?;
    Ok(piece)
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}
