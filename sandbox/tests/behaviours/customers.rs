//! Customers, addresses, groups.

use super::super::{Step, delete, get, json, post};

pub(crate) fn steps() -> Vec<Step> {
    vec![
        post(
            "/admin/customers",
            json!({
                "email": "Jane.{run}@Example.com", "first_name": " Jane ", "last_name": "Doe",
                "phone": "+1", "company_name": "Co", "metadata": { "k": 1 },
            }),
        )
        .has("/customer/email", "Jane.{run}@Example.com")
        .has("/customer/first_name", " Jane ")
        .has("/customer/has_account", false)
        .keeps("jane", "/customer/id"),
        post("/admin/customers", json!({ "email": "Jane.{run}@Example.com" })).fails(
            400,
            "Customer with email: Jane.{run}@Example.com, has_account: false, already exists.",
        ),
        post("/admin/customers", json!({ "email": "jane.{run}@example.com" }))
            .keeps("other", "/customer/id"),
        post("/admin/customers", json!({ "first_name": "No mail" })).has("/customer/email", json!(null)),
        post("/admin/customers", json!({ "email": "" })).fails(400, "Invalid request: Invalid email address"),
        post("/admin/customers", json!({ "email": "a@x" })).fails(400, "Invalid request: Invalid email address"),
        post("/admin/customers", json!({ "email": "x@x.test", "created_at": "2020" }))
            .fails(400, "Invalid request: Unrecognized fields: 'created_at'"),
        get("/admin/customers?email=jane.{run}@example.com&fields=id,email")
            .has("/customers", json!([{ "id": "{other}", "email": "jane.{run}@example.com" }]))
            .has("/limit", 50),
        get("/admin/customers?email[]=jane.{run}@example.com&email[]=Jane.{run}@Example.com&fields=id")
            .has("/count", 2),
        get("/admin/customers?email=NOPE{run}").has("/count", 0),
        get("/admin/customers?q=JANE.{run}&fields=id").has("/count", 2),
        get("/admin/customers?nosuch=1").fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        get("/admin/customers?metadata[k]=1").fails(400, "Invalid request: Unrecognized fields: 'metadata'"),
        get("/admin/customers?created_at[$gte]=2999-01-01").has("/count", 0),
        get("/admin/customers?order=nosuch").fails(500, "An unknown error occurred."),
        get("/admin/customers/cus_NOPE").fails(404, "Customer with id: cus_NOPE not found"),
        post(
            "/admin/customers/{jane}/addresses",
            json!({
                "address_name": "Home", "is_default_shipping": true, "is_default_billing": true,
                "address_1": "1", "city": "X", "province": "CA", "postal_code": "9",
                "country_code": "US", "metadata": { "a": 1 },
            }),
        )
        .has("/customer/id", "{jane}"),
        post("/admin/customers/{jane}/addresses", json!({ "address_name": "2", "is_default_shipping": true, "country_code": "zz" })),
        post("/admin/customers/{jane}/addresses", json!({ "nosuch": 1 }))
            .fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        post("/admin/customers/cus_nope/addresses", json!({ "address_name": "3" })).fails(
            404,
            "You tried to set relationship customer_id: cus_nope, but such entity does not exist",
        ),
        get("/admin/customers/{jane}/addresses?order=created_at")
            .has("/count", 2)
            .has("/addresses/0/country_code", "US")
            .has("/addresses/0/metadata", json!({ "a": 1 }))
            .keeps("home", "/addresses/0/id"),
        get("/admin/customers/{jane}/addresses?order=created_at&fields=id,is_default_shipping,is_default_billing")
            .has("/addresses/0/is_default_shipping", false)
            .has("/addresses/0/is_default_billing", true)
            .has("/addresses/1/is_default_shipping", true),
        // The time of a customer's last change says nothing of addresses.
        get("/admin/customers/{jane}?fields=id,updated_at").keeps("changed", "/customer/updated_at"),
        post("/admin/customers/{jane}/addresses/{home}", json!({ "city": "Y" })),
        get("/admin/customers/{jane}?fields=id,updated_at").has("/customer/updated_at", "{changed}"),
        delete("/admin/customers/{jane}/addresses/{home}")
            .has("/object", "customer_address")
            .has("/parent/id", "{jane}"),
        get("/admin/customers/{jane}?fields=id,addresses.address_name")
            .has("/customer/addresses", json!([{ "address_name": "2" }])),
        post("/admin/customers/{jane}/customer-groups", json!({ "add": ["{group}"] })),
        post("/admin/customers/{jane}/customer-groups", json!({ "add": ["{group}"] })),
        post("/admin/customer-groups/{group}/customers", json!({ "add": ["{other}"] }))
            .has("/customer_group/id", "{group}"),
        post("/admin/customers/{jane}/customer-groups", json!({ "add": ["cusgroup_nope"] })).fails(
            404,
            "You tried to set relationship customer_group_id: cusgroup_nope, but such entity does not exist",
        ),
        get("/admin/customers/{jane}?fields=id,groups.id")
            .has("/customer", json!({ "id": "{jane}", "groups": [{ "id": "{group}" }] })),
        get("/admin/customers?groups={group}&fields=id").has("/count", 2),
        post("/admin/customers/{jane}", json!({ "first_name": "J2", "metadata": { "z": 1 } }))
            .has("/customer/first_name", "J2")
            .has("/customer/metadata", json!({ "k": 1, "z": 1 })),
        delete("/admin/customers/{jane}").has("/deleted", true),
        post("/admin/customers", json!({ "email": "Jane.{run}@Example.com" })),
    ]
}
