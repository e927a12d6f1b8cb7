//! Prints documents: as JSON for programs, as indented text for people.

use std::io::{self, Write as _};

use cartage_client::json::{self, Document};
use serde_json::Value;

use super::Failure;

/// How to print.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints the one result of a command.
    pub(crate) fn document<M: Document>(self, message: &M) -> Result<(), Failure> {
        let value = json::to_value(message)?;
        match self.json {
            true => line(&format!("{value:#}")),
            false => line(text(&value).trim_end()),
        }
    }

    /// Prints that something was done of which the service says nothing back: a document, or a
    /// sentence for people.
    pub(crate) fn done(self, document: &Value, sentence: &str) -> Result<(), Failure> {
        if self.json { line(&format!("{document:#}")) } else { line(sentence) }
    }

    /// Prints one of many: as a line of JSON.
    pub(crate) fn json_line<M: Document>(self, message: &M) -> Result<(), Failure> {
        line(&json::to_value(message)?.to_string())
    }
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Indented text, keys aligned.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0);
    out
}

fn write_value(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            let width = fields.keys().map(|key| key.chars().count()).max().unwrap_or(0);
            for (key, value) in fields {
                match simple(value) {
                    Some(text) => out.push_str(&format!("{indent}{key:width$}  {text}\n")),
                    None => {
                        out.push_str(&format!("{indent}{key}\n"));
                        write_value(out, value, depth + 1);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match simple(item) {
                    Some(text) => out.push_str(&format!("{indent}- {text}\n")),
                    None => {
                        out.push_str(&format!("{indent}-\n"));
                        write_value(out, item, depth + 1);
                    }
                }
            }
        }
        other => out.push_str(&format!("{indent}{}\n", cell(other))),
    }
}

/// What fits on one line: a value, a short list of values, or a small flat object.
fn simple(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let flat = fields.len() <= 6 && fields.values().all(is_scalar);
            let parts = fields.iter().map(|(key, value)| format!("{key}={}", cell(value)));
            let text = flat.then(|| parts.collect::<Vec<_>>().join("  "))?;
            (text.chars().count() <= 100).then_some(text)
        }
        Value::Array(items) => {
            let flat = items.iter().all(is_scalar);
            let text = flat.then(|| items.iter().map(cell).collect::<Vec<_>>().join(", "))?;
            (text.chars().count() <= 100).then_some(text)
        }
        scalar => Some(cell(scalar)),
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// A value as people read it, on one line and without what steers a terminal.
pub(crate) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_aligned_and_indented() {
        let value = json!({
            "name": "a\u{1b}b", "state": "ACTIVE", "kinds": ["X", "Y"],
            "checks": [{"id": "reachable", "result": "PASSED"}, {"deep": {"x": [1, {"y": 2}]}}],
        });
        let expected = "\
name    a b
state   ACTIVE
kinds   X, Y
checks
  - id=reachable  result=PASSED
  -
    deep
      x
        - 1
        - y=2
";
        assert_eq!(text(&value), expected);
    }
}
