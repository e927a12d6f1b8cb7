//! Categories, collections, tags, types, products, variants, stock.

use super::super::{Step, Value, delete, get, json, post};

fn options() -> Value {
    json!([{ "title": "Default option", "values": ["Default option value"] }])
}

fn product(handle: &str, more: Value) -> Value {
    let mut body = json!({ "title": handle, "handle": handle, "options": options() });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn variant(more: Value) -> Value {
    let mut body = json!({
        "title": "V", "prices": [], "options": { "Default option": "Default option value" },
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

pub(crate) fn steps() -> Vec<Step> {
    let mut steps = catalogue();
    steps.extend(creating());
    steps.extend(refusing());
    steps.extend(batches());
    steps.extend(reading());
    steps.extend(stock());
    steps.extend(changing());
    steps.extend(choosing());
    steps
}

fn catalogue() -> Vec<Step> {
    vec![
        post(
            "/admin/product-categories",
            json!({ "name": "Shoes & More {run}", "external_id": "cat-{run}", "metadata": { "k": "v" } }),
        )
        .has("/product_category/handle", "shoes-&-more-{run}")
        .has("/product_category/is_active", false)
        .has("/product_category/description", "")
        .keeps("root", "/product_category/id"),
        post("/admin/product-categories", json!({ "name": "Shoes & More {run}" })).fails(
            400,
            "Product category with handle: shoes-&-more-{run}, already exists.",
        ),
        post(
            "/admin/product-categories",
            json!({ "name": "Kid", "handle": "Bad Handle/é {run}", "parent_category_id": "{root}", "is_active": true }),
        )
        .has("/product_category/handle", "Bad Handle/é {run}")
        .has("/product_category/parent_category_id", "{root}")
        .has("/product_category/rank", 0)
        .keeps("kid", "/product_category/id"),
        post("/admin/product-categories", json!({ "name": "x{run}", "parent_category_id": "pcat_nope" }))
            .fails(500, "Parent category with id: 'pcat_nope' does not exist"),
        get("/admin/product-categories?external_id=cat-{run}&fields=id").has("/count", 1),
        get("/admin/product-categories?external_id[]=cat-{run}&external_id[]=x{run}&fields=id")
            .has("/product_categories", json!([{ "id": "{root}" }])),
        get("/admin/product-categories?external_id=NOPE{run}").has("/count", 0),
        delete("/admin/product-categories/{root}").fails(
            400,
            "Deleting ProductCategory ({root}) with category children is not allowed",
        ),
        post("/admin/product-categories", json!({ "name": "Gone {run}", "parent_category_id": "{kid}" }))
            .keeps("gone", "/product_category/id"),
        delete("/admin/product-categories/{gone}").has("/deleted", true),
        get("/admin/product-categories?nosuch=1")
            .fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        post("/admin/collections", json!({ "title": "Summer {run}", "metadata": { "k": "v" } }))
            .has("/collection/handle", "summer-{run}")
            .keeps("collection", "/collection/id"),
        post("/admin/collections", json!({ "title": "x", "handle": "summer-{run}" }))
            .fails(400, "Product collection with handle: summer-{run}, already exists."),
        get("/admin/collections?handle=summer-{run}&fields=id,metadata")
            .has("/collections", json!([{ "id": "{collection}", "metadata": { "k": "v" } }]))
            .has("/limit", 10),
        get("/admin/collections?handle=NOPE{run}").has("/count", 0),
        post("/admin/product-tags", json!({ "value": "Red {run}", "external_id": "tag-{run}" }))
            .has("/product_tag/external_id", "tag-{run}")
            .keeps("tag", "/product_tag/id"),
        post("/admin/product-tags", json!({ "value": "Red {run}" }))
            .fails(400, "Product tag with value: Red {run}, already exists."),
        get("/admin/product-tags?value[]=Red%20{run}&value[]=x&fields=id").has("/count", 1),
        post("/admin/product-types", json!({ "value": "Boots {run}" }))
            .keeps("type", "/product_type/id"),
    ]
}

fn creating() -> Vec<Step> {
    let full = json!({
        "title": "  Runner é ", "subtitle": "sub", "handle": "runner-{run}",
        "description": "<p onclick=\"x()\">Hi<script>1</script></p>\n", "status": "published",
        "external_id": "ext-{run}", "metadata": { "a": "1", "n": { "x": [1, 2] } },
        "images": [{ "url": "https://x.test/a.jpg" }, { "url": "https://x.test/b.jpg" }],
        "collection_id": "{collection}", "type_id": "{type}", "categories": [{ "id": "{root}" }],
        "tags": [{ "id": "{tag}" }], "sales_channels": [{ "id": "{channel}" }],
        "shipping_profile_id": "{profile}", "weight": 500,
        "options": [{ "title": "Size", "values": ["S", "M"] }],
        "variants": [{
            "title": "S", "sku": "SKU-{run}", "barcode": "BAR-{run}", "weight": 12.5,
            "allow_backorder": true, "metadata": { "v": 1 }, "options": { "Size": "S" },
            "prices": [{ "amount": 19.999, "currency_code": "USD" }],
        }],
    });
    vec![
        post("/admin/products", full)
            .has("/product/title", "  Runner é ")
            .has("/product/description", "<p onclick=\"x()\">Hi<script>1</script></p>\n")
            .has("/product/thumbnail", "https://x.test/a.jpg")
            .has("/product/images/1/url", "https://x.test/b.jpg")
            .has("/product/images/1/rank", 1)
            .has("/product/collection/id", "{collection}")
            .has("/product/tags/0/id", "{tag}")
            .has("/product/variants/0/manage_inventory", true)
            .has("/product/variants/0/prices/0/amount", 19.999)
            .has("/product/variants/0/prices/0/currency_code", "usd")
            .has("/product/variants/0/options/0/option/title", "Size")
            .keeps("product", "/product/id")
            .keeps("variant", "/product/variants/0/id"),
        post(
            "/admin/products?fields=id,handle",
            product("x{run}", json!({ "handle": "", "title": "Ünï Ça / 50% {run}" })),
        )
        .has("/product/handle", "ünï-ça-50-{run}"),
        post(
            "/admin/products?fields=id,variants.id",
            product(
                "unmanaged-{run}",
                json!({
                    "status": "published", "sales_channels": [{ "id": "{channel}" }],
                    "variants": [variant(json!({ "sku": "UN-{run}", "manage_inventory": false }))],
                }),
            ),
        )
        .keeps("free", "/product/variants/0/id"),
        post(
            "/admin/products",
            product(
                "tiers-{run}",
                json!({ "variants": [variant(json!({ "prices": [{
                    "amount": 5, "currency_code": "usd", "min_quantity": 2, "max_quantity": 10,
                    "rules": { "region_id": "reg_{run}" },
                }] }))] }),
            ),
        )
        .has("/product/variants/0/prices/0/max_quantity", 10)
        .has("/product/variants/0/prices/0/rules/region_id", "reg_{run}"),
        get("/admin/products?handle=tiers-{run}&fields=id,variants.prices.max_quantity,variants.prices.price_rules.attribute,variants.prices.price_rules.value")
            .has("/products/0/variants/0/prices/0/max_quantity", 10)
            .has("/products/0/variants/0/prices/0/rules", json!({ "region_id": "reg_{run}" })),
        get("/admin/products?handle=tiers-{run}&fields=id,variants.prices.amount")
            .has("/products/0/variants/0/prices/0/amount", 5)
            .has("/products/0/variants/0/prices/0/rules", json!({})),
        post(
            "/admin/products?fields=id,variants.id,variants.inventory_items.inventory_item_id",
            product(
                "managed-{run}",
                json!({
                    "status": "published", "sales_channels": [{ "id": "{channel}" }],
                    "variants": [variant(json!({ "sku": "MA-{run}" }))],
                }),
            ),
        )
        .keeps("managed", "/product/variants/0/id")
        .keeps("item", "/product/variants/0/inventory_items/0/inventory_item_id"),
        post(
            "/admin/products?fields=id,status,variants.id",
            product(
                "draft-{run}",
                json!({
                    "variants": [variant(json!({ "manage_inventory": false }))],
                }),
            ),
        )
        .has("/product/status", "draft")
        .keeps("drafted", "/product/variants/0/id"),
        post(
            "/admin/products?fields=id",
            product("same-ext-{run}", json!({ "external_id": "ext-{run}" })),
        )
        .keeps("twin", "/product/id"),
    ]
}

fn refusing() -> Vec<Step> {
    let with = |more: Value| product("refused-{run}", more);
    vec![
        post("/admin/products", json!({ "title": "bare" }))
            .fails(400, "Product options are not provided for: [bare]."),
        post("/admin/products", json!({ "title": "x", "nosuch": 1, "b": 2 }))
            .fails(400, "Invalid request: Unrecognized fields: 'nosuch, b'")
            .has("/type", "invalid_data"),
        post("/admin/products", json!({ "handle": 3 })).fails(
            400,
            "Invalid request: Field 'title' is required; Expected type: 'string' for field 'handle', got: '3'",
        ),
        post("/admin/products", json!({ "title": "x", "status": "active" })).fails(
            400,
            "Invalid request: Expected: 'draft, proposed, published, rejected' for field 'status', but got: 'active'",
        ),
        post("/admin/products", with(json!({ "tags": [{ "value": "x" }] })))
            .fails(400, "Invalid request: Field 'tags, 0, id' is required"),
        post("/admin/products", with(json!({ "variants": [variant(json!({ "prices": [{ "amount": "1", "currency_code": "usd" }] }))] })))
            .fails(400, "Invalid request: Field 'variants, 0, prices, 0, amount' is required"),
        post("/admin/products", with(json!({ "handle": "UPPER" })))
            .fails(400, "Invalid product handle 'UPPER'. It must contain URL safe characters"),
        post("/admin/products", with(json!({ "handle": "a--b" })))
            .fails(400, "Invalid product handle 'a--b'. It must contain URL safe characters"),
        post("/admin/products", with(json!({ "title": "" }))).fails(400, "Product title is required"),
        post("/admin/products", with(json!({ "handle": "runner-{run}" })))
            .fails(400, "Product with handle: runner-{run}, already exists."),
        post("/admin/products", with(json!({ "variants": [variant(json!({ "sku": "SKU-{run}" }))] })))
            .fails(400, "Product variant with sku: SKU-{run}, already exists."),
        post("/admin/products", with(json!({ "variants": [variant(json!({ "barcode": "BAR-{run}" }))] })))
            .fails(400, "Product variant with barcode: BAR-{run}, already exists."),
        post("/admin/products", with(json!({ "variants": [variant(json!({ "options": { "Default option": "other" } }))] })))
            .fails(400, "Option value other does not exist for option Default option"),
        post("/admin/products", with(json!({ "collection_id": "pcol_nope" }))).fails(
            404,
            "You tried to set relationship collection_id: pcol_nope, but such entity does not exist",
        ),
        post("/admin/products", with(json!({ "categories": [{ "id": "pcat_nope" }] }))).fails(
            404,
            "You tried to set relationship product_category_id: pcat_nope, but such entity does not exist",
        ),
        post("/admin/products", with(json!({ "tags": [{ "id": "ptag_nope" }] }))).fails(
            400,
            "Tag with id ptag_nope not found. Please create the tag before associating it with the product.",
        ),
        post("/admin/products", with(json!({ "description": "x".repeat(101 * 1024) })))
            .fails(413, "request entity too large"),
        get("/admin/products?handle=refused-{run}&fields=id").has("/count", 0),
        get("/admin/products/prod_NOPE").fails(404, "Product not found"),
        delete("/admin/products/prod_nope").has("/deleted", true),
    ]
}

fn batches() -> Vec<Step> {
    vec![
        post(
            "/admin/products/batch?fields=id,handle,external_id",
            json!({ "create": [product("b1-{run}", json!({ "external_id": "b1-{run}" })), product("b2-{run}", json!({}))] }),
        )
        .has("/deleted/ids", json!([]))
        // The replies stand in no order: whoever made them finds them by handle or external id.
        .keeps("either", "/created/1/id"),
        get("/admin/products?handle=b1-{run}&fields=id").keeps("b1", "/products/0/id"),
        get("/admin/products?handle=b2-{run}&fields=id").keeps("b2", "/products/0/id"),
        post(
            "/admin/products/batch",
            json!({ "create": [
                product("b3-{run}", json!({ "variants": [variant(json!({ "sku": "B3-{run}" }))] })),
                product("b1-{run}", json!({})),
            ] }),
        )
        .fails(400, "Product with handle: b1-{run}, already exists."),
        get("/admin/products?handle=b3-{run}").has("/count", 0),
        get("/admin/inventory-items?sku=B3-{run}").has("/count", 0),
        post("/admin/products/batch", json!({ "create": [product("b4-{run}", json!({})), product("b5-{run}", json!({ "nosuch": 1 }))] }))
            .fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        post("/admin/products/batch", json!({ "update": [{ "id": "{b1}", "title": "no" }, { "id": "prod_nope", "title": "z" }] }))
            .fails(404, "Unable to update the products with ids: prod_nope"),
        get("/admin/products/{b1}?fields=id,title").has("/product/title", "b1-{run}"),
        post(
            "/admin/products/batch?fields=id,title,metadata",
            json!({ "update": [{ "id": "{b1}", "title": "new", "metadata": { "q": 1 } }], "delete": ["{b2}"] }),
        )
        .has("/updated/0", json!({ "id": "{b1}", "title": "new", "metadata": { "q": 1 } }))
        .has("/deleted/ids", json!(["{b2}"])),
        get("/admin/products/{b2}").fails(404, "Product not found"),
        post("/admin/products/batch", json!({})).has("/created", json!([])),
    ]
}

fn reading() -> Vec<Step> {
    vec![
        get("/admin/products?external_id=ext-{run}&fields=id&order=created_at")
            .has("/count", 2)
            .has("/products", json!([{ "id": "{product}" }, { "id": "{twin}" }])),
        get("/admin/products?external_id[]=ext-{run}&external_id[]=b1-{run}&fields=id").has("/count", 3),
        get("/admin/products?external_id=NOPE{run}").has("/count", 0).has("/limit", 50),
        get("/admin/products?variants[sku]=SKU-{run}&fields=id").has("/products", json!([{ "id": "{product}" }])),
        get("/admin/products?variants[sku]=NOPE{run}").has("/count", 0),
        get("/admin/products?external_id=ext-{run}&sku=NOPE&metadata[k]=NOPE&nosuch=1&fields=id")
            .has("/count", 2),
        get("/admin/products?created_at[$gte]=2999-01-01").has("/count", 0),
        get("/admin/products?created_at[$lte]=1999-01-01T00:00:00Z").has("/count", 0),
        get("/admin/products?external_id=ext-{run}&order=-created_at&limit=1&offset=1&fields=id")
            .has("/products", json!([{ "id": "{product}" }]))
            .has("/offset", 1)
            .has("/limit", 1),
        get("/admin/products?status=published").fails(
            400,
            "Invalid request: Expected type: 'array' for field 'status', got: 'published'",
        ),
        get("/admin/products?status[]=published&handle=draft-{run}").has("/count", 0),
        get("/admin/products?limit=-1").fails(500, "An unknown error occurred."),
        get("/admin/products?limit=abc").fails(
            400,
            "Invalid request: Expected type: 'number' for field 'limit', got: 'abc'",
        ),
        get("/admin/product-variants?sku=SKU-{run}&fields=id,product_id")
            .has("/variants", json!([{ "id": "{variant}", "product_id": "{product}" }])),
        get("/admin/product-variants?nosuch=1").fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        get("/admin/products/{product}?fields=id,variants").has("/product", json!({ "id": "{product}" })),
        get("/admin/products/{product}?fields=id,collection.handle,type.value,sales_channels.id,shipping_profile.id,categories.id,images.url,options.title,options.values.value,variants.sku,variants.options.value,variants.options.option.title")
            .has("/product/collection", json!({ "handle": "summer-{run}" }))
            .has("/product/type", json!({ "value": "Boots {run}" }))
            .has("/product/sales_channels/0/id", "{channel}")
            .has("/product/shipping_profile/id", "{profile}")
            .has("/product/categories/0/id", "{root}")
            .has("/product/images/0/url", "https://x.test/a.jpg")
            .has("/product/options/0/title", "Size")
            .has("/product/variants/0/options/0/option/title", "Size")
            .has("/product/variants/0/sku", "SKU-{run}")
            .has("/product/variants/0/options/0/value", "S"),
    ]
}

fn stock() -> Vec<Step> {
    vec![
        get("/admin/inventory-items?sku=MA-{run}&fields=id").has("/inventory_items", json!([{ "id": "{item}" }])),
        get("/admin/inventory-items?nosuch=1").fails(400, "Invalid request: Unrecognized fields: 'nosuch'"),
        post("/admin/draft-orders", json!({ "region_id": "{region}", "sales_channel_id": "{channel}", "items": [{ "variant_id": "{managed}", "quantity": 1, "unit_price": 1 }] }))
            .fails(400, "Sales channel {channel} is not associated with any stock location for variant {managed}."),
        post(
            "/admin/inventory-items/location-levels/batch",
            json!({ "create": [{ "inventory_item_id": "{item}", "location_id": "{place}", "stocked_quantity": 3 }] }),
        )
        .has("/created/0/stocked_quantity", 3)
        .has("/updated", json!([])),
        post("/admin/inventory-items/{item}/location-levels", json!({ "location_id": "{place}", "stocked_quantity": 3 }))
            .fails(400, "Inventory level with inventory_item_id: {item}, location_id: {place}, already exists."),
        post("/admin/inventory-items/{item}/location-levels/{place}", json!({ "stocked_quantity": 5 }))
            .has("/inventory_item/stocked_quantity", 5),
        post("/admin/inventory-items/{item}/location-levels/{place}", json!({ "stocked_quantity": -1 })).fails(
            400,
            "Invalid request: Value for field 'stocked_quantity' too small, expected at least: '0'",
        ),
        post(
            "/admin/inventory-items/location-levels/batch",
            json!({ "create": [{ "inventory_item_id": "iitem_nope", "location_id": "{place}" }] }),
        )
        .fails(404, "You tried to set relationship inventory_item_id: iitem_nope, but such entity does not exist"),
        get("/admin/products?handle=managed-{run}&fields=id,variants.inventory_items.inventory.location_levels.location_id,variants.inventory_items.inventory.location_levels.stocked_quantity")
            .has("/products/0/variants/0/inventory_items/0/inventory/location_levels/0/stocked_quantity", 5)
            .has("/products/0/variants/0/inventory_items/0/inventory/location_levels/0/location_id", "{place}"),
        get("/admin/products?handle=managed-{run}&fields=id,variants.inventory_items.inventory.location_levels.reserved_quantity,variants.inventory_items.inventory.location_levels.incoming_quantity")
            .has("/products/0/variants/0/inventory_items/0/inventory/location_levels/0/reserved_quantity", 0)
            .has("/products/0/variants/0/inventory_items/0/inventory/location_levels/0/incoming_quantity", 0),
        get("/admin/inventory-items/{item}/location-levels?fields=stocked_quantity,reserved_quantity")
            .has("/inventory_levels/0/stocked_quantity", 5)
            .has("/count", 1),
    ]
}

fn changing() -> Vec<Step> {
    vec![
        post("/admin/products/{product}?fields=id,metadata,images.url,images.rank", json!({ "metadata": { "z": 9, "a": "" }, "images": [{ "url": "https://x.test/c.jpg" }] }))
            .has("/product/metadata", json!({ "n": { "x": [1, 2] }, "z": 9 }))
            .has("/product/images", json!([{ "url": "https://x.test/c.jpg", "rank": 0 }])),
        post("/admin/products/{product}", json!({ "options": [] })).fails(
            400,
            "Invalid request: The 'options' property was removed in version 2.16.0. Please remove it from your request payload.",
        ),
        post(
            "/admin/products/{product}/variants",
            json!({ "title": "second", "prices": [], "options": { "Size": "S" } }),
        )
        .fails(400, "Variant (S) with provided options already exists."),
        post(
            "/admin/products/{product}/variants?fields=id",
            json!({ "title": "second", "sku": "M-{run}", "prices": [], "options": { "Size": "M" } }),
        ),
        get("/admin/product-variants?sku=M-{run}&fields=id").has("/count", 1),
        post("/admin/products/{product}?fields=id,variants.id,variants.title", json!({ "variants": [{ "id": "{variant}", "title": "renamed" }] }))
            .has("/product/variants", json!([{ "id": "{variant}", "title": "renamed" }])),
        get("/admin/product-variants?sku=M-{run}&fields=id").has("/count", 0),
        post("/admin/products/{product}/variants/{variant}?fields=id", json!({ "sku": "SKU2-{run}" })),
        get("/admin/product-variants?sku=SKU2-{run}&fields=id").has("/count", 1),
        // Categories put new metadata in the stead of the old, all others lay it over.
        post("/admin/product-categories/{root}", json!({ "metadata": { "m": 1, "n": "" } }))
            .has("/product_category/metadata", json!({ "m": 1, "n": "" })),
        post("/admin/product-categories/{root}", json!({ "description": null })).status(400),
        post("/admin/collections/{collection}", json!({ "metadata": { "m": 1, "k": "" } }))
            .has("/collection/metadata", json!({ "m": 1 })),
        post("/admin/collections/{collection}", json!({ "metadata": {} }))
            .has("/collection/metadata", json!({ "m": 1 })),
        post("/admin/products/{product}?fields=id,metadata", json!({ "metadata": {} }))
            .has("/product/metadata", json!({})),
        post("/admin/products/{product}/variants/{variant}?fields=id,variants.metadata", json!({ "metadata": { "w": 2, "v": "" } }))
            .has("/product/variants/0/metadata", json!({ "w": 2 })),
        post("/admin/products/{product}/variants/{variant}?fields=id,variants.metadata", json!({ "metadata": {} }))
            .has("/product/variants/0/metadata", json!({})),
        // The time of a product's last change says nothing of its prices, its stock and its variants.
        get("/admin/products/{product}?fields=id,updated_at").keeps("changed", "/product/updated_at"),
        post("/admin/products/{product}/variants/{variant}?fields=id", json!({ "title": "dearer", "prices": [{ "amount": 77, "currency_code": "usd" }] })),
        get("/admin/products/{product}?fields=id,updated_at").has("/product/updated_at", "{changed}"),
        get("/admin/products/{product}?fields=id,images.id,images.url").keeps("image", "/product/images/0/id"),
        post("/admin/products/{product}?fields=id,images.id", json!({ "images": [{ "url": "https://x.test/d.jpg" }, { "id": "{image}", "url": "https://x.test/c.jpg" }] }))
            .has("/product/images/1/id", "{image}"),
        get("/admin/products?handle[]=runner-{run}&handle[]=x&fields=id").has("/count", 1),
        get("/admin/product-variants?sku[]=SKU2-{run}&sku[]=x&fields=id,sku,product_id")
            .has("/variants", json!([{ "id": "{variant}", "sku": "SKU2-{run}", "product_id": "{product}" }])),
    ]
}

fn choosing() -> Vec<Step> {
    let item = "/admin/inventory-items?sku=MA-{run}&fields=id,location_levels.id,location_levels.stocked_quantity";
    vec![
        get("/admin/products/{product}?fields=id,options.id,options.is_exclusive,options.values.id,options.values.value")
            .has("/product/options/0/is_exclusive", true)
            .keeps("option", "/product/options/0/id"),
        post("/admin/products/{product}/options/batch?fields=id", json!({ "update": [{ "product_option_id": "{option}", "add": [{ "value": "XL" }, { "value": "S" }] }] })),
        post("/admin/products/{product}/variants?fields=id", json!({ "title": "huge", "prices": [], "options": { "Size": "XL", "Colour": "Red" } }))
            .fails(400, "Product has 1 option values but there were 2 provided option values for the variant: huge."),
        post("/admin/products/{product}/variants?fields=id", json!({ "title": "huge", "sku": "XL-{run}", "prices": [{ "amount": 3, "currency_code": "eur" }], "options": { "Size": "XL" } })),
        get("/admin/product-variants?sku=XL-{run}&fields=id,options.id").keeps("huge", "/variants/0/id").keeps("value", "/variants/0/options/0/id"),
        post("/admin/products/{product}/options/batch", json!({ "update": [{ "product_option_id": "{option}", "remove": ["{value}"] }] }))
            .fails(400, "Cannot unassign option values from product because the following variant(s) are using it: huge"),
        post("/admin/products/{product}/options/batch", json!({ "update": [{ "product_option_id": "opt_nope", "add": [{ "value": "x" }] }] }))
            .fails(400, "Some product options are not linked to products: [{product}:opt_nope]"),
        post("/admin/product-options/{option}", json!({ "title": "Width" })).has("/product_option/title", "Width"),
        get("/admin/products/{product}?fields=id,variants.options.option.title")
            .has("/product/variants/0/options/0/option/title", "Width"),
        delete("/admin/products/{product}/variants/{huge}")
            .has("/object", "variant")
            .has("/parent/id", "{product}"),
        delete("/admin/products/{product}/variants/{huge}").has("/deleted", true),
        get("/admin/inventory-items?sku=XL-{run}&fields=id").has("/count", 0),
        post("/admin/products/{product}/options/batch?fields=id", json!({ "update": [{ "product_option_id": "{option}", "remove": ["{value}"] }] })),
        post("/admin/products/{product}/options/batch?fields=id", json!({ "update": [{ "product_option_id": "{option}", "remove": ["{value}"] }] })),
        // Counting that ends leaves the inventory item behind, which keeps its number.
        get("/admin/products?handle=managed-{run}&fields=id").keeps("counting", "/products/0/id"),
        post("/admin/products/{counting}/variants/{managed}?fields=id,variants.inventory_items.inventory_item_id", json!({ "manage_inventory": false }))
            .has("/product/variants/0/inventory_items", json!([])),
        get(item).has("/inventory_items/0/id", "{item}").keeps("level", "/inventory_items/0/location_levels/0/id"),
        post("/admin/products/{counting}/variants/{managed}", json!({ "manage_inventory": true }))
            .fails(400, "Inventory item with sku: MA-{run}, already exists."),
        post("/admin/products/{counting}/variants/{managed}/inventory-items", json!({ "inventory_item_id": "{item}", "required_quantity": 1 }))
            .has("/variant/id", "{managed}"),
        post("/admin/products/{counting}/variants/{managed}?fields=id,variants.inventory_items.inventory_item_id", json!({ "manage_inventory": true }))
            .has("/product/variants/0/inventory_items/0/inventory_item_id", "{item}"),
        post("/admin/inventory-items/location-levels/batch", json!({ "delete": ["{level}"] })).fails(
            400,
            "Cannot remove Inventory Levels for {place} because there are stocked items at the locations. Use force flag to delete anyway.",
        ),
        post("/admin/inventory-items/location-levels/batch", json!({ "delete": ["{level}"], "force": true })),
        get("/admin/inventory-items/{item}/location-levels").has("/count", 0),
        post("/admin/inventory-items/location-levels/batch", json!({ "create": [{ "inventory_item_id": "{item}", "location_id": "{place}", "stocked_quantity": 5 }] })),
        post("/admin/inventory-items/{item}?fields=id,sku", json!({ "sku": "MB-{run}" })).has("/inventory_item/sku", "MB-{run}"),
        post("/admin/inventory-items/{item}?fields=id,sku", json!({ "sku": "MA-{run}" })).has("/inventory_item/sku", "MA-{run}"),
    ]
}
