//! Medusa's JSON as canonical records.

use cartage_model::{
    Address, Category, Collection, Currency, Customer, CustomerGroup, Image, Instant, Kind, Money,
    OptionValue, Placement, Price, PriceKind, Product, ProductOption, ProductStatus, ProductType,
    RawRecord, RawScope, ReadMap, Record, ScopeTree, Scoped, SelectedOption, Stock, UnknownFields,
    Unreadable, Variant, Weight, WeightUnit,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::super::json::{self, decimal_of, owned};

/// The read map of Medusa 2. Version 2 reads what a price is bound to and what of a stock is
/// promised or coming.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map;

impl ReadMap for Map {
    fn version(&self) -> &'static str {
        "medusa/2"
    }

    fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable> {
        let body = &raw.body;
        let id = raw.source_id.clone();
        match raw.kind {
            Kind::Category => Ok(Record::Category(category(id, body))),
            Kind::Collection => Ok(Record::Collection(collection(id, body))),
            Kind::Product => Ok(Record::Product(product(id, body)?)),
            Kind::CustomerGroup => Ok(Record::CustomerGroup(CustomerGroup {
                source_id: id,
                title: owned(body, "name").unwrap_or_default(),
                unknown: unknown(body, &["id", "name", "created_at", "updated_at"]),
                ..CustomerGroup::default()
            })),
            Kind::Customer => Ok(Record::Customer(customer(id, body)?)),
            Kind::Order => super::read_order::order(id, body).map(Record::Order),
            Kind::Company
            | Kind::Coupon
            | Kind::GiftCard
            | Kind::Review
            | Kind::Page
            | Kind::Post
            | Kind::Url => {
                Err(Unreadable::record("CAPABILITY_UNSUPPORTED", "this kind is not read"))
            }
        }
    }

    /// Medusa has sales channels and regions, which say where its values hold but have none of
    /// their own; the source does not ask for them.
    fn scopes(&self, _raw: &[RawScope]) -> Result<ScopeTree, Unreadable> {
        Ok(ScopeTree::default())
    }
}

/// What is not in `known`, by its name in Medusa.
pub(super) fn unknown(body: &Value, known: &[&str]) -> UnknownFields {
    let mut unknown = UnknownFields::default();
    for (name, value) in body.as_object().into_iter().flatten() {
        if !known.contains(&name.as_str()) && !json::is_blank(value) {
            unknown.keep(name, value.clone());
        }
    }
    unknown
}

pub(super) fn instant(body: &Value, field: &str) -> Result<Option<Instant>, Unreadable> {
    json::text(body, field)
        .map(|text| {
            Instant::parse(text, 0)
                .map_err(|_| Unreadable::field("VALUE_INVALID", field, "it is not a date and time"))
        })
        .transpose()
}

pub(super) fn currency(body: &Value) -> Result<Currency, Unreadable> {
    json::text(body, "currency_code").and_then(|code| Currency::parse(code).ok()).ok_or_else(|| {
        Unreadable::field("VALUE_INVALID", "currency_code", "it is not a currency of three letters")
    })
}

fn scoped(body: &Value, field: &str) -> Scoped<String> {
    Scoped::optional(owned(body, field))
}

fn category(source_id: String, body: &Value) -> Category {
    Category {
        source_id,
        parent: owned(body, "parent_category_id"),
        position: body
            .get("rank")
            .and_then(Value::as_u64)
            .and_then(|rank| u32::try_from(rank + 1).ok()),
        title: scoped(body, "name"),
        description_html: scoped(body, "description"),
        slug: scoped(body, "handle"),
        visible: body.get("is_active").and_then(Value::as_bool),
        unknown: unknown(
            body,
            &[
                "id",
                "parent_category_id",
                "parent_category",
                "rank",
                "name",
                "description",
                "handle",
                "is_active",
            ],
        ),
        ..Category::default()
    }
}

fn collection(source_id: String, body: &Value) -> Collection {
    Collection {
        source_id,
        title: scoped(body, "title"),
        slug: scoped(body, "handle"),
        unknown: unknown(body, &["id", "title", "handle"]),
        ..Collection::default()
    }
}

fn product(source_id: String, body: &Value) -> Result<Product, Unreadable> {
    let mut images: Vec<&Value> = json::list(body, "images").iter().collect();
    images.sort_by_key(|image| image.get("rank").and_then(Value::as_u64));
    let images = images.into_iter().zip(1_u32..).map(|(image, position)| Image {
        url: owned(image, "url").unwrap_or_default(),
        position,
        ..Image::default()
    });
    let options = json::list(body, "options").iter().map(|option| ProductOption {
        name: owned(option, "title").unwrap_or_default(),
        values: json::list(option, "values")
            .iter()
            .filter_map(|value| owned(value, "value"))
            .map(|value| OptionValue { value, ..OptionValue::default() })
            .collect(),
        ..ProductOption::default()
    });
    let mut variants: Vec<&Value> = json::list(body, "variants").iter().collect();
    variants.sort_by_key(|variant| variant.get("variant_rank").and_then(Value::as_u64));
    let variants = variants.into_iter().map(variant).collect::<Result<Vec<_>, _>>()?;
    let placement = |id: String| Placement { source_id: id, ..Placement::default() };
    Ok(Product {
        source_id,
        product_type: match (body["is_giftcard"] == true, variants.len()) {
            (true, _) => ProductType::GiftCard,
            (false, 0 | 1) => ProductType::Simple,
            (false, _) => ProductType::Configurable,
        },
        status: match json::text(body, "status") {
            Some("published") => ProductStatus::Active,
            _ => ProductStatus::Draft,
        },
        title: scoped(body, "title"),
        short_description_html: scoped(body, "subtitle"),
        description_html: scoped(body, "description"),
        slug: scoped(body, "handle"),
        merchandise_type: body.get("type").and_then(|of| owned(of, "value")),
        tags: json::list(body, "tags").iter().filter_map(|tag| owned(tag, "value")).collect(),
        options: options.collect(),
        variants,
        images: images.collect(),
        categories: json::list(body, "categories")
            .iter()
            .filter_map(|category| owned(category, "id"))
            .map(placement)
            .collect(),
        collections: owned(body, "collection_id").map(placement).into_iter().collect(),
        created_at: instant(body, "created_at")?,
        updated_at: instant(body, "updated_at")?,
        unknown: unknown(
            body,
            &[
                "id",
                "status",
                "title",
                "subtitle",
                "description",
                "handle",
                "type",
                "tags",
                "options",
                "variants",
                "images",
                "categories",
                "collection",
                "collection_id",
                "created_at",
                "updated_at",
            ],
        ),
        ..Product::default()
    })
}

fn variant(body: &Value) -> Result<Variant, Unreadable> {
    let prices = json::list(body, "prices").iter().map(price).collect::<Result<Vec<_>, _>>()?;
    let options = json::list(body, "options").iter().filter_map(|value| {
        Some(SelectedOption {
            option: owned(value.get("option")?, "title")?,
            value: owned(value, "value")?,
        })
    });
    let mut stock = Vec::new();
    for item in json::list(body, "inventory_items") {
        let levels =
            item.get("inventory").map(|inventory| json::list(inventory, "location_levels"));
        for level in levels.unwrap_or_default() {
            stock.push(Stock {
                location: owned(level, "location_id"),
                quantity: decimal_of(level, "stocked_quantity").unwrap_or_default(),
                // Medusa counts both for every level; zero says that there is none.
                reserved: decimal_of(level, "reserved_quantity").filter(|it| !it.is_zero()),
                incoming: decimal_of(level, "incoming_quantity").filter(|it| !it.is_zero()),
                ..Stock::default()
            });
        }
    }
    Ok(Variant {
        source_id: owned(body, "id").unwrap_or_default(),
        title: owned(body, "title"),
        sku: owned(body, "sku"),
        barcode: owned(body, "barcode")
            .or_else(|| owned(body, "ean"))
            .or_else(|| owned(body, "upc")),
        options: options.collect(),
        prices,
        stock_tracked: body["manage_inventory"] == true,
        backorder_allowed: body["allow_backorder"] == true,
        stock,
        weight: decimal_of(body, "weight").map(|value| Weight { value, unit: WeightUnit::Gram }),
        dimensions: dimensions(body),
        requires_shipping: true,
        taxable: true,
        harmonised_system_code: owned(body, "hs_code"),
        origin_country: owned(body, "origin_country"),
        unknown: unknown(
            body,
            &[
                "id",
                "title",
                "sku",
                "barcode",
                "options",
                "prices",
                "manage_inventory",
                "allow_backorder",
                "inventory_items",
                "weight",
                "length",
                "width",
                "height",
                "hs_code",
                "origin_country",
                "variant_rank",
            ],
        ),
        ..Variant::default()
    })
}

/// A price, with what it is bound to: a number of pieces has fields, a rule (a region, a customer
/// group) is kept as Medusa says it. The list a price stands in is not among what Medusa tells of
/// the prices of a variant.
fn price(body: &Value) -> Result<Price, Unreadable> {
    let amount = decimal_of(body, "amount").ok_or_else(|| {
        Unreadable::field("VALUE_INVALID", "variants.prices.amount", "it is no amount")
    })?;
    let mut price = Price::plain(PriceKind::Regular, Money::new(amount, currency(body)?));
    price.quantity_min = decimal_of(body, "min_quantity");
    price.quantity_max = decimal_of(body, "max_quantity");
    if price.quantity_min.is_some() || price.quantity_max.is_some() {
        price.kind = PriceKind::Tier;
    }
    if let Some(rules) = body.get("rules").filter(|rules| !json::is_blank(rules)) {
        price.unknown.keep("rules", rules.clone());
    }
    Ok(price)
}

fn dimensions(body: &Value) -> Option<cartage_model::Dimensions> {
    let measure = |field: &str| -> Option<Decimal> { decimal_of(body, field) };
    let dimensions = cartage_model::Dimensions {
        length_cm: measure("length"),
        width_cm: measure("width"),
        height_cm: measure("height"),
    };
    (dimensions != cartage_model::Dimensions::default()).then_some(dimensions)
}

/// An address of a customer or an order.
pub(super) fn address(body: &Value) -> Address {
    let country = owned(body, "country_code");
    Address {
        source_id: owned(body, "id"),
        label: owned(body, "address_name"),
        first_name: owned(body, "first_name"),
        last_name: owned(body, "last_name"),
        company: owned(body, "company"),
        line1: owned(body, "address_1"),
        line2: owned(body, "address_2"),
        city: owned(body, "city"),
        postal_code: owned(body, "postal_code"),
        province: owned(body, "province"),
        country_code: country.as_deref().map(str::to_ascii_uppercase),
        country,
        phone: owned(body, "phone"),
        default_shipping: body["is_default_shipping"] == true,
        default_billing: body["is_default_billing"] == true,
        unknown: unknown(
            body,
            &[
                "id",
                "address_name",
                "first_name",
                "last_name",
                "company",
                "address_1",
                "address_2",
                "city",
                "postal_code",
                "province",
                "country_code",
                "phone",
                "is_default_shipping",
                "is_default_billing",
                "customer_id",
                "created_at",
                "updated_at",
            ],
        ),
        ..Address::default()
    }
}

fn customer(source_id: String, body: &Value) -> Result<Customer, Unreadable> {
    Ok(Customer {
        source_id,
        email: owned(body, "email"),
        first_name: owned(body, "first_name"),
        last_name: owned(body, "last_name"),
        phone: owned(body, "phone"),
        company: owned(body, "company_name"),
        registered: body.get("has_account").and_then(Value::as_bool),
        addresses: json::list(body, "addresses").iter().map(address).collect(),
        groups: json::list(body, "groups").iter().filter_map(|group| owned(group, "id")).collect(),
        created_at: instant(body, "created_at")?,
        updated_at: instant(body, "updated_at")?,
        unknown: unknown(
            body,
            &[
                "id",
                "email",
                "first_name",
                "last_name",
                "phone",
                "company_name",
                "has_account",
                "addresses",
                "groups",
                "created_at",
                "updated_at",
            ],
        ),
        ..Customer::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_price_is_bound_to_and_what_of_a_stock_is_promised_is_read() {
        let raw = RawRecord {
            kind: Kind::Product,
            source_id: "prod_1".to_owned(),
            body: json!({ "title": "T", "variants": [{
                "id": "variant_1",
                "prices": [
                    { "amount": 9, "currency_code": "eur", "min_quantity": null, "rules": {} },
                    { "amount": 5, "currency_code": "eur", "rules": { "region_id": "reg_1" } },
                    { "amount": 4, "currency_code": "eur", "max_quantity": 10, "rules": {} },
                ],
                "inventory_items": [{ "inventory": { "location_levels": [
                    { "location_id": "a", "stocked_quantity": 5, "reserved_quantity": 2,
                        "incoming_quantity": 3 },
                    { "location_id": "b", "stocked_quantity": 1, "reserved_quantity": 0,
                        "incoming_quantity": 0 },
                ] } }],
            }] }),
        };
        let Record::Product(product) = Map.read(&raw).unwrap() else { panic!("no product") };
        let variant = &product.variants[0];
        let found: Vec<_> =
            variant.prices.iter().map(|it| (it.kind, it.has_no_condition())).collect();
        let expected =
            [(PriceKind::Regular, true), (PriceKind::Regular, false), (PriceKind::Tier, false)];
        assert_eq!(found, expected);
        assert_eq!(variant.prices[1].unknown.0["rules"]["region_id"], "reg_1");
        assert_eq!(variant.prices[2].quantity_max, Some(Decimal::TEN));
        let promised: Vec<_> = variant.stock.iter().map(|it| (it.reserved, it.incoming)).collect();
        assert_eq!(promised, [(Some(Decimal::TWO), Some(3.into())), (None, None)]);
    }
}
