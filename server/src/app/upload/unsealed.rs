//! Uploads in the clear, for as long as a connector reads them.

use std::{fs::File, io::BufWriter, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use cartage_connectors::{Check, Page, Source};
use cartage_model::{Kind, RawScope, ReadMap};
use tempfile::TempDir;

use super::{Upload, UploadState, file::storage, file_of};
use crate::{
    app::App,
    error::{Error, Result},
    name::Name,
    store::resource::State,
};

/// Files of uploads in a folder of their own, which goes with this value.
#[derive(Debug)]
pub struct Unsealed {
    folder: TempDir,
    paths: Vec<PathBuf>,
}

impl Unsealed {
    /// Where they lie, in the order of the uploads.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Keeps the files as long as the shop that is read from them.
    pub fn hold(self, shop: impl Source + 'static) -> Held {
        Held { shop: Box::new(shop), _folder: self.folder }
    }
}

/// Unseals uploads.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`, `STATE_CONFLICT` for one that is not READY.
pub async fn unseal(app: &App, account: &str, names: &[Name]) -> Result<Unsealed> {
    let mut tx = app.store.begin(account).await?;
    let mut uploads = Vec::new();
    for name in names {
        let upload = tx.resource_get::<Upload>(name).await?;
        if upload.state != UploadState::Ready {
            return Err(Error::state(name.as_str(), upload.state.as_str(), &["READY"]));
        }
        uploads.push((file_of(app, &upload), upload.body));
    }
    tx.rollback().await?;
    let scratch = app.scratch.path().to_owned();
    let keys = Arc::clone(&app.keys);
    let work = move || {
        let folder = TempDir::new_in(&scratch).map_err(storage)?;
        let mut paths = Vec::new();
        for (index, (file, upload)) in uploads.iter().enumerate() {
            // Two uploads may have the same file name.
            let below = folder.path().join(index.to_string());
            std::fs::create_dir(&below).map_err(storage)?;
            let path = below.join(&upload.file_name);
            let out = BufWriter::new(File::create_new(&path).map_err(storage)?);
            file.unseal(&keys, upload.size_bytes, out)?;
            paths.push(path);
        }
        Ok(Unsealed { folder, paths })
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// A shop that is read from unsealed files.
pub struct Held {
    shop: Box<dyn Source>,
    _folder: TempDir,
}

#[async_trait]
impl Source for Held {
    async fn check(&self) -> cartage_connectors::Result<Check> {
        self.shop.check().await
    }

    fn kinds(&self) -> Vec<Kind> {
        self.shop.kinds()
    }

    async fn count(&self, kind: Kind) -> cartage_connectors::Result<Option<u64>> {
        self.shop.count(kind).await
    }

    async fn scopes(&self) -> cartage_connectors::Result<Vec<RawScope>> {
        self.shop.scopes().await
    }

    async fn page(&self, kind: Kind, cursor: Option<&str>) -> cartage_connectors::Result<Page> {
        self.shop.page(kind, cursor).await
    }

    fn read_map(&self) -> Box<dyn ReadMap> {
        self.shop.read_map()
    }
}
