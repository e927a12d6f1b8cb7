//! Running a compiled mapping on one record.

use std::{borrow::Cow, collections::BTreeMap};

use cartage_model::{Change, Kind, Mapped, OnError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    VALUE_BYTES_MAX,
    expression::{Expression, Subject},
    issue::reason,
    path::{self, Path, Segment},
    template::{self, Piece},
};

/// Why a record could not be mapped, or why a target would not take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// The error reason, as in the API.
    pub reason: String,
    /// The target field it is about, where it is about one.
    pub field: Option<String>,
    /// What is wrong, as a sentence without personal data.
    pub message: String,
}

impl Failure {
    /// A failure that is not yet about a field.
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), field: None, message: message.into() }
    }

    /// The same, about a field.
    #[must_use]
    pub fn of_field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }
}

/// What a mapping makes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapOutcome {
    /// Its fields in the target.
    Mapped(Mapped),
    /// It is left out.
    Excluded {
        /// The name of the exclusion.
        rule: String,
    },
    /// It is quarantined.
    Failed(Failure),
}

/// A mapping that was found right, ready to run. Cheap to share between threads in an `Arc`.
#[derive(Debug, Default)]
pub struct CompiledMapping {
    pub(super) kinds: BTreeMap<Kind, KindPlan>,
}

/// What is done with records of one kind.
#[derive(Debug, Default)]
pub(super) struct KindPlan {
    pub(super) exclusions: Vec<(String, Expression)>,
    pub(super) rules: Vec<Rule>,
    /// The fields of a record that expressions read; none for all.
    pub(super) expression_fields: Option<Vec<String>>,
}

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) target: String,
    /// For a target with `[]`: the path of the list. The rest of the target is in `rest`.
    pub(super) list: Option<Vec<Segment>>,
    pub(super) rest: Vec<Segment>,
    pub(super) source: Source,
    pub(super) on_error: OnError,
}

/// A path, with where it starts.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) of_element: bool,
    pub(super) path: Vec<Segment>,
}

/// Where a rule's values come from.
#[derive(Debug)]
pub(super) enum Source {
    Path(Place),
    Constant(Value),
    ValueMap { place: Place, entries: BTreeMap<String, Value>, default: Option<Value> },
    Template(Vec<TemplatePiece>),
    Expression { expression: Expression, reads_item: bool },
}

/// A piece of a template, with where its path starts.
#[derive(Debug)]
pub(super) enum TemplatePiece {
    Text(String),
    Place(Place),
}

impl Place {
    /// Where a path starts for a rule over `list`: in the element where it has the same list.
    pub(super) fn new(path: Path, list: Option<&[Segment]>) -> Self {
        match (list, path.split_list()) {
            (Some(list), Some((head, rest))) if head == list => {
                Self { of_element: true, path: rest.to_vec() }
            }
            _ => Self { of_element: false, path: path.0 },
        }
    }

    fn read<'a>(&self, document: &'a Value, element: Option<&'a Value>) -> Cow<'a, Value> {
        match element {
            Some(element) if self.of_element => path::read(element, &self.path),
            _ => path::read(document, &self.path),
        }
    }
}

impl TemplatePiece {
    pub(super) fn new(piece: Piece, list: Option<&[Segment]>) -> Self {
        match piece {
            Piece::Text(text) => Self::Text(text),
            Piece::Path(_, path) => Self::Place(Place::new(path, list)),
        }
    }
}

impl CompiledMapping {
    /// The kinds for which it has rules or exclusions.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.kinds.keys().copied()
    }

    /// What becomes of a record, given as the JSON of [`cartage_model::Record`]. A kind without
    /// rules gives a record without fields.
    pub fn map(&self, kind: Kind, source_id: &str, document: &Value) -> MapOutcome {
        let mut mapped = Mapped {
            kind,
            source_id: source_id.to_owned(),
            fields: Map::new(),
            changes: Vec::new(),
        };
        let Some(plan) = self.kinds.get(&kind) else { return MapOutcome::Mapped(mapped) };
        let mut run = Run { plan, document, subject: None };
        for (name, predicate) in &plan.exclusions {
            match run.evaluate(predicate, None) {
                Ok(Value::Bool(true)) => return MapOutcome::Excluded { rule: name.clone() },
                Ok(Value::Bool(false) | Value::Null) => {}
                Ok(_) => {
                    let message = format!("the predicate of {name:?} gives neither true nor false");
                    return MapOutcome::Failed(Failure::new(reason::EXPRESSION_FAILED, message));
                }
                Err(failure) => {
                    let message = format!("the predicate of {name:?}: {}", failure.message);
                    return MapOutcome::Failed(Failure { message, ..failure });
                }
            }
        }
        for rule in &plan.rules {
            let Err(failure) = run.apply(rule, &mut mapped.fields) else { continue };
            match rule.on_error {
                OnError::Quarantine => return MapOutcome::Failed(failure.of_field(&rule.target)),
                OnError::Skip => mapped.changes.push(Change {
                    field: rule.target.clone(),
                    before: Value::Null,
                    after: Value::Null,
                    why: format!("left out: {}", failure.message),
                }),
            }
        }
        MapOutcome::Mapped(mapped)
    }
}

/// One record on its way. Its form for expressions is made when the first one needs it.
struct Run<'a> {
    plan: &'a KindPlan,
    document: &'a Value,
    subject: Option<Subject>,
}

impl Run<'_> {
    fn evaluate(
        &mut self,
        expression: &Expression,
        item: Option<&Value>,
    ) -> Result<Value, Failure> {
        let subject = self.subject.get_or_insert_with(|| {
            Subject::new(self.document, self.plan.expression_fields.as_deref())
        });
        subject.set_item(item);
        expression.run(subject)
    }

    fn apply(&mut self, rule: &Rule, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        let Some(list) = &rule.list else {
            let value = self.value(&rule.source, None)?;
            if !value.is_null() {
                path::write(fields, &rule.rest, value);
            }
            return Ok(());
        };
        let elements = path::elements(self.document, list);
        // All values first: a rule that fails on one element must not leave half a list behind.
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            values.push(self.value(&rule.source, Some(element))?);
        }
        if values.is_empty() {
            return Ok(());
        }
        let Some(slots) = path::list_mut(fields, list, values.len()) else { return Ok(()) };
        for (slot, value) in slots.iter_mut().zip(values) {
            if value.is_null() {
                continue;
            }
            if rule.rest.is_empty() {
                *slot = value;
                continue;
            }
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            if let Value::Object(inner) = slot {
                path::write(inner, &rule.rest, value);
            }
        }
        Ok(())
    }

    fn value(&mut self, source: &Source, element: Option<&Value>) -> Result<Value, Failure> {
        match source {
            Source::Path(place) => Ok(place.read(self.document, element).into_owned()),
            Source::Constant(value) => Ok(value.clone()),
            Source::ValueMap { place, entries, default } => {
                let value = place.read(self.document, element);
                let text = match value.as_ref() {
                    Value::Null => return Ok(default.clone().unwrap_or_default()),
                    Value::String(text) => Cow::Borrowed(text.as_str()),
                    Value::Bool(_) | Value::Number(_) => Cow::Owned(value.to_string()),
                    Value::Array(_) | Value::Object(_) => {
                        return Err(Failure::new(
                            reason::VALUE_UNMAPPED,
                            "the value is a structure, which a value map cannot look up",
                        ));
                    }
                };
                entries.get(text.as_ref()).or(default.as_ref()).cloned().ok_or_else(|| {
                    Failure::new(
                        reason::VALUE_UNMAPPED,
                        "the value is not in the value map, which has no default",
                    )
                })
            }
            Source::Template(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        TemplatePiece::Text(inner) => text.push_str(inner),
                        TemplatePiece::Place(place) => {
                            template::append(&mut text, &place.read(self.document, element));
                        }
                    }
                    if text.len() > VALUE_BYTES_MAX {
                        return Err(Failure::new(
                            reason::VALUE_TOO_LARGE,
                            "the template makes a text that is too large",
                        ));
                    }
                }
                Ok(Value::String(text))
            }
            Source::Expression { expression, reads_item } => {
                self.evaluate(expression, element.filter(|_| *reads_item))
            }
        }
    }
}
