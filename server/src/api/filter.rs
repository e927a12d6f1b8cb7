//! Filters of lists: `field = value` joined by `AND`, over a list of allowed fields.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result, Violation},
    reason::Reason,
};

/// The longest filter in bytes.
const BYTES_MAX: usize = 2_048;

/// Reads a filter: field to value, in lower case for enum words.
///
/// # Errors
/// `FILTER_INVALID` with the position in characters.
pub fn parse(text: &str, fields: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    if text.trim().is_empty() {
        return Ok(found);
    }
    if text.len() > BYTES_MAX {
        return Err(invalid(0, "TOO_COMPLEX", "The filter is too long."));
    }
    let tokens = tokens(text)?;
    for (number, term) in tokens.split(|(_, token)| *token == Token::And).enumerate() {
        let position = term.first().map_or(text.chars().count(), |(position, _)| *position);
        let [(_, Token::Word(field)), (_, Token::Equals), (_, Token::Word(value))] = term else {
            return Err(invalid(position, "SYNTAX", "A term is: field = value."));
        };
        if number >= fields.len() {
            return Err(invalid(position, "TOO_COMPLEX", "The filter has too many terms."));
        }
        if !fields.contains(&field.as_str()) {
            let message =
                format!("{field} is no field of this list; those are {}.", fields.join(", "));
            return Err(invalid(position, "UNKNOWN_FIELD", message));
        }
        if found.insert(field.clone(), value.clone()).is_some() {
            return Err(invalid(position, "SYNTAX", format!("{field} stands twice.")));
        }
    }
    Ok(found)
}

/// The value of an enum field in the words of the tables: lower case, without prefix.
pub fn word(filter: &BTreeMap<String, String>, field: &str) -> String {
    filter.get(field).map(|value| value.to_ascii_lowercase()).unwrap_or_default()
}

/// The value of a field that is true or false; none when it is not named.
///
/// # Errors
/// `FILTER_INVALID` for another word.
pub fn boolean(filter: &BTreeMap<String, String>, field: &str) -> Result<Option<bool>> {
    match filter.get(field).map(String::as_str) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => {
            Err(invalid(0, "TYPE_MISMATCH", format!("{field} is true or false, not {other}.")))
        }
    }
}

/// The value of a text field as it was written.
pub fn text(filter: &BTreeMap<String, String>, field: &str) -> String {
    filter.get(field).cloned().unwrap_or_default()
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Equals,
    And,
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().enumerate().peekable();
    while let Some((position, character)) = characters.next() {
        match character {
            _ if character.is_whitespace() => {}
            '=' => tokens.push((position, Token::Equals)),
            '"' => {
                let mut word = String::new();
                loop {
                    match characters.next() {
                        Some((_, '"')) => break,
                        Some((_, '\\')) => word.extend(characters.next().map(|(_, next)| next)),
                        Some((_, other)) => word.push(other),
                        None => return Err(invalid(position, "SYNTAX", "A quote is not closed.")),
                    }
                }
                tokens.push((position, Token::Word(word)));
            }
            _ => {
                let mut word = String::from(character);
                while let Some((_, next)) = characters
                    .next_if(|(_, next)| !next.is_whitespace() && *next != '=' && *next != '"')
                {
                    word.push(next);
                }
                tokens.push((position, if word == "AND" { Token::And } else { Token::Word(word) }));
            }
        }
    }
    Ok(tokens)
}

fn invalid(position: usize, reason: &'static str, message: impl Into<String>) -> Error {
    let message = message.into();
    let mut error =
        Error::new(Reason::FilterInvalid, message.clone()).with("position", position.to_string());
    error.violations.push(Violation { field: "filter".to_owned(), reason, description: message });
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_and_everything_else_is_refused_with_its_place() {
        let fields = ["kind", "outcome", "source_id"];
        let filter = parse(r#"kind = ORDER AND source_id="a \"b\"""#, &fields).unwrap();
        assert_eq!(word(&filter, "kind"), "order");
        assert_eq!(text(&filter, "source_id"), "a \"b\"");
        assert!(parse("  ", &fields).unwrap().is_empty());
        for (bad, position, reason) in [
            ("kind", "0", "SYNTAX"),
            ("kind = ORDER AND", "16", "SYNTAX"),
            ("kind = ORDER OR outcome = X", "0", "SYNTAX"),
            ("nothing = x", "0", "UNKNOWN_FIELD"),
            ("kind = a AND kind = b", "13", "SYNTAX"),
            ("kind = \"a", "7", "SYNTAX"),
        ] {
            let error = parse(bad, &fields).unwrap_err();
            assert_eq!(error.metadata[0].1, position, "{bad}");
            assert_eq!(error.violations[0].reason, reason, "{bad}");
        }
    }
}
