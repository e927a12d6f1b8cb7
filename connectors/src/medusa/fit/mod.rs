//! Brings mapped fields into the form Medusa keeps, noting each change. Pure, and fitting twice
//! changes nothing more.

mod address;
mod customer;
mod order;
mod product;
mod text;

#[cfg(test)]
mod tests;

use cartage_model::{Change, Kind, Mapped};
use serde_json::{Map, Value};

use super::{
    json::{self, is_blank},
    spec,
};
use crate::Refusal;

/// Fits a record, or says why Medusa would not take it.
pub(super) fn fit(mut mapped: Mapped) -> Result<Mapped, Refusal> {
    let mut fitter = Fitter { fields: std::mem::take(&mut mapped.fields), changes: mapped.changes };
    fitter.take_out_nul();
    match mapped.kind {
        Kind::Category => fitter.category(&mapped.source_id)?,
        Kind::Collection => fitter.collection(&mapped.source_id)?,
        Kind::CustomerGroup => fitter.customer_group()?,
        Kind::Product => fitter.product(&mapped.source_id)?,
        Kind::Customer => fitter.customer()?,
        Kind::Order => fitter.order()?,
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => {
            return Err(Refusal {
                reason: "CAPABILITY_UNSUPPORTED".to_owned(),
                field: None,
                message: format!("Medusa takes no records of kind {}", mapped.kind),
            });
        }
    }
    fitter.metadata();
    if mapped.kind != Kind::Product {
        fitter.check_size()?;
    }
    Ok(Mapped { fields: fitter.fields, changes: fitter.changes, ..mapped })
}

/// A required field says nothing.
pub(super) fn missing(field: &str) -> Refusal {
    Refusal {
        reason: "FIELD_MISSING".to_owned(),
        field: Some(field.to_owned()),
        message: format!("{field} is needed and says nothing"),
    }
}

/// A field holds what Medusa cannot read.
fn invalid(field: &str, message: &str) -> Refusal {
    Refusal {
        reason: "VALUE_INVALID".to_owned(),
        field: Some(field.to_owned()),
        message: message.to_owned(),
    }
}

/// The fields on their way, and what was changed.
struct Fitter {
    fields: Map<String, Value>,
    changes: Vec<Change>,
}

impl Fitter {
    fn note(&mut self, field: &str, before: Value, after: Value, why: &str) {
        let change = Change { field: field.to_owned(), before, after, why: why.to_owned() };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// PostgreSQL keeps no NUL in texts; Medusa answers 500 to them.
    fn take_out_nul(&mut self) {
        let names: Vec<String> = self.fields.keys().cloned().collect();
        for name in names {
            let Some(before) = self.fields.get(&name).cloned() else { continue };
            let mut after = before.clone();
            if without_nul(&mut after) {
                self.note(&name, before, after.clone(), "NUL characters cannot be kept");
                self.fields.insert(name, after);
            }
        }
    }

    /// Makes a text of a plain value and takes out a field that says nothing.
    fn text(&mut self, field: &str) -> Option<String> {
        text_in(&mut self.fields, field)
    }

    fn required(&mut self, field: &str) -> Result<String, Refusal> {
        self.text(field).ok_or_else(|| missing(field))
    }

    fn boolean(&mut self, field: &str, default: bool) {
        let said = boolean_in(&self.fields, field).unwrap_or(default);
        self.fields.insert(field.to_owned(), Value::Bool(said));
    }

    /// Blank entries of metadata say nothing and are left out.
    fn metadata(&mut self) {
        let metadata = self.fields.remove("metadata").map(json::dense);
        if let Some(metadata) = metadata.filter(|metadata| !is_blank(metadata)) {
            self.fields.insert("metadata".to_owned(), metadata);
        }
    }

    fn check_size(&self) -> Result<(), Refusal> {
        let size = serde_json::to_vec(&self.fields).map_or(usize::MAX, |bytes| bytes.len());
        // Keys, links and the names of Medusa's fields come on top.
        if size + 4_096 > spec::BODY_SIZE_MAX {
            return Err(Refusal {
                reason: "TARGET_LIMIT_EXCEEDED".to_owned(),
                field: None,
                message: format!("the record has {size} bytes; Medusa takes about 100 KiB"),
            });
        }
        Ok(())
    }

    fn category(&mut self, source_id: &str) -> Result<(), Refusal> {
        let name = self.required("name")?;
        self.handle_or(&name, source_id);
        self.text("description");
        self.text("parent");
        self.boolean("is_active", true);
        Ok(())
    }

    fn collection(&mut self, source_id: &str) -> Result<(), Refusal> {
        let title = self.required("title")?;
        self.handle_or(&title, source_id);
        Ok(())
    }

    fn customer_group(&mut self) -> Result<(), Refusal> {
        self.required("name")?;
        Ok(())
    }

    /// Keeps a handle, or makes one of a name. Handles of categories and collections are not
    /// checked by Medusa.
    fn handle_or(&mut self, name: &str, source_id: &str) {
        if self.text("handle").is_none() {
            let made = text::slug(name).unwrap_or_else(|| text::fallback_slug(source_id));
            self.fields.insert("handle".to_owned(), Value::String(made));
        }
    }

    /// A list of texts without repetitions; of canonical placements the source ids.
    fn texts(&mut self, field: &str, sorted: bool) {
        let Some(value) = self.fields.remove(field) else { return };
        let entries = match value {
            Value::Array(list) => list,
            Value::String(text) => vec![Value::String(text)],
            _ => return,
        };
        let mut texts: Vec<String> = Vec::new();
        for entry in entries {
            let text = match &entry {
                Value::String(text) => Some(text.clone()),
                Value::Object(_) => json::owned(&entry, "source_id"),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            if let Some(text) = text.filter(|text| !text.is_empty() && !texts.contains(text)) {
                texts.push(text);
            }
        }
        if sorted {
            texts.sort();
        }
        if !texts.is_empty() {
            self.fields.insert(field.to_owned(), Value::from(texts));
        }
    }

    /// The elements of a list of objects, taken out.
    fn objects(&mut self, field: &str) -> Vec<Map<String, Value>> {
        match self.fields.remove(field) {
            Some(Value::Array(list)) => list
                .into_iter()
                .filter_map(|entry| match entry {
                    Value::Object(map) => Some(map),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Makes a text of a plain value and takes out a field that says nothing.
fn text_in(fields: &mut Map<String, Value>, field: &str) -> Option<String> {
    let text = match fields.remove(field)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(said) => said.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    if text.is_empty() {
        return None;
    }
    fields.insert(field.to_owned(), Value::String(text.clone()));
    Some(text)
}

fn boolean_in(fields: &Map<String, Value>, field: &str) -> Option<bool> {
    match fields.get(field)? {
        Value::Bool(said) => Some(*said),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Changes the metadata of a record or element, made where it is not there.
fn edit_metadata<T>(
    fields: &mut Map<String, Value>,
    edit: impl FnOnce(&mut Map<String, Value>) -> T,
) -> T {
    let mut metadata = match fields.remove("metadata") {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let result = edit(&mut metadata);
    fields.insert("metadata".to_owned(), Value::Object(metadata));
    result
}

/// Keeps a value in the metadata.
fn keep(fields: &mut Map<String, Value>, name: &str, value: Value) {
    edit_metadata(fields, |metadata| json::put(metadata, name, value));
}

/// Leaves out what says nothing, in an element of a list and in its metadata.
fn dense_element(mut element: Map<String, Value>) -> Map<String, Value> {
    if let Some(metadata) = element.remove("metadata") {
        json::put(&mut element, "metadata", json::dense(metadata));
    }
    element.retain(|_, value| !is_blank(value));
    element
}

/// Takes NUL characters out of all texts; tells whether there were any.
fn without_nul(value: &mut Value) -> bool {
    let mut found = false;
    match value {
        Value::String(text) if text.contains('\0') => {
            *text = text.replace('\0', "");
            found = true;
        }
        Value::Array(list) => {
            for entry in list {
                found |= without_nul(entry);
            }
        }
        Value::Object(map) => {
            for (_, entry) in map.iter_mut() {
                found |= without_nul(entry);
            }
        }
        _ => {}
    }
    found
}
