//! Stock: levels of many products in one call. What is there is read first and only the rest is
//! written, so that the call may be repeated at any time.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::json::{self, decimal_of},
    Stop, Writer,
    products::Results,
    step::{call, journaled, refusal, refused_before, wait},
};
use crate::{CallResult, CallState, Error, Refusal, WriteItem};

/// The place of this call among a product's calls.
const ORDINAL: u32 = 1;
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

impl Writer<'_> {
    /// Writes the stock of the products that were made; a product whose stock is refused is taken
    /// back.
    pub(super) async fn stock(
        &self,
        items: &[WriteItem],
        results: &mut Results,
    ) -> Result<(), Stop> {
        let mut wanted = Vec::new();
        for item in items {
            let Some(Ok(made)) = results.get(&item.source_id) else { continue };
            let made = made.clone();
            match journaled(item, ORDINAL) {
                Some(CallState::Applied(_)) => continue,
                Some(CallState::Refused(problem)) => {
                    let stop = refused_before(problem);
                    self.take_back(item, &made, stop, results).await?;
                    continue;
                }
                Some(CallState::Intended) | None => {}
            }
            match self.levels(item, &made) {
                Ok(levels) if levels.is_empty() => {}
                Ok(levels) => {
                    let stop = Stop::Postponed("its stock is not written yet".to_owned());
                    results.insert(item.source_id.clone(), Err(stop));
                    wanted.push(Stocked { item, made, levels });
                }
                Err(refusal) => {
                    self.take_back(item, &made, Stop::Refused(refusal), results).await?;
                }
            }
        }
        let calls: Vec<_> = wanted
            .iter()
            .filter(|stocked| journaled(stocked.item, ORDINAL).is_none())
            .map(|stocked| {
                let (create, _) = difference(std::slice::from_ref(stocked), &BTreeMap::new());
                call(stocked.item, ORDINAL, "inventory_levels.set", &Value::Array(create))
            })
            .collect();
        self.intend(&calls).await?;
        let mut groups = vec![wanted];
        while let Some(group) = groups.pop() {
            if !group.is_empty() {
                groups.extend(self.set(group, results).await?);
            }
        }
        Ok(())
    }

    /// The levels a product ought to have.
    fn levels(&self, item: &WriteItem, made: &Value) -> Result<Vec<Level>, Refusal> {
        let fields = Value::Object(item.mapped.fields.clone());
        let variants = json::list(&fields, "variants");
        let mut levels = Vec::new();
        for variant in json::list(made, "variants") {
            let place = variant.get("position").and_then(Value::as_u64);
            let place = place.and_then(|place| usize::try_from(place).ok());
            let Some(wanted) = place.and_then(|place| variants.get(place)) else { continue };
            let Some(inventory_item) = json::owned(variant, "inventory_item") else { continue };
            for level in json::list(wanted, "stock") {
                let name = level.get("location").and_then(Value::as_str).unwrap_or("");
                let location = self.prepared.locations.get(name).ok_or_else(|| Refusal {
                    reason: "REFERENCE_MISSING".to_owned(),
                    field: Some("variants[].stock".to_owned()),
                    message: "a stock location was not prepared".to_owned(),
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
        let mut problem = String::new();
        for attempt in 0..ATTEMPTS {
            let known = self.known(&group).await?;
            let (create, update) = difference(&group, &known);
            if create.is_empty() && update.is_empty() {
                self.settle(&group, results).await?;
                return Ok(Vec::new());
            }
            let path = "/admin/inventory-items/location-levels/batch";
            let body = json!({ "create": create, "update": update });
            match self.client.post(path, &body).await {
                Ok(_) => {
                    self.settle(&group, results).await?;
                    return Ok(Vec::new());
                }
                Err(
                    Error::Throttled { retry_after, .. } | Error::Transient { retry_after, .. },
                ) => {
                    "the shop is away".clone_into(&mut problem);
                    wait(attempt, retry_after).await;
                }
                Err(Error::Rejected { problem: why, .. }) if why.contains("already exists") => {
                    problem = why;
                }
                Err(Error::Rejected { field, problem, .. }) => {
                    if let [stocked] = group.as_slice() {
                        let refusal = refusal(field, problem);
                        let stop = self.refuse(stocked.item, ORDINAL, refusal).await?;
                        self.take_back(stocked.item, &stocked.made, stop, results).await?;
                        return Ok(Vec::new());
                    }
                    let second = group.split_off(group.len() / 2);
                    return Ok(vec![second, group]);
                }
                Err(error @ (Error::Missing { .. } | Error::Unreadable { .. })) => {
                    problem = error.to_string();
                }
                Err(fatal) => return Err(Stop::Fatal(fatal)),
            }
        }
        for stocked in group {
            let stop = Stop::Postponed(problem.clone());
            results.insert(stocked.item.source_id.clone(), Err(stop));
        }
        Ok(Vec::new())
    }

    /// The levels that are there, by inventory item and location.
    async fn known(
        &self,
        group: &[Stocked<'_>],
    ) -> Result<BTreeMap<(String, String), Decimal>, Stop> {
        let mut items: Vec<&str> = group
            .iter()
            .flat_map(|stocked| &stocked.levels)
            .map(|level| level.inventory_item.as_str())
            .collect();
        items.sort_unstable();
        items.dedup();
        let mut known = BTreeMap::new();
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

    /// Deletes a product that cannot have its stock; Medusa says yes to a repetition.
    async fn take_back(
        &self,
        item: &WriteItem,
        made: &Value,
        stop: Stop,
        results: &mut Results,
    ) -> Result<(), Stop> {
        if let Some(id) = json::text(made, "id") {
            self.client.delete(&format!("/admin/products/{id}")).await.map_err(Stop::of)?;
        }
        results.insert(item.source_id.clone(), Err(stop));
        Ok(())
    }
}

/// What is missing, and what is different.
fn difference(
    group: &[Stocked<'_>],
    known: &BTreeMap<(String, String), Decimal>,
) -> (Vec<Value>, Vec<Value>) {
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
