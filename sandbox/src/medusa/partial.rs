//! Work that is cut in the middle: what Medusa does last is taken out again after a request, and
//! may be put in later.

use serde_json::Value;

use super::payments;
use super::state::{Kind, Shop};
use super::value::{Row, list, text};

/// Rows that are to come.
pub(crate) type Rest = Vec<(Kind, Row)>;

/// Takes out what a request had done last: the variants of products that were made, with their
/// inventory items, or the capture of a payment, which nothing puts in again.
pub(crate) fn hold_back(shop: &mut Shop, path: &str, done: &Value) -> Rest {
    let steps: Vec<&str> = path.trim_start_matches("/admin/").split('/').collect();
    match steps.as_slice() {
        ["products"] => variants(shop, &done["product"]),
        ["products", "batch"] => {
            let made = done["created"].as_array().into_iter().flatten();
            made.flat_map(|product| variants(shop, product)).collect()
        }
        ["payment-collections", id, "mark-as-paid"] => {
            payments::uncapture(shop, id);
            Rest::new()
        }
        _ => Rest::new(),
    }
}

/// Puts in what was held back, unless its product is gone.
pub(crate) fn put_in(shop: &mut Shop, rest: Rest) {
    for (kind, row) in rest {
        if kind != Kind::Variants || shop.has(Kind::Products, text(&row, "product_id")) {
            shop.insert(kind, row);
        }
    }
}

fn variants(shop: &mut Shop, product: &Value) -> Rest {
    let product = product["id"].as_str().unwrap_or_default();
    let held: Vec<Row> = shop.table(Kind::Variants).by("product_id", product).cloned().collect();
    let mut rest = Rest::new();
    for variant in held {
        let items = list(&variant, "_inventory").iter();
        let items = items.filter_map(|held| held["inventory_item_id"].as_str());
        for item in items {
            rest.extend(
                shop.get(Kind::InventoryItems, item)
                    .cloned()
                    .map(|row| (Kind::InventoryItems, row)),
            );
            shop.remove(Kind::InventoryItems, item);
        }
        shop.remove(Kind::Variants, text(&variant, "id"));
        rest.push((Kind::Variants, variant));
    }
    rest
}
