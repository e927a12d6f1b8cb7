//! Bringing objects to other values: what differs between what stands in the shop and what shall
//! stand there is sent, and nothing else. What cannot be changed is refused before anything is sent.
//!
//! Setting a value is the same twice, so a call without a result is made again. What would be there
//! twice (a variant, an address, a payment) is looked for in the shop before. Each object is read
//! with its children at the beginning, after calls that may still be at work have had their time, so
//! that an update that is taken up again sees what it did before.

mod addresses;
mod catalogue;
mod customers;
mod difference;
mod money;
mod options;
mod orders;
mod products;
mod step;
mod stock;
mod trace;
mod variants;

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::Value;

use super::{
    client::Client,
    json, map,
    prepare::Prepared,
    read,
    work::{Stop, Writer, ended, linked},
};
use crate::{
    CallJournal, CallState, Refusal, Result, UPDATE_ORDINAL, UpdateItem, Written, WrittenOutcome,
};

/// The place of the call that changes the object itself.
const OBJECT: u32 = UPDATE_ORDINAL;

/// A record with its object.
struct Task<'a> {
    item: &'a UpdateItem,
    /// The object as the shop has it.
    raw: &'a Value,
    /// Its fields as they were read for this update.
    current: Value,
    /// Its fields as they shall be.
    wanted: Value,
}

/// What is read for all records before the first call.
struct Read {
    /// Their objects by id.
    objects: BTreeMap<String, Value>,
    /// The stock locations.
    around: map::Around,
    /// Whose the new addresses of customers are.
    owners: customers::Owners,
}

impl Writer<'_> {
    async fn read(&self, kind: Kind, items: &[UpdateItem]) -> Result<Read> {
        let ids: Vec<String> = items.iter().map(|item| item.target_id.clone()).collect();
        let objects = read::by_ids(self.client, kind, &ids, &fields(kind)).await?;
        let mut around = map::Around::default();
        if kind == Kind::Product {
            around.locations = read::locations(self.client).await?;
        }
        let owners = match kind {
            Kind::Customer => self.owners_of_new(items).await?,
            _ => BTreeMap::new(),
        };
        Ok(Read { objects, around, owners })
    }
}

/// Changes records of one kind.
pub(super) async fn update(
    client: &Client,
    prepared: &Value,
    kind: Kind,
    items: &[UpdateItem],
    journal: &dyn CallJournal,
) -> Result<Vec<Written>> {
    let prepared = Prepared::read(prepared)?;
    let writer = Writer::new(client, &prepared, journal);
    let is_open =
        |item: &UpdateItem| item.calls.iter().any(|made| made.state == CallState::Intended);
    if items.iter().any(is_open) {
        // Whatever such a call does, it has done it after that.
        tokio::time::sleep(client.settle_time).await;
    }
    let Read { objects, around, owners } = match writer.read(kind, items).await {
        Ok(read) => read,
        Err(error) => {
            let alike =
                items.iter().map(|item| ended(kind, &item.source_id, Err(Stop::of(error.clone()))));
            return writer.whole(alike.collect::<Result<_>>()?).await;
        }
    };
    let mut records = Vec::with_capacity(items.len());
    for item in items {
        let (writer, around, owners) = (&writer, &around, &owners);
        let object = objects.get(&item.target_id);
        records.push((kind, item.source_id.as_str(), async move {
            let task = task(item, object)?;
            match kind {
                Kind::Category => writer.change_category(&task).await,
                Kind::Collection => writer.change_collection(&task).await,
                Kind::CustomerGroup => writer.change_group(&task).await,
                Kind::Product => writer.change_product(&task, around).await,
                Kind::Customer => writer.change_customer(&task, owners).await,
                Kind::Order => writer.change_order(&task).await,
                Kind::Company
                | Kind::Coupon
                | Kind::GiftCard
                | Kind::Review
                | Kind::Page
                | Kind::Post
                | Kind::Url => {
                    Err(refuse("CAPABILITY_UNSUPPORTED", None, "it has no such records"))
                }
            }
        }));
    }
    let all = writer.side_by_side(width(kind), records).await?;
    writer.whole(all).await
}

/// Records at work at once. Categories go one after the other, because moving one gives its siblings
/// other ranks.
const fn width(kind: Kind) -> usize {
    match kind {
        Kind::Category => 1,
        Kind::Customer | Kind::Order => 8,
        _ => 4,
    }
}

/// What is asked for of an object: its fields, and the ids of its children.
fn fields(kind: Kind) -> String {
    let own = map::asked_fields(kind);
    match kind {
        Kind::Product => format!("{own},{}", products::ALSO_ASKED),
        Kind::Order => format!("{own},{}", money::ALSO_ASKED),
        _ => own.to_owned(),
    }
}

/// The record's object, if it is there and of no other record.
fn task<'a>(
    item: &'a UpdateItem,
    object: Option<&'a Value>,
) -> std::result::Result<Task<'a>, Stop> {
    let Some(raw) = object else {
        return Err(refuse("TARGET_CONFLICT", None, "its object is gone"));
    };
    if map::key(raw).is_some_and(|key| key != item.key) {
        let message = "its object carries the key of another record";
        return Err(refuse("TARGET_CONFLICT", None, message));
    }
    Ok(Task {
        item,
        raw,
        current: Value::Object(item.current.clone()),
        wanted: Value::Object(item.mapped.fields.clone()),
    })
}

/// Why a record goes no further.
fn refuse(reason: &str, field: Option<&str>, message: &str) -> Stop {
    Stop::Refused(Refusal {
        reason: reason.to_owned(),
        field: field.map(str::to_owned),
        message: message.to_owned(),
    })
}

/// How a record ends of which a field differs that Medusa does not change.
fn fixed(field: &str, message: &str) -> Stop {
    refuse("FIELD_NOT_UPDATABLE", Some(field), message)
}

/// How a record ends whose object is what it shall be, without children that came or went.
fn done() -> WrittenOutcome {
    WrittenOutcome::Updated { made: Vec::new(), gone: Vec::new() }
}

impl Task<'_> {
    /// Whether nothing of ours says whose object it is: it was there before us.
    fn is_adopted(&self) -> bool {
        map::key(self.raw).is_none()
    }

    /// The target id of another record's object. Fields that were read back name what has no key of
    /// ours by the shop's own id, which begins so.
    fn target_of<'t>(&'t self, kind: Kind, id: &'t str, prefix: &str) -> Option<&'t str> {
        linked(&self.item.links, kind, id, kind.as_str())
            .or_else(|| id.starts_with(prefix).then_some(id))
    }

    /// Whether a list or object of fields is the same before and after.
    fn keeps(&self, field: &str) -> bool {
        let said = |of: &Value| of.get(field).cloned().map(json::dense).unwrap_or_default();
        let (before, after) = (said(&self.current), said(&self.wanted));
        before == after || json::is_blank(&before) && json::is_blank(&after)
    }
}
