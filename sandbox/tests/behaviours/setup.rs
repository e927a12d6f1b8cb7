//! Set-up objects and the ways of saying no.

use super::super::{Step, get, json, post};

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
