//! Draft orders: creating, changing, deleting and converting them. The only way orders come in.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::customers;
use super::error::{Answer, Refusal};
use super::inventory;
use super::order_view as view;
use super::promotions;
use super::query::Query;
use super::schema::{Shape, Type, check, is_email, loose, nul, opt, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, amount, decimal, flag, id, list, now, number, overlay, stamp, text};

/// An address of an order.
pub(crate) const ADDRESS: Shape = strict(&[
    nul("first_name", Type::Text),
    nul("last_name", Type::Text),
    nul("phone", Type::Text),
    nul("company", Type::Text),
    nul("address_1", Type::Text),
    nul("address_2", Type::Text),
    nul("city", Type::Text),
    nul("country_code", Type::Text),
    nul("province", Type::Text),
    nul("postal_code", Type::Text),
    nul("metadata", Type::Record),
]);

const ITEM: Shape = loose(&[
    nul("title", Type::Text),
    nul("variant_sku", Type::Text),
    nul("variant_barcode", Type::Text),
    nul("sku", Type::Text),
    nul("barcode", Type::Text),
    nul("variant_id", Type::Text),
    nul("unit_price", Type::Money),
    req("quantity", Type::Number),
    nul("metadata", Type::Record),
]);

const SHIPPING: Shape = loose(&[
    nul("shipping_method_id", Type::Text),
    req("name", Type::Text),
    req("shipping_option_id", Type::Text),
    opt("data", Type::Record),
    req("amount", Type::Money),
]);

static CREATE: Shape = strict(&[
    opt("status", Type::OneOf(&["completed"])),
    nul("sales_channel_id", Type::Text),
    nul("email", Type::Text),
    nul("customer_id", Type::Text),
    opt("billing_address", Type::ObjectOrId(&ADDRESS)),
    opt("shipping_address", Type::ObjectOrId(&ADDRESS)),
    opt("items", Type::List(&ITEM)),
    req("region_id", Type::Text),
    opt("promo_codes", Type::Texts),
    nul("currency_code", Type::Text),
    opt("no_notification_order", Type::Bool),
    opt("shipping_methods", Type::List(&SHIPPING)),
    opt("locale", Type::Text),
    nul("metadata", Type::Record),
]);

static UPDATE: Shape = strict(&[
    opt("email", Type::Text),
    opt("customer_id", Type::Text),
    opt("sales_channel_id", Type::Text),
    opt("shipping_address", Type::Object(&ADDRESS)),
    opt("billing_address", Type::Object(&ADDRESS)),
    nul("metadata", Type::Record),
    opt("locale", Type::Text),
]);

/// `POST /admin/draft-orders`.
pub(crate) fn create(shop: &mut Shop, query: &Query, body: &Value) -> Answer {
    let body = check(&CREATE, body)?;
    let region = shop.get(Kind::Regions, text(&body, "region_id")).ok_or_else(Refusal::unknown)?;
    let currency = match text(&body, "currency_code") {
        "" => text(region, "currency_code").to_owned(),
        code => code.to_lowercase(),
    };
    let channel = match text(&body, "sales_channel_id") {
        "" => default_channel(shop),
        channel if shop.has(Kind::SalesChannels, channel) => channel.to_owned(),
        channel => {
            return Err(Refusal::missing(format!("SalesChannel with id: {channel} was not found")));
        }
    };
    let (customer, email) = customer(shop, &body)?;
    let mut items = Vec::new();
    for item in list(&body, "items").iter().filter_map(Value::as_object) {
        items.push(line(shop, &channel, item)?);
    }
    promotions::apply(shop, list(&body, "promo_codes"), &currency, &mut items)?;

    let mut row = Row::new();
    row.insert("id".into(), id("order").into());
    row.insert("display_id".into(), shop.next_display_id().into());
    row.insert("custom_display_id".into(), Value::Null);
    row.insert("status".into(), "draft".into());
    row.insert("is_draft_order".into(), true.into());
    row.insert("version".into(), 1.into());
    row.insert("email".into(), email);
    row.insert("customer_id".into(), customer);
    row.insert("region_id".into(), body["region_id"].clone());
    row.insert("sales_channel_id".into(), channel.into());
    row.insert("currency_code".into(), currency.into());
    row.insert("no_notification".into(), flag(&body, "no_notification_order").into());
    row.insert("locale".into(), body.get("locale").cloned().unwrap_or(Value::Null));
    row.insert("metadata".into(), body.get("metadata").cloned().unwrap_or(Value::Null));
    row.insert("canceled_at".into(), Value::Null);
    stamp(&mut row);
    for field in ["shipping_address", "billing_address"] {
        row.insert(field.into(), body.get(field).map_or(Value::Null, address));
    }
    row.insert("items".into(), Value::Array(items));
    let methods = list(&body, "shipping_methods").iter().filter_map(Value::as_object);
    let methods: Vec<Value> = methods.map(|one| method(one, text(&row, "id"))).collect();
    row.insert("shipping_methods".into(), Value::Array(methods));
    for field in ["credit_lines", "transactions", "fulfillments"] {
        row.insert(field.into(), json!([]));
    }
    let order = shop.insert(Kind::Orders, row);
    view::read(shop, query, &order, "draft_order")
}

fn default_channel(shop: &Shop) -> String {
    let store = shop.table(Kind::Stores).rows().next();
    store.map(|store| text(store, "default_sales_channel_id").to_owned()).unwrap_or_default()
}

/// The customer an order is for. An address nobody has makes a guest, in lower case; the order
/// keeps it as written.
fn customer(shop: &mut Shop, body: &Row) -> Answer<(Value, Value)> {
    let (id, email) = (text(body, "customer_id"), text(body, "email"));
    if !id.is_empty() {
        let Some(row) = shop.get(Kind::Customers, id) else {
            return Err(Refusal::missing(format!("Customer with id: {id} was not found")));
        };
        let own = row.get("email").cloned().unwrap_or(Value::Null);
        return Ok((id.into(), if email.is_empty() { own } else { email.into() }));
    }
    if email.is_empty() {
        return Ok((Value::Null, Value::Null));
    }
    if !is_email(email) {
        return Err(Refusal::invalid("The email is not valid"));
    }
    Ok((buyer(shop, email)?, email.into()))
}

/// The customer of an address, made where nobody has it.
pub(crate) fn buyer(shop: &mut Shop, email: &str) -> Answer {
    let lower = email.to_lowercase();
    if let Some(row) = shop.find(Kind::Customers, "email", &lower) {
        return Ok(row["id"].clone());
    }
    let mut guest = Row::new();
    guest.insert("email".into(), lower.into());
    Ok(customers::insert(shop, &guest)?.into())
}

fn line(shop: &Shop, channel: &str, item: &Row) -> Answer<Value> {
    let quantity = amount(item, "quantity");
    if quantity <= Decimal::ZERO {
        return Err(Refusal::invalid("Item quantity must be greater than 0"));
    }
    let asked = item.get("unit_price").filter(|price| !price.is_null()).map(decimal);
    let id_of_variant = text(item, "variant_id");
    let mut row = Row::new();
    row.insert("id".into(), id("ordli").into());
    let title = item.get("title").and_then(Value::as_str);
    let price = if id_of_variant.is_empty() {
        let Some(title) = title else { return Err(Refusal::unknown()) };
        let Some(price) = asked else {
            return Err(Refusal::invalid(format!("Items {title} do not have a price")));
        };
        for field in ["subtitle", "thumbnail", "variant_id", "product_id", "product_title"] {
            row.insert(field.into(), Value::Null);
        }
        for (field, old) in [("variant_sku", "sku"), ("variant_barcode", "barcode")] {
            let given = item.get(field).or_else(|| item.get(old));
            row.insert(field.into(), given.cloned().unwrap_or(Value::Null));
        }
        row.insert("title".into(), title.into());
        row.insert("requires_shipping".into(), false.into());
        price
    } else {
        let variant = shop.get(Kind::Variants, id_of_variant);
        let product = variant.and_then(|one| shop.get(Kind::Products, text(one, "product_id")));
        let published = product.filter(|product| text(product, "status") == "published");
        let (Some(variant), Some(product)) = (variant, published) else {
            return Err(Refusal::invalid(format!(
                "Variants {id_of_variant} do not exist or belong to a product that is not published"
            )));
        };
        inventory::confirm(shop, channel, variant, quantity)?;
        let own = list(variant, "prices").first().map(|price| decimal(&price["amount"]));
        let Some(price) = asked.or(own) else {
            return Err(Refusal::invalid(format!(
                "Items {} do not have a price",
                title.unwrap_or(text(product, "title"))
            )));
        };
        row.insert("title".into(), title.map_or_else(|| product["title"].clone(), Value::from));
        row.insert("subtitle".into(), variant["title"].clone());
        row.insert("thumbnail".into(), product["thumbnail"].clone());
        row.insert("variant_id".into(), id_of_variant.into());
        row.insert("product_id".into(), product["id"].clone());
        row.insert("product_title".into(), product["title"].clone());
        row.insert("product_handle".into(), product["handle"].clone());
        row.insert("variant_title".into(), variant["title"].clone());
        row.insert("variant_sku".into(), variant["sku"].clone());
        row.insert("variant_barcode".into(), variant["barcode"].clone());
        row.insert("requires_shipping".into(), product.contains_key("_shipping_profile").into());
        price
    };
    row.insert("is_custom_price".into(), asked.is_some().into());
    row.insert("unit_price".into(), number(price));
    row.insert("quantity".into(), number(quantity));
    let metadata = item.get("metadata").filter(|metadata| !metadata.is_null());
    row.insert("metadata".into(), metadata.cloned().unwrap_or_else(|| json!({})));
    row.insert("tax_lines".into(), json!([]));
    row.insert("adjustments".into(), json!([]));
    stamp(&mut row);
    row.insert("detail".into(), json!({ "quantity": number(quantity), "fulfilled_quantity": 0 }));
    Ok(Value::Object(row))
}

fn method(one: &Row, order: &str) -> Value {
    let mut row = Row::new();
    row.insert("id".into(), id("ordsm").into());
    row.insert("name".into(), one["name"].clone());
    row.insert("description".into(), Value::Null);
    row.insert("shipping_option_id".into(), one["shipping_option_id"].clone());
    row.insert("data".into(), one.get("data").cloned().unwrap_or(Value::Null));
    row.insert("metadata".into(), Value::Null);
    row.insert("amount".into(), number(amount(one, "amount")));
    row.insert("order_id".into(), order.into());
    stamp(&mut row);
    Value::Object(row)
}

/// An address of an order as it is stored.
pub(crate) fn address(given: &Value) -> Value {
    let Value::Object(given) = given else { return Value::Null };
    let mut row = Row::new();
    row.insert("id".into(), id("ordaddr").into());
    for field in [
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
        "metadata",
    ] {
        row.insert(field.into(), given.get(field).cloned().unwrap_or(Value::Null));
    }
    stamp(&mut row);
    Value::Object(row)
}

fn found_draft<'a>(shop: &'a Shop, id: &str) -> Answer<&'a Row> {
    let row = shop.get(Kind::Orders, id);
    let row = row.ok_or_else(|| Refusal::missing(format!("Order id not found: {id}")))?;
    if flag(row, "is_draft_order") {
        return Ok(row);
    }
    Err(Refusal::invalid(format!("Order {id} is not a draft order")))
}

/// `POST /admin/draft-orders/:id`.
pub(crate) fn update(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    let mut body = check(&UPDATE, body)?;
    found_draft(shop, id)?;
    for field in ["shipping_address", "billing_address"] {
        if let Some(given) = body.get_mut(field) {
            *given = address(given);
        }
    }
    shop.update(Kind::Orders, id, |row| overlay(row, &body));
    view::read(shop, query, id, "draft_order")
}

/// `DELETE /admin/draft-orders/:id`.
pub(crate) fn delete(shop: &mut Shop, id: &str) -> Answer {
    if shop.has(Kind::Orders, id) {
        found_draft(shop, id)?;
        shop.remove(Kind::Orders, id);
    }
    Ok(json!({ "id": id, "object": "draft-order", "deleted": true }))
}

/// `POST /admin/draft-orders/:id/convert-to-order`: reserves stock and makes it an order.
pub(crate) fn convert(shop: &mut Shop, query: &Query, id: &str) -> Answer {
    let row = found_draft(shop, id)?;
    let channel = text(row, "sales_channel_id").to_owned();
    let lines: Vec<(Row, Decimal)> = list(row, "items")
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|item| {
            let variant = shop.get(Kind::Variants, text(item, "variant_id"))?;
            Some((variant.clone(), amount(item, "quantity")))
        })
        .collect();
    for (variant, quantity) in lines {
        inventory::reserve(shop, &channel, &variant, quantity)?;
    }
    shop.update(Kind::Orders, id, |row| {
        row.insert("status".into(), "pending".into());
        row.insert("is_draft_order".into(), false.into());
        row.insert("updated_at".into(), now().into());
    });
    view::read(shop, query, id, "order")
}
