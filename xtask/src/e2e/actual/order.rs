//! Orders as Medusa says them: its own totals beside the sums of its lines, payments and refunds.

use rust_decimal::Decimal;
use serde_json::Value;

use super::super::facts::{Facts, Kind, decimal};
use super::{References, customer, entries, metadata, plain, taken, text};

/// What we look at.
pub(super) const FIELDS: &[&str] = &[
    "status",
    "email",
    "customer_id",
    "currency_code",
    "metadata",
    "original_total",
    "item_total",
    "shipping_total",
    "summary.paid_total",
    "summary.refunded_total",
    "items.title",
    "items.variant_sku",
    "items.quantity",
    "items.unit_price",
    "items.metadata",
    "shipping_methods.name",
    "shipping_methods.amount",
    "shipping_methods.data",
    "billing_address.company",
    "billing_address.first_name",
    "billing_address.last_name",
    "billing_address.address_1",
    "billing_address.address_2",
    "billing_address.city",
    "billing_address.country_code",
    "billing_address.province",
    "billing_address.postal_code",
    "billing_address.phone",
    "billing_address.metadata",
    "shipping_address.company",
    "shipping_address.first_name",
    "shipping_address.last_name",
    "shipping_address.address_1",
    "shipping_address.address_2",
    "shipping_address.city",
    "shipping_address.country_code",
    "shipping_address.province",
    "shipping_address.postal_code",
    "shipping_address.phone",
    "shipping_address.metadata",
    "payment_collections.payments.amount",
    "payment_collections.payments.captured_at",
    "payment_collections.payments.refunds.amount",
];

/// Digits behind the point up to which Medusa's sums carry no noise of binary fractions.
const DIGITS: u32 = 8;

pub(super) fn facts(object: &Value, references: &References, facts: &mut Facts) {
    plain(object, &["email", "currency_code"], facts);
    for (field, total) in [
        ("total", &object["original_total"]),
        ("item_total", &object["item_total"]),
        ("shipping_total", &object["shipping_total"]),
        ("paid_total", &object["summary"]["paid_total"]),
        ("refunded_total", &object["summary"]["refunded_total"]),
    ] {
        facts.put_amount(field, number(total));
    }
    if let Some(id) = text(object, "customer_id") {
        let known = references.records.get(&(Kind::Customer, id.to_owned()));
        facts.put("customer", known.map_or("guest".to_owned(), |id| format!("account {id}")));
    }
    items(object, references, facts);
    let mut shipping = Decimal::ZERO;
    for method in entries(object, "shipping_methods") {
        let mut data = method["data"].clone();
        let path = format!("shipping_lines[{}]", taken(&mut data, &["cartage_position"]));
        facts.put_json(&format!("{path}.title"), &method["name"]);
        facts.put_json(&format!("{path}.data"), &data);
        facts.put_amount(format!("{path}.amount"), number(&method["amount"]));
        shipping += number(&method["amount"]);
    }
    facts.put_amount("total_of_lines", facts.amount("total_of_lines") + shipping);
    money(object, facts);
    for side in ["billing_address", "shipping_address"] {
        customer::address(&object[side], side, facts);
    }
    let mut kept = object.clone();
    facts.put_json("number", &taken(&mut kept, &["metadata", "order_number"]));
    facts.put_json("placed_at", &taken(&mut kept, &["metadata", "order_date"]));
    let mut order = taken(&mut kept, &["metadata", "cartage_order"]);
    // A cancellation that would have moved money is only said.
    let said = taken(&mut order, &["state"]);
    let state = match text(object, "status") {
        Some("canceled") => "cancelled",
        Some("completed") => "completed",
        Some("pending") => said.as_str().unwrap_or("open"),
        other => other.unwrap_or_default(),
    };
    facts.put("state", state);
    facts.put_json("order", &order);
    metadata(&kept, facts, "metadata");
}

fn number(value: &Value) -> Decimal {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    decimal(&text).unwrap_or_default().round_dp(DIGITS)
}

/// Goods one by one; of the lines that are no goods the sums.
fn items(object: &Value, references: &References, facts: &mut Facts) {
    let [mut subtotal, mut discount, mut tax, mut total] = [Decimal::ZERO; 4];
    let mut count = 0;
    for item in entries(object, "items") {
        let amount = number(&item["unit_price"]) * number(&item["quantity"]);
        total += amount;
        let mut kept = item.clone();
        let line = taken(&mut kept, &["metadata", "cartage_line"]);
        match line.as_str().unwrap_or_default() {
            "goods" => {
                subtotal += amount;
                count += 1;
                let path =
                    format!("lines[{}]", taken(&mut kept, &["metadata", "cartage_position"]));
                goods(item, &mut kept, &path, references, facts);
                continue;
            }
            "discount" => {
                discount -= amount;
                if taken(&mut kept, &["metadata", "cartage_in_subtotal"]) == true {
                    subtotal += amount;
                }
            }
            "line_discount" | "subtotal_difference" => subtotal += amount,
            "tax" => {
                let contained = number(&taken(&mut kept, &["metadata", "cartage_contained"]));
                tax += amount + contained;
                facts.put_amount("tax_contained", contained);
            }
            other => facts.put_amount(format!("extra.{other}"), amount),
        }
        let mark = line.as_str().unwrap_or_default();
        if text(item, "title").is_none_or(|title| !says(mark, title, object)) {
            facts.put_json(&format!("extra.{mark}.title"), &item["title"]);
        }
        facts.put_json(&format!("extra.{mark}.sku"), &item["variant_sku"]);
        if number(&item["quantity"]) != Decimal::ONE {
            facts.put_amount(format!("extra.{mark}.quantity"), number(&item["quantity"]));
        }
        metadata(&kept, facts, &format!("extra.{mark}.metadata"));
    }
    facts.put("line_count", count.to_string());
    facts.put_amount("subtotal", subtotal);
    facts.put_amount("discount_total", discount);
    facts.put_amount("tax_total", tax);
    facts.put_amount("total_of_lines", total);
}

/// Whether the title of a line that is no goods tells a person what it is.
fn says(mark: &str, title: &str, order: &Value) -> bool {
    match mark {
        "tax" => ["Tax", "Tax (contained in the prices)"].contains(&title),
        "discount" => {
            let code = &order["metadata"]["cartage_order"]["adjustments"][0]["code"];
            let wanted = code.as_str().map(|code| format!("Discount {code}"));
            title == wanted.as_deref().unwrap_or("Discount")
        }
        "line_discount" => title == "Discount on lines",
        "fee" => title == "Fees",
        "subtotal_difference" => title == "Difference to the stated subtotal",
        "difference" => title == "Difference to the stated total",
        _ => false,
    }
}

fn goods(item: &Value, kept: &mut Value, path: &str, references: &References, facts: &mut Facts) {
    facts.put_json(&format!("{path}.title"), &item["title"]);
    facts.put_json(&format!("{path}.sku"), &item["variant_sku"]);
    // Medusa takes no line of nothing; then the true numbers stand beside.
    for (field, mark) in [("quantity", "cartage_quantity"), ("unit_price", "cartage_unit_price")] {
        let said = taken(kept, &["metadata", mark]);
        let value = if said.is_null() { &item[field] } else { &said };
        facts.put_amount(format!("{path}.{field}"), number(value));
    }
    let discount = taken(kept, &["metadata", "cartage_discount"]);
    if !discount.is_null() {
        facts.put_amount(format!("{path}.discount"), number(&discount));
    }
    if let Some(variant) = taken(kept, &["metadata", "cartage_variant_id"]).as_str() {
        let sku = references.skus.get(variant).cloned();
        facts.put(format!("{path}.variant"), sku.unwrap_or_else(|| format!("not ours: {variant}")));
    }
    metadata(kept, facts, &format!("{path}.metadata"));
}

/// What was paid and given back, payment by payment.
fn money(object: &Value, facts: &mut Facts) {
    let [mut paid, mut refunded] = [Decimal::ZERO; 2];
    for payment in entries(object, "payment_collections").flat_map(|it| entries(it, "payments")) {
        if text(payment, "captured_at").is_some() {
            paid += number(&payment["amount"]);
        }
        refunded += entries(payment, "refunds").map(|it| number(&it["amount"])).sum::<Decimal>();
    }
    facts.put_amount("payments", paid);
    facts.put_amount("refunds", refunded);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_is_no_goods_tells_what_it_is() {
        let order = json!({"metadata": {"cartage_order": {"adjustments": [{"code": "MAY"}]}}});
        for (mark, title) in [
            ("tax", "Tax"),
            ("discount", "Discount MAY"),
            ("line_discount", "Discount on lines"),
            ("fee", "Fees"),
            ("difference", "Difference to the stated total"),
        ] {
            assert!(says(mark, title, &order), "{mark}");
            assert!(!says(mark, &format!("{title}x"), &order), "{mark}");
        }
        assert!(!says("invented", "Anything", &order));
    }
}
