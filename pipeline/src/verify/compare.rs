//! A record as it should be against the record as it is, leaf by leaf.
//!
//! Every field of the target's schema is looked at, and every field that was written whether the
//! schema names it or not. Null, an absent field, an empty text, list and object are the same;
//! decimals and whole numbers are compared by value (JSON number or text), instants as instants,
//! sets without order, lists in order, objects by key, and text exactly, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use cartage_model::{FieldSpec, FieldType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::equal::{canonical, is_empty, is_same, type_at};
use crate::mapping::{is_below, spec_of};

/// A leaf that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its path, with indices: `variants[2].sku`.
    pub field: String,
    /// What should stand there; null for nothing.
    pub expected: Value,
    /// What stands there; null for nothing.
    pub actual: Value,
}

/// The result for one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How many leaves were compared of which at least one side says something.
    pub fields_compared: u64,
    /// The leaves that differ.
    pub differences: Vec<Difference>,
}

/// Compares what should stand in the target with what was read back.
pub fn compare(
    specs: &[FieldSpec],
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> Comparison {
    let mut walk = Walk { specs, comparison: Comparison::default() };
    walk.objects("", "", expected, actual);
    walk.comparison
}

struct Walk<'a> {
    specs: &'a [FieldSpec],
    comparison: Comparison,
}

impl Walk<'_> {
    /// `place` has indices, `path` has `[]` in their stead.
    fn values(&mut self, place: &str, path: &str, expected: &Value, actual: &Value) {
        if is_empty(expected) && is_empty(actual) {
            return;
        }
        let nothing = Map::new();
        let field_type = type_at(self.specs, path);
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                self.objects(place, path, expected, actual);
            }
            (Value::Object(expected), actual) if is_empty(actual) => {
                self.objects(place, path, expected, &nothing);
            }
            (expected, Value::Object(actual)) if is_empty(expected) => {
                self.objects(place, path, &nothing, actual);
            }
            (Value::Array(_), _) | (_, Value::Array(_)) => {
                match (elements(expected), elements(actual)) {
                    (Some(expected), Some(actual)) if field_type == FieldType::Set => {
                        self.sets(place, path, expected, actual);
                    }
                    (Some(expected), Some(actual)) => self.lists(place, path, expected, actual),
                    _ => self.leaf(place, expected, actual, false),
                }
            }
            _ => self.leaf(place, expected, actual, is_same(field_type, expected, actual)),
        }
    }

    fn leaf(&mut self, place: &str, expected: &Value, actual: &Value, same: bool) {
        self.comparison.fields_compared += 1;
        if !same {
            self.comparison.differences.push(Difference {
                field: place.to_owned(),
                expected: expected.clone(),
                actual: actual.clone(),
            });
        }
    }

    fn objects(
        &mut self,
        place: &str,
        path: &str,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
    ) {
        let join = |above: &str, name: &str| {
            if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
        };
        let names: BTreeSet<_> = expected.keys().chain(actual.keys()).collect();
        for name in names {
            let path = join(path, name);
            // What the target has beyond its own schema is none of ours.
            if !expected.contains_key(name) && !self.is_described(&path) {
                continue;
            }
            self.values(
                &join(place, name),
                &path,
                expected.get(name).unwrap_or(&Value::Null),
                actual.get(name).unwrap_or(&Value::Null),
            );
        }
    }

    fn is_described(&self, path: &str) -> bool {
        spec_of(self.specs, path).is_some()
            || self.specs.iter().any(|spec| is_below(spec.path, path))
    }

    fn lists(&mut self, place: &str, path: &str, expected: &[Value], actual: &[Value]) {
        let path = format!("{path}[]");
        for index in 0..expected.len().max(actual.len()) {
            let place = format!("{place}[{index}]");
            match (expected.get(index), actual.get(index)) {
                (Some(expected), Some(actual)) => self.values(&place, &path, expected, actual),
                // An element too many or too few is one difference, however much is in it.
                (expected, actual) => {
                    let (expected, actual) =
                        (expected.unwrap_or(&Value::Null), actual.unwrap_or(&Value::Null));
                    self.leaf(&place, expected, actual, false);
                }
            }
        }
    }

    /// Pairs equal elements; of the rest, the first expected with the first actual, and so on.
    fn sets(&mut self, place: &str, path: &str, expected: &[Value], actual: &[Value]) {
        let path = format!("{path}[]");
        let mut left: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, value) in actual.iter().enumerate().rev() {
            left.entry(canonical(self.specs, &path, value)).or_default().push(index);
        }
        let mut unpaired = Vec::new();
        for (index, value) in expected.iter().enumerate() {
            let found = left.get_mut(&canonical(self.specs, &path, value)).and_then(Vec::pop);
            match found {
                Some(_) => self.leaf(place, value, value, true),
                None => unpaired.push((index, value)),
            }
        }
        let mut extra: Vec<usize> = left.into_values().flatten().collect();
        extra.sort_unstable();
        let mut extra = extra.into_iter().filter_map(|index| Some((index, actual.get(index)?)));
        for (index, value) in unpaired {
            let found = extra.next().map_or(&Value::Null, |(_, value)| value);
            self.values_of_set(&format!("{place}[{index}]"), &path, value, found);
        }
        for (index, value) in extra {
            self.leaf(&format!("{place}[{index}]"), &Value::Null, value, false);
        }
    }

    /// Two elements of a set that are known to differ: by their parts where both have some.
    fn values_of_set(&mut self, place: &str, path: &str, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(_), Value::Object(_)) => self.values(place, path, expected, actual),
            _ => self.leaf(place, expected, actual, false),
        }
    }
}

fn elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(list) => Some(list),
        value if is_empty(value) => Some(&[]),
        _ => None,
    }
}
