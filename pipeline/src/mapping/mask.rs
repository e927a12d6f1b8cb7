//! Masking: test runs and previews work with people who do not exist. A keyed hash decides what
//! stands for a text, so that the same customer is the same one in every record and every run.
//!
//! What is kept: towns, provinces and countries (taxes and shipping are tried out by them), the
//! first half of postal codes, numbers, truth values, instants and amounts with a decimal point.
//! E-mail addresses are replaced wherever they stand, in fields that are not personal too.

use cartage_model::{FieldSpec, Kind, Mapped};
use serde_json::Value;

use super::{
    mask_text::{Manner, is_email, replace, scrub},
    schema::{is_below, spec_of},
};

/// Replaces personal values by invented ones.
pub struct Mask {
    key: [u8; 32],
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// A mask that is the same for the same secret.
    pub fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key("cartage 2026 masking of personal data", secret) }
    }

    /// Masks the personal fields of a record in a target's fields, and what its changes quote.
    /// The source id stays: the ledger needs it.
    pub fn mask(&self, specs: &[FieldSpec], mapped: &mut Mapped) {
        let personal = |path: &str| spec_of(specs, path).is_some_and(|spec| spec.personal);
        for (name, value) in &mut mapped.fields {
            self.walk(name, value, &personal);
        }
        for change in &mut mapped.changes {
            let path = without_indices(&change.field);
            self.walk(&path, &mut change.before, &personal);
            self.walk(&path, &mut change.after, &personal);
            if let Some(why) = scrub(&change.why, |email| self.email(email)) {
                change.why = why;
            }
        }
    }

    /// Masks a canonical record, given as the JSON of [`cartage_model::Record`].
    pub fn mask_document(&self, kind: Kind, document: &mut Value) {
        let paths = personal_paths(kind);
        // What the source says of a person's children and the model does not know may be anything.
        let is_unknown =
            |path: &str| !paths.is_empty() && path.split('.').any(|part| part == "unknown");
        let personal = |path: &str| {
            is_unknown(path) || paths.iter().any(|above| path == *above || is_below(path, above))
        };
        if let Value::Object(fields) = document {
            for (name, value) in fields {
                self.walk(name, value, &personal);
            }
        }
    }

    /// What stands for an e-mail address: the same for any case and blanks around it.
    pub fn email(&self, email: &str) -> String {
        self.replace(Manner::Email, email)
    }

    /// A text with every e-mail address in it replaced.
    pub fn in_text(&self, text: String) -> String {
        scrub(&text, |email| self.email(email)).unwrap_or(text)
    }

    fn walk(&self, path: &str, value: &mut Value, personal: &dyn Fn(&str) -> bool) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    self.walk(&format!("{path}.{name}"), inner, personal);
                }
            }
            Value::Array(list) => {
                for inner in list {
                    match inner {
                        Value::Object(_) => self.walk(&format!("{path}[]"), inner, personal),
                        // A list of plain values is described by the list's own path too.
                        other => self.walk(path, other, personal),
                    }
                }
            }
            Value::String(text) if !text.is_empty() => {
                if personal(path) || personal(&format!("{path}[]")) {
                    *text = self.text(path, text);
                } else if let Some(clean) = scrub(text, |email| self.email(email)) {
                    *text = clean;
                }
            }
            _ => {}
        }
    }

    fn text(&self, path: &str, text: &str) -> String {
        match Manner::of(path) {
            Manner::Text if is_email(text) => self.email(text),
            Manner::Text if is_plain(text) => text.to_owned(),
            Manner::Keep => {
                scrub(text, |email| self.email(email)).unwrap_or_else(|| text.to_owned())
            }
            manner => self.replace(manner, text),
        }
    }

    fn replace(&self, manner: Manner, text: &str) -> String {
        let normal = text.trim().to_lowercase();
        replace(manner, text, &blake3::keyed_hash(&self.key, normal.as_bytes()))
    }
}

/// Instants, amounts with a point, and truth values tell nothing of a person.
fn is_plain(text: &str) -> bool {
    let amount = text.contains('.') && text.parse::<rust_decimal::Decimal>().is_ok();
    amount || matches!(text, "true" | "false") || chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// A path with `[]` for every index.
pub(crate) fn without_indices(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|&letter| {
            inside = match letter {
                '[' => true,
                ']' => false,
                _ => inside,
            };
            !inside || letter == '['
        })
        .collect()
}

/// The canonical fields that hold personal data, with all below them.
fn personal_paths(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Customer => &[
            "email",
            "first_name",
            "last_name",
            "name_prefix",
            "middle_name",
            "name_suffix",
            "phone",
            "company",
            "born_on",
            "gender",
            "addresses",
            "consents[].network_address",
            "consents[].text",
            "tax_ids[].value",
            "store_credits[].history[].actor",
            "store_credits[].history[].comment",
            "password_hash",
            "note",
            "custom_fields[].value",
            "unknown",
        ],
        Kind::Order => &[
            "email",
            "phone",
            "billing_address",
            "shipping_address",
            "network_address",
            "purchase_order_number",
            "tax_ids[].value",
            "notes[].text",
            "notes[].author",
            "history[].comment",
            "history[].actor",
            "payments[].reference",
            "fulfilments[].tracking_numbers",
            "fulfilments[].tracking_urls",
            "fulfilments[].address",
            "invoices[].url",
            "lines[].downloads[].url",
            "lines[].properties[].value",
            "custom_fields[].value",
            "unknown",
        ],
        Kind::Company => &[
            "title",
            "email",
            "tax_ids[].value",
            "addresses",
            "members[].job_title",
            "note",
            "custom_fields[].value",
            "unknown",
        ],
        Kind::Review => &["author", "email", "custom_fields[].value", "unknown"],
        Kind::GiftCard => &[
            "code",
            "code_end",
            "sender_name",
            "sender_email",
            "recipient_name",
            "recipient_email",
            "message",
            "note",
            "history[].actor",
            "history[].comment",
            "unknown",
        ],
        Kind::Post => &["comments[].author", "comments[].email", "comments[].body", "unknown"],
        Kind::Category
        | Kind::Collection
        | Kind::Product
        | Kind::CustomerGroup
        | Kind::Coupon
        | Kind::Page
        | Kind::Url => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::{catalogue::canonical_fields, examples};
    use super::*;

    /// Names of fields in which a person always stands.
    const PERSONAL: &[&str] = &[
        "email",
        "first_name",
        "middle_name",
        "last_name",
        "full_name",
        "sender_name",
        "recipient_name",
        "sender_email",
        "recipient_email",
        "network_address",
        "line1",
        "password_hash",
    ];

    #[test]
    fn no_field_of_the_model_with_a_person_in_it_is_left_as_it_is() {
        let mask = Mask::new(b"secret");
        for kind in Kind::ALL {
            let Some(record) = examples::of(kind).next() else { continue };
            let mut document = serde_json::to_value(record).unwrap();
            mask.mask_document(kind, &mut document);
            let mut checked = 0;
            for field in canonical_fields(kind) {
                let last = field.path.rsplit('.').next().unwrap_or_default();
                let is_unknown = field.path.ends_with("unknown.*");
                if !PERSONAL.contains(&last) && !is_unknown {
                    continue;
                }
                let of_person = !is_unknown || !personal_paths(kind).is_empty();
                for text in leaves(&document, &field.path) {
                    let is_masked = text != "text" && text != "anything";
                    assert_eq!(is_masked, of_person, "{kind} {}: {text}", field.path);
                    checked += 1;
                }
            }
            assert!(checked > 0 || personal_paths(kind).is_empty(), "{kind}");
        }
    }

    fn leaves(value: &Value, path: &str) -> Vec<String> {
        let Some((first, rest)) = path.split_once('.') else {
            return value
                .get(path)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .into_iter()
                .collect();
        };
        match first.strip_suffix("[]") {
            Some(list) => {
                let items = value.get(list).and_then(Value::as_array).into_iter().flatten();
                items.flat_map(|item| leaves(item, rest)).collect()
            }
            None => value.get(first).map(|inner| leaves(inner, rest)).unwrap_or_default(),
        }
    }
}
