//! Variants of a product: rows that say anything about a piece to be sold.

use super::super::facts::{Facts, amount};
use super::{Sheet, bare, is_google, metafield, put_fields, truth};

/// Columns that only a row with a variant fills.
const SIGNS: [&str; 15] = [
    "Option1 Value",
    "Option2 Value",
    "Option3 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Fulfillment Service",
    "Variant Price",
    "Variant Compare At Price",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Barcode",
    "Cost per item",
];

/// Exports say no location; what has no name in the source goes to the one of this name.
const LOCATION: &str = "Cartage stock";

/// Notes all variants of a product.
pub(super) fn read_all(
    sheet: &Sheet<'_>,
    product: &str,
    currency: &str,
    options: &[(String, Vec<String>)],
    facts: &mut Facts,
) {
    let rows = (0..sheet.len())
        .filter(|row| *row == 0 || SIGNS.iter().any(|sign| sheet.peek(*row, sign).is_some()));
    // Rows of pictures only are none; the first row always is one unless others are.
    let rows: Vec<usize> = rows.collect();
    for (place, row) in rows.into_iter().enumerate() {
        let mut variant = Variant { sheet, row, path: format!("variants[{place}]"), facts };
        variant.put("position", Some(place.to_string()));
        variant.choices(product, options);
        variant.goods();
        variant.prices(currency);
        variant.stock();
        variant.others();
    }
}

/// The article numbers of a product.
pub(super) fn skus(sheet: &Sheet<'_>) -> Vec<String> {
    let sku = |row| sheet.peek(row, "Variant SKU").map(|text| bare(text).trim().to_owned());
    (0..sheet.len()).filter_map(sku).collect()
}

struct Variant<'s, 'f> {
    sheet: &'s Sheet<'s>,
    row: usize,
    path: String,
    facts: &'f mut Facts,
}

impl Variant<'_, '_> {
    fn take(&self, heading: &str) -> Option<String> {
        self.sheet.take(self.row, heading)
    }

    fn put(&mut self, field: &str, text: Option<String>) {
        self.facts.put_some(format!("{}.{field}", self.path), text);
    }

    /// Its title and id follow from what was chosen.
    fn choices(&mut self, product: &str, options: &[(String, Vec<String>)]) {
        let mut values = Vec::new();
        let mut id = product.to_owned();
        for place in 1..=3 {
            let Some((name, _)) = options.get(place - 1) else { continue };
            let Some(value) = self.take(&format!("Option{place} Value")) else { continue };
            id = format!("{id}/{}", value.replace('%', "%25").replace('/', "%2F"));
            self.put(&format!("options.{name}"), Some(value.clone()));
            values.push(value);
        }
        let title = if values.is_empty() { "Default".to_owned() } else { values.join(" / ") };
        self.put("title", Some(title));
        self.put("source_id", Some(id));
        if values.is_empty() {
            self.put("options.Default option", Some("Default option value".to_owned()));
        }
    }

    fn goods(&mut self) {
        let sku = self.take("Variant SKU").map(|text| bare(&text).trim().to_owned());
        self.put("sku", sku);
        let barcode = self.take("Variant Barcode").map(|text| bare(&text).trim().to_owned());
        self.put("barcode", barcode);
        let grams = self.take("Variant Grams").map(|text| amount(&text));
        self.put("weight_g", grams);
        for (field, heading) in
            [("requires_shipping", "Variant Requires Shipping"), ("taxable", "Variant Taxable")]
        {
            let said = self.take(heading).and_then(|text| truth(&text)).unwrap_or(true);
            self.put(&format!("metadata.{field}"), Some(said.to_string()));
        }
        let tax_code = self.take("Variant Tax Code");
        self.put("metadata.tax_class", tax_code);
        let service = self.take("Variant Fulfillment Service");
        self.put("metadata.fulfilment_service", service);
        let image = self.take("Variant Image").map(|text| text.trim().to_owned());
        self.put("metadata.image_url", image);
    }

    /// The price asked is the price; what is struck through or was paid is kept beside it.
    fn prices(&mut self, currency: &str) {
        let price = self.take("Variant Price").map(|text| amount(&text));
        self.put(&format!("prices.{}", currency.to_lowercase()), price);
        for (kind, heading) in [("msrp", "Variant Compare At Price"), ("cost", "Cost per item")] {
            let Some(text) = self.take(heading) else { continue };
            let path = format!("metadata.other_prices.{kind}");
            self.put(&format!("{path}.amount"), Some(amount(&text)));
            self.put(&format!("{path}.currency"), Some(currency.to_owned()));
        }
    }

    /// Stock that nobody counts is kept beside, for the shop would count it.
    fn stock(&mut self) {
        let tracker = self.sheet.peek(self.row, "Variant Inventory Tracker").map(str::to_owned);
        if tracker.as_deref() == Some("shopify") {
            self.sheet.mark(self.row, "Variant Inventory Tracker");
        }
        self.put("manage_inventory", Some(tracker.is_some().to_string()));
        let heading = "Variant Inventory Policy";
        let policy = self.sheet.peek(self.row, heading).map(|text| text.trim().to_lowercase());
        if ["continue", "deny"].contains(&policy.as_deref().unwrap_or_default()) {
            self.sheet.mark(self.row, heading);
        }
        let continues = policy.as_deref() == Some("continue");
        self.put("allow_backorder", Some(continues.to_string()));
        let pieces = self.take("Variant Inventory Qty").map(|text| amount(&text));
        match tracker {
            Some(_) => self.put(&format!("stock.{LOCATION}"), pieces),
            None => self.put("metadata.untracked_stock[0].quantity", pieces),
        }
    }

    fn others(&mut self) {
        let row = self.row;
        let is_own = |heading: &str| {
            let part_number = heading.eq_ignore_ascii_case("Google Shopping / MPN");
            let later = row > 0 && (is_google(heading) || metafield(heading).is_some());
            part_number || later
        };
        let path = format!("{}.metadata", self.path);
        put_fields(self.facts, &path, self.sheet.unread(row, is_own));
        let is_left = |heading: &str| {
            let lower = heading.to_lowercase();
            ["variant ", "unit price ", "price / ", "compare at price / "]
                .iter()
                .any(|start| lower.starts_with(start))
        };
        for (heading, text) in self.sheet.unread(row, is_left) {
            self.put(&format!("metadata.unknown.{heading}"), Some(text));
        }
    }
}
