//! Customers: the person, the address book, the groups. An e-mail address that another customer has
//! is a conflict, as it is when a customer is made.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{
        json, read,
        work::{Stop, Writer, link},
    },
    OBJECT, Task, addresses,
    difference::{Keeping, put_fields, set},
    refuse,
    step::Change,
};
use crate::{EMAIL, Result, UpdateItem, WrittenOutcome};

/// The place of the call that changes the groups.
const GROUPS: u32 = OBJECT + 1;

/// The ids of customers by their addresses.
pub(super) type Owners = BTreeMap<String, Vec<String>>;

impl Writer<'_> {
    /// Whose the addresses are that customers shall have from now on.
    pub(super) async fn owners_of_new(&self, items: &[UpdateItem]) -> Result<Owners> {
        let path = "/admin/customers";
        let email = |of: &Map<String, Value>| {
            of.get("email").and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
        };
        let new: Vec<String> = items
            .iter()
            .filter(|item| email(&item.current) != email(&item.mapped.fields))
            .filter_map(|item| email(&item.mapped.fields))
            .collect();
        let mut owners = Owners::new();
        for chunk in new.chunks(50) {
            let mut query = vec![("limit", "200".to_owned()), ("fields", "id,email".to_owned())];
            query.extend(chunk.iter().map(|email| ("email[]", email.clone())));
            let answer = self.client.get(path, &query).await?;
            for row in read::rows(&answer, path, "customers")? {
                if let (Some(email), Some(id)) = (json::owned(row, "email"), json::owned(row, "id"))
                {
                    owners.entry(email).or_default().push(id);
                }
            }
        }
        Ok(owners)
    }

    pub(super) async fn change_customer(
        &self,
        task: &Task<'_>,
        owners: &Owners,
    ) -> std::result::Result<WrittenOutcome, Stop> {
        let id = &task.item.target_id;
        let (old, new) = (json::text(&task.current, "email"), json::text(&task.wanted, "email"));
        let owned_by_another = |email: &str| {
            owners.get(email).is_some_and(|owners| owners.iter().any(|owner| owner != id))
        };
        if old != new && new.is_some_and(owned_by_another) {
            let message = "another customer has this address already";
            return Err(refuse("TARGET_CONFLICT", Some("email"), message));
        }
        let mut body = Map::new();
        let names = ["email", "first_name", "last_name", "phone", "company_name"];
        put_fields(&mut body, &task.current, &task.wanted, &names, &Value::Null);
        let metadata = task.metadata(&[], Keeping::Merged);
        let path = format!("/admin/customers/{id}");
        self.change_own(task, "customer.update", path, body, metadata).await?;
        self.change_groups(task).await?;
        for change in addresses::changes(task) {
            self.change(task.item, &change).await?;
        }
        let own = |email: &str| link(Kind::Customer, email, EMAIL, id);
        let is_other = old != new;
        Ok(WrittenOutcome::Updated {
            made: new.filter(|_| is_other).map(own).into_iter().collect(),
            gone: old.filter(|_| is_other).map(own).into_iter().collect(),
        })
    }

    async fn change_groups(&self, task: &Task<'_>) -> std::result::Result<(), Stop> {
        let (before, after) = (set(&task.current, "groups"), set(&task.wanted, "groups"));
        let id = |source_id: &&&str| {
            // One that was read with our key is known by that where no link says its id.
            let known = json::list(task.raw, "groups").iter().find(|group| {
                super::map::key(group)
                    .and_then(|key| super::map::source_id(key, Kind::CustomerGroup))
                    == Some(**source_id)
            });
            known
                .and_then(|group| json::text(group, "id"))
                .or_else(|| task.target_of(Kind::CustomerGroup, source_id, "cusgroup_"))
                .map(str::to_owned)
        };
        let add: Vec<String> = after.difference(&before).filter_map(|it| id(&it)).collect();
        let remove: Vec<String> = before.difference(&after).filter_map(|it| id(&it)).collect();
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let path = format!("/admin/customers/{}/customer-groups", task.item.target_id);
        let body = json!({ "add": add, "remove": remove });
        let change = Change::set(GROUPS, "customer_groups.change", path, body);
        self.change(task.item, &change).await.map(drop)
    }
}
