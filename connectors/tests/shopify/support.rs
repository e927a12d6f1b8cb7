//! Walks a source to its end.

use std::path::{Path, PathBuf};

use cartage_connectors::{
    Source,
    shopify::{Input, Settings, ShopifyCsv},
};
use cartage_model::{Currency, Kind, RawFailure, RawRecord, Record, Unreadable};

/// A folder that goes with the test.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

pub(crate) fn settings() -> Settings {
    Settings::new(Currency::parse("EUR").unwrap())
}

pub(crate) fn open(path: &Path) -> cartage_connectors::Result<ShopifyCsv> {
    ShopifyCsv::open(Input::Folder(path.to_owned()), settings())
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shopify/fixtures").join(name)
}

pub(crate) fn open_file(path: PathBuf) -> ShopifyCsv {
    ShopifyCsv::open(Input::Files(vec![path]), settings()).unwrap()
}

/// All raw records and failures of a kind, in order.
pub(crate) fn walk(source: &ShopifyCsv, kind: Kind) -> (Vec<RawRecord>, Vec<RawFailure>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut records, mut failures) = (Vec::new(), Vec::new());
        let mut cursor: Option<String> = None;
        loop {
            let page = source.page(kind, cursor.as_deref()).await.unwrap();
            records.extend(page.records);
            failures.extend(page.failures);
            match page.next {
                Some(next) if cursor.as_ref() == Some(&next) => panic!("the walk stands still"),
                Some(next) => cursor = Some(next),
                None => return (records, failures),
            }
        }
    })
}

/// All records of a kind, read.
pub(crate) fn read(source: &ShopifyCsv, kind: Kind) -> Vec<Result<Record, Unreadable>> {
    let map = source.read_map();
    walk(source, kind).0.iter().map(|raw| map.read(raw)).collect()
}

/// The one error that an input gives.
pub(crate) fn input_error(
    result: cartage_connectors::Result<ShopifyCsv>,
) -> (&'static str, String) {
    match result {
        Err(cartage_connectors::Error::Input { reason, message }) => (reason, message),
        other => panic!("{other:?}"),
    }
}
