//! Customers, their addresses and their groups.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::query::{List, Match, Query};
use super::schema::{Field, Shape, Type, check, nul, opt, strict};
use super::setup::GROUPS;
use super::state::{Kind, Shop};
use super::value::{Row, flag, id, list, overlay, stamp, text};

const DEFAULTS: &[&str] = &[
    "id",
    "company_name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "metadata",
    "has_account",
    "created_by",
    "created_at",
    "updated_at",
    "deleted_at",
];

const ADDRESS_DEFAULTS: &[&str] = &[
    "id",
    "address_name",
    "company",
    "customer_id",
    "first_name",
    "last_name",
    "address_1",
    "address_2",
    "city",
    "province",
    "postal_code",
    "country_code",
    "phone",
    "metadata",
    "created_at",
    "updated_at",
];

static BODY: Shape = strict(&[
    nul("email", Type::Email),
    nul("company_name", Type::Text),
    nul("first_name", Type::Text),
    nul("last_name", Type::Text),
    nul("phone", Type::Text),
    nul("metadata", Type::Record),
]);

const TEXTS: &[&str] = &[
    "address_name",
    "company",
    "first_name",
    "last_name",
    "address_1",
    "address_2",
    "city",
    "country_code",
    "province",
    "postal_code",
    "phone",
];

const ADDRESS_FIELDS: &[Field] = &[
    nul("address_name", Type::Text),
    opt("is_default_shipping", Type::Bool),
    opt("is_default_billing", Type::Bool),
    nul("company", Type::Text),
    nul("first_name", Type::Text),
    nul("last_name", Type::Text),
    nul("address_1", Type::Text),
    nul("address_2", Type::Text),
    nul("city", Type::Text),
    nul("country_code", Type::Text),
    nul("province", Type::Text),
    nul("postal_code", Type::Text),
    nul("phone", Type::Text),
    nul("metadata", Type::Record),
];

static ADDRESS: Shape = strict(ADDRESS_FIELDS);

static CUSTOMERS: List = List {
    strict: true,
    limit: 50,
    filters: &[
        ("q", Match::Search(&["company_name", "first_name", "last_name", "email", "phone"])),
        ("id", Match::Value),
        ("email", Match::Value),
        ("groups", Match::Related(in_groups)),
        ("company_name", Match::Value),
        ("first_name", Match::Value),
        ("last_name", Match::Value),
        ("has_account", Match::Flag),
        ("created_by", Match::Value),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
    ],
};

fn in_groups(_: &Shop, row: &Row, asked: &[&str]) -> bool {
    list(row, "_groups").iter().filter_map(Value::as_str).any(|group| asked.contains(&group))
}

/// `POST /admin/customers`.
pub(crate) fn create(shop: &mut Shop, query: &Query, body: &Value) -> Answer {
    let body = check(&BODY, body)?;
    let id = insert(shop, &body)?;
    read(shop, query, &id)
}

/// Adds a customer; their address must not be taken, as it is written.
pub(crate) fn insert(shop: &mut Shop, body: &Row) -> Answer<String> {
    let mut row = Row::new();
    row.insert("id".into(), id("cus").into());
    for field in ["company_name", "first_name", "last_name", "email", "phone", "metadata"] {
        row.insert(field.into(), body.get(field).cloned().unwrap_or(Value::Null));
    }
    row.insert("has_account".into(), false.into());
    row.insert("created_by".into(), Value::Null);
    stamp(&mut row);
    row.insert("_groups".into(), json!([]));
    judge_unique(shop, &row)?;
    Ok(shop.insert(Kind::Customers, row))
}

fn judge_unique(shop: &Shop, row: &Row) -> Answer<()> {
    let Some(email) = row.get("email").and_then(Value::as_str) else { return Ok(()) };
    let own = text(row, "id");
    if shop.habits.takes_duplicates {
        return Ok(());
    }
    if shop.table(Kind::Customers).by("email", email).any(|one| text(one, "id") != own) {
        return Err(Refusal::invalid(format!(
            "Customer with email: {email}, has_account: false, already exists."
        )));
    }
    Ok(())
}

/// `POST /admin/customers/:id`.
pub(crate) fn update(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    let body = check(&BODY, body)?;
    let mut row = found(shop, id)?.clone();
    overlay(&mut row, &body);
    judge_unique(shop, &row)?;
    shop.update(Kind::Customers, id, |stored| *stored = row);
    read(shop, query, id)
}

/// `DELETE /admin/customers/:id`.
pub(crate) fn delete(shop: &mut Shop, id: &str) -> Answer {
    let owned: Vec<String> =
        addresses(shop, id).map(|address| text(address, "id").to_owned()).collect();
    for address in owned {
        shop.remove(Kind::Addresses, &address);
    }
    shop.remove(Kind::Customers, id);
    Ok(json!({ "id": id, "object": "customer", "deleted": true }))
}

fn found<'a>(shop: &'a Shop, id: &str) -> Answer<&'a Row> {
    let row = shop.get(Kind::Customers, id);
    row.ok_or_else(|| Refusal::missing(format!("Customer with id: {id} not found")))
}

fn addresses<'a>(shop: &'a Shop, customer: &str) -> impl Iterator<Item = &'a Row> {
    shop.table(Kind::Addresses).by("customer_id", customer)
}

fn full(shop: &Shop, row: &Row, fields: &super::fields::Fields) -> Row {
    let mut full = row.clone();
    if fields.relation("groups").is_some() {
        let groups = list(row, "_groups").iter().filter_map(Value::as_str);
        let groups = groups.filter_map(|id| shop.get(Kind::Groups, id));
        full.insert("groups".into(), groups.cloned().map(Value::Object).collect());
    }
    if fields.relation("addresses").is_some() {
        let rows = addresses(shop, text(row, "id")).cloned().map(Value::Object);
        full.insert("addresses".into(), rows.collect());
    }
    full
}

/// `GET /admin/customers/:id`, and the reply of every request that changes one.
pub(crate) fn read(shop: &Shop, query: &Query, id: &str) -> Answer {
    let fields = query.fields(DEFAULTS);
    Ok(json!({ "customer": fields.pick(&full(shop, found(shop, id)?, &fields)) }))
}

/// `GET /admin/customers`.
pub(crate) fn list_customers(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(DEFAULTS);
    let page = query.page(shop, Kind::Customers, &CUSTOMERS, |_| true)?;
    let rows = page.rows.iter().map(|row| fields.pick(&full(shop, row, &fields)));
    Ok(page.reply("customers", rows.collect()))
}

/// `GET /admin/customers/:id/addresses`.
pub(crate) fn list_addresses(shop: &Shop, query: &Query, customer: &str) -> Answer {
    let known = List {
        strict: true,
        limit: 50,
        filters: &[
            ("q", Match::Nothing),
            ("company", Match::Value),
            ("city", Match::Value),
            ("country_code", Match::Value),
            ("province", Match::Value),
            ("postal_code", Match::Value),
        ],
    };
    let fields = query.fields(ADDRESS_DEFAULTS);
    let mine = |row: &Row| text(row, "customer_id") == customer;
    let page = query.page(shop, Kind::Addresses, &known, mine)?;
    let rows = page.rows.iter().map(|row| fields.pick(row));
    Ok(page.reply("addresses", rows.collect()))
}

/// `POST /admin/customers/:id/addresses`: the reply is the customer, as in Medusa.
pub(crate) fn add_address(shop: &mut Shop, query: &Query, customer: &str, body: &Value) -> Answer {
    let body = check(&ADDRESS, body)?;
    if !shop.has(Kind::Customers, customer) {
        return Err(Refusal::relation("customer_id", customer));
    }
    let mut row = Row::new();
    row.insert("id".into(), id("cuaddr").into());
    for field in ["is_default_shipping", "is_default_billing"] {
        row.insert(field.into(), flag(&body, field).into());
    }
    for field in TEXTS {
        row.insert((*field).into(), body.get(*field).cloned().unwrap_or(Value::Null));
    }
    row.insert("metadata".into(), body.get("metadata").cloned().unwrap_or(Value::Null));
    row.insert("customer_id".into(), customer.into());
    stamp(&mut row);
    take_defaults(shop, customer, &body);
    shop.insert(Kind::Addresses, row);
    read(shop, query, customer)
}

/// `POST /admin/customers/:id/addresses/:address`.
pub(crate) fn change_address(
    shop: &mut Shop,
    query: &Query,
    customer: &str,
    address: &str,
    body: &Value,
) -> Answer {
    let body = check(&ADDRESS, body)?;
    if !shop.has(Kind::Addresses, address) {
        return Err(Refusal::missing(format!("Address with id: {address} was not found")));
    }
    take_defaults(shop, customer, &body);
    shop.update(Kind::Addresses, address, |row| overlay(row, &body));
    read(shop, query, customer)
}

/// A new default address takes the flag from the old one.
fn take_defaults(shop: &mut Shop, customer: &str, body: &Row) {
    for field in ["is_default_shipping", "is_default_billing"] {
        if !flag(body, field) {
            continue;
        }
        let held: Vec<String> = addresses(shop, customer)
            .filter(|row| flag(row, field))
            .map(|row| text(row, "id").to_owned())
            .collect();
        for address in held {
            shop.update(Kind::Addresses, &address, |row| {
                row.insert(field.into(), false.into());
            });
        }
    }
}

/// `DELETE /admin/customers/:id/addresses/:address`.
pub(crate) fn delete_address(shop: &mut Shop, query: &Query, customer: &str, id: &str) -> Answer {
    shop.remove(Kind::Addresses, id);
    let parent = read(shop, query, customer)?;
    Ok(json!({
        "id": id, "object": "customer_address", "deleted": true, "parent": parent["customer"],
    }))
}

fn links(body: &Value) -> Answer<Row> {
    const SHAPE: Shape = strict(&[opt("add", Type::Texts), opt("remove", Type::Texts)]);
    check(&SHAPE, body)
}

/// `POST /admin/customers/:id/customer-groups`.
pub(crate) fn link_groups(shop: &mut Shop, query: &Query, customer: &str, body: &Value) -> Answer {
    let body = links(body)?;
    for group in list(&body, "add").iter().filter_map(Value::as_str) {
        if !shop.has(Kind::Groups, group) {
            return Err(Refusal::relation("customer_group_id", group));
        }
    }
    if !shop.has(Kind::Customers, customer) {
        return Err(Refusal::relation("customer_id", customer));
    }
    shop.update(Kind::Customers, customer, |row| {
        let mut held = list(row, "_groups").to_vec();
        held.retain(|group| !list(&body, "remove").contains(group));
        for group in list(&body, "add") {
            if !held.contains(group) {
                held.push(group.clone());
            }
        }
        row.insert("_groups".into(), Value::Array(held));
    });
    read(shop, query, customer)
}

/// `POST /admin/customer-groups/:id/customers`.
pub(crate) fn link_customers(shop: &mut Shop, query: &Query, group: &str, body: &Value) -> Answer {
    let body = links(body)?;
    for (field, change) in [("add", "add"), ("remove", "remove")] {
        for customer in list(&body, field).iter().filter_map(Value::as_str) {
            link_groups(shop, query, customer, &json!({ change: [group] }))?;
        }
    }
    GROUPS.read(shop, query, group)
}
