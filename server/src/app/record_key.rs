//! By what people ask for records: order numbers, article numbers and e-mail addresses. They are kept
//! as digests; what they are is nobody's business but the shop's.

use cartage_model::Record;

use crate::keys::Keys;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// The number of an order as the customer knows it.
    OrderNumber,
    /// The article number of a variant.
    Sku,
    /// An e-mail address of a customer or an order.
    Email,
}

/// A value of a record, as a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What the value is.
    pub key_type: &'static str,
    /// The digest.
    pub digest: Vec<u8>,
}

impl KeyType {
    /// Its text in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderNumber => "order_number",
            Self::Sku => "sku",
            Self::Email => "email",
        }
    }

    /// The key of a value; none when it says nothing. Values that people take for the same have
    /// the same key: upper and lower case, blanks around, the `#` of an order number.
    pub fn key(self, keys: &Keys, account: &str, value: &str) -> Option<Key> {
        let mut value = value.trim();
        if self == Self::OrderNumber {
            value = value.trim_start_matches('#').trim_start();
        }
        if value.is_empty() {
            return None;
        }
        let key_type = self.as_str();
        let bound_to = format!("{account}\n{key_type}");
        let digest = keys.digest(&value.to_lowercase(), &bound_to).to_vec();
        Some(Key { key_type, digest })
    }
}

/// The keys of a record.
pub fn of_record(keys: &Keys, account: &str, record: &Record) -> Vec<Key> {
    let mut values: Vec<(KeyType, &str)> = Vec::new();
    match record {
        Record::Product(product) => {
            let skus = product.variants.iter().filter_map(|variant| variant.sku.as_deref());
            values.extend(skus.map(|sku| (KeyType::Sku, sku)));
        }
        Record::Customer(customer) => {
            values.extend(customer.email.as_deref().map(|email| (KeyType::Email, email)));
        }
        Record::Order(order) => {
            values.push((KeyType::OrderNumber, &order.number));
            values.extend(order.email.as_deref().map(|email| (KeyType::Email, email)));
        }
        _ => {}
    }
    let mut found: Vec<Key> =
        values.into_iter().filter_map(|(of, value)| of.key(keys, account, value)).collect();
    found.sort_by(|one, other| (one.key_type, &one.digest).cmp(&(other.key_type, &other.digest)));
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_the_same_has_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let key = |of: KeyType, value: &str| of.key(&keys, "acme", value);
        for (of, same, other) in [
            (KeyType::OrderNumber, ["#1001", " 1001", "# 1001"], "1002"),
            (KeyType::Sku, ["ab-1", "AB-1", " Ab-1 "], "#ab-1"),
            (KeyType::Email, ["a@x.de", "A@X.de", "a@x.de "], "b@x.de"),
        ] {
            let [first, second, third] = same.map(|value| key(of, value));
            assert!(first.is_some() && first == second && second == third, "{of:?}");
            assert_ne!(key(of, other), first);
        }
        assert_ne!(key(KeyType::Sku, "1001"), key(KeyType::OrderNumber, "1001"));
        assert_ne!(KeyType::Sku.key(&keys, "other", "1001"), key(KeyType::Sku, "1001"));
        assert_eq!(key(KeyType::OrderNumber, " # "), None);
    }
}
