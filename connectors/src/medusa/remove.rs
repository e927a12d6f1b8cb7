//! Taking out of a shop what runs made in it. Deleting is the same twice, so a deletion whose answer
//! was lost is made again; whether it had its effect before only says by whom the object went.

use std::{collections::BTreeSet, time::Duration};

use cartage_model::Kind;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    client::{Client, REFUSALS_MAX},
    json, map, read,
};
use crate::{
    Call, CallJournal, CallResult, CallState, Error, REMOVAL_ORDINAL, Refusal, Removal, RemoveItem,
    Removed, RemovedOutcome, Result,
};

/// Deletions at work at once. Categories go one after the other: Medusa deletes none that has
/// children (`deleteProductCategories` of `@medusajs/product` 2.21.2, read 2026-11-27).
const fn width(kind: Kind) -> usize {
    match kind {
        Kind::Category => 1,
        _ => 8,
    }
}
/// How often a deletion is sent before it is put off.
const ATTEMPTS: u32 = 4;
/// The longest the shop's wish for patience is followed at once.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What Medusa lets be deleted. An order has no route for it in the admin API, and cancelling one
/// gives its money back (<https://docs.medusajs.com/api/admin#orders>, read 2026-11-27).
pub(super) const fn removal(kind: Kind) -> Removal {
    match kind {
        Kind::Category
        | Kind::Collection
        | Kind::Product
        | Kind::CustomerGroup
        | Kind::Customer => Removal::Deleted,
        Kind::Order => Removal::Stays("Medusa does not delete orders"),
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => Removal::Stays("Medusa takes no records of this kind"),
    }
}

/// Takes the objects of records of one kind out of the shop.
pub(super) async fn remove(
    client: &Client,
    kind: Kind,
    items: &[RemoveItem],
    journal: &dyn CallJournal,
) -> Result<Vec<Removed>> {
    if let Removal::Stays(why) = removal(kind) {
        let refusal = || kept("CAPABILITY_UNSUPPORTED", why.to_owned());
        return Ok(items.iter().map(|item| removed(item, refusal())).collect());
    }
    let (path, _) = read::listing(kind)?;
    let ids: Vec<String> = items.iter().map(|item| item.target_id.clone()).collect();
    let fields = match kind {
        Kind::Category | Kind::Product => "id,external_id,metadata",
        _ => "id,metadata",
    };
    let found = read::by_ids(client, kind, &ids, fields).await?;
    let standing: Vec<String> = found.keys().cloned().collect();
    let bound = match kind {
        Kind::Customer => buyers(client, &standing).await?,
        Kind::CustomerGroup => {
            holding(client, "/admin/customers", "customers", "groups[]", &standing).await?
        }
        Kind::Collection => {
            holding(client, "/admin/products", "products", "collection_id[]", &standing).await?
        }
        Kind::Category => {
            holding(client, "/admin/products", "products", "category_id[]", &standing).await?
        }
        _ => BTreeSet::new(),
    };
    let (mut done, mut due) = (Vec::new(), Vec::new());
    for item in items {
        match found.get(&item.target_id) {
            None if item.begun => due.push((item, false)),
            None => done.push(removed(item, RemovedOutcome::Absent)),
            Some(object) if map::key(object) != Some(item.key.as_str()) => {
                let message = "its object no longer carries our key";
                done.push(removed(item, kept("TARGET_CONFLICT", message.to_owned())));
            }
            Some(object) if kind == Kind::Product && is_taken_over(object, item) => {
                let message = "its external id is another one now";
                done.push(removed(item, kept("TARGET_CONFLICT", message.to_owned())));
            }
            Some(_) if bound.contains(&item.target_id) => {
                let message = match kind {
                    Kind::CustomerGroup => "customers are in it still",
                    Kind::Collection | Kind::Category => "products are in it still",
                    _ => "orders that are not of this migration hang at the customer",
                };
                done.push(removed(item, kept("TARGET_CONFLICT", message.to_owned())));
            }
            Some(_) => due.push((item, true)),
        }
    }
    let calls: Vec<Call> = due
        .iter()
        .filter(|(item, _)| !item.begun)
        .map(|(item, _)| call(kind, item, path))
        .collect();
    if !calls.is_empty() {
        journal.intend(&calls).await?;
    }
    let mut away = None;
    let mut futures = Vec::with_capacity(due.len());
    for (item, there) in due {
        let path = format!("{path}/{}", item.target_id);
        futures.push(async move {
            if there {
                delete(client, &path, item, journal).await
            } else {
                recorded(journal, item, CallState::Applied(json!({}))).await
            }
        });
    }
    let mut results = stream::iter(futures).buffer_unordered(width(kind));
    while let Some(result) = results.next().await {
        match result {
            Ok(one) => done.push(one),
            // Trouble counts more than a budget without room.
            Err(error @ Error::Transient { .. }) => away = Some(error),
            Err(error @ Error::Throttled { .. }) => {
                away.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match away {
        // What was done is told first; the others are asked for again.
        Some(error) if done.is_empty() => Err(error),
        Some(error) => {
            let told: BTreeSet<String> = done.iter().map(|one| one.source_id.clone()).collect();
            let left = items.iter().filter(|item| !told.contains(&item.source_id));
            let why = error.to_string();
            let outcome = match error {
                Error::Throttled { retry_after, .. } => {
                    RemovedOutcome::Deferred { why, retry_after }
                }
                _ => RemovedOutcome::Postponed(why),
            };
            done.extend(left.map(|item| removed(item, outcome.clone())).collect::<Vec<_>>());
            Ok(done)
        }
        None => Ok(done),
    }
}

/// Deletes one object whose intent is committed.
async fn delete(
    client: &Client,
    path: &str,
    item: &RemoveItem,
    journal: &dyn CallJournal,
) -> Result<Removed> {
    let (mut attempt, mut refusals) = (0, 0);
    loop {
        let permit = client.write_permit().await?;
        journal.still_ours().await?;
        match client.delete(permit, path).await {
            Ok(_) | Err(Error::Missing { .. }) => {
                return recorded(journal, item, CallState::Applied(json!({}))).await;
            }
            Err(Error::Rejected { problem, .. }) => {
                return recorded(journal, item, CallState::Refused(problem)).await;
            }
            // It had no effect; the budget waits as long as the shop asks.
            Err(Error::Throttled { .. }) if refusals < REFUSALS_MAX => refusals += 1,
            Err(Error::Transient { retry_after, .. }) if attempt + 1 < ATTEMPTS => {
                attempt += 1;
                let wait = retry_after.unwrap_or(Duration::from_millis(200) * 2_u32.pow(attempt));
                tokio::time::sleep(wait.min(WAIT_MAX)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Keeps the result of a deletion, and says what it means.
async fn recorded(
    journal: &dyn CallJournal,
    item: &RemoveItem,
    state: CallState,
) -> Result<Removed> {
    let outcome = match &state {
        CallState::Refused(problem) => kept("TARGET_REFUSED_RECORD", problem.clone()),
        CallState::Applied(_) | CallState::Intended => RemovedOutcome::Removed,
    };
    let source_id = item.source_id.clone();
    journal.record(&[CallResult { source_id, ordinal: REMOVAL_ORDINAL, state }]).await?;
    Ok(removed(item, outcome))
}

fn call(kind: Kind, item: &RemoveItem, path: &str) -> Call {
    Call {
        source_id: item.source_id.clone(),
        ordinal: REMOVAL_ORDINAL,
        name: format!("{kind}.delete"),
        payload_hash: blake3::hash(format!("{path}/{}", item.target_id).as_bytes())
            .to_hex()
            .to_string(),
    }
}

fn removed(item: &RemoveItem, outcome: RemovedOutcome) -> Removed {
    Removed { source_id: item.source_id.clone(), outcome }
}

fn kept(reason: &str, message: String) -> RemovedOutcome {
    RemovedOutcome::Kept(Refusal { reason: reason.to_owned(), field: None, message })
}

/// Those of some customers at whom orders or drafts hang that carry no key of ours: they bought
/// something since.
async fn buyers(client: &Client, customers: &[String]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for chunk in customers.chunks(50) {
        for (path, name) in [("/admin/orders", "orders"), ("/admin/draft-orders", "draft_orders")] {
            let mut offset = 0;
            loop {
                let mut query = vec![
                    ("limit", "200".to_owned()),
                    ("offset", offset.to_string()),
                    ("order", "id".to_owned()),
                    ("fields", "id,customer_id,metadata".to_owned()),
                ];
                query.extend(chunk.iter().map(|id| ("customer_id[]", id.clone())));
                let answer = client.get(path, &query).await?;
                let rows = read::rows(&answer, path, name)?;
                for row in rows.iter().filter(|row| !is_ours(row)) {
                    found.extend(json::owned(row, "customer_id"));
                }
                if rows.len() < 200 {
                    break;
                }
                offset += rows.len();
            }
        }
    }
    Ok(found)
}

/// Those of some groups, collections or categories in which something is. What runs put into them is gone
/// before they are: what is left was put in by others, or stays itself, and would lose its place.
async fn holding(
    client: &Client,
    path: &str,
    list: &str,
    filter: &'static str,
    ids: &[String],
) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for id in ids {
        let query = [("limit", "1".to_owned()), ("fields", "id".to_owned()), (filter, id.clone())];
        let answer = client.get(path, &query).await?;
        if !read::rows(&answer, path, list)?.is_empty() {
            found.insert(id.clone());
        }
    }
    Ok(found)
}

/// Whether another tool wrote an id of its own where ours was.
fn is_taken_over(object: &Value, item: &RemoveItem) -> bool {
    json::text(object, "external_id").is_some_and(|id| id != item.key)
}

fn is_ours(object: &Value) -> bool {
    map::key(object).is_some_and(|key| key.starts_with("cartage:"))
}
