//! The leaves of a record's fields.
//!
//! Objects are gone into. A list whose elements all say by a `source_id` which child they are is gone
//! into child by child, so that another order changes nothing; any other list is one leaf.

use std::collections::{BTreeMap, BTreeSet};

use cartage_model::FieldSpec;
use serde_json::{Map, Value};

use crate::verify::equal::{canonical, is_empty};

/// The field by which a child of a record is told apart.
const CHILD: &str = "source_id";

/// One step down to a leaf.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// A child of a list, by its source id.
    Child(String),
}

/// Where a leaf stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(Vec<Step>);

impl Place {
    fn below(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The child it stands in, or is.
    pub(super) fn child(&self) -> Option<Self> {
        let index = self.0.iter().position(|step| matches!(step, Step::Child(_)))?;
        Some(Self(self.0.iter().take(index + 1).cloned().collect()))
    }

    /// Where a child says which it is.
    pub(super) fn id_of_child(&self) -> Self {
        self.below(Step::Field(CHILD.to_owned()))
    }

    /// As it is shown: `variants[17].sku`.
    pub(super) fn field(&self) -> String {
        self.text(|id| format!("[{id}]"))
    }

    /// As a schema names it: `variants[].sku`.
    pub(super) fn path(&self) -> String {
        self.text(|_| "[]".to_owned())
    }

    fn text(&self, child: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Child(id) => text.push_str(&child(id)),
            }
        }
        text
    }
}

/// The leaves that say something, with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves<'v> {
    by_place: BTreeMap<Place, &'v Value>,
    /// The children of each list, in its order.
    children: BTreeMap<Place, Vec<String>>,
    /// The lists that are one leaf.
    whole: Vec<Place>,
    /// The lists that were gone into.
    lists: BTreeMap<Place, &'v Value>,
    /// Their elements.
    elements: BTreeMap<Place, &'v Map<String, Value>>,
}

impl<'v> Leaves<'v> {
    pub(super) fn of(fields: &'v Map<String, Value>) -> Self {
        Self::beside(fields, &BTreeSet::new())
    }

    /// Those of two forms of a record. A list that one of them cannot tell child by child (the target's
    /// objects were made by others, and say nothing of the source's ids) is one leaf in both.
    pub(super) fn of_both(
        one: &'v Map<String, Value>,
        other: &'v Map<String, Value>,
    ) -> (Self, Self) {
        let whole = [one, other].map(|fields| Self::of(fields).whole).concat();
        let whole: BTreeSet<Place> = whole.into_iter().collect();
        (Self::beside(one, &whole), Self::beside(other, &whole))
    }

    fn beside(fields: &'v Map<String, Value>, whole: &BTreeSet<Place>) -> Self {
        let mut leaves = Self::default();
        leaves.object(&Place::default(), fields, whole);
        leaves
    }

    pub(super) fn get(&self, place: &Place) -> Option<&'v Value> {
        self.by_place.get(place).copied()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.by_place.keys()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, &'v Value)> {
        self.by_place.iter().map(|(place, value)| (place, *value))
    }

    /// The children that the other form has not.
    pub(super) fn lone_children(&self, other: &Self) -> Vec<Place> {
        let lone = self.elements.keys().filter(|child| !other.elements.contains_key(child));
        lone.filter(|child| child.child().as_ref() == Some(*child)).cloned().collect()
    }

    /// A child as it is; null where there is none.
    pub(super) fn element(&self, child: &Place) -> Value {
        self.elements.get(child).map_or(Value::Null, |fields| Value::Object((*fields).clone()))
    }

    /// The leaves of a child.
    pub(super) fn of_child(&self, child: &Place) -> Vec<(&Place, &'v Value)> {
        self.iter().filter(|(place, _)| place.child().as_ref() == Some(child)).collect()
    }

    /// The lists that were gone into, as wholes.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&Place, &'v Value)> {
        self.lists.iter().map(|(place, value)| (place, *value))
    }

    fn object(&mut self, place: &Place, fields: &'v Map<String, Value>, whole: &BTreeSet<Place>) {
        for (name, value) in fields {
            self.value(place.below(Step::Field(name.clone())), value, whole);
        }
    }

    fn value(&mut self, place: Place, value: &'v Value, whole: &BTreeSet<Place>) {
        if is_empty(value) {
            return;
        }
        match value {
            Value::Object(fields) => self.object(&place, fields, whole),
            Value::Array(list) => match children(list).filter(|_| !whole.contains(&place)) {
                Some(children) => {
                    let order = children.iter().map(|(id, _)| (*id).to_owned()).collect();
                    for (id, fields) in children {
                        let child = place.below(Step::Child(id.to_owned()));
                        self.object(&child, fields, whole);
                        self.elements.insert(child, fields);
                    }
                    self.lists.insert(place.clone(), value);
                    self.children.insert(place, order);
                }
                None => {
                    self.whole.push(place.clone());
                    self.by_place.insert(place, value);
                }
            },
            _ => drop(self.by_place.insert(place, value)),
        }
    }
}

/// The elements of a list by their ids, where each has one of its own.
fn children(list: &[Value]) -> Option<Vec<(&str, &Map<String, Value>)>> {
    let mut seen = BTreeSet::new();
    let children = list.iter().map(|element| {
        let fields = element.as_object()?;
        let id = fields.get(CHILD)?.as_str()?;
        seen.insert(id).then_some((id, fields))
    });
    children.collect()
}

/// The text of a leaf that is the same for values that are the same.
pub(super) fn canonical_at(specs: &[FieldSpec], place: &Place, value: Option<&Value>) -> String {
    value.map(|value| canonical(specs, &place.path(), value)).unwrap_or_default()
}

/// The fields that have these leaves; children in the order of the first list that has them.
pub(super) fn joined(
    leaves: &BTreeMap<Place, &Value>,
    orders: [&Leaves<'_>; 2],
) -> Map<String, Value> {
    let mut root = Value::Object(Map::new());
    for (place, value) in leaves {
        put(&mut root, &Place::default(), &place.0, value, orders);
    }
    match root {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Puts a value below what stands at a place.
fn put(at: &mut Value, place: &Place, steps: &[Step], value: &Value, orders: [&Leaves<'_>; 2]) {
    let Some((step, rest)) = steps.split_first() else {
        *at = value.clone();
        return;
    };
    let below = match step {
        Step::Field(name) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at.as_object_mut().map(|fields| fields.entry(name.clone()).or_insert(Value::Null))
        }
        Step::Child(id) => {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            let lists = orders.iter().filter_map(|leaves| leaves.children.get(place));
            let order: Vec<&String> = lists.flatten().collect();
            let rank = |id: &str| order.iter().position(|it| *it == id);
            at.as_array_mut().and_then(|list| child(list, id, rank))
        }
    };
    if let Some(below) = below {
        put(below, &place.below(step.clone()), rest, value, orders);
    }
}

/// A child of a list, put where its rank belongs when it is not there yet.
fn child<'l>(
    list: &'l mut Vec<Value>,
    id: &str,
    rank: impl Fn(&str) -> Option<usize>,
) -> Option<&'l mut Value> {
    let id_of = |value: &Value| value.get(CHILD).and_then(Value::as_str).map(str::to_owned);
    let found = list.iter().position(|value| id_of(value).as_deref() == Some(id));
    let index = found.unwrap_or_else(|| {
        let later = |value: &Value| id_of(value).and_then(|other| rank(&other)) > rank(id);
        let index = list.iter().position(later).unwrap_or(list.len());
        let fields = Map::from_iter([(CHILD.to_owned(), Value::String(id.to_owned()))]);
        list.insert(index, Value::Object(fields));
        index
    });
    list.get_mut(index)
}
