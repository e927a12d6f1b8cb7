//! Which request goes where: one match over method and path for reads, one for writes.

use serde_json::{Value, json};

use super::catalogue::{self, CATEGORIES, COLLECTIONS, TAGS, TYPES};
use super::error::{Answer, Refusal};
use super::query::Query;
use super::setup::{
    GROUPS, PROMOTIONS, REGIONS, SALES_CHANNELS, SHIPPING_OPTIONS, SHIPPING_PROFILES,
    STOCK_LOCATIONS, STORES, TAX_RATES, TAX_REGIONS,
};
use super::simple::Simple;
use super::state::Shop;
use super::{auth, customers, draft_orders, inventory, options, order_view, orders};
use super::{payments, product_view, products, setup, variants};

/// The simple objects by their path.
fn simple(path: &str) -> Option<&'static Simple> {
    Some(match path {
        "product-categories" => &CATEGORIES,
        "collections" => &COLLECTIONS,
        "product-tags" => &TAGS,
        "product-types" => &TYPES,
        "sales-channels" => &SALES_CHANNELS,
        "stock-locations" => &STOCK_LOCATIONS,
        "shipping-profiles" => &SHIPPING_PROFILES,
        "shipping-options" => &SHIPPING_OPTIONS,
        "regions" => &REGIONS,
        "tax-regions" => &TAX_REGIONS,
        "tax-rates" => &TAX_RATES,
        "customer-groups" => &GROUPS,
        "promotions" => &PROMOTIONS,
        "stores" => &STORES,
        _ => return None,
    })
}

fn providers(name: &str, id: &str) -> Value {
    json!({ name: [{ "id": id, "is_enabled": true }], "count": 1, "offset": 0, "limit": 20 })
}

/// Whether the body of a write may be large.
pub(crate) fn takes_much(path: &str) -> bool {
    path.ends_with("/batch")
}

/// Answers a `GET` below `/admin`.
pub(crate) fn read(shop: &Shop, path: &[&str], query: &Query) -> Answer {
    match path {
        ["products"] => product_view::list_products(shop, query),
        ["products", id] => product_view::read(shop, query, id),
        ["product-variants"] => product_view::list_variants(shop, query),
        ["customers"] => customers::list_customers(shop, query),
        ["customers", id] => customers::read(shop, query, id),
        ["customers", id, "addresses"] => customers::list_addresses(shop, query, id),
        ["inventory-items"] => inventory::list_items(shop, query),
        ["inventory-items", id] => inventory::read(shop, query, id),
        ["inventory-items", id, "location-levels"] => inventory::list_levels(shop, query, id),
        ["orders"] => order_view::list_orders(shop, query),
        ["orders", id] => order_view::read(shop, query, id, "order"),
        ["draft-orders"] => order_view::list_drafts(shop, query),
        ["draft-orders", id] => order_view::read(shop, query, id, "draft_order"),
        ["payments", "payment-providers"] => {
            Ok(providers("payment_providers", "pp_system_default"))
        }
        ["payments"] => payments::list_payments(shop, query),
        ["tax-providers"] => Ok(providers("tax_providers", "tp_system")),
        ["fulfillment-providers"] => Ok(providers("fulfillment_providers", "manual_manual")),
        ["api-keys"] => auth::list_keys(shop, query),
        [kind] => simple(kind).ok_or_else(no_route)?.list(shop, query),
        [kind, id] => simple(kind).ok_or_else(no_route)?.read(shop, query, id),
        _ => Err(no_route()),
    }
}

/// Stands for "no such route"; the server names method and path.
fn no_route() -> Refusal {
    Refusal { status: 0, body: Value::Null }
}

/// Answers a `POST` below `/admin`.
pub(crate) fn post(shop: &mut Shop, path: &[&str], query: &Query, body: &Value) -> Answer {
    match path {
        ["products"] => products::create(shop, query, body),
        ["products", "batch"] => products::batch(shop, query, body),
        ["products", id] => products::update(shop, query, id, body),
        ["products", id, "variants"] => variants::post(shop, query, id, body),
        ["products", id, "variants", one] => variants::post_one(shop, query, id, one, body),
        ["products", id, "variants", one, "inventory-items"] => {
            variants::link_item(shop, query, id, one, body)
        }
        ["products", id, "options", "batch"] => options::batch(shop, query, id, body),
        ["product-options", id] => options::update(shop, id, body),
        ["customers"] => customers::create(shop, query, body),
        ["customers", id] => customers::update(shop, query, id, body),
        ["customers", id, "addresses"] => customers::add_address(shop, query, id, body),
        ["customers", id, "addresses", one] => {
            customers::change_address(shop, query, id, one, body)
        }
        ["customers", id, "customer-groups"] => customers::link_groups(shop, query, id, body),
        ["customer-groups", id, "customers"] => customers::link_customers(shop, query, id, body),
        ["inventory-items", "location-levels", "batch"] => inventory::batch(shop, body),
        ["inventory-items", id] => inventory::update(shop, query, id, body),
        ["inventory-items", id, "location-levels"] => inventory::add(shop, query, id, body),
        ["inventory-items", id, "location-levels", "batch"] => inventory::batch_of(shop, id, body),
        ["inventory-items", id, "location-levels", place] => {
            inventory::set(shop, query, id, place, body)
        }
        ["draft-orders"] => draft_orders::create(shop, query, body),
        ["draft-orders", id] => draft_orders::update(shop, query, id, body),
        ["draft-orders", id, "convert-to-order"] => draft_orders::convert(shop, query, id),
        ["orders", id] => orders::update(shop, query, id, body),
        ["orders", id, "cancel"] => orders::cancel(shop, query, id),
        ["orders", id, "complete"] => orders::set_status(shop, query, id, "completed"),
        ["orders", id, "archive"] => orders::set_status(shop, query, id, "archived"),
        ["orders", id, "credit-lines"] => orders::post_credit(shop, query, id, body),
        ["orders", id, "fulfillments"] => orders::fulfil(shop, query, id, body),
        ["payment-collections"] => payments::create(shop, query, body),
        ["payment-collections", id, "mark-as-paid"] => {
            payments::mark_as_paid(shop, query, id, body)
        }
        ["payments", id, "capture"] => payments::capture(shop, query, id, body),
        ["payments", id, "refund"] => payments::refund(shop, query, id, body),
        ["stock-locations", id, "sales-channels"] => setup::link_channels(shop, query, id, body),
        ["stock-locations", id, "fulfillment-sets"] => setup::add_set(shop, query, id, body),
        ["stock-locations", id, "fulfillment-providers"] => STOCK_LOCATIONS.read(shop, query, id),
        ["fulfillment-sets", id, "service-zones"] => setup::add_zone(shop, id, body),
        ["api-keys"] => auth::create_key(shop, body),
        ["orders" | "stores"] => Err(no_route()),
        [kind] => simple(kind).ok_or_else(no_route)?.create(shop, query, body),
        [kind, id] => simple(kind).ok_or_else(no_route)?.update(shop, query, id, body),
        _ => Err(no_route()),
    }
}

/// Answers a `DELETE` below `/admin`.
pub(crate) fn delete(shop: &mut Shop, path: &[&str], query: &Query) -> Answer {
    match path {
        ["products", id] => products::delete(shop, id),
        ["products", id, "variants", one] => variants::delete_one(shop, query, id, one),
        ["customers", id] => customers::delete(shop, id),
        ["product-categories", id] => catalogue::delete_category(shop, id),
        ["customers", id, "addresses", one] => customers::delete_address(shop, query, id, one),
        ["draft-orders", id] => draft_orders::delete(shop, id),
        ["orders" | "stores", ..] => Err(no_route()),
        [kind, id] => simple(kind).ok_or_else(no_route)?.delete(shop, id),
        _ => Err(no_route()),
    }
}
