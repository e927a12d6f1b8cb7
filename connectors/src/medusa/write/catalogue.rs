//! Categories, collections and customer groups: one call each.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{json, look_up::Probe},
    Ended, Stop, Writer, ended, linked, own_link,
    step::{Step, id_of, metadata},
};
use crate::{Link, Result, WriteItem};

impl Writer<'_> {
    /// One after the other: a child may stand behind its parent in the same batch.
    pub(super) async fn categories(&self, items: &[WriteItem]) -> Result<Vec<Ended>> {
        let mut made = BTreeMap::new();
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            let result = match self.gone() {
                Some(error) => Err(Stop::Away(error)),
                None => self.category(item, &made).await,
            };
            self.notice(&result).await;
            if let Ok(links) = &result {
                made.extend(
                    links.iter().map(|link| (item.source_id.clone(), link.target_id.clone())),
                );
            }
            all.push(ended(item, result)?);
        }
        Ok(all)
    }

    async fn category(
        &self,
        item: &WriteItem,
        made: &BTreeMap<String, String>,
    ) -> std::result::Result<Vec<Link>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let mut body = Map::new();
        for name in ["name", "handle", "description", "is_active"] {
            json::put(&mut body, name, fields.get(name).cloned().unwrap_or_default());
        }
        if let Some(parent) = json::text(&fields, "parent") {
            let id = linked(item, Kind::Category, parent, Kind::Category.as_str())
                .or_else(|| made.get(parent).map(String::as_str));
            json::put(&mut body, "parent_category_id", json!(id));
        }
        body.insert("external_id".to_owned(), json!(item.key));
        body.insert("metadata".to_owned(), metadata(item, &fields));
        let step = Step {
            ordinal: 0,
            name: "product_category.create",
            path: "/admin/product-categories".to_owned(),
            body: Value::Object(body),
            probe: Probe::Category { key: item.key.clone() },
        };
        let id = id_of(&self.step(item, &step).await?)?;
        Ok(vec![own_link(Kind::Category, item, &id)])
    }

    pub(super) async fn collection(
        &self,
        item: &WriteItem,
    ) -> std::result::Result<Vec<Link>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let handle = json::owned(&fields, "handle").unwrap_or_default();
        let body = json!({
            "title": fields.get("title"),
            "handle": handle,
            "metadata": metadata(item, &fields),
        });
        let step = Step {
            ordinal: 0,
            name: "collection.create",
            path: "/admin/collections".to_owned(),
            body,
            probe: Probe::Collection { handle: Some(handle), key: item.key.clone() },
        };
        let id = id_of(&self.step(item, &step).await?)?;
        Ok(vec![own_link(Kind::Collection, item, &id)])
    }

    pub(super) async fn customer_group(
        &self,
        item: &WriteItem,
    ) -> std::result::Result<Vec<Link>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let name = json::owned(&fields, "name").unwrap_or_default();
        let step = Step {
            ordinal: 0,
            name: "customer_group.create",
            path: "/admin/customer-groups".to_owned(),
            body: json!({ "name": name, "metadata": metadata(item, &fields) }),
            probe: Probe::Group { name: Some(name), key: item.key.clone() },
        };
        let id = id_of(&self.step(item, &step).await?)?;
        Ok(vec![own_link(Kind::CustomerGroup, item, &id)])
    }
}
