//! Shopify through its own CSV exports of products, customers and orders.
//!
//! [`ShopifyCsv`] finds the exports in a folder, an archive or a list of files, recognises them by
//! their headers in every layout, and gives their records page by page without ever holding a
//! file in memory. A record that is broken becomes a failure of its own; a file that cannot be
//! read as a whole is an error at once. [`Map`] makes canonical records of the raw ones.

mod archive;
mod category_path;
mod check;
mod files;
mod frame;
mod group;
mod index;
mod layout;
mod map;
mod page;
mod reason;
mod rows;
mod settings;
mod slug;

use std::{
    io,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use cartage_model::{Kind, RawScope, ReadMap};

use crate::{Check, Error, Page, Result, Source};
use files::Files;
use index::Index;
use layout::FileKind;
use page::{Cursor, Reading, values_page};

pub use archive::list_archive;
pub use map::{Map, VERSION};
pub use settings::{
    ARCHIVE_EXPANDED_BYTES_MAX, ARCHIVE_EXPANSION_RATIO_MAX, CELL_SIZE_BYTES_MAX, FILE_COUNT_MAX,
    Input, Limits, PAGE_RECORDS_MAX, PAGE_SIZE_BYTES_MAX, RECORD_ROWS_MAX, RECORD_SIZE_BYTES_MAX,
    REREAD_BYTES_MAX, Settings,
};

const PLATFORM: &str = "shopify-csv";

/// A shop in its exports.
#[derive(Clone, Debug)]
pub struct ShopifyCsv {
    shop: Arc<Shop>,
}

#[derive(Debug)]
struct Shop {
    files: Files,
    settings: Settings,
    /// Made when first asked for: files that change are refused.
    products: OnceLock<Index>,
    customers: OnceLock<Index>,
    orders: OnceLock<Index>,
}

impl ShopifyCsv {
    /// Finds and recognises the exports. Archives are unpacked into a folder that goes with the
    /// value.
    ///
    /// This looks at every file's beginning and unpacks archives: call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// [`Error::Input`] for an archive that is damaged, unsafe or too large, for a file that is
    /// not UTF-8 or lacks a column, and where no export is found.
    pub fn open(input: Input, settings: Settings) -> Result<Self> {
        let files = Files::find(&input, &settings.limits)?;
        let shop = Shop {
            files,
            settings,
            products: OnceLock::new(),
            customers: OnceLock::new(),
            orders: OnceLock::new(),
        };
        Ok(Self { shop: Arc::new(shop) })
    }

    /// Runs reading of files where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Shop) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let shop = Arc::clone(&self.shop);
        let read = move || {
            let done = work(&shop);
            // Also where it failed: a file that is written anew looks broken meanwhile.
            shop.files.refuse_changed()?;
            done.map_err(|error| storage_error(operation, &error))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(done) => done,
            Err(error) => Err(storage_error(operation, &io::Error::other(error))),
        }
    }
}

impl Shop {
    fn index(&self, kind: FileKind) -> io::Result<&Index> {
        let cell = match kind {
            FileKind::Products => &self.products,
            FileKind::Customers => &self.customers,
            FileKind::Orders => &self.orders,
        };
        if let Some(index) = cell.get() {
            return Ok(index);
        }
        let index = Index::build(&self.files, kind, &self.settings.limits)?;
        Ok(cell.get_or_init(|| index))
    }

    fn page(&self, kind: Kind, cursor: Cursor) -> io::Result<Page> {
        let Some(file_kind) = file_kind(kind) else { return Ok(Page::default()) };
        let index = self.index(file_kind)?;
        let limits = &self.settings.limits;
        match kind {
            Kind::Category => Ok(values_page(kind, &index.categories, "path", cursor, limits)),
            Kind::Collection => Ok(values_page(kind, &index.collections, "title", cursor, limits)),
            Kind::CustomerGroup => Ok(values_page(kind, &index.tags, "tag", cursor, limits)),
            _ => {
                let files = &self.files;
                let reading = Reading { files, kind: file_kind, record_kind: kind, index, limits };
                reading.page(cursor)
            }
        }
    }

    fn count(&self, kind: Kind) -> io::Result<Option<u64>> {
        let Some(file_kind) = file_kind(kind) else { return Ok(Some(0)) };
        let index = self.index(file_kind)?;
        Ok(Some(match kind {
            Kind::Category => index.categories.len() as u64,
            Kind::Collection => index.collections.len() as u64,
            Kind::CustomerGroup => index.tags.len() as u64,
            _ => index.records(),
        }))
    }
}

/// The files in which a kind of record stands.
const fn file_kind(kind: Kind) -> Option<FileKind> {
    match kind {
        Kind::Category | Kind::Collection | Kind::Product => Some(FileKind::Products),
        Kind::CustomerGroup | Kind::Customer => Some(FileKind::Customers),
        Kind::Order => Some(FileKind::Orders),
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => None,
    }
}

#[async_trait]
impl Source for ShopifyCsv {
    async fn check(&self) -> Result<Check> {
        self.blocking("checking the files", Shop::check).await
    }

    fn kinds(&self) -> Vec<Kind> {
        let has = |kind: &Kind| {
            file_kind(*kind).is_some_and(|kind| self.shop.files.of(kind).next().is_some())
        };
        Kind::ALL.into_iter().filter(has).collect()
    }

    async fn count(&self, kind: Kind) -> Result<Option<u64>> {
        self.blocking("counting records", move |shop| shop.count(kind)).await
    }

    /// The headings of the product exports: they name the markets. Nothing else in the exports
    /// says anything about parts of the shop; languages are in none of them.
    async fn scopes(&self) -> Result<Vec<RawScope>> {
        let exports = self.shop.files.of(FileKind::Products);
        let said = exports.map(|file| RawScope {
            origin: "products_header".to_owned(),
            body: serde_json::json!({ "header": file.header }),
        });
        Ok(said.collect())
    }

    async fn page(&self, kind: Kind, cursor: Option<&str>) -> Result<Page> {
        let cursor = Cursor::parse(cursor)?;
        self.blocking("reading a page", move |shop| shop.page(kind, cursor)).await
    }

    fn read_map(&self) -> Box<dyn ReadMap> {
        let settings = &self.shop.settings;
        Box::new(Map::new(settings.default_currency.clone(), settings.assumed_utc_offset_s))
    }
}

fn input_error(reason: &'static str, message: impl Into<String>) -> Error {
    Error::Input { reason, message: message.into() }
}

/// A fault of the machine's own storage. A path that is not there is the caller's mistake.
fn storage_error(operation: &str, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        let message = format!("While {operation}: there is no such file or folder.");
        return input_error(reason::SOURCE_FILE_MISSING, message);
    }
    if error.kind() == io::ErrorKind::InvalidData {
        return input_error(reason::CSV_MALFORMED, error.to_string());
    }
    Error::Transient {
        platform: PLATFORM,
        operation: operation.to_owned(),
        problem: error.kind().to_string(),
        retry_after: None,
    }
}
