//! Facts: what a merchant would check of a record, as texts by path. The source files and the
//! shop are both brought into this form, by readers that know nothing of each other.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cartage_client::v1::RecordKind;
use rust_decimal::Decimal;
use serde_json::Value;

/// The kinds of records we look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Category,
    Collection,
    Product,
    CustomerGroup,
    Customer,
    Order,
}

impl Kind {
    /// All of them, in the order of loading.
    pub(crate) const ALL: [Self; 6] = [
        Self::Category,
        Self::Collection,
        Self::Product,
        Self::CustomerGroup,
        Self::Customer,
        Self::Order,
    ];

    /// The kind by its name in the API; none for one we do not look at.
    pub(crate) fn of(kind: RecordKind) -> Option<Self> {
        match kind {
            RecordKind::Category => Some(Self::Category),
            RecordKind::Collection => Some(Self::Collection),
            RecordKind::Product => Some(Self::Product),
            RecordKind::CustomerGroup => Some(Self::CustomerGroup),
            RecordKind::Customer => Some(Self::Customer),
            RecordKind::Order => Some(Self::Order),
            _ => None,
        }
    }

    /// Its word, which is also the role of the link to a record's own object.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Collection => "collection",
            Self::Product => "product",
            Self::CustomerGroup => "customer_group",
            Self::Customer => "customer",
            Self::Order => "order",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A record by kind and source id.
pub(crate) type Id = (Kind, String);

/// The facts of many records.
pub(crate) type Records = BTreeMap<Id, Facts>;

/// The facts of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(pub(crate) BTreeMap<String, String>);

impl Facts {
    /// Notes a fact, unless it says nothing.
    pub(crate) fn put(&mut self, path: impl Into<String>, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.insert(path.into(), text);
        }
    }

    /// Notes a fact that may be absent.
    pub(crate) fn put_some(&mut self, path: impl Into<String>, text: Option<String>) {
        self.put(path, text.unwrap_or_default());
    }

    /// Notes an amount.
    pub(crate) fn put_amount(&mut self, path: impl Into<String>, amount: Decimal) {
        self.put(path, plain(amount));
    }

    /// A fact.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// A fact that is an amount; zero where it is absent.
    pub(crate) fn amount(&self, path: &str) -> Decimal {
        self.get(path).and_then(decimal).unwrap_or_default()
    }

    /// Notes all leaves of a JSON value under a path.
    pub(crate) fn put_json(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(said) => self.put(path, said.to_string()),
            Value::Number(number) => self.put(path, amount(&number.to_string())),
            Value::String(text) if is_amount(path) => self.put(path, amount(text)),
            Value::String(text) => self.put(path, text.clone()),
            Value::Array(list) => {
                for (place, entry) in list.iter().enumerate() {
                    self.put_json(&format!("{path}[{place}]"), entry);
                }
            }
            Value::Object(map) => {
                for (name, entry) in map {
                    self.put_json(&format!("{path}.{name}"), entry);
                }
            }
        }
    }
}

/// Whether the texts at a path are numbers, whose zeros behind the point say nothing.
fn is_amount(path: &str) -> bool {
    [".amount", ".rate_percent", ".quantity"].iter().any(|end| path.ends_with(end))
}

/// A number as written.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// A number without needless zeros.
pub(crate) fn plain(amount: Decimal) -> String {
    if amount.is_zero() { "0".to_owned() } else { amount.normalize().to_string() }
}

/// A text that is a number without needless zeros; another as it is.
pub(crate) fn amount(text: &str) -> String {
    decimal(text).map_or_else(|| text.to_owned(), plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_becomes_facts_by_path() {
        let mut facts = Facts::default();
        facts.put_json("m", &json!({"a": [{"amount": "1.50"}, null], "b": true, "c": "1.50"}));
        let said: Vec<(&str, &str)> =
            facts.0.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(said, [("m.a[0].amount", "1.5"), ("m.b", "true"), ("m.c", "1.50")]);
    }
}
