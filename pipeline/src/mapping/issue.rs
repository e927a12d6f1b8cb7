//! What is wrong with a mapping, said so that its author can put it right.

use std::collections::BTreeSet;

use cartage_model::Kind;
use serde::Serialize;

/// The reasons of [`Issue`]s and of records that a mapping fails on; part of the API.
pub mod reason {
    /// A path names no field of the target or of the canonical record.
    pub const FIELD_UNKNOWN: &str = "MAPPING_FIELD_UNKNOWN";
    /// An expression or predicate does not compile, or does what is not allowed.
    pub const EXPRESSION_INVALID: &str = "MAPPING_EXPRESSION_INVALID";
    /// A template has unbalanced braces or a bad path.
    pub const TEMPLATE_INVALID: &str = "MAPPING_TEMPLATE_INVALID";
    /// The lists of a rule do not fit together.
    pub const LIST_MISMATCH: &str = "MAPPING_LIST_MISMATCH";
    /// No rule fills a field that the target requires.
    pub const REQUIRED_FIELD_MISSING: &str = "MAPPING_REQUIRED_FIELD_MISSING";
    /// A path is not of the form `a.b[].c`.
    pub const PATH_INVALID: &str = "MAPPING_PATH_INVALID";
    /// A mapping, expression, template or path is larger than allowed.
    pub const LIMIT_EXCEEDED: &str = "MAPPING_LIMIT_EXCEEDED";
    /// The target does not take records of the kind.
    pub const KIND_UNSUPPORTED: &str = "MAPPING_KIND_UNSUPPORTED";
    /// An exclusion has no name, or the name of another one of its kind.
    pub const EXCLUSION_NAME_INVALID: &str = "MAPPING_EXCLUSION_NAME_INVALID";
    /// On a record: a text is not in the value map, and the map has no default.
    pub const VALUE_UNMAPPED: &str = "MAPPING_VALUE_UNMAPPED";
    /// On a record: the expression failed.
    pub const EXPRESSION_FAILED: &str = "MAPPING_EXPRESSION_FAILED";
    /// On a record: the value is too large, or the expression worked too long.
    pub const VALUE_TOO_LARGE: &str = "MAPPING_VALUE_TOO_LARGE";
}

/// One thing that is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The index in `rules`; none when it is not about a rule.
    pub rule_index: Option<usize>,
    /// The index in `exclusions`; none when it is not about an exclusion.
    pub exclusion_index: Option<usize>,
    /// The kind of record; none when it is about the mapping as a whole.
    pub kind: Option<Kind>,
    /// The target field; for an exclusion its name.
    pub target_field: String,
    /// One of [`reason`].
    pub reason: &'static str,
    /// What is wrong, as a sentence.
    pub message: String,
    /// Line and column in the expression or template, both from 1.
    pub position: Option<(u32, u32)>,
    /// The nearest name that is known.
    pub suggestion: Option<String>,
}

/// The known name nearest to a wrong one, if one is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let wrong: Vec<char> = wrong.chars().collect();
    let tail = wrong.rsplit(|&letter| letter == '.').next().unwrap_or_default();
    let limit = ((wrong.len() + 1) / 3).max(1);
    known
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|name| {
            let letters: Vec<char> = name.chars().collect();
            // The same last name at another place is a better guess than a similar text.
            let same_tail = letters.rsplit(|&letter| letter == '.').next() == Some(tail);
            let distance = distance(&wrong, &letters);
            (distance <= limit || same_tail)
                .then_some((if same_tail { distance / 2 } else { distance }, name))
        })
        .min()
        .map(|(_, name)| name.to_owned())
}

/// How many letters must be put in, taken out or replaced to make one text of the other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other) {
            let next = (diagonal + usize::from(a != b)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = next;
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let known = ["title", "handle", "variants[].sku", "metadata.*"];
        let check = |wrong: &str, expected: Option<&str>| {
            assert_eq!(nearest(wrong, known.into_iter()).as_deref(), expected, "{wrong}");
        };
        check("titel", Some("title"));
        check("sku", Some("variants[].sku"));
        check("variants[].skuu", Some("variants[].sku"));
        check("completely_different", None);
    }

    #[test]
    fn distance_counts_single_edits() {
        let check = |a: &str, b: &str, expected| {
            let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
            assert_eq!(distance(&a, &b), expected);
        };
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("same", "same", 0);
    }
}
