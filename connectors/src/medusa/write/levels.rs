//! Stock: levels of many products in one call. What is there is read first and only the rest is
//! written, so that the call may be repeated at any time.

use std::{collections::BTreeMap, time::Duration};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        client::REFUSALS_MAX,
        json::{self, decimal_of},
    },
    Stop, Writer,
    products::{Results, variant_at},
    step::{Standing, call, leaving, other_values, refusal, standing, wait},
    take_back::Made,
};
use crate::{Call, CallResult, CallState, Error, Refusal, WriteItem};

/// The place of this call among a product's calls.
const ORDINAL: u32 = 1;
/// Why a product's stock was not written yet.
const UNREACHED: &str = "its stock is not written yet";
/// How often it is sent.
const ATTEMPTS: u32 = 4;

/// A level that ought to be.
struct Level {
    inventory_item: String,
    location: String,
    quantity: Decimal,
}

/// A product whose stock is to be written.
struct Stocked<'i> {
    item: &'i WriteItem,
    made: Value,
    levels: Vec<Level>,
}

/// Quantities by inventory item and location.
type Known = BTreeMap<(String, String), Decimal>;

impl Stocked<'_> {
    /// Whether every level of its inventory items that is there is one it ought to have.
    fn has_no_other(&self, known: &Known) -> bool {
        known.iter().all(|((item, location), quantity)| {
            let mut own =
                self.levels.iter().filter(|level| level.inventory_item == *item).peekable();
            own.peek().is_none()
                || own.any(|level| level.location == *location && level.quantity == *quantity)
        })
    }
}

impl Writer<'_> {
    /// Writes the stock of the products that were made; a product whose stock is refused is taken
    /// back.
    pub(super) async fn stock(
        &self,
        items: &[WriteItem],
        results: &mut Results,
    ) -> Result<(), Stop> {
        let mut wanted = Vec::new();
        let mut changed = Vec::new();
        let mut calls = Vec::new();
        for item in items {
            let Some(Ok(made)) = results.get(&item.source_id) else { continue };
            let made = made.clone();
            let levels = match self.levels(item, &made) {
                Ok(levels) if levels.is_empty() => continue,
                Ok(levels) => levels,
                Err(stop) => {
                    let stop = match stop {
                        Stop::Refused(refusal) => self.take_product(item, &made, 0, refusal).await,
                        other => other,
                    };
                    results.insert(item.source_id.clone(), Err(stop));
                    continue;
                }
            };
            let stocked = Stocked { item, made, levels };
            let (create, _) = difference(std::slice::from_ref(&stocked), &Known::new());
            let call = call(item, ORDINAL, "inventory_levels.set", &Value::Array(create));
            let stop = match standing(item, &call) {
                Ok(Standing::Applied(_)) => continue,
                Ok(Standing::Open) => None,
                Ok(Standing::Changed) => {
                    changed.push((stocked, call));
                    continue;
                }
                Ok(Standing::New) => {
                    calls.push(call);
                    None
                }
                Err(Stop::Refused(refusal)) => {
                    Some(self.take_product(item, &stocked.made, ORDINAL, refusal).await)
                }
                Err(Stop::Stands(refusal, None)) => Some(stands(refusal, &stocked.made)),
                Err(other) => Some(other),
            };
            let is_open = stop.is_none();
            let stop = stop.unwrap_or_else(|| Stop::Postponed(UNREACHED.to_owned()));
            results.insert(item.source_id.clone(), Err(stop));
            if is_open {
                wanted.push(stocked);
            }
        }
        for (stocked, call) in self.not_set(changed, results).await? {
            calls.push(call);
            let stop = Stop::Postponed(UNREACHED.to_owned());
            results.insert(stocked.item.source_id.clone(), Err(stop));
            wanted.push(stocked);
        }
        self.intend(&calls).await?;
        let ids: Vec<&str> = wanted.iter().map(|one| one.item.source_id.as_str()).collect();
        let mut groups = vec![wanted];
        while let Some(group) = groups.pop().filter(|group| !group.is_empty()) {
            match self.set(group, results).await {
                Ok(halves) => groups.extend(halves),
                Err(fatal @ Stop::Fatal(_)) => return Err(fatal),
                Err(stop) => {
                    // What keeps one group keeps those behind it, too.
                    for id in ids {
                        let open = matches!(
                            results.get(id),
                            Some(Err(Stop::Postponed(why))) if why == UNREACHED
                        );
                        if open {
                            results.insert(id.to_owned(), Err(stop.clone()));
                        }
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Looks at the stock of products for which other levels were intended, as long as the shop may
    /// still be at work on them. Where a level is another than is wanted now, they stand, which is a
    /// conflict; gives the other products.
    async fn not_set<'i>(
        &self,
        changed: Vec<(Stocked<'i>, Call)>,
        results: &mut Results,
    ) -> Result<Vec<(Stocked<'i>, Call)>, Stop> {
        let mut asked = changed;
        let mut waited = Duration::ZERO;
        let mut wait = Duration::from_millis(250);
        while !asked.is_empty() {
            let known = match self.known(asked.iter().map(|(stocked, _)| stocked)).await {
                Ok(known) => known,
                Err(fatal @ Stop::Fatal(_)) => return Err(fatal),
                Err(stop) => {
                    for (stocked, _) in asked {
                        results.insert(stocked.item.source_id.clone(), Err(stop.clone()));
                    }
                    return Ok(Vec::new());
                }
            };
            let mut journal = Vec::new();
            asked.retain(|(stocked, _)| {
                if stocked.has_no_other(&known) {
                    return true;
                }
                let source_id = stocked.item.source_id.clone();
                let stop = stands(other_values(), &stocked.made);
                results.insert(source_id.clone(), Err(stop));
                let state = CallState::Applied(json!({}));
                journal.push(CallResult { source_id, ordinal: ORDINAL, state });
                false
            });
            self.record(&journal).await?;
            if waited >= self.client.settle_time {
                break;
            }
            tokio::time::sleep(wait.min(self.client.settle_time)).await;
            waited += wait;
            wait *= 2;
        }
        Ok(asked)
    }

    /// The levels a product ought to have.
    fn levels(&self, item: &WriteItem, made: &Value) -> Result<Vec<Level>, Stop> {
        let fields = Value::Object(item.mapped.fields.clone());
        let mut levels = Vec::new();
        for (place, wanted) in json::list(&fields, "variants").iter().enumerate() {
            let stock = json::list(wanted, "stock");
            if stock.is_empty() {
                continue;
            }
            let inventory_item = variant_at(made, place)
                .and_then(|variant| json::owned(variant, "inventory_item"))
                .ok_or_else(|| {
                    Stop::Postponed("a variant has no inventory item for its stock".to_owned())
                })?;
            for level in stock {
                let name = level.get("location").and_then(Value::as_str).unwrap_or("");
                let location = self.prepared.locations.get(name).ok_or_else(|| {
                    Stop::Refused(Refusal {
                        reason: "REFERENCE_MISSING".to_owned(),
                        field: Some("variants[].stock".to_owned()),
                        message: "a stock location was not prepared".to_owned(),
                    })
                })?;
                levels.push(Level {
                    inventory_item: inventory_item.clone(),
                    location: location.clone(),
                    quantity: decimal_of(level, "quantity").unwrap_or_default(),
                });
            }
        }
        Ok(levels)
    }

    /// Writes the levels of a group; gives the halves when it was refused.
    async fn set<'i>(
        &self,
        mut group: Vec<Stocked<'i>>,
        results: &mut Results,
    ) -> Result<Vec<Vec<Stocked<'i>>>, Stop> {
        let mut last = Stop::Postponed(UNREACHED.to_owned());
        let (mut attempt, mut refusals) = (0, 0);
        while attempt < ATTEMPTS && refusals < REFUSALS_MAX {
            attempt += 1;
            let known = self.known(group.iter()).await?;
            let (create, update) = difference(&group, &known);
            if create.is_empty() && update.is_empty() {
                self.settle(&group, results).await?;
                return Ok(Vec::new());
            }
            let path = "/admin/inventory-items/location-levels/batch";
            let body = json!({ "create": create, "update": update });
            let permit = self.permit().await?;
            let error = match self.client.post_with(permit, path, &body).await {
                Ok(answer) => {
                    let told = ["created", "updated"].map(|list| json::list(&answer, list).len());
                    if told.iter().sum::<usize>() >= create.len() + update.len() {
                        self.settle(&group, results).await?;
                        return Ok(Vec::new());
                    }
                    // It names not all that was sent: what is there decides.
                    let why = "the shop did not name all levels that were sent".to_owned();
                    last = Stop::Postponed(why);
                    continue;
                }
                Err(error) => error,
            };
            last = Stop::of(error.clone());
            match error {
                // It had no effect and is no try; the budget waits as long as the shop asks.
                Error::Throttled { .. } => {
                    attempt -= 1;
                    refusals += 1;
                }
                Error::Transient { retry_after, .. } => wait(attempt - 1, retry_after).await,
                Error::Rejected { problem, .. } if problem.contains("already exists") => {}
                Error::Rejected { field, problem, .. } => {
                    if let [stocked] = group.as_slice() {
                        let refusal = refusal(field, problem);
                        let mut stop = self.refuse(stocked.item, ORDINAL, refusal).await?;
                        if let Stop::Refused(refusal) = stop {
                            let (item, made) = (stocked.item, &stocked.made);
                            stop = self.take_product(item, made, ORDINAL, refusal).await;
                        }
                        results.insert(stocked.item.source_id.clone(), Err(stop));
                        return Ok(Vec::new());
                    }
                    let second = group.split_off(group.len() / 2);
                    return Ok(vec![second, group]);
                }
                Error::Missing { .. } | Error::Unreadable { .. } => {}
                fatal => return Err(Stop::Fatal(fatal)),
            }
        }
        for stocked in group {
            results.insert(stocked.item.source_id.clone(), Err(last.clone()));
        }
        Ok(Vec::new())
    }

    /// The levels that are there, by inventory item and location.
    async fn known<'s>(&self, group: impl Iterator<Item = &'s Stocked<'s>>) -> Result<Known, Stop> {
        let mut items: Vec<&str> = group
            .flat_map(|stocked| &stocked.levels)
            .map(|level| level.inventory_item.as_str())
            .collect();
        items.sort_unstable();
        items.dedup();
        let mut known = Known::new();
        for chunk in items.chunks(100) {
            let mut query = vec![
                ("limit", "100".to_owned()),
                (
                    "fields",
                    "id,location_levels.location_id,location_levels.stocked_quantity".to_owned(),
                ),
            ];
            query.extend(chunk.iter().map(|id| ("id[]", (*id).to_owned())));
            let answer =
                self.client.get("/admin/inventory-items", &query).await.map_err(Stop::of)?;
            for row in json::list(&answer, "inventory_items") {
                for level in json::list(row, "location_levels") {
                    let quantity = decimal_of(level, "stocked_quantity").unwrap_or_default();
                    if let (Some(item), Some(location)) =
                        (json::owned(row, "id"), json::owned(level, "location_id"))
                    {
                        known.insert((item, location), quantity);
                    }
                }
            }
        }
        Ok(known)
    }

    /// Journals that the levels of a group stand.
    async fn settle(&self, group: &[Stocked<'_>], results: &mut Results) -> Result<(), Stop> {
        let journal: Vec<CallResult> = group
            .iter()
            .map(|stocked| CallResult {
                source_id: stocked.item.source_id.clone(),
                ordinal: ORDINAL,
                state: CallState::Applied(json!({})),
            })
            .collect();
        self.record(&journal).await?;
        for stocked in group {
            results.insert(stocked.item.source_id.clone(), Ok(stocked.made.clone()));
        }
        Ok(())
    }

    /// Deletes a product that cannot have its stock; gives why its record goes no further.
    async fn take_product(
        &self,
        item: &WriteItem,
        made: &Value,
        last: u32,
        refusal: Refusal,
    ) -> Stop {
        let id = json::text(made, "id").unwrap_or_default();
        let path = format!("/admin/products/{id}");
        self.take_back(item, Made { id, path, last }, refusal).await
    }
}

/// How a product ends that is refused and stands.
fn stands(refusal: Refusal, made: &Value) -> Stop {
    let id = json::owned(made, "id").unwrap_or_default();
    Stop::Stands(leaving(refusal, &id), Some(id))
}

/// What is missing, and what is different.
fn difference(group: &[Stocked<'_>], known: &Known) -> (Vec<Value>, Vec<Value>) {
    let mut create = Vec::new();
    let mut update = Vec::new();
    for level in group.iter().flat_map(|stocked| &stocked.levels) {
        let place = (level.inventory_item.clone(), level.location.clone());
        let entry = json!({
            "inventory_item_id": level.inventory_item,
            "location_id": level.location,
            "stocked_quantity": json::number(level.quantity),
        });
        match known.get(&place) {
            None => create.push(entry),
            Some(quantity) if *quantity != level.quantity => update.push(entry),
            Some(_) => {}
        }
    }
    (create, update)
}
