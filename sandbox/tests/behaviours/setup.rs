//! Set-up objects and the ways of saying no.

use super::super::{Step, delete, get, json, post};

pub(crate) fn steps() -> Vec<Step> {
    vec![
        get("/admin/nosuch").status(404),
        post("/auth/user/emailpass", json!({ "email": "a@x.test", "password": "x" }))
            .fails(401, "Invalid email or password")
            .has("/type", "unauthorized"),
        get("/admin/stores").keeps("store", "/stores/0/id"),
        post(
            "/admin/stores/{store}",
            json!({ "supported_currencies": [{ "currency_code": "eur" }] }),
        )
        .fails(400, "There should be a default currency set for the store"),
        post(
            "/admin/stores/{store}",
            json!({ "supported_currencies": [
                { "currency_code": "usd", "is_default": true }, { "currency_code": "eur" },
                { "currency_code": "jpy" }, { "currency_code": "gbp" },
            ] }),
        )
        .has("/store/supported_currencies/0/currency_code", "usd"),
        post("/admin/sales-channels", json!({ "name": "Channel {run}" }))
            .has("/sales_channel/is_disabled", false)
            .keeps("channel", "/sales_channel/id"),
        get("/admin/sales-channels?name=Channel%20{run}").has("/count", 1),
        get("/admin/sales-channels?name=NOPE{run}").has("/count", 0),
        post("/admin/stock-locations", json!({ "name": " Place {run} ", "metadata": { "a": 1 } }))
            .has("/stock_location/name", "Place {run}")
            .keeps("place", "/stock_location/id"),
        post("/admin/stock-locations/{place}/sales-channels", json!({ "add": ["{channel}"] })),
        get("/admin/stock-locations?name=Place%20{run}&fields=id,sales_channels.id")
            .has("/stock_locations/0/sales_channels/0/id", "{channel}"),
        post(
            "/admin/shipping-profiles",
            json!({ "name": "Default Shipping Profile", "type": "default" }),
        )
        .fails(400, "Shipping profile with name: Default Shipping Profile, already exists."),
        get("/admin/shipping-profiles?name=Default%20Shipping%20Profile")
            .has("/count", 1)
            .keeps("profile", "/shipping_profiles/0/id"),
        post(
            "/admin/regions",
            json!({
                "name": "Region {run}", "currency_code": "USD", "automatic_taxes": false,
                "payment_providers": ["pp_system_default"], "metadata": { "k": "v" },
            }),
        )
        .has("/region/currency_code", "usd")
        .has("/region/automatic_taxes", false)
        .has("/region/metadata", json!({ "k": "v" }))
        .keeps("region", "/region/id"),
        post("/admin/regions", json!({ "name": "x", "currency_code": "eur", "countries": ["zz"] }))
            .fails(400, "Countries with codes: \"zz\" do not exist"),
        get("/admin/regions?name=Region%20{run}").has("/count", 1),
        get("/admin/regions?currency_code=zzz").has("/count", 0),
        get("/admin/regions?nosuch=1").fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        get("/admin/payments/payment-providers")
            .has("/payment_providers/0/id", "pp_system_default"),
        post("/admin/customer-groups", json!({ "name": "VIP {run}", "metadata": { "k": 1 } }))
            .keeps("group", "/customer_group/id"),
        post("/admin/customer-groups", json!({ "name": "VIP {run}" }))
            .fails(400, "Customer group with name: VIP {run}, already exists."),
        get("/admin/customer-groups?name=VIP%20{run}&fields=id,metadata")
            .has("/customer_groups/0", json!({ "id": "{group}", "metadata": { "k": 1 } })),
        get("/admin/customer-groups?name=NOPE").has("/count", 0),
    ]
}

/// What is made for others can carry a mark, is found by who uses it, and can be deleted again.
pub(crate) fn taking_back() -> Vec<Step> {
    vec![
        // What is sent stands in the stead of what a store had.
        post("/admin/stores/{store}", json!({ "metadata": { "a": 1, "b": "" } })),
        post("/admin/stores/{store}", json!({ "metadata": { "c": 1 } }))
            .has("/store/metadata", json!({ "c": 1 })),
        post("/admin/product-tags", json!({ "value": "made {run}", "metadata": { "m": "1" } }))
            .has("/product_tag/metadata", json!({ "m": "1" }))
            .keeps("made_tag", "/product_tag/id"),
        post("/admin/product-types", json!({ "value": "made {run}", "metadata": { "m": "1" } }))
            .keeps("made_type", "/product_type/id"),
        post("/admin/products/{product}?fields=id,tags.id,type_id", json!({ "tags": [{ "id": "{made_tag}" }], "type_id": "{made_type}" }))
            .has("/product/tags", json!([{ "id": "{made_tag}" }])),
        get("/admin/products?tag_id[]={made_tag}&limit=1&fields=id")
            .has("/products", json!([{ "id": "{product}" }])),
        get("/admin/products?type_id[]={made_type}&limit=1&fields=id")
            .has("/products", json!([{ "id": "{product}" }])),
        post("/admin/products/{product}?fields=id,type_id", json!({ "tags": [], "type_id": null }))
            .has("/product/type_id", json!(null)),
        get("/admin/products?tag_id[]={made_tag}&limit=1&fields=id").has("/count", 0),
        get("/admin/products?type_id[]={made_type}&limit=1&fields=id").has("/count", 0),
        get("/admin/product-tags?fields=id,value,metadata&order=id&limit=200&offset=0&value=made%20{run}")
            .has("/product_tags/0/metadata", json!({ "m": "1" })),
        delete("/admin/product-tags/{made_tag}").has("/deleted", true),
        delete("/admin/product-types/{made_type}").has("/deleted", true),
        post("/admin/regions", json!({ "name": "Made {run}", "currency_code": "jpy", "metadata": { "m": "1" } }))
            .keeps("made_region", "/region/id"),
        get("/admin/regions?fields=id,name,metadata,countries.iso_2&order=id&limit=200&offset=0&name=Made%20{run}")
            .has("/regions/0/countries", json!([])),
        get("/admin/orders?region_id[]={made_region}&limit=1&fields=id").has("/count", 0),
        get("/admin/draft-orders?region_id[]={made_region}&limit=1&fields=id").has("/count", 0),
        delete("/admin/regions/{made_region}").has("/deleted", true),
        post("/admin/stock-locations", json!({ "name": "Made {run}", "metadata": { "m": "1" } }))
            .keeps("made_place", "/stock_location/id"),
        post("/admin/stock-locations/{made_place}/sales-channels", json!({ "add": ["{channel}"] })),
        get("/admin/stock-locations?fields=id,name,metadata,fulfillment_sets.id&order=id&limit=200&offset=0&name=Made%20{run}")
            .has("/stock_locations/0/fulfillment_sets", json!([])),
        get("/admin/inventory-items?location_levels[location_id][]={made_place}&limit=1&fields=id")
            .has("/count", 0),
        get("/admin/inventory-items?location_levels[location_id][]={place}&limit=1&fields=id")
            .has("/limit", 1),
        delete("/admin/stock-locations/{made_place}").has("/deleted", true),
        // Who may name them in rules.
        post(
            "/admin/promotions",
            json!({
                "code": "RULED{run}", "type": "standard", "status": "draft",
                "application_method": {
                    "type": "percentage", "value": 5, "target_type": "items", "allocation": "across",
                    "target_rules": [{ "attribute": "items.product.tags.id", "operator": "in", "values": ["ptag_{run}"] }],
                },
                "rules": [{ "attribute": "region.id", "operator": "eq", "values": ["reg_{run}"] }],
            }),
        )
        .keeps("ruled", "/promotion/id"),
        get("/admin/promotions?code=RULED{run}&limit=200&offset=0&order=id&fields=id,rules.values.value,application_method.target_rules.values.value,application_method.buy_rules.values.value")
            .has("/promotions/0/rules/0/values/0/value", "reg_{run}")
            .has("/promotions/0/application_method/target_rules/0/values/0/value", "ptag_{run}"),
        delete("/admin/promotions/{ruled}").has("/deleted", true),
        post("/admin/tax-regions", json!({ "country_code": "is", "provider_id": "tp_system" }))
            .keeps("taxed", "/tax_region/id"),
        post(
            "/admin/tax-rates",
            json!({
                "name": "Books {run}", "code": "books", "rate": 5, "tax_region_id": "{taxed}",
                "rules": [{ "reference": "product_type", "reference_id": "ptyp_{run}" }],
            }),
        )
        .keeps("rate", "/tax_rate/id"),
        get("/admin/tax-rates?tax_region_id={taxed}&limit=200&offset=0&order=id&fields=id,rules.reference_id")
            .has("/tax_rates/0/rules/0/reference_id", "ptyp_{run}"),
        delete("/admin/tax-rates/{rate}").has("/deleted", true),
        delete("/admin/tax-regions/{taxed}").has("/deleted", true),
        get("/admin/product-tags?value=made%20{run}").has("/count", 0),
        get("/admin/regions?name=Made%20{run}").has("/count", 0),
        get("/admin/stock-locations?name=Made%20{run}").has("/count", 0),
    ]
}
