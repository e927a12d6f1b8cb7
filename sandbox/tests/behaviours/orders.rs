//! Draft orders, orders, payments, refunds.

use super::super::{Step, Value, delete, get, json, post};

const TOTALS: &str = "/admin/orders/{order}?fields=total,subtotal,original_total,item_total,shipping_total,discount_total,tax_total,credit_line_total,summary";

fn draft(more: Value) -> Value {
    let mut body = json!({
        "email": "Guest.{run}@Example.com", "region_id": "{region}", "currency_code": "USD",
        "sales_channel_id": "{channel}", "no_notification_order": true,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn one(item: Value) -> Value {
    draft(json!({ "items": [item] }))
}

fn line() -> Value {
    json!({ "title": "C", "quantity": 1, "unit_price": 5 })
}

pub(crate) fn steps() -> Vec<Step> {
    let mut steps = refusing();
    steps.extend(life());
    steps.extend(lists());
    steps.extend(stock());
    steps.extend(ends());
    steps
}

fn refusing() -> Vec<Step> {
    let path = "/admin/draft-orders";
    vec![
        post(path, one(json!({ "title": "C", "quantity": 0, "unit_price": 5 })))
            .fails(400, "Item quantity must be greater than 0"),
        post(path, one(json!({ "title": "C", "quantity": 1 })))
            .fails(400, "Items C do not have a price"),
        post(path, one(json!({ "quantity": 1, "unit_price": 5 })))
            .fails(500, "An unknown error occurred."),
        post(path, one(json!({ "variant_id": "variant_NOPE", "quantity": 1, "unit_price": 5 })))
            .fails(
                400,
                "Variants variant_NOPE do not exist or belong to a product that is not published",
            ),
        post(path, one(json!({ "variant_id": "{drafted}", "quantity": 1, "unit_price": 5 })))
            .fails(
                400,
                "Variants {drafted} do not exist or belong to a product that is not published",
            ),
        post(path, draft(json!({ "created_at": "2020-01-01", "display_id": 5 })))
            .fails(400, "Invalid request: Unrecognized fields: 'created_at, display_id'"),
        post(path, draft(json!({ "region_id": "reg_nope" })))
            .fails(500, "An unknown error occurred."),
        post(path, json!({})).fails(400, "Invalid request: Field 'region_id' is required"),
        post(path, draft(json!({ "email": "not mail" }))).fails(400, "The email is not valid"),
        post(path, draft(json!({ "customer_id": "cus_nope" })))
            .fails(404, "Customer with id: cus_nope was not found"),
        post(path, draft(json!({ "shipping_methods": [{ "name": "x", "amount": 1 }] }))).fails(
            400,
            "Invalid request: Field 'shipping_methods, 0, shipping_option_id' is required",
        ),
        post(path, draft(json!({ "items": [line()], "promo_codes": ["NOPE"] })))
            .fails(400, "The promotion code NOPE is invalid"),
        get("/admin/orders/order_NOPE").fails(404, "Order id not found: order_NOPE"),
        get("/admin/draft-orders/order_NOPE").fails(404, "Order id not found: order_NOPE"),
    ]
}

fn life() -> Vec<Step> {
    let address = json!({ "first_name": "A", "address_1": "Lane {run}", "country_code": "DE", "metadata": { "k": 1 } });
    let items = json!([
        { "variant_id": "{free}", "title": "T", "quantity": 2, "unit_price": 10, "metadata": { "line": "1" }, "nosuch": 1 },
        { "title": "Tax", "quantity": 1, "unit_price": "1.90", "variant_sku": "XX" },
        { "title": "Discount", "quantity": 1, "unit_price": -3.33 },
    ]);
    vec![
        post(
            "/admin/draft-orders?fields=id,total,email,customer_id,currency_code,metadata,status,items.title,items.unit_price,shipping_methods.amount,shipping_methods.data,shipping_address.country_code",
            draft(json!({
                "items": items, "shipping_address": address, "billing_address": address,
                "metadata": { "cartage_key": "k-{run}" },
                "shipping_methods": [{ "name": "Post", "shipping_option_id": "made-up", "amount": 4.99, "data": { "x": 1 } }],
            })),
        )
        .has("/draft_order/total", 23.56)
        .has("/draft_order/email", "Guest.{run}@Example.com")
        .has("/draft_order/currency_code", "usd")
        .has("/draft_order/metadata", json!({ "cartage_key": "k-{run}" }))
        .has("/draft_order/shipping_methods", json!([{ "amount": 4.99, "data": { "x": 1 } }]))
        .has("/draft_order/shipping_address", json!({ "country_code": "DE" }))
        .keeps("order", "/draft_order/id")
        .keeps("guest", "/draft_order/customer_id"),
        get("/admin/customers?email=guest.{run}@example.com&fields=id").has("/customers", json!([{ "id": "{guest}" }])),
        get("/admin/orders?id={order}&fields=id").has("/count", 0),
        get("/admin/draft-orders?id={order}&fields=id").has("/count", 1),
        get("/admin/orders/{order}?fields=id").has("/order/status", "draft"),
        post("/admin/draft-orders/{order}?fields=id,metadata", json!({ "metadata": { "more": 1 } }))
            .has("/draft_order/metadata", json!({ "cartage_key": "k-{run}", "more": 1 })),
        post("/admin/draft-orders/{order}/convert-to-order", json!({ "nosuch": 1 }))
            .has("/order/status", "pending"),
        post("/admin/draft-orders/{order}/convert-to-order", json!({}))
            .fails(400, "Order {order} is not a draft order"),
        get("/admin/draft-orders?id={order}").has("/count", 0),
        get("/admin/draft-orders/{order}").fails(404, "Order id not found: {order}"),
        post("/admin/payment-collections", json!({ "order_id": "{order}", "amount": 23.56 }))
            .has("/payment_collection/status", "not_paid")
            .has("/payment_collection/payments", json!([]))
            .keeps("bill", "/payment_collection/id"),
        post("/admin/payment-collections", json!({ "order_id": "order_nope", "amount": 1 }))
            .fails(404, "Order id not found: order_nope"),
        post("/admin/payment-collections/{bill}/mark-as-paid", json!({ "order_id": "{order}" }))
            .has("/payment_collection/status", "completed")
            .has("/payment_collection/captured_amount", 23.56)
            .keeps("payment", "/payment_collection/payments/0/id"),
        post("/admin/payment-collections/{bill}/mark-as-paid", json!({ "order_id": "{order}" }))
            .fails(400, "Can only mark 'not_paid' payment collection as paid")
            .has("/type", "not_allowed"),
        get(TOTALS).has("/order/summary/paid_total", 23.56).has("/order/payment_status", "captured"),
        post("/admin/payments/{payment}/refund", json!({ "amount": 500 }))
            .fails(400, "You are not allowed to refund more than the captured amount"),
        post("/admin/payments/{payment}/refund", json!({ "amount": 5.01, "note": "n" }))
            .has("/payment/refunds/0/amount", 5.01)
            .has("/payment/refunds/0/note", "n"),
        get(TOTALS)
            .has("/order/total", 18.55)
            .has("/order/subtotal", 23.56)
            .has("/order/original_total", 23.56)
            .has("/order/item_total", 18.57)
            .has("/order/shipping_total", 4.99)
            .has("/order/tax_total", 0)
            .has("/order/credit_line_total", 5.01)
            .has("/order/summary/paid_total", 23.56)
            .has("/order/summary/refunded_total", 5.01)
            .has("/order/summary/pending_difference", 0)
            .has("/order/payment_status", "partially_refunded"),
        get("/admin/orders/{order}?fields=id,payment_collections.payments.amount,payment_collections.payments.refunds.amount,credit_lines.amount,credit_lines.reference,transactions.amount,transactions.reference")
            .has("/order/payment_collections/0/payments/0/refunds/0/amount", 5.01)
            .has("/order/credit_lines", json!([{ "amount": 5.01, "reference": "payment_collection" }])),
        post("/admin/orders/{order}/complete", json!({})).has("/order/status", "completed"),
        post("/admin/orders/{order}?fields=id,metadata", json!({ "metadata": { "b": 2, "more": "" } }))
            .has("/order/metadata", json!({ "cartage_key": "k-{run}", "b": 2 })),
        post("/admin/orders/{order}?fields=id,shipping_address.first_name,shipping_address.address_1,shipping_address.metadata", json!({ "shipping_address": { "first_name": "B", "country_code": "DE", "metadata": { "z": 2 } } }))
            .has("/order/shipping_address", json!({ "first_name": "B", "address_1": "Lane {run}", "metadata": { "z": 2 } })),
        post("/admin/orders/{order}?fields=id,shipping_address.address_1", json!({ "shipping_address": { "address_1": null } }))
            .has("/order/shipping_address", json!({ "address_1": null })),
        post("/admin/orders/{order}?fields=id", json!({ "shipping_address": { "address_1": "Lane {run}" } })),
        post("/admin/orders/{order}", json!({ "billing_address": { "country_code": "AT" } }))
            .fails(400, "Country code cannot be changed"),
        post("/admin/orders/{order}?fields=id,email,customer_id", json!({ "email": "other.{run}@example.com" }))
            .has("/order/email", "other.{run}@example.com")
            .has("/order/customer_id", "{guest}"),
        post("/admin/orders/{order}?fields=id,email", json!({ "email": "" })).has("/order/email", ""),
        post("/admin/orders/{order}?fields=id,email,customer_id", json!({ "email": "guest.{run}@example.com" }))
            .has("/order/customer_id", "{guest}"),
        post("/admin/orders/{order}/cancel", json!({})).fails(
            400,
            "Cannot cancel a completed order. Please use the return process to handle refunds or exchanges.",
        ),
        post("/admin/payments/{payment}/refund", json!({ "amount": 23.56 }))
            .fails(400, "You are not allowed to refund more than the captured amount"),
        post("/admin/orders/{order}", json!({ "created_at": "2020-01-01" }))
            .fails(400, "Invalid request: Unrecognized fields: 'created_at'"),
        post("/admin/orders", json!({})).status(404),
        delete("/admin/orders/{order}").status(404),
    ]
}

fn lists() -> Vec<Step> {
    vec![
        get("/admin/orders?customer_id={guest}&fields=id").has("/count", 1).has("/orders/0/id", "{order}").has("/limit", 15),
        get("/admin/orders?customer_id=cus_x&fields=id").has("/count", 0),
        get("/admin/orders?id[]={order}&id[]=order_x&fields=id").has("/count", 1),
        get("/admin/orders?q=Lane%20{run}&fields=id").has("/count", 1),
        get("/admin/orders?q=k-{run}&fields=id").has("/count", 0),
        get("/admin/orders?customer_id={guest}&created_at[$gte]=2999-01-01").has("/count", 0),
        get("/admin/orders?customer_id={guest}&email=x&metadata[cartage_key]=NOPE&display_id=9&nosuch=1&fields=id").has("/count", 1),
        get("/admin/orders?customer_id={guest}&status=canceled&fields=id").has("/count", 0),
        get("/admin/draft-orders?customer_id={guest}&fields=id").has("/count", 0).has("/limit", 50),
        get("/admin/draft-orders?email=x").fails(400, "Invalid request: Unrecognized fields: 'email'"),
        get("/admin/draft-orders?created_at[$gte]=2999-01-01").has("/count", 0),
    ]
}

fn stock() -> Vec<Step> {
    vec![
        post(
            "/admin/draft-orders?fields=id",
            one(json!({ "variant_id": "{managed}", "quantity": 4, "unit_price": 1 })),
        )
        .keeps("reserving", "/draft_order/id"),
        post("/admin/draft-orders/{reserving}/convert-to-order?fields=id", json!({})),
        get("/admin/inventory-items?sku=MA-{run}&fields=id,stocked_quantity,reserved_quantity")
            .has(
                "/inventory_items/0",
                json!({ "id": "{item}", "stocked_quantity": 5, "reserved_quantity": 4 }),
            ),
        post(
            "/admin/draft-orders",
            one(json!({ "variant_id": "{managed}", "quantity": 4, "unit_price": 1 })),
        )
        .fails(400, "Some variant does not have the required inventory")
        .has("/code", "insufficient_inventory"),
    ]
}

fn ends() -> Vec<Step> {
    vec![
        post("/admin/draft-orders?fields=id", one(line())).keeps("order", "/draft_order/id"),
        post("/admin/draft-orders/{order}/convert-to-order?fields=id", json!({})),
        post("/admin/payment-collections", json!({ "order_id": "{order}", "amount": 5 }))
            .keeps("bill", "/payment_collection/id"),
        post("/admin/payment-collections/{bill}/mark-as-paid", json!({ "order_id": "{order}" })),
        post("/admin/orders/{order}/cancel", json!({})).has("/order/status", "canceled"),
        get(TOTALS)
            .has("/order/total", 0)
            .has("/order/original_total", 5)
            .has("/order/summary/refunded_total", 5)
            .has("/order/payment_status", "refunded"),
        post("/admin/orders/{order}/cancel", json!({}))
            .fails(400, "Order with id {order} has been canceled."),
        post("/admin/orders/{order}", json!({ "metadata": { "b": 2 } }))
            .fails(400, "Order with id {order} has been canceled."),
        post("/admin/orders/{order}/complete", json!({}))
            .fails(400, "Orders {order} are canceled and cannot be completed"),
        post(
            "/admin/draft-orders?fields=id",
            one(json!({ "title": "Z", "quantity": 1, "unit_price": 0 })),
        )
        .keeps("order", "/draft_order/id"),
        post("/admin/payment-collections", json!({ "order_id": "{order}", "amount": 0 }))
            .keeps("bill", "/payment_collection/id"),
        post("/admin/payment-collections/{bill}/mark-as-paid", json!({ "order_id": "{order}" }))
            .fails(400, "Capture amount must be greater than 0."),
        delete("/admin/draft-orders/{order}").has("/object", "draft-order"),
        get("/admin/draft-orders/{order}").fails(404, "Order id not found: {order}"),
        post(
            "/admin/promotions",
            json!({
                "code": "P-{run}", "type": "standard", "status": "active", "is_automatic": false,
                "application_method": { "type": "fixed", "target_type": "order", "allocation": "across", "value": 2.5, "currency_code": "usd" },
            }),
        ),
        post(
            "/admin/draft-orders?fields=id,total,discount_total",
            draft(json!({ "items": [line(), line()], "promo_codes": ["P-{run}"] })),
        )
        .has("/draft_order/discount_total", 2.5)
        .has("/draft_order/total", 7.5)
        .keeps("order", "/draft_order/id"),
        post(
            "/admin/orders/{order}/credit-lines?fields=id",
            json!({ "amount": 1.5, "reference": "r", "reference_id": "i" }),
        ),
        get(TOTALS).has("/order/total", 6).has("/order/credit_line_total", 1.5),
        post(
            "/admin/orders/{order}/credit-lines",
            json!({ "amount": -1, "reference": "r", "reference_id": "i" }),
        )
        .fails(
            400,
            "Can only create positive credit lines if the order has a positive pending difference",
        ),
    ]
}
