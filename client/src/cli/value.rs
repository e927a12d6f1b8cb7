//! Values of arguments: kinds of records, files, and lists of accepted ids.

use std::path::{Path, PathBuf};

use cartage_client::{
    json,
    road::Acknowledge,
    v1::{self, RecordKind},
};

use super::Failure;

/// Reads a kind: `product`, `customer-group`, `RECORD_KIND_ORDER`.
pub(crate) fn kind(text: &str) -> Result<RecordKind, String> {
    let word = text.to_ascii_uppercase().replace('-', "_");
    let word = word.strip_prefix("RECORD_KIND_").unwrap_or(&word);
    RecordKind::from_str_name(&format!("RECORD_KIND_{word}"))
        .filter(|kind| *kind != RecordKind::Unspecified)
        .ok_or_else(|| {
            "not a kind of record; such are product, category, collection, customer, order"
                .to_owned()
        })
}

/// The kinds as numbers of the enum.
pub(crate) fn kinds(kinds: &[RecordKind]) -> Vec<i32> {
    kinds.iter().copied().map(i32::from).collect()
}

/// A scope of these kinds; none when there are none.
pub(crate) fn scope(of: &[RecordKind]) -> Option<v1::Scope> {
    (!of.is_empty()).then(|| v1::Scope { kinds: kinds(of), filters: Vec::new() })
}

/// The rules of a mapping from a JSON file; `-` is standard input.
pub(crate) fn mapping_content(path: &Path) -> Result<v1::MappingContent, Failure> {
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    Ok(json::from_str(&text.map_err(|error| Failure::file(path, error))?)?)
}

/// The same, where the file is optional.
pub(crate) fn optional_content(
    path: Option<&PathBuf>,
) -> Result<Option<v1::MappingContent>, Failure> {
    path.map(|path| mapping_content(path)).transpose()
}

/// Ids that are accepted; the word `all` stands for all.
pub(crate) fn acknowledge(ids: &[String]) -> Acknowledge {
    match ids.iter().any(|id| id == "all") {
        true => Acknowledge::All,
        false => Acknowledge::Only(ids.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_in_every_spelling() {
        let table = [
            ("product", Ok(RecordKind::Product)),
            ("customer-group", Ok(RecordKind::CustomerGroup)),
            ("RECORD_KIND_ORDER", Ok(RecordKind::Order)),
            ("unspecified", Err(())),
            ("prodct", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text).map_err(|_| ()), expected, "{text}");
        }
    }
}
