//! The tables of products and what belongs to them.

use cartage_model::{Kind, Price, PriceKind, Product, Scope, Variant};

use super::{
    ColumnType::{Decimal, Flag, Text, Time, Whole},
    Result, Root, Rows, Table, name, position, row, scope_cells,
};

const PRODUCT_ONLY: &[Kind] = &[Kind::Product];

/// Declares a table whose rows come from products.
macro_rules! tables {
    ($($table:ident $name:literal { $($column:literal: $type:ident),+ $(,)? })+) => {
        $(static $table: Table = Table {
            name: $name,
            kinds: PRODUCT_ONLY,
            columns: &[$(($column, $type)),+],
        };)+

        /// The tables of products.
        pub(super) static TABLES: &[&Table] = &[$(&$table),+];
    };
}

tables! {
    PRODUCT "product" {
        "ordinal": Whole, "source_id": Text, "record_hash": Text, "document": Text,
        "product_type": Text, "status": Text, "title": Text, "slug": Text, "vendor": Text,
        "merchandise_type": Text, "seo_title": Text, "seo_description": Text,
        "description_html": Text, "short_description_html": Text, "option_count": Whole,
        "variant_count": Whole, "image_count": Whole, "category_count": Whole,
        "collection_count": Whole, "published_at": Time, "created_at": Time, "updated_at": Time,
        "visibility": Text, "assigned": Flag,
    }
    TAG "product_tag" { "product_id": Text, "position": Whole, "tag": Text }
    OPTION "product_option" { "product_id": Text, "position": Whole, "name": Text }
    OPTION_VALUE "product_option_value" {
        "product_id": Text, "option_position": Whole, "position": Whole, "option_name": Text,
        "value": Text,
    }
    VARIANT "variant" {
        "product_id": Text, "position": Whole, "source_id": Text, "title": Text, "sku": Text,
        "barcode": Text, "price": Decimal, "currency": Text, "stock_tracked": Flag,
        "backorder_allowed": Flag, "stock_quantity": Decimal, "weight_grams": Decimal,
        "requires_shipping": Flag, "taxable": Flag, "tax_class": Text,
        "harmonised_system_code": Text, "origin_country": Text, "image_url": Text,
        "option_key": Text,
    }
    VARIANT_OPTION "variant_option" {
        "product_id": Text, "variant_position": Whole, "position": Whole, "option_name": Text,
        "value": Text,
    }
    VARIANT_PRICE "variant_price" {
        "product_id": Text, "variant_position": Whole, "position": Whole, "variant_id": Text,
        "price_kind": Text, "amount": Decimal, "currency": Text, "scope_level": Text,
        "scope_code": Text, "includes_tax": Flag, "starts_at": Time, "ends_at": Time,
        "quantity_min": Decimal, "customer_group_id": Text, "quantity_max": Decimal,
        "company_id": Text, "customer_id": Text, "country_code": Text, "price_list": Text,
        "percent_off": Decimal,
    }
    VARIANT_STOCK "variant_stock" {
        "product_id": Text, "variant_position": Whole, "position": Whole, "variant_id": Text,
        "location": Text, "quantity": Decimal,
    }
    IMAGE "product_image" {
        "product_id": Text, "position": Whole, "url": Text, "alt_text": Text,
    }
    CATEGORY "product_category" {
        "product_id": Text, "position": Whole, "category_id": Text, "place": Whole,
    }
    COLLECTION "product_collection" {
        "product_id": Text, "position": Whole, "collection_id": Text, "place": Whole,
    }
    RELATION "product_relation" {
        "product_id": Text, "position": Whole, "relation_kind": Text, "related_id": Text,
        "quantity": Decimal,
    }
    BUNDLE_COMPONENT "product_bundle_component" {
        "product_id": Text, "position": Whole, "choice": Text, "required": Flag,
        "component_id": Text, "variant_id": Text, "quantity": Decimal,
    }
    DOWNLOAD "product_download" {
        "product_id": Text, "position": Whole, "title": Text, "url": Text, "sample": Flag,
    }
    CUSTOM_FIELD "product_custom_field" {
        "product_id": Text, "position": Whole, "namespace": Text, "key": Text,
        "value_type": Text, "value": Text,
    }
}

/// Pushes a product's rows.
pub(super) fn push(rows: &mut dyn Rows, root: &Root<'_>, product: &Product) -> Result<()> {
    let id = product.source_id.as_str();
    row!(
        rows,
        PRODUCT,
        root.ordinal,
        id,
        root.hash,
        root.document,
        name(product.product_type)?,
        name(product.status)?,
        &product.title,
        &product.slug,
        &product.vendor,
        &product.merchandise_type,
        &product.seo.title,
        &product.seo.description,
        &product.description_html,
        &product.short_description_html,
        product.options.len(),
        product.variants.len(),
        product.images.len(),
        product.categories.len(),
        product.collections.len(),
        &product.published_at,
        &product.created_at,
        &product.updated_at,
        product.visibility.value.map(name).transpose()?.as_deref(),
        product.assigned.value,
    );
    for (index, variant) in product.variants.iter().enumerate() {
        push_variant(rows, id, position(index), variant)?;
    }
    push_children(rows, id, product)?;
    push_references(rows, id, product)
}

fn push_children(rows: &mut dyn Rows, id: &str, product: &Product) -> Result<()> {
    for (index, tag) in product.tags.iter().enumerate() {
        row!(rows, TAG, id, position(index), tag);
    }
    for (index, option) in product.options.iter().enumerate() {
        row!(rows, OPTION, id, position(index), &option.name);
        for (place, value) in option.values.iter().enumerate() {
            let (option_position, place) = (position(index), position(place));
            row!(rows, OPTION_VALUE, id, option_position, place, &option.name, &value.value);
        }
    }
    for (index, image) in product.images.iter().enumerate() {
        row!(rows, IMAGE, id, position(index), &image.url, &image.alt_text);
    }
    for (index, download) in product.downloads.iter().enumerate() {
        let (title, url) = (&download.title, &download.url);
        row!(rows, DOWNLOAD, id, position(index), title, url, download.sample);
    }
    for (index, field) in product.custom_fields.iter().enumerate() {
        let value = field.value.value.as_ref().map(ToString::to_string);
        let (space, key, value_type) = (&field.namespace, &field.key, &field.value_type);
        row!(rows, CUSTOM_FIELD, id, position(index), space, key, value_type, &value);
    }
    Ok(())
}

fn push_references(rows: &mut dyn Rows, id: &str, product: &Product) -> Result<()> {
    for (index, place) in product.categories.iter().enumerate() {
        row!(rows, CATEGORY, id, position(index), &place.source_id, place.position);
    }
    for (index, place) in product.collections.iter().enumerate() {
        row!(rows, COLLECTION, id, position(index), &place.source_id, place.position);
    }
    for (index, relation) in product.relations.iter().enumerate() {
        let kind = name(relation.kind)?;
        row!(rows, RELATION, id, position(index), kind, &relation.product, relation.quantity);
    }
    for (index, part) in product.bundle_components.iter().enumerate() {
        row!(
            rows,
            BUNDLE_COMPONENT,
            id,
            position(index),
            &part.choice,
            part.required,
            &part.product,
            &part.variant,
            part.quantity,
        );
    }
    Ok(())
}

/// The regular price that everybody is asked: that of the shop, else that of one of its parts.
fn price_for_all(variant: &Variant) -> Option<&Price> {
    let is_for_all = |price: &&Price| price.kind == PriceKind::Regular && price.has_no_condition();
    let regular = || variant.prices.iter().filter(is_for_all);
    let of_shop = |price: &&Price| matches!(price.scope, None | Some(Scope::Shop));
    regular().find(of_shop).or_else(|| regular().next())
}

fn push_variant(rows: &mut dyn Rows, id: &str, place: u64, variant: &Variant) -> Result<()> {
    let price = price_for_all(variant);
    let stock = variant
        .stock
        .iter()
        .map(|stock| stock.quantity)
        .reduce(rust_decimal::Decimal::saturating_add);
    let option_key: Vec<&str> = variant.options.iter().map(|it| it.value.as_str()).collect();
    row!(
        rows,
        VARIANT,
        id,
        place,
        &variant.source_id,
        &variant.title,
        &variant.sku,
        &variant.barcode,
        price.map(|price| price.money.amount),
        price.map(|price| price.money.currency.as_str()),
        variant.stock_tracked,
        variant.backorder_allowed,
        stock,
        variant.weight.as_ref().map(cartage_model::Weight::grams),
        variant.requires_shipping,
        variant.taxable,
        &variant.tax_class,
        &variant.harmonised_system_code,
        &variant.origin_country,
        &variant.image_url,
        option_key.join(" / "),
    );
    for (index, option) in variant.options.iter().enumerate() {
        row!(rows, VARIANT_OPTION, id, place, position(index), &option.option, &option.value);
    }
    for (index, price) in variant.prices.iter().enumerate() {
        let (level, code) = scope_cells(price.scope.as_ref());
        row!(
            rows,
            VARIANT_PRICE,
            id,
            place,
            position(index),
            &variant.source_id,
            name(price.kind)?,
            price.money.amount,
            price.money.currency.as_str(),
            level,
            code,
            price.includes_tax,
            price.starts_at,
            price.ends_at,
            price.quantity_min,
            &price.customer_group,
            price.quantity_max,
            &price.company,
            &price.customer,
            &price.country_code,
            &price.price_list,
            price.percent_off,
        );
    }
    for (index, stock) in variant.stock.iter().enumerate() {
        let (location, quantity) = (&stock.location, stock.quantity);
        row!(
            rows,
            VARIANT_STOCK,
            id,
            place,
            position(index),
            &variant.source_id,
            location,
            quantity
        );
    }
    Ok(())
}
