//! The objects that are little more than their fields: one description each, and create, read,
//! list, change and delete for all of them.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::query::{List, Query};
use super::schema::{Shape, check};
use super::state::{Kind, Shop};
use super::value::{Row, id, overlay, stamp, text};

/// What a simple object is.
pub(crate) struct Simple {
    pub(crate) kind: Kind,
    /// The key of one in a reply, and of many.
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// Its name in complaints.
    pub(crate) label: &'static str,
    /// The field that must be unique.
    pub(crate) unique: Option<&'static str>,
    pub(crate) create: Shape,
    pub(crate) update: Shape,
    pub(crate) list: List,
    /// Whether metadata that is sent stands in the stead of the old; otherwise it is merged.
    pub(crate) replaces_metadata: bool,
    /// Fields and their values where the body has none, as JSON.
    pub(crate) blank: &'static str,
    /// Completes and judges a row before it is stored; the flag says that it is new.
    pub(crate) finish: fn(&mut Shop, &mut Row, bool) -> Answer<()>,
    /// The full object for a reply.
    pub(crate) view: fn(&Shop, &Row, &Fields) -> Row,
    /// The fields of a reply when none are asked for.
    pub(crate) defaults: &'static [&'static str],
}

/// For `finish`: nothing to do.
pub(crate) fn as_it_is(_: &mut Shop, _: &mut Row, _: bool) -> Answer<()> {
    Ok(())
}

/// For `view`: the row.
pub(crate) fn plain(_: &Shop, row: &Row, _: &Fields) -> Row {
    row.clone()
}

impl Simple {
    pub(crate) fn create(&self, shop: &mut Shop, query: &Query, body: &Value) -> Answer {
        let body = check(&self.create, body)?;
        let mut row = Row::new();
        row.insert("id".into(), id(self.kind.prefix()).into());
        if let Ok(Value::Object(blank)) = serde_json::from_str(self.blank) {
            row.extend(blank);
        }
        row.extend(body);
        stamp(&mut row);
        (self.finish)(shop, &mut row, true)?;
        self.judge_unique(shop, &row)?;
        let id = shop.insert(self.kind, row);
        self.read(shop, query, &id)
    }

    pub(crate) fn update(&self, shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
        let body = check(&self.update, body)?;
        let mut row = shop.get(self.kind, id).ok_or_else(|| self.missing(id))?.clone();
        overlay(&mut row, &body);
        if let Some(metadata) = body.get("metadata").filter(|_| self.replaces_metadata) {
            row.insert("metadata".into(), metadata.clone());
        }
        (self.finish)(shop, &mut row, false)?;
        self.judge_unique(shop, &row)?;
        shop.update(self.kind, id, |stored| *stored = row);
        self.read(shop, query, id)
    }

    pub(crate) fn read(&self, shop: &Shop, query: &Query, id: &str) -> Answer {
        let row = shop.get(self.kind, id).ok_or_else(|| self.missing(id))?;
        let fields = query.fields(self.defaults);
        Ok(json!({ self.one: fields.pick(&(self.view)(shop, row, &fields)) }))
    }

    pub(crate) fn list(&self, shop: &Shop, query: &Query) -> Answer {
        let fields = query.fields(self.defaults);
        let page = query.page(shop, self.kind, &self.list, |_| true)?;
        let rows = page.rows.iter().map(|row| fields.pick(&(self.view)(shop, row, &fields)));
        Ok(page.reply(self.many, rows.collect()))
    }

    pub(crate) fn delete(&self, shop: &mut Shop, id: &str) -> Answer {
        shop.remove(self.kind, id);
        Ok(json!({ "id": id, "object": self.one, "deleted": true }))
    }

    fn missing(&self, id: &str) -> Refusal {
        Refusal::missing(format!("{} with id: {id} was not found", self.label))
    }

    fn judge_unique(&self, shop: &Shop, row: &Row) -> Answer<()> {
        let Some(field) = self.unique.filter(|_| !shop.habits.takes_duplicates) else {
            return Ok(());
        };
        let value = text(row, field);
        let other =
            shop.table(self.kind).by(field, value).any(|one| text(one, "id") != text(row, "id"));
        if other { Err(Refusal::taken(self.label, field, value)) } else { Ok(()) }
    }
}
