//! How products and variants look in replies, and their lists.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::query::{List, Match, Query};
use super::state::{Kind, Shop};
use super::value::{Row, list, text};

const DEFAULTS: &[&str] = &[
    "id",
    "title",
    "subtitle",
    "status",
    "external_id",
    "description",
    "handle",
    "is_giftcard",
    "discountable",
    "thumbnail",
    "collection_id",
    "type_id",
    "weight",
    "length",
    "height",
    "width",
    "hs_code",
    "origin_country",
    "mid_code",
    "material",
    "created_at",
    "updated_at",
    "deleted_at",
    "metadata",
    "*type",
    "*collection",
    "*options",
    "*options.values",
    "*tags",
    "*images",
    "*variants",
    "*variants.prices",
    "variants.prices.price_rules.value",
    "variants.prices.price_rules.attribute",
    "*variants.options",
    "*variants.options.option",
    "*variants.images",
    "*sales_channels",
];

static PRODUCTS: List = List {
    strict: false,
    limit: 50,
    filters: &[
        ("q", Match::Search(&["title", "subtitle", "description", "handle"])),
        ("id", Match::Value),
        ("title", Match::Value),
        ("handle", Match::Value),
        ("external_id", Match::Value),
        ("collection_id", Match::Value),
        ("type_id", Match::Value),
        ("is_giftcard", Match::Flag),
        ("status", Match::ListOnly),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
        ("variants", Match::RelatedField("sku", with_sku)),
        ("category_id", Match::Related(|_, row, asked| holds(row, "_categories", asked))),
        ("tag_id", Match::Related(|_, row, asked| holds(row, "_tags", asked))),
        ("sales_channel_id", Match::Related(|_, row, asked| holds(row, "_sales_channels", asked))),
    ],
};

static VARIANTS: List = List {
    strict: true,
    limit: 50,
    filters: &[
        ("q", Match::Search(&["title", "sku", "barcode", "ean", "upc"])),
        ("id", Match::Value),
        ("sku", Match::Value),
        ("ean", Match::Value),
        ("upc", Match::Value),
        ("barcode", Match::Value),
        ("manage_inventory", Match::Flag),
        ("allow_backorder", Match::Flag),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
    ],
};

fn with_sku(shop: &Shop, row: &Row, asked: &[&str]) -> bool {
    let variants = shop.table(Kind::Variants).by("product_id", text(row, "id"));
    variants.into_iter().any(|one| asked.contains(&text(one, "sku")))
}

fn holds(row: &Row, field: &str, asked: &[&str]) -> bool {
    list(row, field).iter().filter_map(Value::as_str).any(|id| asked.contains(&id))
}

/// `GET /admin/products`.
pub(crate) fn list_products(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(DEFAULTS);
    let page = query.page(shop, Kind::Products, &PRODUCTS, |_| true)?;
    let rows = page.rows.iter().map(|row| product(shop, row, &fields));
    Ok(page.reply("products", rows.collect()))
}

/// `GET /admin/product-variants`.
pub(crate) fn list_variants(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(&[
        "*",
        "*options",
        "*prices",
        "prices.price_rules.value",
        "prices.price_rules.attribute",
        "*product",
    ]);
    let page = query.page(shop, Kind::Variants, &VARIANTS, |_| true)?;
    let rows = page.rows.iter().map(|row| variant(shop, row, &fields));
    Ok(page.reply("variants", rows.collect()))
}

/// `GET /admin/products/:id`, and the reply of every request that changes one.
pub(crate) fn read(shop: &Shop, query: &Query, id: &str) -> Answer {
    let product = one(shop, query, id).ok_or_else(|| Refusal::missing("Product not found"))?;
    Ok(json!({ "product": product }))
}

/// A product as a query asks for it.
pub(crate) fn one(shop: &Shop, query: &Query, id: &str) -> Option<Value> {
    shop.get(Kind::Products, id).map(|row| product(shop, row, &query.fields(DEFAULTS)))
}

fn related(shop: &Shop, row: &Row, field: &str, kind: Kind) -> Value {
    let ids = list(row, field).iter().filter_map(Value::as_str);
    ids.filter_map(|id| shop.get(kind, id)).cloned().map(Value::Object).collect()
}

fn single(shop: &Shop, id: &str, kind: Kind) -> Value {
    shop.get(kind, id).cloned().map_or(Value::Null, Value::Object)
}

fn product(shop: &Shop, row: &Row, fields: &Fields) -> Value {
    let mut full = row.clone();
    for (name, held, kind) in [
        ("tags", "_tags", Kind::Tags),
        ("categories", "_categories", Kind::Categories),
        ("sales_channels", "_sales_channels", Kind::SalesChannels),
    ] {
        if fields.relation(name).is_some() {
            full.insert(name.into(), related(shop, row, held, kind));
        }
    }
    for (name, held, kind) in [
        ("collection", "collection_id", Kind::Collections),
        ("type", "type_id", Kind::Types),
        ("shipping_profile", "_shipping_profile", Kind::ShippingProfiles),
    ] {
        if fields.relation(name).is_some() {
            full.insert(name.into(), single(shop, text(row, held), kind));
        }
    }
    let variants = fields.relation("variants").map(|wanted| {
        let rows = shop.table(Kind::Variants).by("product_id", text(row, "id"));
        rows.map(|row| variant(shop, row, wanted)).collect::<Vec<Value>>()
    });
    let nulls = ["collection", "type", "shipping_profile"];
    let empty: Vec<&str> =
        nulls.into_iter().filter(|name| full.get(*name) == Some(&Value::Null)).collect();
    let mut picked = fields.pick(&full);
    if let Value::Object(out) = &mut picked {
        for name in empty {
            out.insert(name.into(), Value::Null);
        }
        if let Some(variants) = variants {
            out.insert("variants".into(), Value::Array(variants));
        }
    }
    picked
}

fn variant(shop: &Shop, row: &Row, fields: &Fields) -> Value {
    let mut full = row.clone();
    if let Some(items) = fields.relation("inventory_items") {
        let inventory = items.relation("inventory").is_some();
        let held = list(row, "_inventory").iter().filter_map(Value::as_object).map(|held| {
            let mut held = held.clone();
            held.insert("variant_id".into(), text(row, "id").into());
            if inventory {
                let item = single(shop, text(&held, "inventory_item_id"), Kind::InventoryItems);
                held.insert("inventory".into(), item);
            }
            Value::Object(held)
        });
        let held: Vec<Value> = held.collect();
        full.insert("inventory_items".into(), Value::Array(held));
    }
    if fields.relation("images").is_some() || fields.relation("product").is_some() {
        let product = shop.get(Kind::Products, text(row, "product_id"));
        let images = product.map(|product| list(product, "images").to_vec());
        full.insert("images".into(), Value::Array(images.unwrap_or_default()));
        full.insert("product".into(), product.cloned().map_or(Value::Null, Value::Object));
    }
    let mut picked = fields.pick(&full);
    // Prices are laid out by hand in Medusa: whatever is asked of them, these are there; but what
    // the rules hold is only known where they are asked for.
    let with_rules = fields.relation("prices").and_then(|it| it.relation("price_rules")).is_some();
    let priced = picked.get_mut("prices").and_then(Value::as_array_mut);
    for (shown, price) in priced.into_iter().flatten().zip(list(row, "prices")) {
        for always in ["id", "variant_id"] {
            shown[always] = price[always].clone();
        }
        let rules = Some(&price["rules"]).filter(|rules| with_rules && rules.is_object());
        shown["rules"] = rules.cloned().unwrap_or_else(|| json!({}));
    }
    picked
}
