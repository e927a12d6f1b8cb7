//! Broken files: the record that is broken is a failure, the others are read.

use cartage_connectors::{
    Error, Source,
    shopify::{Input, ShopifyCsv},
};
use cartage_model::Kind;

use crate::support::{folder, input_error, open, read, settings, walk};

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Variant Price\n";

/// The ids that are read and the failures with their reasons, of a product file behind [`HEADER`].
fn outcome(rows: &[u8]) -> (Vec<String>, Vec<(String, String)>) {
    let bytes = [HEADER.as_bytes(), rows].concat();
    let folder = folder(&[("p.csv", &bytes)]);
    let (records, failures) = walk(&open(folder.path()).unwrap(), Kind::Product);
    let ids = records.into_iter().map(|record| record.source_id).collect();
    let failures =
        failures.into_iter().map(|failure| (failure.source_id, failure.cause.reason)).collect();
    (ids, failures)
}

fn check(rows: &[u8], ids: &[&str], failures: &[(&str, &str)]) {
    let (found_ids, found_failures) = outcome(rows);
    assert_eq!(found_ids, ids);
    let failures: Vec<(String, String)> =
        failures.iter().map(|(id, reason)| (id.to_string(), reason.to_string())).collect();
    assert_eq!(found_failures, failures);
}

#[test]
fn invalid_utf_8_costs_its_record_with_all_its_rows() {
    check(
        b"a,A,,,1\nb,B,,,2\nb,,x\xFFy,,3\nb,,,,4\nc,C,,,5\n",
        &["a", "c"],
        &[("b", "TEXT_ENCODING_INVALID")],
    );
}

#[test]
fn a_row_with_too_many_or_too_few_cells_costs_its_record() {
    check(
        b"a,A,,,1\nb,B,,2\nc,C,,,3\nc,,,,3,4\nd,D,,,5\n",
        &["a", "d"],
        &[("b", "CSV_MALFORMED"), ("c", "CSV_MALFORMED")],
    );
}

#[test]
fn a_quote_that_never_closes_does_not_swallow_what_follows() {
    check(
        b"a,A,\"open,,1\nb,B,\"fine, it is\",,2\nc,C,,,3\n",
        &["b", "c"],
        &[("a", "CSV_MALFORMED")],
    );
    check(b"a,A,\"open,,1\nb,B,,,2\nc,C,,,3\n", &["b", "c"], &[("a", "CSV_MALFORMED")]);
    // The quote closes by chance where a cell ends, so that only the number of cells tells.
    check(b"a,A,\"open,,1\nb,\"B\",,,2\nc,C,,,3\n", &["b", "c"], &[("a", "CSV_MALFORMED")]);
}

#[test]
fn a_file_made_of_open_quotes_is_refused_before_it_costs_its_square() {
    // Each first line opens a quote that no other closes; each second is whole.
    let rows = "a\",b,c,d,\"e\nx,X,,,1\n".repeat(200);
    let folder = folder(&[("p.csv", format!("{HEADER}{rows}").as_bytes())]);
    let mut settings = settings();
    settings.limits.reread_bytes_max = 100_000;
    let source = ShopifyCsv::open(Input::Folder(folder.path().to_owned()), settings).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(source.page(Kind::Product, None)).unwrap_err();
    assert!(matches!(error, Error::Input { reason: "CSV_MALFORMED", .. }), "{error}");
}

#[test]
fn a_file_that_breaks_off_costs_its_last_record_only() {
    check(b"a,A,,,1\nb,B,\"<p>one\ntwo</p>\nthr", &["a"], &[("b", "CSV_MALFORMED")]);
    check(b"a,A,,,1\nb,B,", &["a"], &[("b", "CSV_MALFORMED")]);
}

#[test]
fn a_cell_of_50_mb_is_read_over_and_costs_its_record() {
    let mut rows = b"a,A,,,1\nb,B,\"".to_vec();
    rows.resize(rows.len() + 50_000_000, b'x');
    rows.extend_from_slice(b"\",,2\nc,C,,,3\n");
    check(&rows, &["a", "c"], &[("b", "CELL_TOO_LARGE")]);
}

#[test]
fn rows_of_a_handle_that_come_apart_are_not_lost() {
    check(b"a,A,,,1\nb,B,,,2\na,,,,3\n", &["a", "b"], &[("a (p.csv:4)", "RECORD_SPLIT")]);
    check(b"a,A,,,1\n,,x,,\nb,B,,,2\n", &["a", "p.csv:3", "b"], &[]);
}

#[test]
fn a_misspelt_column_is_named_with_its_file_and_the_likely_heading() {
    let folder = folder(&[("p.csv", b"Handel,Title,Body (HTML),Vendor,Variant Price\na,A,,,1\n")]);
    let (reason, message) = input_error(open(folder.path()));
    assert_eq!(reason, "CSV_COLUMN_MISSING");
    for text in ["p.csv", "Handle", "Handel"] {
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn other_encodings_and_other_files_are_told_apart() {
    let utf_16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain(HEADER.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (bytes, expected) in [
        (utf_16.as_slice(), "TEXT_ENCODING_INVALID"),
        (b"when,what\n1,2\n", "CSV_COLUMN_UNKNOWN"),
        (b"", "SOURCE_FILE_MISSING"),
    ] {
        let folder = folder(&[("p.csv", bytes)]);
        assert_eq!(input_error(open(folder.path())).0, expected);
    }
}

#[test]
fn semicolons_tabs_and_byte_order_marks_are_read() {
    for (delimiter, mark) in [(";", ""), ("\t", "\u{feff}")] {
        let text = format!("{mark}{HEADER}a,A,\"x, y\",,1\n");
        let text = text.replace("\"x, y\"", "X").replace(',', delimiter);
        let folder = folder(&[("p.csv", text.as_bytes())]);
        let records = read(&open(folder.path()).unwrap(), Kind::Product);
        assert!(records[0].is_ok());
    }
}

#[test]
fn customers_without_an_id_are_known_by_e_mail_and_none_is_lost() {
    let text = "First Name,Last Name,Email,Company,Tags\n\
        A,A,a@x.de,,vip\nA,A, A@X.de,,\"vip, b2b\"\nB,B,,,\n";
    let folder = folder(&[("c.csv", text.as_bytes())]);
    let source = open(folder.path()).unwrap();
    let (records, failures) = walk(&source, Kind::Customer);
    let ids: Vec<_> = records.iter().map(|record| record.source_id.as_str()).collect();
    assert_eq!(ids, ["a@x.de", "a@x.de (c.csv:3)", "c.csv:4"]);
    assert_eq!(failures, []);
    let groups: Vec<_> =
        walk(&source, Kind::CustomerGroup).0.into_iter().map(|group| group.source_id).collect();
    assert_eq!(groups, ["vip", "b2b"]);
}

#[test]
fn the_check_names_files_columns_and_what_is_broken() {
    let folder = folder(&[
        ("p.csv", format!("{},Mood\na,A,,,1,good\nb,B\n", HEADER.trim_end()).as_bytes()),
        ("notes.txt", b"nothing of interest"),
    ]);
    let source: ShopifyCsv = open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let check = runtime.block_on(source.check()).unwrap();
    assert!(check.passed());
    let text: String = check.items.iter().map(|item| item.message.as_str()).collect();
    for part in ["2 products", "6 columns", "Mood", "1 cannot be read", "notes.txt"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
