//! Pages cover every record once, whatever their size.

use std::fmt::Write;

use cartage_connectors::{
    Error, Source,
    shopify::{Input, Settings, ShopifyCsv},
};
use cartage_model::Kind;
use proptest::prelude::*;

use crate::support::{folder, settings, walk};

/// Products as rows: how many rows each has, and which of them holds a line break.
fn products(shape: &[(usize, bool)], first: usize) -> String {
    let mut text =
        String::from("Handle,Title,Body (HTML),Vendor,Product Category,Variant Price\r\n");
    for (place, (rows, breaks)) in shape.iter().enumerate() {
        let handle = format!("p{}", first + place);
        let body = if *breaks { "\"a \"\"b\"\"\r\n,c\n\"" } else { "d" };
        write!(text, "{handle},Title,{body},v,A > B{place} > C,1\r\n").unwrap();
        for row in 1..*rows {
            write!(text, "{handle},,,,,{row}\r\n\r\n").unwrap();
        }
    }
    text
}

fn source(path: &std::path::Path, page_records_max: usize, page_size_bytes_max: u64) -> ShopifyCsv {
    let mut limits = settings().limits;
    limits.page_records_max = page_records_max;
    limits.page_size_bytes_max = page_size_bytes_max;
    ShopifyCsv::open(Input::Folder(path.to_owned()), Settings { limits, ..settings() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_record_comes_once_for_any_page_size(
        shape in prop::collection::vec((1_usize..4, any::<bool>()), 0..20),
        more in prop::collection::vec((1_usize..4, any::<bool>()), 0..20),
        page_records_max in 1_usize..25,
        page_size_bytes_max in 1_u64..200,
    ) {
        let folder = folder(&[
            ("products_1.csv", products(&shape, 0).as_bytes()),
            ("products_2.csv", products(&more, shape.len()).as_bytes()),
        ]);
        let whole = source(folder.path(), 500, u64::MAX);
        let pieces = source(folder.path(), page_records_max, page_size_bytes_max);
        let expected: Vec<String> =
            (0..shape.len() + more.len()).map(|place| format!("p{place}")).collect();
        let (records, failures) = walk(&pieces, Kind::Product);
        let ids: Vec<String> = records.iter().map(|record| record.source_id.clone()).collect();
        prop_assert_eq!(ids, expected);
        prop_assert!(failures.is_empty());
        prop_assert_eq!(&records, &walk(&whole, Kind::Product).0);
        let categories = walk(&pieces, Kind::Category).0;
        prop_assert_eq!(&categories, &walk(&whole, Kind::Category).0);
        for (place, category) in categories.iter().enumerate() {
            let parent = category.source_id.rsplit_once(" > ").map(|(parent, _)| parent);
            let before = |id| categories[..place].iter().any(|other| other.source_id == id);
            prop_assert!(parent.is_none_or(before));
        }
    }
}

#[tokio::test]
async fn files_that_change_while_they_are_read_are_not_read_on() {
    let text = products(&[(1, false); 6], 0);
    let reason = async |change: &dyn Fn(&std::path::Path)| {
        let folder = folder(&[("products.csv", text.as_bytes())]);
        let source = source(folder.path(), 2, u64::MAX);
        let page = source.page(Kind::Product, None).await.unwrap();
        assert_eq!(page.records.len(), 2);
        change(&folder.path().join("products.csv"));
        match source.page(Kind::Product, page.next.as_deref()).await {
            Ok(_) => None,
            Err(Error::Input { reason, .. }) => Some(reason),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(reason(&|_| {}).await, None);
    let touch = |path: &std::path::Path| {
        std::fs::write(path, text.replace("p5", "p9")).unwrap();
    };
    let changes: [&dyn Fn(&std::path::Path); 4] = [
        // Of the same length.
        &touch,
        &|path| std::fs::write(path, &text.as_bytes()[..text.len() / 2]).unwrap(),
        &|path| std::fs::remove_file(path).unwrap(),
        &|path| {
            let other = path.with_extension("new");
            std::fs::write(&other, &text).unwrap();
            std::fs::rename(other, path).unwrap();
        },
    ];
    for change in changes {
        assert_eq!(reason(change).await, Some("SOURCE_CHANGED"));
    }
}
