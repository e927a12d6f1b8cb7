//! Categories, collections and customer groups: one call each.

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json,
        work::{Stop, Writer},
    },
    OBJECT, Task,
    difference::{Keeping, put_fields},
    done,
    step::Change,
};
use crate::WrittenOutcome;

impl Writer<'_> {
    pub(super) async fn change_category(&self, task: &Task<'_>) -> Result<WrittenOutcome, Stop> {
        let mut body = Map::new();
        let names = ["name", "handle", "description", "is_active"];
        // A description is a text or nothing is said of it: null is refused.
        put_fields(&mut body, &task.current, &task.wanted, &names, &json!(""));
        if !task.keeps("parent") {
            let parent = json::text(&task.wanted, "parent")
                .and_then(|id| task.target_of(Kind::Category, id, "pcat_"));
            body.insert("parent_category_id".to_owned(), json!(parent));
        }
        task.put_external_id(&mut body);
        let metadata = task.metadata(&[], Keeping::Replaced);
        self.change_object(task, "product_category.update", "product-categories", body, metadata)
            .await
    }

    pub(super) async fn change_collection(&self, task: &Task<'_>) -> Result<WrittenOutcome, Stop> {
        let mut body = Map::new();
        put_fields(&mut body, &task.current, &task.wanted, &["title", "handle"], &json!(""));
        let metadata = task.metadata(&[], Keeping::Merged);
        self.change_object(task, "collection.update", "collections", body, metadata).await
    }

    pub(super) async fn change_group(&self, task: &Task<'_>) -> Result<WrittenOutcome, Stop> {
        let mut body = Map::new();
        put_fields(&mut body, &task.current, &task.wanted, &["name"], &json!(""));
        let metadata = task.metadata(&[], Keeping::Merged);
        self.change_object(task, "customer_group.update", "customer-groups", body, metadata).await
    }

    async fn change_object(
        &self,
        task: &Task<'_>,
        name: &'static str,
        listing: &str,
        body: Map<String, Value>,
        metadata: Option<Value>,
    ) -> Result<WrittenOutcome, Stop> {
        let path = format!("/admin/{listing}/{}", task.item.target_id);
        self.change_own(task, name, path, body, metadata).await?;
        Ok(done())
    }

    /// Changes the record's own object, unless nothing of it differs.
    pub(super) async fn change_own(
        &self,
        task: &Task<'_>,
        name: &'static str,
        path: String,
        mut body: Map<String, Value>,
        metadata: Option<Value>,
    ) -> Result<(), Stop> {
        if let Some(metadata) = metadata {
            body.insert("metadata".to_owned(), metadata);
        }
        if !body.is_empty() {
            let change = Change::set(OBJECT, name, path, Value::Object(body));
            self.change(task.item, &change).await?;
        }
        Ok(())
    }
}
