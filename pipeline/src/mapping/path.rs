//! Paths such as `variants[].prices[].money.amount`: reading, and writing into a target's fields.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::PATH_CHARS_MAX;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A named value.
    Field(String),
    /// Each element of a named list.
    List(String),
}

impl Segment {
    fn name(&self) -> &str {
        match self {
            Self::Field(name) | Self::List(name) => name,
        }
    }
}

/// A path, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Segment>);

impl Path {
    /// Takes a path apart; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().count() > PATH_CHARS_MAX {
            return Err("the path is too long");
        }
        text.split('.')
            .map(|part| {
                let (name, list) = match part.strip_suffix("[]") {
                    Some(name) => (name, true),
                    None => (part, false),
                };
                if name.is_empty() {
                    Err("the path has an empty name")
                } else if name.contains(['[', ']', '{', '}']) {
                    Err("brackets may only stand as [] at the end of a name")
                } else if list {
                    Ok(Segment::List(name.to_owned()))
                } else {
                    Ok(Segment::Field(name.to_owned()))
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// How many lists it goes through.
    pub(super) fn lists(&self) -> usize {
        self.0.iter().filter(|segment| matches!(segment, Segment::List(_))).count()
    }

    /// The part up to its first list, and the part behind it.
    pub(super) fn split_list(&self) -> Option<(&[Segment], &[Segment])> {
        let at = self.0.iter().position(|segment| matches!(segment, Segment::List(_)))?;
        Some(self.0.split_at(at + 1))
    }
}

/// The value at a path. Behind a list: the values of all its elements that have one, in order.
pub(super) fn read<'a>(value: &'a Value, path: &[Segment]) -> Cow<'a, Value> {
    let mut value = value;
    for (index, segment) in path.iter().enumerate() {
        let Some(inner) = value.get(segment.name()) else { return Cow::Owned(Value::Null) };
        value = inner;
        if let Segment::List(_) = segment {
            let rest = path.get(index + 1..).unwrap_or_default();
            if rest.is_empty() {
                return Cow::Borrowed(value);
            }
            let mut values = Vec::new();
            for element in value.as_array().into_iter().flatten() {
                match read(element, rest).into_owned() {
                    Value::Null => {}
                    // A list in a list gives one flat list, as the path has one value per leaf.
                    Value::Array(inner) if ends_in_list(rest) => values.extend(inner),
                    other => values.push(other),
                }
            }
            return Cow::Owned(Value::Array(values));
        }
    }
    Cow::Borrowed(value)
}

fn ends_in_list(path: &[Segment]) -> bool {
    path.iter().any(|segment| matches!(segment, Segment::List(_)))
}

/// The elements of the list at a path.
pub(super) fn elements<'a>(value: &'a Value, list: &[Segment]) -> &'a [Value] {
    let mut value = value;
    for segment in list {
        match value.get(segment.name()) {
            Some(inner) => value = inner,
            None => return &[],
        }
    }
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Puts a value at a path without lists. What stands in its way is replaced.
pub(super) fn write(fields: &mut Map<String, Value>, path: &[Segment], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        fields.insert(first.name().to_owned(), value);
        return;
    }
    let slot = fields.entry(first.name().to_owned()).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(inner) = slot {
        write(inner, rest, value);
    }
}

/// The list at a path, made with empty elements up to `length` where it is shorter.
pub(super) fn list_mut<'a>(
    fields: &'a mut Map<String, Value>,
    path: &[Segment],
    length: usize,
) -> Option<&'a mut Vec<Value>> {
    let [first, rest @ ..] = path else { return None };
    let slot = fields.entry(first.name().to_owned()).or_insert(Value::Null);
    if rest.is_empty() {
        if !slot.is_array() {
            *slot = Value::Array(Vec::new());
        }
        let Value::Array(list) = slot else { return None };
        if list.len() < length {
            list.resize_with(length, || Value::Object(Map::new()));
        }
        return Some(list);
    }
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().and_then(|inner| list_mut(inner, rest, length))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_through_objects_and_lists() {
        let shop = json!({
            "title": {"value": "Shirt"},
            "variants": [
                {"sku": "A", "prices": [{"amount": "1"}, {"amount": "2"}]},
                {"prices": [{"amount": "3"}]},
            ],
        });
        let check = |path: &str, expected: Value| {
            assert_eq!(read(&shop, &Path::parse(path).unwrap().0).into_owned(), expected, "{path}");
        };
        check("title.value", json!("Shirt"));
        check("title", json!({"value": "Shirt"}));
        check("title.value.deeper", json!(null));
        check("nothing[].sku", json!(null));
        check("variants[].sku", json!(["A"]));
        check("variants[].prices[].amount", json!(["1", "2", "3"]));
    }

    #[test]
    fn malformed_paths_are_refused() {
        for path in ["", ".a", "a.", "a..b", "a[0]", "a[]b", "[]", &"a".repeat(501)] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
