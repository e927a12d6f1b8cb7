//! The address book of a customer, whose order Medusa does not keep: an address stands where our mark
//! says, and those of others stand last.

use serde_json::{Map, Value, json};

use super::{
    super::{json, map, marks},
    OBJECT, Task,
    difference::{Keeping, metadata, put_fields},
    step::{Change, Verb},
    trace::Trace,
};

/// The calls of the address at the first place.
const ADDRESS: u32 = OBJECT + 100;
/// How many places an address has.
const ADDRESS_CALLS: u32 = 3;

/// The texts of an address.
const TEXTS: [&str; 11] = [
    "address_name",
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "province",
    "postal_code",
    "country_code",
    "phone",
];

/// What says which address is the default.
const FLAGS: [&str; 2] = ["is_default_shipping", "is_default_billing"];

/// An address of the shop with its fields.
struct Held<'a> {
    raw: &'a Value,
    fields: Value,
}

impl Held<'_> {
    fn position(&self) -> Option<u64> {
        self.raw.get("metadata")?.get(marks::POSITION)?.as_u64()
    }

    fn id(&self) -> Option<&str> {
        json::text(self.raw, "id")
    }
}

/// The calls that make the book what it shall be.
pub(super) fn changes(task: &Task<'_>) -> Vec<Change> {
    if task.keeps("addresses") {
        return Vec::new();
    }
    let current = json::list(&task.current, "addresses");
    let wanted = json::list(&task.wanted, "addresses");
    let mut held: Vec<Held<'_>> = json::list(task.raw, "addresses")
        .iter()
        .map(|raw| Held { raw, fields: map::address_fields(raw) })
        .collect();
    held.sort_by_key(|address| address.position().unwrap_or(u64::MAX));
    let known: Vec<String> =
        held.iter().filter_map(|address| address.id().map(str::to_owned)).collect();
    let mut slots: Vec<Option<Held<'_>>> = wanted.iter().map(|_| None).collect();
    for (place, slot) in slots.iter_mut().enumerate() {
        let is_it = |it: &Held<'_>| it.position() == u64::try_from(place).ok();
        if let Some(found) = held.iter().position(is_it) {
            *slot = Some(held.remove(found));
        }
    }
    // Those without a mark: the same one first, then whichever stood at the place.
    for (slot, want) in slots.iter_mut().zip(wanted) {
        let is_it = |it: &Held<'_>| it.position().is_none() && is_same(&it.fields, want);
        if slot.is_none()
            && let Some(found) = held.iter().position(is_it)
        {
            *slot = Some(held.remove(found));
        }
    }
    for (place, slot) in slots.iter_mut().enumerate() {
        let was = current.get(place);
        let is_it = |it: &Held<'_>| {
            it.position().is_none() && was.is_some_and(|was| is_same(&it.fields, was))
        };
        if slot.is_none()
            && let Some(found) = held.iter().position(is_it)
        {
            *slot = Some(held.remove(found));
        }
    }
    let mut all = Vec::new();
    for address in held {
        // One that came since the fields were read is none of ours to take away.
        if current.iter().any(|was| is_same(&address.fields, was))
            && let Some(id) = address.id()
        {
            let place = address.position().and_then(|it| usize::try_from(it).ok());
            let path = format!("/admin/customers/{}/addresses/{id}", task.item.target_id);
            let ordinal = ordinal(place.unwrap_or_default()) + 2;
            all.push(Change::delete(ordinal, "customer_address.delete", path));
        }
    }
    for (place, (slot, want)) in slots.into_iter().zip(wanted).enumerate() {
        all.extend(match slot {
            Some(address) => change(task, place, &address, current.get(place), want),
            None => Some(create(task, place, want, &known)),
        });
    }
    all
}

fn ordinal(place: usize) -> u32 {
    ADDRESS + u32::try_from(place).unwrap_or_default() * ADDRESS_CALLS
}

fn is_same(one: &Value, other: &Value) -> bool {
    json::dense(one.clone()) == json::dense(other.clone())
}

fn change(
    task: &Task<'_>,
    place: usize,
    address: &Held<'_>,
    was: Option<&Value>,
    want: &Value,
) -> Option<Change> {
    // What stood at this place may have been another one.
    let was = was.filter(|was| is_same(was, &address.fields)).unwrap_or(&address.fields);
    let mut body = Map::new();
    put_fields(&mut body, was, want, &TEXTS, &Value::Null);
    put_fields(&mut body, was, want, &FLAGS, &json!(false));
    let own = [(marks::POSITION, json!(place))];
    if let Some(metadata) = metadata(address.raw, was, want, &own, Keeping::Merged) {
        body.insert("metadata".to_owned(), metadata);
    }
    if body.is_empty() {
        return None;
    }
    let path = format!("/admin/customers/{}/addresses/{}", task.item.target_id, address.id()?);
    Some(Change::set(ordinal(place), "customer_address.update", path, Value::Object(body)))
}

fn create(task: &Task<'_>, place: usize, want: &Value, known: &[String]) -> Change {
    let mut body = want.as_object().cloned().unwrap_or_default();
    let mut metadata = json::object(want, "metadata");
    metadata.insert(marks::POSITION.to_owned(), json!(place));
    body.insert("metadata".to_owned(), Value::Object(metadata));
    let customer = &task.item.target_id;
    Change {
        ordinal: ordinal(place) + 1,
        name: "customer_address.create",
        verb: Verb::Post,
        path: format!("/admin/customers/{customer}/addresses"),
        body: Value::Object(body),
        trace: Trace::Address {
            customer: customer.clone(),
            known: known.to_vec(),
            position: place,
        },
    }
}
