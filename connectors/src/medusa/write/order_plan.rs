//! How an order's sums become lines of a Medusa order, so that Medusa's own total is the source's
//! to the cent: goods at their prices, discounts below zero, tax on top, and what the source's
//! sums leave unexplained.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::super::{
    json::{self, decimal_of, plain_text},
    marks,
};

/// The lines and ways of sending of an order in Medusa's form.
#[derive(Debug)]
pub(super) struct Plan {
    /// For `items`.
    pub(super) items: Vec<Value>,
    /// For `shipping_methods`.
    pub(super) shipping_methods: Vec<Value>,
    /// Whether the ways of sending could not be kept one by one.
    pub(super) is_shipping_merged: bool,
}

/// The sums a plan is made of.
struct Sums {
    goods: Decimal,
    line_discounts: Decimal,
    discount: Decimal,
    shipping: Decimal,
    tax: Decimal,
    fees: Decimal,
    subtotal: Decimal,
    total: Decimal,
    taxes_included: Option<bool>,
}

/// Plans the lines of a fitted order. `variants` gives the variant's target id by article number.
pub(super) fn plan(fields: &Value, variant_of: &dyn Fn(&str) -> Option<String>) -> Plan {
    let sums = Sums::of(fields);
    let mut items = goods(fields, variant_of);
    let is_in_subtotal = sums.discount_is_in_subtotal();
    if !sums.discount.is_zero() {
        let title = discount_title(fields);
        let mut item = extra(marks::DISCOUNT, &title, -sums.discount);
        item["metadata"][marks::IN_SUBTOTAL] = Value::Bool(is_in_subtotal);
        items.push(item);
    }
    let mut explained = sums.goods;
    if is_in_subtotal {
        explained -= sums.discount;
    }
    if !sums.line_discounts.is_zero() && explained - sums.line_discounts == sums.subtotal {
        items.push(extra(marks::LINE_DISCOUNT, "Discount on lines", -sums.line_discounts));
        explained -= sums.line_discounts;
    }
    if explained != sums.subtotal {
        let difference = sums.subtotal - explained;
        items.push(extra(
            marks::SUBTOTAL_DIFFERENCE,
            "Difference to the stated subtotal",
            difference,
        ));
    }
    let mut reached = sums.subtotal + sums.shipping + sums.fees;
    if !is_in_subtotal {
        reached -= sums.discount;
    }
    if !sums.fees.is_zero() {
        items.push(extra(marks::FEE, "Fees", sums.fees));
    }
    if !sums.tax.is_zero() {
        if sums.tax_is_on_top(reached) {
            items.push(extra(marks::TAX, "Tax", sums.tax));
            reached += sums.tax;
        } else {
            let mut item = extra(marks::TAX, "Tax (contained in the prices)", Decimal::ZERO);
            item["metadata"][marks::CONTAINED] = Value::String(plain_text(sums.tax));
            items.push(item);
        }
    }
    if reached != sums.total {
        items.push(extra(
            marks::DIFFERENCE,
            "Difference to the stated total",
            sums.total - reached,
        ));
    }
    let (shipping_methods, is_shipping_merged) = shipping(fields, sums.shipping);
    Plan { items, shipping_methods, is_shipping_merged }
}

impl Sums {
    fn of(fields: &Value) -> Self {
        let sum = |field: &str| decimal_of(fields, field);
        let lines = json::list(fields, "lines");
        let goods = lines
            .iter()
            .map(|line| {
                decimal_of(line, "unit_price").unwrap_or_default()
                    * decimal_of(line, "quantity").unwrap_or_default()
            })
            .sum();
        let line_discounts = lines.iter().filter_map(|line| decimal_of(line, "discount")).sum();
        let fees = json::list(fields, "adjustments")
            .iter()
            .filter(|entry| entry["kind"] == "fee" || entry["kind"] == "rounding")
            .filter_map(|entry| decimal_of(&entry["money"], "amount"))
            .sum();
        let discount = sum("discount_total").unwrap_or_default();
        let total = sum("total").unwrap_or_default();
        let subtotal = sum("subtotal").unwrap_or(goods - discount);
        let shipping_lines: Decimal = json::list(fields, "shipping_lines")
            .iter()
            .filter_map(|line| decimal_of(line, "amount"))
            .sum();
        Self {
            goods,
            line_discounts,
            discount,
            shipping: sum("shipping_total").unwrap_or(shipping_lines),
            tax: sum("tax_total").unwrap_or_default(),
            fees,
            subtotal,
            total,
            taxes_included: fields.get("taxes_included").and_then(Value::as_bool),
        }
    }

    /// A discount on goods lowers the subtotal; one on shipping does not.
    fn discount_is_in_subtotal(&self) -> bool {
        self.subtotal != self.goods && self.subtotal != self.goods - self.line_discounts
            || self.discount.is_zero()
            || self.discount == self.line_discounts
                && self.subtotal == self.goods - self.line_discounts
    }

    /// Where the source does not say, the sums do.
    fn tax_is_on_top(&self, before_tax: Decimal) -> bool {
        match self.taxes_included {
            Some(included) => !included,
            None => before_tax != self.total,
        }
    }
}

/// The lines that were bought. They are tied to no variant: a line with one would reserve stock.
fn goods(fields: &Value, variant_of: &dyn Fn(&str) -> Option<String>) -> Vec<Value> {
    let mut items = Vec::new();
    for (place, line) in json::list(fields, "lines").iter().enumerate() {
        let quantity = decimal_of(line, "quantity").unwrap_or_default();
        let price = decimal_of(line, "unit_price").unwrap_or_default();
        let mut metadata = json::object(line, "metadata");
        metadata.insert(marks::LINE.to_owned(), json!(marks::GOODS));
        metadata.insert(marks::POSITION.to_owned(), json!(place));
        if let Some(discount) = json::text(line, "discount") {
            metadata.insert(marks::LINE_DISCOUNT_AMOUNT.to_owned(), json!(discount));
        }
        let sku = json::text(line, "sku");
        if let Some(variant) = sku.and_then(variant_of) {
            metadata.insert(marks::VARIANT.to_owned(), json!(variant));
        }
        let number = json::number(quantity).filter(|_| quantity > Decimal::ZERO);
        let (sent_quantity, sent_price) = match number {
            Some(number) => (Value::Number(number), price),
            None => {
                // Medusa takes no line of nothing.
                metadata.insert(marks::QUANTITY.to_owned(), json!(plain_text(quantity)));
                metadata.insert(marks::UNIT_PRICE.to_owned(), json!(plain_text(price)));
                (json!(1), quantity * price)
            }
        };
        let mut item = json!({
            "title": json::text(line, "title").unwrap_or("Item"),
            "quantity": sent_quantity,
            "unit_price": plain_text(sent_price),
            "metadata": metadata,
        });
        if let Some(sku) = sku {
            item["variant_sku"] = json!(sku);
        }
        items.push(item);
    }
    items
}

/// A line that is no goods.
fn extra(mark: &str, title: &str, amount: Decimal) -> Value {
    let mut metadata = Map::new();
    metadata.insert(marks::LINE.to_owned(), json!(mark));
    json!({ "title": title, "quantity": 1, "unit_price": plain_text(amount), "metadata": metadata })
}

fn discount_title(fields: &Value) -> String {
    let codes: Vec<&str> = json::list(fields, "adjustments")
        .iter()
        .filter(|entry| entry["kind"] == "discount")
        .filter_map(|entry| json::text(entry, "code"))
        .collect();
    if codes.is_empty() { "Discount".to_owned() } else { format!("Discount {}", codes.join(", ")) }
}

/// Ways of sending whose sum is the stated one; a single one where theirs is not.
fn shipping(fields: &Value, stated: Decimal) -> (Vec<Value>, bool) {
    let lines = json::list(fields, "shipping_lines");
    let sum: Decimal = lines.iter().filter_map(|line| decimal_of(line, "amount")).sum();
    let method = |place: usize, title: &str, amount: Decimal, metadata: Map<String, Value>| {
        let mut data = Map::new();
        data.insert(marks::POSITION.to_owned(), json!(place));
        data.insert("metadata".to_owned(), Value::Object(metadata));
        json!({
            "name": title,
            "amount": plain_text(amount),
            // Not checked by Medusa; a real option is needed for parcels only.
            "shipping_option_id": "cartage",
            "data": data,
        })
    };
    if lines.is_empty() && stated.is_zero() {
        return (Vec::new(), false);
    }
    if sum == stated && lines.iter().all(|line| json::text(line, "title").is_some()) {
        let methods = lines.iter().enumerate().map(|(place, line)| {
            let amount = decimal_of(line, "amount").unwrap_or_default();
            let title = json::text(line, "title").unwrap_or("Shipping");
            method(place, title, amount, json::object(line, "metadata"))
        });
        return (methods.collect(), false);
    }
    let title = lines.iter().find_map(|line| json::text(line, "title")).unwrap_or("Shipping");
    (vec![method(0, title, stated, Map::new())], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(items: &[Value], mark: &str) -> Decimal {
        items
            .iter()
            .filter(|item| item["metadata"][marks::LINE] == mark)
            .map(|item| {
                decimal_of(item, "unit_price").unwrap() * decimal_of(item, "quantity").unwrap()
            })
            .sum()
    }

    fn total(plan: &Plan) -> Decimal {
        let marks = [
            marks::GOODS,
            marks::DISCOUNT,
            marks::LINE_DISCOUNT,
            marks::SUBTOTAL_DIFFERENCE,
            marks::FEE,
            marks::TAX,
            marks::DIFFERENCE,
        ];
        let items: Decimal = marks.iter().map(|mark| sum(&plan.items, mark)).sum();
        let shipping: Decimal =
            plan.shipping_methods.iter().map(|method| decimal_of(method, "amount").unwrap()).sum();
        items + shipping
    }

    /// Discount, line discount, subtotal, shipping, tax, total; the marks of lines that are no
    /// goods. The goods are 2 x 10.00.
    fn check(sums: [&str; 6], expected: &[&str]) {
        let [discount, line_discount, subtotal, shipping, tax, total_text] = sums;
        let fields = json!({
            "lines": [{"title": "A", "quantity": "2", "unit_price": "10", "discount": line_discount}],
            "discount_total": discount, "subtotal": subtotal, "shipping_total": shipping,
            "tax_total": tax, "total": total_text,
        });
        let plan = plan(&fields, &|_| None);
        assert_eq!(plain_text(total(&plan)), total_text, "{sums:?}");
        let marks: Vec<&str> = plan
            .items
            .iter()
            .skip(1)
            .map(|item| item["metadata"][marks::LINE].as_str().unwrap())
            .collect();
        assert_eq!(marks, expected, "{sums:?}");
    }

    #[test]
    fn the_lines_sum_up_to_the_stated_total_whatever_the_source_says() {
        check(["0", "0", "20", "5", "3.8", "28.8"], &[marks::TAX]);
        check(["0", "0", "20", "5", "3.99", "25"], &[marks::TAX]);
        check(["2.5", "0", "17.5", "0", "0", "17.5"], &[marks::DISCOUNT]);
        check(["2.5", "2.5", "17.5", "0", "0", "17.5"], &[marks::DISCOUNT]);
        check(["2", "1", "17", "0", "0", "17"], &[marks::DISCOUNT, marks::LINE_DISCOUNT]);
        check(["0", "1", "19", "0", "0", "19"], &[marks::LINE_DISCOUNT]);
        check(["5", "0", "20", "5", "0", "20"], &[marks::DISCOUNT]);
        check(["0", "0", "18", "0", "0", "18"], &[marks::SUBTOTAL_DIFFERENCE]);
        check(["0", "0", "20", "5", "2", "28"], &[marks::TAX, marks::DIFFERENCE]);
    }
}
