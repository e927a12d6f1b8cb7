//! Medusa's JSON in other words: as target fields ([`fields`], to be compared with what was
//! written) and as canonical records ([`Map`], for snapshots of a Medusa shop). Pure.

mod catalogue;
mod customer;
mod order;
mod read;
mod read_order;

use std::collections::BTreeMap;

use cartage_model::Kind;
use serde_json::{Map, Value};

pub(super) use catalogue::is_plain;
pub(super) use read::Map as MedusaMap;

use super::{json, marks};

/// The fields asked for per kind, where Medusa's own choice is not enough.
pub(super) const fn asked_fields(kind: Kind) -> &'static str {
    match kind {
        Kind::Category => {
            "id,name,handle,description,is_active,is_internal,rank,external_id,metadata,\
             parent_category_id,parent_category.external_id,created_at,updated_at"
        }
        Kind::Collection => "id,title,handle,metadata,created_at,updated_at",
        Kind::Product => {
            "id,title,subtitle,description,handle,status,external_id,metadata,thumbnail,\
             is_giftcard,discountable,collection_id,weight,length,height,width,hs_code,mid_code,\
             origin_country,material,created_at,updated_at,images.id,images.url,images.rank,\
             tags.value,categories.id,categories.external_id,collection.id,collection.metadata,\
             type.value,options.title,options.values.value,variants.id,variants.title,\
             variants.sku,variants.barcode,variants.ean,variants.upc,variants.hs_code,\
             variants.origin_country,variants.weight,variants.length,variants.width,\
             variants.height,variants.manage_inventory,variants.allow_backorder,\
             variants.variant_rank,variants.metadata,variants.options.value,\
             variants.options.option.title,variants.prices.amount,variants.prices.currency_code,\
             variants.prices.min_quantity,variants.prices.max_quantity,\
             variants.prices.price_rules.attribute,variants.prices.price_rules.value,\
             variants.inventory_items.inventory_item_id,\
             variants.inventory_items.inventory.location_levels.location_id,\
             variants.inventory_items.inventory.location_levels.stocked_quantity,\
             variants.inventory_items.inventory.location_levels.reserved_quantity,\
             variants.inventory_items.inventory.location_levels.incoming_quantity"
        }
        Kind::CustomerGroup => "id,name,metadata,created_at,updated_at",
        Kind::Customer => {
            "id,email,first_name,last_name,phone,company_name,has_account,metadata,created_at,\
             updated_at,*addresses,groups.id,groups.name,groups.metadata"
        }
        Kind::Order => {
            "id,status,display_id,custom_display_id,email,customer_id,currency_code,region_id,\
             sales_channel_id,metadata,created_at,updated_at,canceled_at,total,subtotal,tax_total,\
             discount_total,shipping_total,original_total,credit_line_total,item_total,items.id,\
             items.title,items.variant_id,items.variant_sku,items.product_id,items.quantity,\
             items.unit_price,items.metadata,items.tax_total,items.requires_shipping,\
             shipping_methods.name,shipping_methods.amount,shipping_methods.data,\
             *shipping_address,*billing_address,payment_collections.id,\
             payment_collections.payments.id,payment_collections.payments.amount,\
             payment_collections.payments.provider_id,payment_collections.payments.captured_at,\
             payment_collections.payments.refunds.id,payment_collections.payments.refunds.amount,\
             payment_collections.payments.refunds.note,\
             payment_collections.payments.refunds.created_at"
        }
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => "id",
    }
}

/// What objects name by their ids alone.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// The source's names of the stock locations.
    pub(super) locations: BTreeMap<String, String>,
    /// Customers with address and metadata.
    pub(super) customers: BTreeMap<String, Value>,
}

/// The target fields of an object, in the form of a fitted record.
pub(super) fn fields(kind: Kind, object: &Value, around: &Around) -> Map<String, Value> {
    match kind {
        Kind::Category => catalogue::category(object),
        Kind::Collection => catalogue::collection(object),
        Kind::CustomerGroup => catalogue::customer_group(object),
        Kind::Product => catalogue::product(object, &around.locations),
        Kind::Customer => customer::customer(object),
        Kind::Order => order::order(object, &around.customers),
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => Map::new(),
    }
}

/// The fields of one variant of a product, as they stand in [`fields`].
pub(super) fn variant_fields(product: &Value, variant: &Value, around: &Around) -> Value {
    catalogue::variant_of(product, variant, &around.locations)
}

/// The fields of one address of a customer, as they stand in [`fields`].
pub(super) fn address_fields(address: &Value) -> Value {
    customer::booked(address)
}

/// Our key on an object, wherever its kind keeps it.
pub(super) fn key(object: &Value) -> Option<&str> {
    object
        .get("metadata")
        .and_then(|metadata| json::text(metadata, marks::KEY))
        .or_else(|| json::text(object, "external_id").filter(|key| key.starts_with("cartage:")))
}

/// The source id in a key of ours.
pub(super) fn source_id(key: &str, kind: Kind) -> Option<&str> {
    key.strip_prefix("cartage:")?.split_once(&format!(":{kind}:")).map(|(_, id)| id)
}

/// Copies fields that are the same on both sides.
fn copy(from: &Value, to: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(*name) {
            json::put(to, name, value.clone());
        }
    }
}

/// The metadata of an object without what is ours.
fn metadata(object: &Value, to: &mut Map<String, Value>) {
    let mut metadata = json::object(object, "metadata");
    metadata.retain(|name, _| !name.starts_with(marks::PREFIX));
    json::put(to, "metadata", json::dense(Value::Object(metadata)));
}
