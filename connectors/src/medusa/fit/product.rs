//! Products: options and values that variants may name, one plain price per currency, stock not
//! below zero, weights that survive a 32-bit float.

use cartage_model::{Currency, Money, Price, PriceKind, Scope, Weight};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    super::json::{self, decimal, is_blank, plain},
    Fitter, Refusal, boolean_in, dense_element, edit_metadata, invalid, keep, text, text_in,
};

/// Digits that a 32-bit float keeps whatever the number.
const FLOAT_DIGITS: u32 = 6;

impl Fitter {
    pub(super) fn product(&mut self, source_id: &str) -> Result<(), Refusal> {
        let title = self.required("title")?;
        self.text("subtitle");
        self.text("description");
        self.text("type");
        self.product_handle(&title, source_id);
        let status = self.text("status").unwrap_or_else(|| "draft".to_owned());
        if !["draft", "proposed", "published", "rejected"].contains(&status.as_str()) {
            return Err(invalid("status", "is neither draft, proposed, published nor rejected"));
        }
        self.fields.insert("status".to_owned(), Value::String(status));
        self.images();
        self.texts("tags", true);
        self.texts("collections", false);
        self.texts("categories", true);
        let mut options = self.options();
        let mut variants = Vec::new();
        for (place, variant) in self.objects("variants").into_iter().enumerate() {
            variants.push(Value::Object(self.variant(place, variant, &mut options)?));
        }
        options.retain(|(_, values)| !values.is_empty());
        if !options.is_empty() {
            let options: Vec<Value> = options
                .into_iter()
                .map(|(title, values)| json!({ "title": title, "values": values }))
                .collect();
            self.fields.insert("options".to_owned(), Value::Array(options));
        }
        if !variants.is_empty() {
            self.fields.insert("variants".to_owned(), Value::Array(variants));
        }
        Ok(())
    }

    fn product_handle(&mut self, title: &str, source_id: &str) {
        let Some(written) = self.text("handle") else {
            self.handle_or(title, source_id);
            return;
        };
        if text::is_slug(&written) {
            return;
        }
        let made = text::slug(&written).unwrap_or_else(|| text::fallback_slug(source_id));
        self.note(
            "handle",
            Value::String(written.clone()),
            Value::String(made.clone()),
            "handles hold lower-case letters, numbers and single hyphens",
        );
        self.fields.insert("handle".to_owned(), Value::String(made));
        keep(&mut self.fields, "source_handle", Value::String(written));
    }

    /// Addresses in order; alt texts go to the metadata, and so do pictures that nobody may see:
    /// Medusa would show them.
    fn images(&mut self) {
        let Some(Value::Array(mut images)) = self.fields.remove("images") else { return };
        images.sort_by_key(|image| image.get("position").and_then(Value::as_u64).unwrap_or(0));
        let mut urls: Vec<Value> = Vec::new();
        let mut alt_texts = Map::new();
        let (mut hidden, mut hidden_by_scope) = (Vec::new(), Map::new());
        for image in images {
            let url = match &image {
                Value::String(url) => url.clone(),
                _ => json::owned(&image, "url").unwrap_or_default(),
            };
            if url.is_empty() {
                continue;
            }
            if image.get("hidden").and_then(|it| it.get("value")) == Some(&Value::Bool(true)) {
                let why = "a hidden picture is not published; its address is kept";
                self.note("images", Value::String(url), Value::Null, why);
                hidden.push(json::dense(image));
                continue;
            }
            if let Some(scoped) = image.get("hidden").and_then(|it| it.get("scoped")) {
                json::put(&mut hidden_by_scope, &url, scoped.clone());
            }
            if let Some(alt) = image.get("alt_text") {
                let only_shop = alt.get("scoped").is_none_or(is_blank);
                let said = if only_shop { alt.get("value").cloned() } else { Some(alt.clone()) };
                json::put(&mut alt_texts, &url, said.unwrap_or(Value::Null));
            }
            urls.push(Value::String(url));
        }
        if !alt_texts.is_empty() {
            keep(&mut self.fields, "image_alt_texts", Value::Object(alt_texts));
        }
        if !hidden_by_scope.is_empty() {
            keep(&mut self.fields, "images_hidden_by_scope", Value::Object(hidden_by_scope));
        }
        if !hidden.is_empty() {
            keep(&mut self.fields, "hidden_images", Value::Array(hidden));
        }
        if !urls.is_empty() {
            self.fields.insert("images".to_owned(), Value::Array(urls));
        }
    }

    /// Titles with their values; how they are shown elsewhere goes to the metadata.
    fn options(&mut self) -> Vec<(String, Vec<String>)> {
        let mut options: Vec<(String, Vec<String>)> = Vec::new();
        let mut labels = Vec::new();
        for option in self.objects("options") {
            let option = Value::Object(option);
            let Some(title) =
                json::owned(&option, "title").or_else(|| json::owned(&option, "name"))
            else {
                continue;
            };
            if let Some(label) = option.get("label").filter(|label| !is_blank(label)) {
                labels.push(json!({ "option": title, "label": label }));
            }
            let mut values = Vec::new();
            for value in json::list(&option, "values") {
                let text = match value {
                    Value::String(text) => Some(text.clone()),
                    _ => json::owned(value, "value"),
                };
                let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
                if let Some(label) = value.get("label").filter(|label| !is_blank(label)) {
                    labels.push(json!({ "option": title, "value": text, "label": label }));
                }
                if !values.contains(&text) {
                    values.push(text);
                }
            }
            options.push((title, values));
        }
        if !labels.is_empty() {
            keep(&mut self.fields, "option_labels", Value::Array(labels));
        }
        options
    }

    fn variant(
        &mut self,
        place: usize,
        mut variant: Map<String, Value>,
        options: &mut Vec<(String, Vec<String>)>,
    ) -> Result<Map<String, Value>, Refusal> {
        for field in ["source_id", "title", "sku", "barcode", "hs_code", "origin_country"] {
            text_in(&mut variant, field);
        }
        variant_options(&mut variant, options);
        self.prices(place, &mut variant)?;
        for field in ["weight_g", "length_cm", "width_cm", "height_cm"] {
            self.measure(place, field, &mut variant)?;
        }
        let is_managed = boolean_in(&variant, "manage_inventory").unwrap_or(false);
        let is_backordered = boolean_in(&variant, "allow_backorder").unwrap_or(false);
        variant.insert("manage_inventory".to_owned(), Value::Bool(is_managed));
        variant.insert("allow_backorder".to_owned(), Value::Bool(is_backordered));
        self.stock(place, is_managed, &mut variant)?;
        Ok(dense_element(variant))
    }

    /// The plain regular price per currency, rounded to what the currency has; the others go to
    /// the metadata.
    fn prices(&mut self, place: usize, variant: &mut Map<String, Value>) -> Result<(), Refusal> {
        let field = format!("variants[{place}].prices");
        let Some(Value::Array(prices)) = variant.remove("prices") else { return Ok(()) };
        let mut plain_prices: Vec<(String, Decimal)> = Vec::new();
        let mut others = Vec::new();
        for price in prices {
            let money = price.get("money").unwrap_or(&price);
            let code = json::text(money, "currency_code").or_else(|| json::text(money, "currency"));
            let currency = code
                .and_then(|code| Currency::parse(code).ok())
                .ok_or_else(|| invalid(&field, "a price has no currency of three letters"))?;
            let amount = json::decimal_of(money, "amount")
                .ok_or_else(|| invalid(&field, "a price has no amount"))?;
            let code = currency.as_str().to_ascii_lowercase();
            if !is_plain(&price, Money::new(amount, currency.clone()))
                || plain_prices.iter().any(|(known, _)| *known == code)
            {
                others.push(json::dense(price));
                continue;
            }
            let rounded = amount.round_dp_with_strategy(
                currency.minor_digits(),
                RoundingStrategy::MidpointAwayFromZero,
            );
            if rounded != amount {
                self.note(
                    &field,
                    plain(amount),
                    plain(rounded),
                    "rounded to the decimals of the currency",
                );
            }
            if json::number(rounded).is_none() {
                return Err(invalid(&field, "an amount has more digits than Medusa keeps"));
            }
            plain_prices.push((code, rounded));
        }
        plain_prices.sort();
        if !others.is_empty() {
            edit_metadata(variant, |metadata| {
                let mut kept = match metadata.remove("other_prices") {
                    Some(Value::Array(kept)) => kept,
                    _ => Vec::new(),
                };
                kept.extend(others);
                metadata.insert("other_prices".to_owned(), Value::Array(kept));
            });
        }
        let prices: Vec<Value> = plain_prices
            .into_iter()
            .map(|(code, amount)| json!({ "currency_code": code, "amount": plain(amount) }))
            .collect();
        json::put(variant, "prices", Value::Array(prices));
        Ok(())
    }

    fn measure(
        &mut self,
        place: usize,
        field: &str,
        variant: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        let Some(value) = variant.remove(field).filter(|value| !is_blank(value)) else {
            return Ok(());
        };
        let path = format!("variants[{place}].{field}");
        let weight = value.is_object().then(|| serde_json::from_value::<Weight>(value.clone()));
        let exact = match weight {
            Some(weight) => weight.ok().map(|weight| weight.grams()),
            None => decimal(&value),
        };
        let exact = exact.ok_or_else(|| invalid(&path, "is no measure"))?;
        let rounded = exact.round_sf(FLOAT_DIGITS).unwrap_or(exact);
        if rounded != exact {
            self.note(&path, plain(exact), plain(rounded), "Medusa keeps six digits of a measure");
        }
        variant.insert(field.to_owned(), plain(rounded));
        Ok(())
    }

    /// Pieces by location, never below zero; stock that is not counted goes to the metadata.
    fn stock(
        &mut self,
        place: usize,
        is_managed: bool,
        variant: &mut Map<String, Value>,
    ) -> Result<(), Refusal> {
        let field = format!("variants[{place}].stock");
        let Some(Value::Array(stock)) = variant.remove("stock") else { return Ok(()) };
        if !is_managed {
            keep(variant, "untracked_stock", json::dense(Value::Array(stock)));
            return Ok(());
        }
        let mut levels: Vec<(String, Decimal)> = Vec::new();
        for level in stock {
            let location = json::owned(&level, "location").unwrap_or_default();
            let quantity = json::decimal_of(&level, "quantity")
                .ok_or_else(|| invalid(&field, "a level has no quantity"))?;
            match levels.iter_mut().find(|(known, _)| *known == location) {
                Some((_, sum)) => *sum += quantity,
                None => levels.push((location, quantity)),
            }
        }
        levels.sort();
        for (_, quantity) in &mut levels {
            if quantity.is_sign_negative() && !quantity.is_zero() {
                self.note(&field, plain(*quantity), json!("0"), "stock cannot be below zero");
                *quantity = Decimal::ZERO;
            }
        }
        let levels: Vec<Value> = levels
            .into_iter()
            .map(
                |(location, quantity)| json!({ "location": location, "quantity": plain(quantity) }),
            )
            .collect();
        json::put(variant, "stock", Value::Array(levels));
        Ok(())
    }
}

/// Whether a price is everybody's, everywhere. One that a mapping made by hand may say an amount
/// and a currency alone; one whose conditions cannot be read is nobody's.
fn is_plain(price: &Value, money: Money) -> bool {
    let Value::Object(said) = price else { return false };
    let mut whole = said.clone();
    whole.insert("money".to_owned(), json!(money));
    if said.get("kind").is_none_or(Value::is_null) {
        whole.insert("kind".to_owned(), json!(PriceKind::Regular));
    }
    Price::deserialize(Value::Object(whole)).is_ok_and(|price| {
        price.kind == PriceKind::Regular
            && matches!(price.scope, None | Some(Scope::Shop))
            && price.has_no_condition()
    })
}

/// Value per option title, each known to the product.
fn variant_options(variant: &mut Map<String, Value>, options: &mut Vec<(String, Vec<String>)>) {
    let chosen: Vec<(String, String)> = match variant.remove("options") {
        Some(Value::Object(map)) => map
            .into_iter()
            .filter_map(|(title, value)| Some((title, value.as_str()?.to_owned())))
            .collect(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|entry| Some((json::owned(entry, "option")?, json::owned(entry, "value")?)))
            .collect(),
        _ => Vec::new(),
    };
    let mut kept = Map::new();
    for (title, value) in chosen.into_iter().filter(|(_, value)| !value.is_empty()) {
        let place = match options.iter().position(|(known, _)| *known == title) {
            Some(place) => place,
            None => {
                options.push((title.clone(), Vec::new()));
                options.len() - 1
            }
        };
        if let Some((_, values)) = options.get_mut(place)
            && !values.contains(&value)
        {
            values.push(value.clone());
        }
        kept.insert(title, Value::String(value));
    }
    json::put(variant, "options", Value::Object(kept));
}
