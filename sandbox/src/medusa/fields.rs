//! The `fields=` parameter: which parts of an object a reply carries.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::value::Row;

/// Objects that are values of their own and not relations.
const VALUES: &[&str] = &["metadata", "summary", "data", "context", "rules"];

/// What is wanted of one object: all its own values or some, and which relations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    all: bool,
    some: BTreeMap<String, Fields>,
    without: Vec<String>,
}

impl Fields {
    /// What a request asks for: a list of plain names stands alone, `+x`, `-x` and `*x` change
    /// the defaults.
    pub(crate) fn parse(asked: Option<&str>, defaults: &[&str]) -> Self {
        let asked: Vec<&str> =
            asked.unwrap_or_default().split(',').map(str::trim).filter(|f| !f.is_empty()).collect();
        let plain = |name: &&str| !name.starts_with(['+', '-', '*', ' ']);
        let mut fields = Self::default();
        if !asked.iter().any(plain) {
            for name in defaults {
                fields.want(name);
            }
        }
        for name in asked {
            if let Some(name) = name.strip_prefix('-') {
                fields.some.remove(name);
                fields.without.push(name.into());
            } else {
                fields.want(name.trim_start_matches('+'));
            }
        }
        fields.want("id");
        fields
    }

    fn want(&mut self, name: &str) {
        let (name, all) = match name.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let mut here = self;
        for step in name.split('.').filter(|step| !step.is_empty()) {
            if step == "*" {
                here.all = true;
                return;
            }
            here = here.some.entry(step.into()).or_default();
        }
        here.all |= all;
    }

    /// What is wanted of a relation, if anything: its bare name alone asks for nothing.
    pub(crate) fn relation(&self, name: &str) -> Option<&Self> {
        self.some.get(name).filter(|fields| fields.all || !fields.some.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        (self.all || self.some.contains_key(name)) && !self.without.iter().any(|w| w == name)
    }

    /// The wanted parts of a full object, relations among them.
    pub(crate) fn pick(&self, full: &Row) -> Value {
        let mut out = Map::new();
        for (key, value) in full {
            if key.starts_with('_') {
                continue;
            }
            let value_of_its_own = VALUES.contains(&key.as_str()) || key.starts_with("raw_");
            match value {
                Value::Object(inner) if !value_of_its_own => {
                    if let Some(fields) = self.relation(key) {
                        out.insert(key.clone(), fields.pick(inner));
                    }
                }
                Value::Array(items) if items.iter().all(Value::is_object) && !value_of_its_own => {
                    if let Some(fields) = self.relation(key) {
                        let items = items.iter().filter_map(Value::as_object);
                        let items = items.map(|item| fields.pick(item)).collect();
                        out.insert(key.clone(), Value::Array(items));
                    }
                }
                value if self.has(key) => {
                    out.insert(key.clone(), value.clone());
                }
                _ => {}
            }
        }
        Value::Object(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_names_replace_the_defaults_and_marks_change_them() {
        let full = json!({ "id": "1", "a": 1, "b": 2, "rel": [{ "id": "2", "x": 3, "y": 4 }] });
        let full = full.as_object().unwrap();
        let pick = |asked| Fields::parse(asked, &["a", "b"]).pick(full);
        assert_eq!(pick(None), json!({ "id": "1", "a": 1, "b": 2 }));
        assert_eq!(pick(Some("a,rel.x")), json!({ "id": "1", "a": 1, "rel": [{ "x": 3 }] }));
        assert_eq!(pick(Some("-a")), json!({ "id": "1", "b": 2 }));
        assert_eq!(pick(Some("rel")), json!({ "id": "1" }));
        assert_eq!(
            pick(Some("*rel")),
            json!({ "id": "1", "a": 1, "b": 2, "rel": [{ "id": "2", "x": 3, "y": 4 }] })
        );
    }
}
