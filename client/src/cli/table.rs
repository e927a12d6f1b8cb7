//! Aligned tables of documents.

use serde_json::Value;

use super::output::cell;

/// A column: its title, and where its value stands in the document, such as `/scope/kinds`.
pub(crate) type Column = (&'static str, &'static str);

/// What enum values begin with, and people need not read.
const PREFIXES: &[&str] = &[
    "RECORD_KIND_",
    "OUTCOME_",
    "EFFECT_",
    "SEVERITY_",
    "RUN_KIND_",
    "TYPE_",
    "CONNECTION_ROLE_",
    "ACTION_",
    "PHASE_",
];

/// Wider cells are cut, but in the last column.
const WIDTH_MAX: usize = 70;

/// The lines of a table, the titles first.
pub(crate) fn lines(columns: &[Column], rows: &[Value]) -> Vec<String> {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let mut cells: Vec<Vec<String>> = vec![titles];
    cells.extend(rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect()));
    let last = columns.len().saturating_sub(1);
    for row in &mut cells {
        for cell in row.iter_mut().take(last) {
            cut(cell);
        }
    }
    let width = |at: usize| {
        cells.iter().filter_map(|row| row.get(at)).map(|cell| length(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    cells.iter().map(|row| join(row, &widths)).collect()
}

fn join(row: &[String], widths: &[usize]) -> String {
    let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn value(row: &Value, (_, pointer): &Column) -> String {
    let found = row.pointer(pointer).unwrap_or(&Value::Null);
    match found {
        Value::Array(items) => {
            items.iter().map(|item| short(&cell(item))).collect::<Vec<_>>().join(",")
        }
        other => short(&cell(other)),
    }
}

fn short(text: &str) -> String {
    PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text).to_owned()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(cell: &mut String) {
    if length(cell) > WIDTH_MAX {
        *cell = cell.chars().take(WIDTH_MAX - 1).chain(['…']).collect();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [
            json!({"name": "Bücher", "kind": "RECORD_KIND_PRODUCT", "in": {"count": "7"}}),
            json!({"name": "x".repeat(80), "kinds": ["RECORD_KIND_ORDER"]}),
        ];
        let columns = [("NAME", "/name"), ("KIND", "/kind"), ("COUNT", "/in/count")];
        let lines = lines(&columns, &rows);
        assert_eq!(lines[0].find("KIND"), Some(72));
        assert_eq!(lines[1].chars().position(|c| c == 'P'), Some(72));
        assert!(lines[1].ends_with("PRODUCT  7"));
        assert!(lines[2].ends_with('…'));
    }
}
