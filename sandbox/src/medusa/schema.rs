//! The shapes of request bodies, checked as Medusa's validators do: unknown fields of a strict
//! shape are refused, of a loose one dropped, and at most three complaints are named.

use serde_json::Value;

use super::error::{Answer, Refusal};
use super::value::{Row, decimal};

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Text,
    Email,
    Number,
    /// A number that is at least zero.
    Quantity,
    Bool,
    /// A boolean, or its name as text.
    BoolText,
    /// An object with any content.
    Record,
    /// A number, a text or `{"value", "precision"}`.
    Money,
    OneOf(&'static [&'static str]),
    Texts,
    List(&'static Shape),
    Object(&'static Shape),
    /// An object of this shape, or an id.
    ObjectOrId(&'static Shape),
    /// Whatever it is, it is refused with this message.
    Gone(&'static str),
    Any,
}

/// One field of a shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    kind: Type,
    required: bool,
    nullable: bool,
}

/// The fields of a body or of an object in it.
#[derive(Debug)]
pub(crate) struct Shape {
    fields: &'static [Field],
    strict: bool,
}

/// A field that must be there.
pub(crate) const fn req(name: &'static str, kind: Type) -> Field {
    Field { name, kind, required: true, nullable: false }
}

/// A field that may be left out.
pub(crate) const fn opt(name: &'static str, kind: Type) -> Field {
    Field { name, kind, required: false, nullable: false }
}

/// A field that may be left out or null.
pub(crate) const fn nul(name: &'static str, kind: Type) -> Field {
    Field { name, kind, required: false, nullable: true }
}

/// A shape that refuses unknown fields.
pub(crate) const fn strict(fields: &'static [Field]) -> Shape {
    Shape { fields, strict: true }
}

/// A shape that drops unknown fields.
pub(crate) const fn loose(fields: &'static [Field]) -> Shape {
    Shape { fields, strict: false }
}

/// Checks a body and gives back what of it counts.
pub(crate) fn check(shape: &Shape, body: &Value) -> Answer<Row> {
    let empty = Value::Object(Row::new());
    let body = if body.is_null() { &empty } else { body };
    let mut complaints = Vec::new();
    let kept = object(shape, body, &mut Path::default(), &mut complaints);
    if complaints.is_empty() {
        return Ok(kept);
    }
    complaints.truncate(3);
    Err(Refusal::invalid(format!("Invalid request: {}", complaints.join("; "))))
}

/// Where in the body the check stands, and whether the way led through a list.
#[derive(Debug, Default)]
struct Path {
    steps: Vec<String>,
    in_list: bool,
}

fn object(shape: &Shape, value: &Value, path: &mut Path, complaints: &mut Vec<String>) -> Row {
    let mut kept = Row::new();
    let Value::Object(given) = value else {
        complaints.push(wrong(path, "object", value));
        return kept;
    };
    for field in shape.fields {
        path.steps.push(field.name.into());
        match given.get(field.name) {
            None if field.required => {
                complaints.push(format!("Field '{}' is required", path.steps.join(", ")));
            }
            None => {}
            Some(Value::Null) if field.nullable => {
                kept.insert(field.name.into(), Value::Null);
            }
            Some(value) => {
                let value = one(field.kind, value, path, complaints);
                kept.insert(field.name.into(), value);
            }
        }
        path.steps.pop();
    }
    let known = |name: &str| shape.fields.iter().any(|field| field.name == name);
    if shape.strict {
        let unknown: Vec<&str> = given
            .keys()
            .map(String::as_str)
            .filter(|name| !known(name) && (!path.steps.is_empty() || *name != "additional_data"))
            .collect();
        if !unknown.is_empty() {
            complaints.push(format!("Unrecognized fields: '{}'", unknown.join(", ")));
        }
    }
    kept
}

fn one(kind: Type, value: &Value, path: &mut Path, complaints: &mut Vec<String>) -> Value {
    let fits = match kind {
        Type::Text | Type::OneOf(_) | Type::Email => value.is_string(),
        Type::Number | Type::Quantity => value.is_number(),
        Type::Bool => value.is_boolean(),
        Type::BoolText => value.is_boolean() || value.is_string(),
        Type::Record => value.is_object(),
        Type::Money => value.is_number() || value.is_string() || value.is_object(),
        Type::Texts | Type::List(_) => value.is_array(),
        Type::Object(_) | Type::Any | Type::Gone(_) => true,
        Type::ObjectOrId(_) => value.is_object() || value.is_string(),
    };
    if !fits {
        complaints.push(match kind {
            Type::OneOf(names) => not_one_of(path, names, value),
            _ => wrong(path, name(kind), value),
        });
        return Value::Null;
    }
    match kind {
        Type::Email if !is_email(value.as_str().unwrap_or_default()) => {
            complaints.push("Invalid email address".into());
        }
        Type::Quantity if decimal(value).is_sign_negative() => complaints.push(format!(
            "Value for field '{}' too small, expected at least: '0'",
            path.steps.join(", ")
        )),
        Type::OneOf(names) if !names.iter().any(|name| value.as_str() == Some(name)) => {
            complaints.push(not_one_of(path, names, value));
        }
        Type::Gone(message) => complaints.push(message.into()),
        Type::BoolText => {
            return Value::Bool(value.as_bool().unwrap_or(value.as_str() == Some("true")));
        }
        Type::Texts => return texts(value, path, complaints),
        Type::List(shape) => return objects(shape, value, path, complaints),
        Type::Object(shape) => return Value::Object(object(shape, value, path, complaints)),
        Type::ObjectOrId(shape) if value.is_object() => {
            return Value::Object(object(shape, value, path, complaints));
        }
        _ => {}
    }
    value.clone()
}

fn texts(value: &Value, path: &mut Path, complaints: &mut Vec<String>) -> Value {
    let was = std::mem::replace(&mut path.in_list, true);
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        if !item.is_string() {
            path.steps.push(place.to_string());
            complaints.push(wrong(path, "string", item));
            path.steps.pop();
        }
    }
    path.in_list = was;
    value.clone()
}

fn objects(shape: &Shape, value: &Value, path: &mut Path, complaints: &mut Vec<String>) -> Value {
    let was = std::mem::replace(&mut path.in_list, true);
    let mut kept = Vec::new();
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        path.steps.push(place.to_string());
        kept.push(Value::Object(object(shape, item, path, complaints)));
        path.steps.pop();
    }
    path.in_list = was;
    Value::Array(kept)
}

/// The complaint about a wrong type. Medusa loses the value on its way through a list and then
/// says that the field is required.
fn wrong(path: &Path, expected: &str, got: &Value) -> String {
    let field = path.steps.join(", ");
    if path.in_list {
        return format!("Field '{field}' is required");
    }
    format!("Expected type: '{expected}' for field '{field}', got: '{}'", shown(got))
}

fn not_one_of(path: &Path, names: &[&str], got: &Value) -> String {
    format!(
        "Expected: '{}' for field '{}', but got: '{}'",
        names.join(", "),
        path.steps.join(", "),
        shown(got)
    )
}

/// A value as JavaScript writes it into a text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => "[object Object]".into(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn name(kind: Type) -> &'static str {
    match kind {
        Type::Text | Type::Email | Type::OneOf(_) => "string",
        Type::Number | Type::Quantity => "number",
        Type::Bool => "boolean",
        Type::BoolText => "boolean, string",
        Type::Record => "record",
        Type::Money => "number, string, object",
        Type::Texts | Type::List(_) => "array",
        Type::Object(_) | Type::Any | Type::Gone(_) => "object",
        Type::ObjectOrId(_) => "object, string",
    }
}

/// Whether a text is an e-mail address to Medusa's validator.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let letter = |c: char| c.is_ascii_alphanumeric();
    let local_ok = !local.is_empty()
        && !local.starts_with('.')
        && !local.contains("..")
        && local.chars().all(|c| letter(c) || "_'+-.".contains(c))
        && local.chars().last().is_some_and(|c| letter(c) || "_+-".contains(c));
    let mut labels: Vec<&str> = domain.split('.').collect();
    let top = labels.pop().unwrap_or_default();
    local_ok
        && !labels.is_empty()
        && top.len() >= 2
        && top.chars().all(|c| c.is_ascii_alphabetic())
        && labels.iter().all(|label| {
            label.chars().next().is_some_and(letter) && label.chars().all(|c| letter(c) || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_as_medusa_does() {
        for good in ["a@x.test", "A.b+c@x-y.co.uk", "o'neil@x.test"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "bad", "a@x", "a.@x.test", ".a@x.test", "ä@x.test", " a@x.test", "a..b@x.test"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
