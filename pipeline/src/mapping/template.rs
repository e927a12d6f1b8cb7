//! Templates: text with paths in double braces. Nothing else: no conditions, no functions.

use serde_json::Value;

use super::path::Path;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it is.
    Text(String),
    /// What stands at a path.
    Path(String, Path),
}

/// What is wrong with a template, and where (line and column from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: &'static str,
    pub(super) position: (u32, u32),
}

/// Takes a template apart.
pub(super) fn parse(template: &str) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once("{{") {
        let fault = |message| Fault {
            message,
            position: position(template, template.len().saturating_sub(behind.len() + 2)),
        };
        if text.contains("}}") {
            return Err(fault("}} stands before its {{"));
        }
        let (name, behind_name) =
            behind.split_once("}}").ok_or_else(|| fault("{{ is not closed by }}"))?;
        let name = name.trim();
        let path = Path::parse(name).map_err(fault)?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Path(name.to_owned(), path));
        rest = behind_name;
    }
    if rest.contains("}}") {
        let at = template.len().saturating_sub(rest.len()) + rest.find("}}").unwrap_or_default();
        return Err(Fault { message: "}} has no {{", position: position(template, at) });
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// Line and column (from 1, in characters) of a byte of a text.
pub(super) fn position(text: &str, byte: usize) -> (u32, u32) {
    let before = text.char_indices().take_while(|(at, _)| *at < byte).map(|(_, letter)| letter);
    before.fold((1, 1), |(line, column): (u32, u32), letter| {
        if letter == '\n' { (line.saturating_add(1), 1) } else { (line, column.saturating_add(1)) }
    })
}

/// Appends a value as text: numbers and truth values as JSON writes them, lists joined by commas,
/// nothing for null and for structures.
pub(super) fn append(text: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Object(_) => {}
        Value::String(inner) => text.push_str(inner),
        Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                append(text, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_where_they_are() {
        let check = |template: &str, position| {
            assert_eq!(parse(template).unwrap_err().position, position, "{template}");
        };
        check("a {{ b", (1, 3));
        check("ä\n {{ b }} }}", (2, 10));
        check("{{ a..b }}", (1, 1));
        check("{{ }}", (1, 1));
        check("x }} {{ a }}", (1, 6));
    }

    #[test]
    fn braces_need_not_have_spaces() {
        assert_eq!(parse("{{a}}-{{ a }}").unwrap().len(), 3);
    }
}
