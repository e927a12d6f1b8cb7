//! Customers with their addresses and groups. An address that belongs to a customer who is not
//! ours is a conflict: nobody's account is taken over in silence.

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value, json};

use super::{
    super::{json, look_up::Probe, map, marks, read},
    Ended, Stop, Writer, ended_alike, link, linked, own_link,
    step::{Step, id_of, journaled, leaving, metadata},
    take_back::Made,
};
use crate::{CallState, EMAIL, Link, Refusal, Result, WriteItem};

/// Customers at work at once.
const WIDTH: usize = 8;

impl Writer<'_> {
    pub(super) async fn customers(&self, items: &[WriteItem]) -> Result<Vec<Ended>> {
        let owners = match self.owners(items).await.map_err(Stop::of) {
            Ok(owners) => owners,
            Err(stop) => return ended_alike(items, &stop),
        };
        let futures = items.iter().map(|item| self.customer(item, &owners)).collect();
        self.at_once(WIDTH, futures, items).await
    }

    /// Whose the addresses of new customers are already: the keys by e-mail, empty for foreigners.
    /// Medusa takes an address twice where one has an account, so it must be asked before.
    async fn owners(&self, items: &[WriteItem]) -> Result<BTreeMap<String, String>> {
        let emails: Vec<&str> = items
            .iter()
            .filter(|item| {
                let state = journaled(item, 0).map(|made| &made.state);
                !matches!(state, Some(CallState::Applied(_)))
            })
            .filter_map(|item| item.mapped.fields.get("email").and_then(Value::as_str))
            .collect();
        let mut owners = BTreeMap::new();
        let path = "/admin/customers";
        for chunk in emails.chunks(50) {
            let mut query =
                vec![("limit", "200".to_owned()), ("fields", "id,email,metadata".to_owned())];
            query.extend(chunk.iter().map(|email| ("email[]", (*email).to_owned())));
            let answer = self.client.get(path, &query).await?;
            for row in read::rows(&answer, path, "customers")? {
                let Some(email) = json::owned(row, "email") else { continue };
                let key = map::key(row).unwrap_or_default().to_owned();
                let entry = owners.entry(email).or_insert_with(|| key.clone());
                // A foreign one beside one of ours is still a conflict for everybody else.
                if entry.is_empty() {
                    *entry = key;
                }
            }
        }
        Ok(owners)
    }

    async fn customer(
        &self,
        item: &WriteItem,
        owners: &BTreeMap<String, String>,
    ) -> std::result::Result<Vec<Link>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let email = json::owned(&fields, "email");
        let owner = email.as_ref().and_then(|email| owners.get(email));
        if owner.is_some_and(|key| *key != item.key) {
            return Err(Stop::Refused(Refusal {
                reason: "TARGET_CONFLICT".to_owned(),
                field: Some("email".to_owned()),
                message: "a customer who is not ours has this address already".to_owned(),
            }));
        }
        let mut body = Map::new();
        for name in ["email", "first_name", "last_name", "phone", "company_name"] {
            json::put(&mut body, name, fields.get(name).cloned().unwrap_or_default());
        }
        body.insert("metadata".to_owned(), metadata(item, &fields));
        let create = Step {
            ordinal: 0,
            name: "customer.create",
            path: "/admin/customers".to_owned(),
            body: Value::Object(body),
            probe: Probe::Customer { email: email.clone(), key: item.key.clone() },
        };
        let id = id_of(&self.step(item, &create).await?)?;
        let mut ordinal = 0;
        if let Err(stop) = self.details(item, &fields, &id, &mut ordinal).await {
            return Err(match stop {
                // What was made on the way is taken back.
                Stop::Refused(refusal) => {
                    let path = format!("/admin/customers/{id}");
                    self.take_back(item, Made { id: &id, path, last: ordinal }, refusal).await
                }
                Stop::Stands(refusal, None) => Stop::Stands(leaving(refusal, &id), Some(id)),
                other => other,
            });
        }
        let mut links = vec![own_link(Kind::Customer, item, &id)];
        links.extend(email.map(|email| link(Kind::Customer, &email, EMAIL, &id)));
        Ok(links)
    }

    /// Addresses, then groups. Calls of addresses are told apart by their places; `ordinal` is that
    /// of the last call.
    async fn details(
        &self,
        item: &WriteItem,
        fields: &Value,
        customer: &str,
        ordinal: &mut u32,
    ) -> std::result::Result<(), Stop> {
        for (position, address) in json::list(fields, "addresses").iter().enumerate() {
            let mut body = address.as_object().cloned().unwrap_or_default();
            let mut metadata = json::object(address, "metadata");
            metadata.insert(marks::POSITION.to_owned(), json!(position));
            body.insert("metadata".to_owned(), Value::Object(metadata));
            *ordinal += 1;
            let step = Step {
                ordinal: *ordinal,
                name: "customer_address.create",
                path: format!("/admin/customers/{customer}/addresses"),
                body: Value::Object(body),
                probe: Probe::Address { customer: customer.to_owned(), position },
            };
            self.step(item, &step).await?;
        }
        let groups: Vec<String> = json::list(fields, "groups")
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|id| linked(item, Kind::CustomerGroup, id, Kind::CustomerGroup.as_str()))
            .map(str::to_owned)
            .collect();
        if !groups.is_empty() {
            *ordinal += 1;
            let step = Step {
                ordinal: *ordinal,
                name: "customer_groups.add",
                path: format!("/admin/customers/{customer}/customer-groups"),
                body: json!({ "add": groups }),
                probe: Probe::Member { customer: customer.to_owned(), groups },
            };
            self.step(item, &step).await?;
        }
        Ok(())
    }
}
