//! The bodies of product requests.

use super::schema::{Field, Shape, Type, loose, nul, opt, req, strict};

const ID: Shape = loose(&[req("id", Type::Text)]);

const PRICE: Shape = loose(&[
    req("currency_code", Type::Text),
    req("amount", Type::Number),
    nul("min_quantity", Type::Number),
    nul("max_quantity", Type::Number),
    opt("rules", Type::Record),
]);

const PRICE_UPDATE: Shape = loose(&[
    opt("id", Type::Text),
    opt("currency_code", Type::Text),
    opt("amount", Type::Number),
    nul("min_quantity", Type::Number),
    nul("max_quantity", Type::Number),
    opt("rules", Type::Record),
]);

const INVENTORY: Shape =
    loose(&[req("inventory_item_id", Type::Text), req("required_quantity", Type::Number)]);

/// A new variant.
pub(crate) const VARIANT: Shape = strict(&[
    req("title", Type::Text),
    nul("sku", Type::Text),
    nul("ean", Type::Text),
    nul("upc", Type::Text),
    nul("barcode", Type::Text),
    nul("hs_code", Type::Text),
    nul("mid_code", Type::Text),
    opt("allow_backorder", Type::BoolText),
    opt("manage_inventory", Type::BoolText),
    opt("variant_rank", Type::Number),
    nul("weight", Type::Number),
    nul("length", Type::Number),
    nul("height", Type::Number),
    nul("width", Type::Number),
    nul("origin_country", Type::Text),
    nul("material", Type::Text),
    nul("metadata", Type::Record),
    req("prices", Type::List(&PRICE)),
    opt("options", Type::Record),
    opt("inventory_items", Type::List(&INVENTORY)),
]);

/// A changed variant.
pub(crate) const VARIANT_UPDATE: Shape = strict(&[
    opt("id", Type::Text),
    opt("title", Type::Text),
    opt("prices", Type::List(&PRICE_UPDATE)),
    nul("sku", Type::Text),
    nul("ean", Type::Text),
    nul("upc", Type::Text),
    nul("barcode", Type::Text),
    nul("hs_code", Type::Text),
    nul("mid_code", Type::Text),
    nul("thumbnail", Type::Text),
    opt("allow_backorder", Type::BoolText),
    opt("manage_inventory", Type::BoolText),
    opt("variant_rank", Type::Number),
    nul("weight", Type::Number),
    nul("length", Type::Number),
    nul("height", Type::Number),
    nul("width", Type::Number),
    nul("origin_country", Type::Text),
    nul("material", Type::Text),
    nul("metadata", Type::Record),
    opt("options", Type::Record),
]);

const STATUSES: Type = Type::OneOf(&["draft", "proposed", "published", "rejected"]);

const OPTION: Shape = strict(&[
    req("title", Type::Text),
    req("values", Type::Texts),
    opt("ranks", Type::Record),
    opt("is_exclusive", Type::Bool),
    nul("metadata", Type::Record),
]);

const CREATED: &[Field] = &[
    req("title", Type::Text),
    nul("subtitle", Type::Text),
    nul("description", Type::Text),
    opt("is_giftcard", Type::BoolText),
    opt("discountable", Type::BoolText),
    opt("images", Type::List(&loose(&[req("url", Type::Text)]))),
    nul("thumbnail", Type::Text),
    opt("handle", Type::Text),
    nul("status", STATUSES),
    nul("external_id", Type::Text),
    nul("type_id", Type::Text),
    nul("collection_id", Type::Text),
    opt("categories", Type::List(&ID)),
    opt("tags", Type::List(&ID)),
    opt("options", Type::List(&OPTION)),
    opt("variants", Type::List(&VARIANT)),
    opt("sales_channels", Type::List(&ID)),
    opt("shipping_profile_id", Type::Text),
    nul("weight", Type::Number),
    nul("length", Type::Number),
    nul("height", Type::Number),
    nul("width", Type::Number),
    nul("hs_code", Type::Text),
    nul("mid_code", Type::Text),
    nul("origin_country", Type::Text),
    nul("material", Type::Text),
    nul("metadata", Type::Record),
];

const NO_OPTIONS: Type = Type::Gone(
    "The 'options' property was removed in version 2.16.0. Please remove it from your request payload.",
);

const UPDATED: &[Field] = &[
    opt("title", Type::Text),
    opt("discountable", Type::BoolText),
    opt("is_giftcard", Type::BoolText),
    opt("options", NO_OPTIONS),
    opt("option_ids", Type::Texts),
    opt("variants", Type::List(&VARIANT_UPDATE)),
    opt("status", STATUSES),
    nul("subtitle", Type::Text),
    nul("description", Type::Text),
    opt("images", Type::List(&loose(&[opt("id", Type::Text), req("url", Type::Text)]))),
    nul("thumbnail", Type::Text),
    opt("handle", Type::Text),
    nul("type_id", Type::Text),
    nul("external_id", Type::Text),
    nul("collection_id", Type::Text),
    opt("categories", Type::List(&ID)),
    opt("tags", Type::List(&ID)),
    opt("sales_channels", Type::List(&ID)),
    nul("shipping_profile_id", Type::Text),
    nul("weight", Type::Number),
    nul("length", Type::Number),
    nul("height", Type::Number),
    nul("width", Type::Number),
    nul("hs_code", Type::Text),
    nul("mid_code", Type::Text),
    nul("origin_country", Type::Text),
    nul("material", Type::Text),
    nul("metadata", Type::Record),
    // Only a batch names the product in the body.
    opt("id", Type::Text),
];

/// `POST /admin/products`.
pub(crate) static CREATE: Shape = strict(CREATED);

/// `POST /admin/products/:id`.
pub(crate) static UPDATE: Shape = strict(UPDATED);

/// `POST /admin/products/batch`.
pub(crate) static BATCH: Shape = strict(&[
    opt("create", Type::List(&strict(CREATED))),
    opt("update", Type::List(&strict(UPDATED))),
    opt("delete", Type::Texts),
]);
