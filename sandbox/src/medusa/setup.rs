//! What a shop needs before records go in: store, sales channels, stock locations, regions,
//! shipping profiles and options, tax regions, customer groups, promotions.

use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::query::{List, Match, Query};
use super::schema::{Field, Shape, Type, check, loose, nul, opt, req, strict};
use super::simple::{Simple, as_it_is, plain};
use super::state::{Kind, Shop};
use super::value::{Row, id, list, stamp, text};

const NAMED: List = List {
    strict: true,
    limit: 20,
    filters: &[
        ("q", Match::Search(&["name"])),
        ("id", Match::Value),
        ("name", Match::Value),
        ("type", Match::Value),
        ("description", Match::Value),
        ("is_disabled", Match::Flag),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
    ],
};

/// The fields of an everyday object.
const COMMON: &[&str] = &["*"];

/// `/admin/sales-channels`.
pub(crate) static SALES_CHANNELS: Simple = Simple {
    kind: Kind::SalesChannels,
    one: "sales_channel",
    many: "sales_channels",
    label: "Sales channel",
    unique: None,
    create: strict(&[
        req("name", Type::Text),
        nul("description", Type::Text),
        opt("is_disabled", Type::Bool),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        nul("description", Type::Text),
        opt("is_disabled", Type::Bool),
        nul("metadata", Type::Record),
    ]),
    list: NAMED,
    replaces_metadata: false,
    blank: r#"{"name":null,"description":null,"is_disabled":false,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

const ADDRESS: &[Field] = &[
    req("address_1", Type::Text),
    nul("address_2", Type::Text),
    nul("company", Type::Text),
    nul("city", Type::Text),
    req("country_code", Type::Text),
    nul("phone", Type::Text),
    nul("postal_code", Type::Text),
    nul("province", Type::Text),
    nul("metadata", Type::Record),
];

/// `/admin/stock-locations`.
pub(crate) static STOCK_LOCATIONS: Simple = Simple {
    kind: Kind::StockLocations,
    one: "stock_location",
    many: "stock_locations",
    label: "StockLocation",
    unique: None,
    create: strict(&[
        req("name", Type::Text),
        opt("address", Type::Object(&strict(ADDRESS))),
        nul("address_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        opt("address", Type::Object(&strict(ADDRESS))),
        nul("address_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    list: NAMED,
    replaces_metadata: false,
    blank: r#"{"name":null,"metadata":null,"address":null,"_sales_channels":[],"_sets":[]}"#,
    finish: |_, row, _| {
        let name = text(row, "name").trim().to_owned();
        row.insert("name".into(), name.into());
        Ok(())
    },
    view: view_location,
    defaults: &["id", "name", "metadata", "created_at", "updated_at", "*address"],
};

/// `/admin/shipping-profiles`.
pub(crate) static SHIPPING_PROFILES: Simple = Simple {
    kind: Kind::ShippingProfiles,
    one: "shipping_profile",
    many: "shipping_profiles",
    label: "Shipping profile",
    unique: Some("name"),
    create: strict(&[
        req("name", Type::Text),
        req("type", Type::Text),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        opt("type", Type::Text),
        nul("metadata", Type::Record),
    ]),
    list: NAMED,
    replaces_metadata: false,
    blank: r#"{"name":null,"type":null,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

/// `/admin/shipping-options`.
pub(crate) static SHIPPING_OPTIONS: Simple = Simple {
    kind: Kind::ShippingOptions,
    one: "shipping_option",
    many: "shipping_options",
    label: "Shipping option",
    unique: None,
    create: strict(&[
        req("name", Type::Text),
        req("service_zone_id", Type::Text),
        req("shipping_profile_id", Type::Text),
        opt("data", Type::Record),
        req("price_type", Type::OneOf(&["calculated", "flat"])),
        req("provider_id", Type::Text),
        opt("type", Type::Any),
        opt("type_id", Type::Text),
        req("prices", Type::Any),
        opt("rules", Type::Any),
        opt("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        opt("metadata", Type::Record),
        opt("prices", Type::Any),
    ]),
    list: NAMED,
    replaces_metadata: false,
    blank: r#"{"name":null,"price_type":"flat","data":null,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

/// `/admin/regions`.
pub(crate) static REGIONS: Simple = Simple {
    kind: Kind::Regions,
    one: "region",
    many: "regions",
    label: "Region",
    unique: None,
    create: strict(&[
        req("name", Type::Text),
        req("currency_code", Type::Text),
        opt("countries", Type::Texts),
        opt("automatic_taxes", Type::Bool),
        opt("is_tax_inclusive", Type::Bool),
        opt("payment_providers", Type::Texts),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        opt("currency_code", Type::Text),
        opt("countries", Type::Texts),
        opt("automatic_taxes", Type::Bool),
        opt("is_tax_inclusive", Type::Bool),
        opt("payment_providers", Type::Texts),
        nul("metadata", Type::Record),
    ]),
    list: List {
        strict: true,
        limit: 50,
        filters: &[
            ("q", Match::Search(&["name", "currency_code"])),
            ("id", Match::Value),
            ("name", Match::Value),
            ("currency_code", Match::Value),
            ("created_at", Match::Time),
            ("updated_at", Match::Time),
        ],
    },
    replaces_metadata: false,
    blank: r#"{"name":null,"currency_code":null,"automatic_taxes":true,"metadata":null,"countries":[]}"#,
    finish: finish_region,
    view: plain,
    defaults: &[
        "id",
        "name",
        "currency_code",
        "created_at",
        "updated_at",
        "deleted_at",
        "automatic_taxes",
        "metadata",
        "*countries",
    ],
};

/// `/admin/tax-regions`.
pub(crate) static TAX_REGIONS: Simple = Simple {
    kind: Kind::TaxRegions,
    one: "tax_region",
    many: "tax_regions",
    label: "Tax region",
    unique: None,
    create: strict(&[
        req("country_code", Type::Text),
        nul("provider_id", Type::Text),
        nul("province_code", Type::Text),
        nul("parent_id", Type::Text),
        opt("default_tax_rate", Type::Any),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[opt("provider_id", Type::Text), nul("metadata", Type::Record)]),
    list: List {
        strict: true,
        limit: 20,
        filters: &[("q", Match::Nothing), ("id", Match::Value), ("country_code", Match::Value)],
    },
    replaces_metadata: false,
    blank: r#"{"country_code":null,"province_code":null,"parent_id":null,"provider_id":null,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

/// `/admin/tax-rates`.
pub(crate) static TAX_RATES: Simple = Simple {
    kind: Kind::TaxRates,
    one: "tax_rate",
    many: "tax_rates",
    label: "Tax rate",
    unique: None,
    create: strict(&[
        opt("rate", Type::Number),
        req("code", Type::Text),
        opt(
            "rules",
            Type::List(&strict(&[req("reference", Type::Text), req("reference_id", Type::Text)])),
        ),
        req("name", Type::Text),
        opt("is_default", Type::Bool),
        opt("is_combinable", Type::Bool),
        req("tax_region_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[opt("name", Type::Text), nul("metadata", Type::Record)]),
    list: List {
        strict: true,
        limit: 20,
        filters: &[("q", Match::Nothing), ("id", Match::Value), ("tax_region_id", Match::Value)],
    },
    replaces_metadata: false,
    blank: r#"{"rate":null,"code":null,"rules":[],"is_default":false,"is_combinable":false,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

/// `/admin/customer-groups`.
pub(crate) static GROUPS: Simple = Simple {
    kind: Kind::Groups,
    one: "customer_group",
    many: "customer_groups",
    label: "Customer group",
    unique: Some("name"),
    create: strict(&[req("name", Type::Text), nul("metadata", Type::Record)]),
    update: strict(&[opt("name", Type::Text), nul("metadata", Type::Record)]),
    list: List {
        strict: true,
        limit: 50,
        filters: &[
            ("q", Match::Search(&["name"])),
            ("id", Match::Value),
            ("name", Match::Value),
            ("created_by", Match::Value),
            ("created_at", Match::Time),
            ("updated_at", Match::Time),
        ],
    },
    replaces_metadata: false,
    blank: r#"{"name":null,"created_by":null,"metadata":null}"#,
    finish: as_it_is,
    view: plain,
    defaults: COMMON,
};

/// `/admin/promotions`: those with a fixed amount off an order.
pub(crate) static PROMOTIONS: Simple = Simple {
    kind: Kind::Promotions,
    one: "promotion",
    many: "promotions",
    label: "Promotion",
    unique: Some("code"),
    create: strict(&[
        req("code", Type::Text),
        opt("is_automatic", Type::Bool),
        req("type", Type::OneOf(&["standard", "buyget"])),
        opt("is_tax_inclusive", Type::Bool),
        opt("status", Type::OneOf(&["draft", "active", "inactive"])),
        nul("limit", Type::Number),
        nul("campaign_id", Type::Text),
        nul("metadata", Type::Record),
        req("application_method", Type::Record),
        opt("rules", Type::Any),
    ]),
    update: strict(&[opt("status", Type::Text), nul("metadata", Type::Record)]),
    list: List {
        strict: true,
        limit: 50,
        filters: &[("q", Match::Search(&["code"])), ("id", Match::Value), ("code", Match::Value)],
    },
    replaces_metadata: false,
    blank: r#"{"code":null,"is_automatic":false,"is_tax_inclusive":false,"type":"standard","limit":null,
        "used":0,"status":"draft","metadata":null,"campaign_id":null}"#,
    finish: as_it_is,
    view: view_promotion,
    defaults: &["*", "*application_method"],
};

/// `/admin/stores`.
pub(crate) static STORES: Simple = Simple {
    kind: Kind::Stores,
    one: "store",
    many: "stores",
    label: "Store",
    unique: None,
    create: strict(&[]),
    update: strict(&[
        opt("name", Type::Text),
        opt(
            "supported_currencies",
            Type::List(&loose(&[
                req("currency_code", Type::Text),
                opt("is_default", Type::Bool),
                opt("is_tax_inclusive", Type::Bool),
            ])),
        ),
        opt("supported_locales", Type::Any),
        nul("default_sales_channel_id", Type::Text),
        nul("default_region_id", Type::Text),
        nul("default_location_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    list: List {
        strict: true,
        limit: 50,
        filters: &[("q", Match::Nothing), ("id", Match::Value), ("name", Match::Value)],
    },
    // The module writes the row as it is sent (`store-module-service.js` of `@medusajs/store` 2.21.2).
    replaces_metadata: true,
    blank: "{}",
    finish: finish_store,
    view: plain,
    defaults: &["*", "*supported_currencies"],
};

fn finish_store(_: &mut Shop, row: &mut Row, _: bool) -> Answer<()> {
    let mut defaults = 0;
    let mut currencies = Vec::new();
    for one in list(row, "supported_currencies").iter().filter_map(Value::as_object) {
        let mut one = one.clone();
        let is_default = one.get("is_default") == Some(&Value::Bool(true));
        defaults += usize::from(is_default);
        one.entry("id").or_insert_with(|| id("stocur").into());
        one.insert("is_default".into(), is_default.into());
        currencies.push(Value::Object(one));
    }
    if defaults == 0 {
        return Err(Refusal::invalid("There should be a default currency set for the store"));
    }
    if defaults > 1 {
        return Err(Refusal::invalid("Only one default currency is allowed"));
    }
    row.insert("supported_currencies".into(), Value::Array(currencies));
    Ok(())
}

fn finish_region(shop: &mut Shop, row: &mut Row, _: bool) -> Answer<()> {
    let currency = text(row, "currency_code").to_lowercase();
    row.insert("currency_code".into(), currency.into());
    row.shift_remove("payment_providers");
    let mut countries = Vec::new();
    let (mut unknown, mut taken) = (Vec::new(), Vec::new());
    for country in list(row, "countries") {
        let Some(code) = country.as_str() else {
            countries.push(country.clone());
            continue;
        };
        let code = code.to_lowercase();
        if !super::seed::COUNTRIES.split(' ').any(|known| known == code) {
            unknown.push(format!("\"{code}\""));
        }
        let held = |one: &Row| {
            text(one, "id") != text(row, "id")
                && list(one, "countries").iter().any(|held| held["iso_2"] == code.as_str())
        };
        if shop.table(Kind::Regions).rows().any(held) {
            taken.push(format!("\"{code}\""));
        }
        countries.push(json!({ "iso_2": code }));
    }
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(Refusal::invalid(format!("Countries with codes: {unknown} do not exist")));
    }
    if !taken.is_empty() {
        return Err(Refusal::invalid(format!(
            "Countries with codes: {} are already assigned to a region",
            taken.join(", ")
        )));
    }
    row.insert("countries".into(), Value::Array(countries));
    Ok(())
}

/// Values of rules are objects in answers.
fn view_promotion(_: &Shop, row: &Row, _: &Fields) -> Row {
    let shown = |rules: &mut Value| {
        for rule in rules.as_array_mut().into_iter().flatten() {
            let values = rule.get_mut("values").and_then(Value::as_array_mut);
            for value in values.into_iter().flatten() {
                *value = json!({ "value": value });
            }
        }
    };
    let mut full = row.clone();
    full.get_mut("rules").map(shown);
    let method = full.get_mut("application_method").and_then(Value::as_object_mut);
    for (_, rules) in method.into_iter().flatten().filter(|(name, _)| name.ends_with("_rules")) {
        shown(rules);
    }
    full
}

fn view_location(shop: &Shop, row: &Row, fields: &Fields) -> Row {
    let mut full = row.clone();
    if fields.relation("sales_channels").is_some() {
        let channels = list(row, "_sales_channels").iter().filter_map(Value::as_str);
        let channels = channels.filter_map(|id| shop.get(Kind::SalesChannels, id));
        let channels = channels.cloned().map(Value::Object).collect();
        full.insert("sales_channels".into(), Value::Array(channels));
    }
    if fields.relation("fulfillment_sets").is_some() {
        let sets = list(row, "_sets").iter().filter_map(Value::as_str);
        let sets = sets.filter_map(|id| shop.get(Kind::FulfillmentSets, id));
        let sets = sets.cloned().map(Value::Object).collect();
        full.insert("fulfillment_sets".into(), Value::Array(sets));
    }
    full
}

/// `POST /admin/stock-locations/:id/sales-channels`: adds and takes away channels.
pub(crate) fn link_channels(shop: &mut Shop, query: &Query, id: &str, body: &Value) -> Answer {
    const SHAPE: Shape = strict(&[opt("add", Type::Texts), opt("remove", Type::Texts)]);
    let body = check(&SHAPE, body)?;
    let removed = list(&body, "remove");
    shop.update(Kind::StockLocations, id, |row| {
        let mut held: Vec<Value> = list(row, "_sales_channels").to_vec();
        held.retain(|one| !removed.contains(one));
        for one in list(&body, "add") {
            if !held.contains(one) {
                held.push(one.clone());
            }
        }
        row.insert("_sales_channels".into(), Value::Array(held));
    });
    STOCK_LOCATIONS.read(shop, query, id)
}

/// `POST /admin/stock-locations/:id/fulfillment-sets`.
pub(crate) fn add_set(shop: &mut Shop, query: &Query, location: &str, body: &Value) -> Answer {
    let mut row = Row::new();
    row.insert("id".into(), id("fuset").into());
    const SHAPE: Shape = strict(&[req("name", Type::Text), req("type", Type::Text)]);
    row.extend(check(&SHAPE, body)?);
    row.insert("service_zones".into(), json!([]));
    stamp(&mut row);
    let name = text(&row, "name").to_owned();
    if shop.find(Kind::FulfillmentSets, "name", &name).is_some() {
        return Err(Refusal::taken("Fulfillment set", "name", &name));
    }
    let set = shop.insert(Kind::FulfillmentSets, row);
    shop.update(Kind::StockLocations, location, |row| {
        if let Some(Value::Array(sets)) = row.get_mut("_sets") {
            sets.push(set.into());
        }
    });
    STOCK_LOCATIONS.read(shop, query, location)
}

/// `POST /admin/fulfillment-sets/:id/service-zones`.
pub(crate) fn add_zone(shop: &mut Shop, set: &str, body: &Value) -> Answer {
    let mut zone = Row::new();
    zone.insert("id".into(), id("serzo").into());
    const SHAPE: Shape = strict(&[req("name", Type::Text), opt("geo_zones", Type::Any)]);
    zone.extend(check(&SHAPE, body)?);
    zone.insert("fulfillment_set_id".into(), set.into());
    stamp(&mut zone);
    shop.update(Kind::FulfillmentSets, set, |row| {
        if let Some(Value::Array(zones)) = row.get_mut("service_zones") {
            zones.push(Value::Object(zone));
        }
    });
    let row = shop.get(Kind::FulfillmentSets, set);
    let row = row
        .ok_or_else(|| Refusal::missing(format!("FulfillmentSet with id: {set} was not found")))?;
    Ok(json!({ "fulfillment_set": row }))
}
