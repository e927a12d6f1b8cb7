//! Orders: sums as plain decimals, never rounded (Medusa keeps every decimal), and what was paid.

use cartage_model::Currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    super::json::{self, decimal, plain},
    Fitter, Refusal, address, boolean_in, dense_element, invalid, keep, missing, text, text_in,
};

/// Sums of an order.
const SUMS: [&str; 6] =
    ["subtotal", "shipping_total", "tax_total", "discount_total", "refunded_total", "paid_total"];

impl Fitter {
    pub(super) fn order(&mut self) -> Result<(), Refusal> {
        self.required("number")?;
        self.required("placed_at")?;
        for field in ["customer", "financial_status", "fulfilment_status"] {
            self.text(field);
        }
        self.order_email();
        let code = self.required("currency_code")?;
        let currency = Currency::parse(&code)
            .map_err(|_| invalid("currency_code", "is not a currency of three letters"))?;
        let code = currency.as_str().to_ascii_lowercase();
        self.fields.insert("currency_code".to_owned(), Value::String(code));
        let state = self.text("state").unwrap_or_else(|| "open".to_owned());
        if !["open", "completed", "cancelled"].contains(&state.as_str()) {
            return Err(invalid("state", "is neither open, completed nor cancelled"));
        }
        self.fields.insert("state".to_owned(), Value::String(state));
        match boolean_in(&self.fields, "taxes_included") {
            Some(included) => {
                self.fields.insert("taxes_included".to_owned(), Value::Bool(included));
            }
            None => {
                self.fields.remove("taxes_included");
            }
        }
        for field in SUMS {
            self.sum(field)?;
        }
        if self.sum("total")?.is_none() {
            return Err(missing("total"));
        }
        self.lines()?;
        self.shipping_lines()?;
        for field in ["taxes", "adjustments", "payments", "refunds"] {
            if let Some(list) = self.fields.remove(field) {
                json::put(&mut self.fields, field, json::dense(list));
            }
        }
        self.absent_sums();
        self.paid()?;
        for side in ["billing_address", "shipping_address"] {
            if let Some(Value::Object(entry)) = self.fields.remove(side) {
                json::put(&mut self.fields, side, Value::Object(address::fit(entry)));
            }
        }
        Ok(())
    }

    /// An order is worth more than its address: one that Medusa refuses goes to the metadata.
    fn order_email(&mut self) {
        let Some(written) = self.text("email") else { return };
        let normal = written.trim().to_lowercase();
        if text::is_email(&normal) {
            if normal != written {
                self.note(
                    "email",
                    Value::String(written),
                    Value::String(normal.clone()),
                    "addresses are kept trimmed and in lower case",
                );
            }
            self.fields.insert("email".to_owned(), Value::String(normal));
            return;
        }
        self.fields.remove("email");
        self.note(
            "email",
            Value::String(written.clone()),
            Value::Null,
            "Medusa does not take it as an e-mail address; kept as metadata",
        );
        keep(&mut self.fields, "email_as_written", Value::String(written));
    }

    fn sum(&mut self, field: &str) -> Result<Option<Decimal>, Refusal> {
        match self.fields.remove(field) {
            Some(value) if !json::is_blank(&value) => {
                let sum = decimal(&value).ok_or_else(|| invalid(field, "is no amount"))?;
                self.fields.insert(field.to_owned(), plain(sum));
                Ok(Some(sum))
            }
            _ => Ok(None),
        }
    }

    /// Sums the source does not state follow from what it does state.
    fn absent_sums(&mut self) {
        let record = Value::Object(self.fields.clone());
        let product = |line: &Value| {
            Some(json::decimal_of(line, "unit_price")? * json::decimal_of(line, "quantity")?)
        };
        let goods: Decimal = json::list(&record, "lines").iter().filter_map(product).sum();
        let shipping: Decimal = json::list(&record, "shipping_lines")
            .iter()
            .filter_map(|line| json::decimal_of(line, "amount"))
            .sum();
        let discount = json::decimal_of(&record, "discount_total").unwrap_or_default();
        for (field, made) in [
            ("subtotal", goods - discount),
            ("shipping_total", shipping),
            ("tax_total", Decimal::ZERO),
            ("discount_total", Decimal::ZERO),
            ("refunded_total", Decimal::ZERO),
        ] {
            self.fields.entry(field).or_insert_with(|| plain(made));
        }
    }

    fn lines(&mut self) -> Result<(), Refusal> {
        let mut lines = Vec::new();
        for (place, mut line) in self.objects("lines").into_iter().enumerate() {
            let sku = text_in(&mut line, "sku");
            if text_in(&mut line, "title").is_none() {
                let made = sku.unwrap_or_else(|| "Item".to_owned());
                self.note(
                    &format!("lines[{place}].title"),
                    Value::Null,
                    Value::String(made.clone()),
                    "a line needs a title",
                );
                line.insert("title".to_owned(), Value::String(made));
            }
            amounts(
                &mut line,
                &format!("lines[{place}]"),
                &["quantity", "unit_price", "discount"],
            )?;
            for needed in ["quantity", "unit_price"] {
                if !line.contains_key(needed) {
                    return Err(missing(&format!("lines[{place}].{needed}")));
                }
            }
            lines.push(Value::Object(dense_element(line)));
        }
        json::put(&mut self.fields, "lines", Value::Array(lines));
        Ok(())
    }

    fn shipping_lines(&mut self) -> Result<(), Refusal> {
        let mut lines = Vec::new();
        for (place, mut line) in self.objects("shipping_lines").into_iter().enumerate() {
            text_in(&mut line, "title");
            amounts(&mut line, &format!("shipping_lines[{place}]"), &["amount"])?;
            line.entry("amount").or_insert_with(|| json!("0"));
            lines.push(Value::Object(dense_element(line)));
        }
        json::put(&mut self.fields, "shipping_lines", Value::Array(lines));
        Ok(())
    }

    /// What was paid: the captured payments, or by the status where the source lists none. Medusa
    /// refunds only what was paid.
    fn paid(&mut self) -> Result<(), Refusal> {
        let sum_of = |field: &str| {
            json::text(&Value::Object(self.fields.clone()), field)
                .and_then(|text| text.parse::<Decimal>().ok())
        };
        let refunded = sum_of("refunded_total").unwrap_or_default();
        let said = sum_of("paid_total");
        let paid = match said {
            Some(paid) => paid,
            None => {
                let record = Value::Object(self.fields.clone());
                let captured: Decimal = json::list(&record, "payments")
                    .iter()
                    .filter(|payment| payment["state"] == "captured")
                    .filter_map(|payment| json::decimal_of(&payment["money"], "amount"))
                    .sum();
                let status = json::text(&record, "financial_status").unwrap_or("");
                let is_paid = ["paid", "partially_refunded", "refunded"]
                    .contains(&status.to_ascii_lowercase().as_str());
                match (captured.is_zero(), is_paid) {
                    (true, true) => sum_of("total").unwrap_or_default(),
                    _ => captured,
                }
            }
        };
        if refunded > paid {
            self.note(
                "paid_total",
                plain(paid),
                plain(refunded),
                "Medusa refunds only what was paid",
            );
        }
        let paid = paid.max(refunded);
        if json::number(paid).is_none() || json::number(refunded).is_none() {
            return Err(invalid("paid_total", "an amount has more digits than Medusa keeps"));
        }
        self.fields.insert("paid_total".to_owned(), plain(paid));
        Ok(())
    }
}

/// Makes plain decimals of the named fields.
fn amounts(line: &mut Map<String, Value>, path: &str, fields: &[&str]) -> Result<(), Refusal> {
    for field in fields {
        let Some(value) = line.remove(*field).filter(|value| !json::is_blank(value)) else {
            continue;
        };
        let amount =
            decimal(&value).ok_or_else(|| invalid(&format!("{path}.{field}"), "is no number"))?;
        line.insert((*field).to_owned(), plain(amount));
    }
    Ok(())
}
