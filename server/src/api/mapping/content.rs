//! The rules of a mapping on the wire and in the model.

use cartage_model::{ExclusionRule, FieldRule, Kind, OnError, RuleValue};
use cartage_proto::v1::{self, field_rule};

use crate::{
    api::convert,
    app::mapping::{Content, EXCLUSIONS_MAX, Edit, RULES_MAX},
    error::{Error, Result, Violation},
};

/// The most entries of one value map.
const ENTRIES_MAX: usize = 10_000;
/// The longest remark, in characters.
const NOTE_CHARACTERS_MAX: usize = 500;

/// The rules from the wire, all wrong fields told at once. `field` is the path of the content in
/// the request.
///
/// # Errors
/// `INVALID_FIELDS`.
pub fn decode(content: &v1::MappingContent, field: &str) -> Result<Content> {
    let mut wrong = Vec::new();
    too_many(content.rules.len(), RULES_MAX, &format!("{field}.rules"), &mut wrong);
    too_many(content.exclusions.len(), EXCLUSIONS_MAX, &format!("{field}.exclusions"), &mut wrong);
    if !wrong.is_empty() {
        return Err(Error::fields(wrong));
    }
    let mut decoded = Content::default();
    let mut seen = std::collections::BTreeSet::new();
    for (index, rule) in content.rules.iter().enumerate() {
        let at = format!("{field}.rules[{index}]");
        if let Some(rule) = decode_rule(rule, &at, &mut wrong) {
            if !seen.insert((rule.kind, rule.target_field.clone())) {
                let text = format!("{} has a rule for this field already.", rule.kind);
                push(&mut wrong, format!("{at}.target_field"), "FORMAT_INVALID", text);
            }
            decoded.mapping.rules.push(rule);
        }
        decoded.notes.push(rule.note.clone());
    }
    // The same content must hash equally however many rules without a remark come last.
    while decoded.notes.last().is_some_and(String::is_empty) {
        decoded.notes.pop();
    }
    for (index, exclusion) in content.exclusions.iter().enumerate() {
        let at = format!("{field}.exclusions[{index}]");
        if let Some(kind) = decode_kind(exclusion.kind, &at, &mut wrong) {
            decoded.mapping.exclusions.push(ExclusionRule {
                kind,
                name: exclusion.name.clone(),
                predicate: exclusion.predicate.clone(),
            });
        }
    }
    if wrong.is_empty() { Ok(decoded) } else { Err(Error::fields(wrong)) }
}

/// What a mask and a mapping ask to change.
pub(super) fn edit(asked: &v1::Mapping, paths: &[String]) -> Result<Edit> {
    let given = asked.content.as_ref();
    let everything = paths.iter().any(|path| path == "*");
    let wants = |path: &str, set: bool| {
        everything || (paths.is_empty() && set) || paths.iter().any(|it| it == path)
    };
    const FIXED: [&str; 10] = [
        "name",
        "uid",
        "source_platform",
        "target_platform",
        "state",
        "content_hash",
        "latest_revision",
        "etag",
        "create_time",
        "update_time",
    ];
    let wrong = paths.iter().enumerate().filter_map(|(index, path)| {
        let (reason, description) = match path.as_str() {
            "*" | "display_name" | "content" | "content.rules" | "content.exclusions" => {
                return None;
            }
            fixed if FIXED.contains(&fixed) => ("FIELD_IMMUTABLE", "This field cannot be changed."),
            _ => ("UNKNOWN_FIELD", "A mapping has no such field that could be changed."),
        };
        let field = format!("update_mask.paths[{index}]");
        Some(Violation { field, reason, description: description.to_owned() })
    });
    let wrong: Vec<Violation> = wrong.collect();
    if !wrong.is_empty() {
        return Err(Error::fields(wrong));
    }
    let whole = wants("content", given.is_some());
    let (rules, exclusions) =
        (whole || wants("content.rules", false), whole || wants("content.exclusions", false));
    let mut edit = Edit {
        display_name: wants("display_name", !asked.display_name.is_empty())
            .then(|| asked.display_name.clone()),
        ..Edit::default()
    };
    if rules || exclusions {
        let content =
            given.map_or_else(|| Ok(Content::default()), |it| decode(it, "mapping.content"))?;
        edit.exclusions = exclusions.then_some(content.mapping.exclusions);
        edit.rules = rules.then_some((content.mapping.rules, content.notes));
    }
    Ok(edit)
}

/// The rules on the wire.
pub fn encode(content: &Content) -> v1::MappingContent {
    let rules = content.mapping.rules.iter().enumerate();
    v1::MappingContent {
        rules: rules.map(|(index, rule)| encode_rule(rule, content.note(index))).collect(),
        exclusions: content
            .mapping
            .exclusions
            .iter()
            .map(|exclusion| v1::RecordFilter {
                kind: convert::record_kind(exclusion.kind).into(),
                name: exclusion.name.clone(),
                predicate: exclusion.predicate.clone(),
            })
            .collect(),
    }
}

fn push(wrong: &mut Vec<Violation>, field: String, reason: &'static str, text: impl Into<String>) {
    wrong.push(Violation { field, reason, description: text.into() });
}

fn too_many(count: usize, most: usize, field: &str, wrong: &mut Vec<Violation>) {
    if count > most {
        let text = format!("{count} are too many; at most {most} are taken.");
        push(wrong, field.to_owned(), "TOO_MANY", text);
    }
}

fn decode_kind(number: i32, at: &str, wrong: &mut Vec<Violation>) -> Option<Kind> {
    let field = format!("{at}.kind");
    match convert::kind(number, &field) {
        Ok(Some(kind)) => Some(kind),
        Ok(None) => {
            push(wrong, field, "REQUIRED", "The kind of record is not said.");
            None
        }
        Err(error) => {
            wrong.extend(error.violations);
            None
        }
    }
}

fn decode_rule(rule: &v1::FieldRule, at: &str, wrong: &mut Vec<Violation>) -> Option<FieldRule> {
    let kind = decode_kind(rule.kind, at, wrong);
    if rule.target_field.is_empty() {
        push(wrong, format!("{at}.target_field"), "REQUIRED", "The target field is not said.");
    }
    if rule.note.chars().count() > NOTE_CHARACTERS_MAX {
        let text = format!("A remark has at most {NOTE_CHARACTERS_MAX} characters.");
        push(wrong, format!("{at}.note"), "TOO_LONG", text);
    }
    let on_error = decode_on_error(rule, at, wrong);
    let Some(value) = &rule.value else {
        push(wrong, format!("{at}.value"), "REQUIRED", "Where the value comes from is not said.");
        return None;
    };
    let value = decode_value(value, at, wrong);
    Some(FieldRule {
        kind: kind?,
        target_field: rule.target_field.clone(),
        value,
        on_error: on_error?,
    })
}

fn decode_on_error(rule: &v1::FieldRule, at: &str, wrong: &mut Vec<Violation>) -> Option<OnError> {
    let field = format!("{at}.on_error");
    match field_rule::OnError::try_from(rule.on_error) {
        Ok(field_rule::OnError::Unspecified | field_rule::OnError::Quarantine) => {
            if rule.default_value.is_some() {
                let text = "A default value is used with ON_ERROR_DEFAULT only.";
                push(wrong, format!("{at}.default_value"), "FORMAT_INVALID", text);
            }
            Some(OnError::Quarantine)
        }
        Ok(field_rule::OnError::Skip) => Some(OnError::Skip),
        Ok(field_rule::OnError::Default) => {
            let text = "ON_ERROR_DEFAULT is not supported by this version; give a value map a \
                        default, or use `??` in an expression.";
            push(wrong, field, "ENUM_VALUE_INVALID", text);
            None
        }
        Err(_) => {
            let text = format!("{} is no way to treat an error.", rule.on_error);
            push(wrong, field, "ENUM_VALUE_INVALID", text);
            None
        }
    }
}

fn decode_value(value: &field_rule::Value, at: &str, wrong: &mut Vec<Violation>) -> RuleValue {
    match value {
        field_rule::Value::SourcePath(path) => RuleValue::SourcePath(path.clone()),
        field_rule::Value::Constant(value) => RuleValue::Constant(convert::from_value(value)),
        field_rule::Value::Template(text) => RuleValue::Template(text.clone()),
        field_rule::Value::Expression(text) => RuleValue::Expression(text.clone()),
        field_rule::Value::ValueMap(map) => {
            too_many(map.entries.len(), ENTRIES_MAX, &format!("{at}.value_map.entries"), wrong);
            let entries = map.entries.iter().map(|(from, to)| (from.clone(), to.clone().into()));
            RuleValue::ValueMap {
                source_path: map.source_path.clone(),
                entries: entries.collect(),
                default: map.default_value.clone().map(Into::into),
            }
        }
    }
}

fn encode_rule(rule: &FieldRule, note: &str) -> v1::FieldRule {
    let on_error = match rule.on_error {
        OnError::Quarantine => field_rule::OnError::Quarantine,
        OnError::Skip => field_rule::OnError::Skip,
    };
    let value = match &rule.value {
        RuleValue::SourcePath(path) => field_rule::Value::SourcePath(path.clone()),
        RuleValue::Constant(value) => field_rule::Value::Constant(convert::to_value(value)),
        RuleValue::Template(text) => field_rule::Value::Template(text.clone()),
        RuleValue::Expression(text) => field_rule::Value::Expression(text.clone()),
        RuleValue::ValueMap { source_path, entries, default } => {
            field_rule::Value::ValueMap(v1::ValueMap {
                source_path: source_path.clone(),
                entries: entries.iter().map(|(from, to)| (from.clone(), text(to))).collect(),
                default_value: default.as_ref().map(text),
            })
        }
    };
    v1::FieldRule {
        kind: convert::record_kind(rule.kind).into(),
        target_field: rule.target_field.clone(),
        value: Some(value),
        on_error: on_error.into(),
        default_value: None,
        note: note.to_owned(),
    }
}

/// A value as text: a text as it is, anything else as JSON.
pub fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(target_field: &str, value: Option<field_rule::Value>) -> v1::FieldRule {
        v1::FieldRule {
            kind: v1::RecordKind::Product.into(),
            target_field: target_field.to_owned(),
            value,
            on_error: field_rule::OnError::Skip.into(),
            default_value: None,
            note: String::new(),
        }
    }

    #[test]
    fn what_goes_in_comes_out_again() {
        let map = v1::ValueMap {
            source_path: "status".to_owned(),
            entries: [("active".to_owned(), "published".to_owned())].into(),
            default_value: Some("draft".to_owned()),
        };
        let number = prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(2.0)) };
        let mut content = v1::MappingContent {
            rules: vec![
                rule("title", Some(field_rule::Value::SourcePath("title.value".to_owned()))),
                rule("metadata.origin", Some(field_rule::Value::Constant(number))),
                rule("status", Some(field_rule::Value::ValueMap(map))),
                rule("handle", Some(field_rule::Value::Template("{{ slug.value }}".to_owned()))),
                rule("subtitle", Some(field_rule::Value::Expression(".vendor".to_owned()))),
            ],
            exclusions: vec![v1::RecordFilter {
                kind: v1::RecordKind::Order.into(),
                name: "old".to_owned(),
                predicate: "false".to_owned(),
            }],
        };
        content.rules[1].note = "where it came from".to_owned();
        let decoded = decode(&content, "mapping.content").unwrap();
        assert_eq!(encode(&decoded), content);
        assert_eq!(decoded.notes.len(), 2);
        let json = serde_json::to_value(&decoded).unwrap();
        assert_eq!(serde_json::from_value::<Content>(json).unwrap(), decoded);
    }

    #[test]
    fn a_mask_says_what_is_changed() {
        let asked = v1::Mapping {
            content: Some(v1::MappingContent::default()),
            display_name: String::new(),
            ..v1::Mapping::default()
        };
        let paths = |paths: &[&str]| paths.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let unmasked = edit(&asked, &[]).unwrap();
        assert!(unmasked.display_name.is_none() && unmasked.rules.is_some());
        let all = edit(&asked, &paths(&["*"])).unwrap();
        assert!(all.display_name.is_some() && all.exclusions.is_some());
        let one = edit(&asked, &paths(&["content.exclusions"])).unwrap();
        assert!(one.exclusions.is_some() && one.rules.is_none() && one.display_name.is_none());
        let wrong = edit(&asked, &paths(&["state", "colour"])).unwrap_err();
        let reasons: Vec<_> = wrong.violations.iter().map(|it| it.reason).collect();
        assert_eq!(reasons, ["FIELD_IMMUTABLE", "UNKNOWN_FIELD"]);
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let path = || Some(field_rule::Value::SourcePath("title.value".to_owned()));
        let mut unsupported = rule("handle", path());
        unsupported.on_error = field_rule::OnError::Default.into();
        let mut kindless = rule("b", path());
        kindless.kind = 0;
        let content = v1::MappingContent {
            rules: vec![
                rule("title", path()),
                rule("title", path()),
                rule("a", None),
                kindless,
                unsupported,
            ],
            exclusions: Vec::new(),
        };
        let error = decode(&content, "content").unwrap_err();
        let found: Vec<_> =
            error.violations.iter().map(|it| (it.field.as_str(), it.reason)).collect();
        assert_eq!(
            found,
            [
                ("content.rules[1].target_field", "FORMAT_INVALID"),
                ("content.rules[2].value", "REQUIRED"),
                ("content.rules[3].kind", "REQUIRED"),
                ("content.rules[4].on_error", "ENUM_VALUE_INVALID"),
            ]
        );
    }
}
