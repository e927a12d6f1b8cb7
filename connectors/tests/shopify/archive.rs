//! Archives that nobody vouches for.

use std::{io::Write, path::PathBuf};

use cartage_connectors::shopify::{Input, ShopifyCsv};
use cartage_model::Kind;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::support::{fixture, folder, input_error, open, settings, walk};

fn archive(folder: &tempfile::TempDir, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.path().join("exports.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn open_zip(path: PathBuf) -> cartage_connectors::Result<ShopifyCsv> {
    ShopifyCsv::open(Input::Zip(path), settings())
}

#[test]
fn an_archive_gives_the_same_records_as_its_folder_whichever_way_it_comes() {
    let products = std::fs::read(fixture("products_current.csv")).unwrap();
    let orders = std::fs::read(fixture("orders_current.csv")).unwrap();
    let entries: [(&str, &[u8]); 4] = [
        ("shop/products.csv", &products),
        ("shop/orders.csv", &orders),
        ("__MACOSX/shop/._orders.csv", b"\0\0"),
        ("shop/logo.png", b"\x89PNG"),
    ];
    let temporary = folder(&[]);
    let path = archive(&temporary, &entries);
    let plain = folder(&[]);
    std::fs::create_dir(plain.path().join("shop")).unwrap();
    for (name, bytes) in &entries[..2] {
        std::fs::write(plain.path().join(name), bytes).unwrap();
    }
    let expected = open(plain.path()).unwrap();
    let as_file = ShopifyCsv::open(Input::Files(vec![path.clone()]), settings()).unwrap();
    for source in [open_zip(path).unwrap(), as_file] {
        for kind in [Kind::Product, Kind::Order] {
            let found = walk(&source, kind);
            assert!(!found.0.is_empty());
            assert_eq!(found, walk(&expected, kind));
        }
    }
}

#[test]
fn an_entry_that_leaves_its_folder_refuses_the_archive() {
    for name in ["../evil.csv", "a/../../evil.csv", "/tmp/evil.csv", "..\\evil.csv"] {
        let temporary = folder(&[]);
        let path = archive(&temporary, &[("products.csv", b"Handle"), (name, b"x")]);
        assert_eq!(input_error(open_zip(path)).0, "ARCHIVE_UNSAFE_PATH", "{name}");
        assert!(!temporary.path().join("evil.csv").exists());
    }
}

#[test]
fn a_link_in_an_archive_refuses_it() {
    let temporary = folder(&[]);
    let path = temporary.path().join("exports.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    zip.add_symlink("products.csv", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    assert_eq!(input_error(open_zip(path)).0, "ARCHIVE_UNSAFE_PATH");
}

#[test]
fn an_archive_that_expands_a_thousandfold_is_refused() {
    let temporary = folder(&[]);
    let path = archive(&temporary, &[("products.csv", &vec![b'a'; 20 << 20])]);
    assert!(std::fs::metadata(&path).unwrap().len() * 900 < 20 << 20);
    assert_eq!(input_error(open_zip(path)).0, "ARCHIVE_EXPANSION_TOO_LARGE");
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let temporary = folder(&[("a.zip", b"Handle,Title"), ("b.bin", b"\x7fELF\0\0\0\0")]);
    let (reason, _) = input_error(open_zip(temporary.path().join("a.zip")));
    assert_eq!(reason, "ARCHIVE_INVALID");
    let cut = std::fs::read(archive(&temporary, &[("p.csv", &[b'a'; 5_000])])).unwrap();
    std::fs::write(temporary.path().join("cut.zip"), &cut[..cut.len() / 2]).unwrap();
    for name in ["b.bin", "cut.zip"] {
        let files = Input::Files(vec![temporary.path().join(name)]);
        let (reason, _) = input_error(ShopifyCsv::open(files, settings()));
        assert_eq!(reason, "ARCHIVE_INVALID", "{name}");
    }
}
