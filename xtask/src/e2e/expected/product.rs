//! Products.

use super::super::facts::{Facts, Kind};
use super::{Sheet, is_google, key, metafield, put_fields, truth, variant, words};

/// The id and the facts of a product.
pub(super) fn read(sheet: &Sheet<'_>, currency: &str) -> (String, Facts) {
    let id = sheet.first("Handle").unwrap_or_default();
    let mut facts = key(Kind::Product, &id);
    facts.put("external_key", format!("product:{id}"));
    facts.put("handle", id.clone());
    facts.put_some("title", sheet.first("Title"));
    facts.put_some("description", sheet.first("Body (HTML)"));
    facts.put_some("metadata.vendor", sheet.first("Vendor"));
    facts.put_some("type", sheet.first("Type"));
    let mut tags = words(&sheet.first("Tags").unwrap_or_default());
    tags.sort();
    facts.put("tags", tags.join(" | "));
    facts.put_some("metadata.seo_title", sheet.first("SEO Title"));
    facts.put_some("metadata.seo_description", sheet.first("SEO Description"));
    let category = sheet.first("Product Category").unwrap_or_default();
    let titles = category.split('>').map(str::trim).filter(|title| !title.is_empty());
    facts.put("categories", titles.collect::<Vec<_>>().join(" > "));
    let collection = sheet.first("Collection").map(|title| title.trim().to_owned());
    facts.put_some("collection", collection.clone());
    facts.put_some("collections[0]", collection);
    status(sheet, &mut facts);
    markets(sheet, &mut facts);
    images(sheet, &mut facts);
    let options = options(sheet);
    for (name, values) in &options {
        let mut sorted = values.clone();
        sorted.sort();
        facts.put(format!("options.{name}"), sorted.join(" | "));
    }
    for (place, (name, values)) in options.iter().enumerate() {
        facts.put(format!("option_order[{place}]"), format!("{name}: {}", values.join(" | ")));
    }
    let gift_card = sheet.first("Gift Card").as_deref().and_then(truth) == Some(true);
    let product_type = match (gift_card, options.is_empty()) {
        (true, _) => "gift_card",
        (false, true) => "simple",
        (false, false) => "configurable",
    };
    facts.put("metadata.product_type", product_type);
    variant::read_all(sheet, &id, currency, &options, &mut facts);
    let own = |heading: &str| is_google(heading) || metafield(heading).is_some();
    put_fields(&mut facts, "metadata", sheet.unread(0, own));
    sheet.rest("metadata.unknown", &mut facts);
    (id, facts)
}

/// What is for sale is published, everything else a draft.
fn status(sheet: &Sheet<'_>, facts: &mut Facts) {
    let published = sheet.peek(0, "Published").and_then(truth);
    let written = sheet.peek(0, "Status").map(str::to_lowercase);
    let known = ["active", "draft", "archived"];
    let status = match written.as_deref() {
        Some(status) if known.contains(&status) => {
            sheet.mark(0, "Status");
            status.to_owned()
        }
        Some("unlisted") => "active".to_owned(),
        _ if published == Some(false) => "draft".to_owned(),
        _ => "active".to_owned(),
    };
    if published == Some(status == "active") {
        sheet.mark(0, "Published");
    }
    facts.put("status", if status == "active" { "published" } else { "draft" });
    facts.put("metadata.source_status", status);
}

/// Whether it is in the market of each `Included / …`, in the order of the columns.
fn markets(sheet: &Sheet<'_>, facts: &mut Facts) {
    let mut place = 0;
    for heading in sheet.headings_of("included / ") {
        let text = (0..sheet.len()).find_map(|row| sheet.peek(row, heading));
        let Some(said) = text.and_then(truth) else { continue };
        sheet.first(heading);
        let path = format!("metadata.assigned.scoped[{place}]");
        facts.put(format!("{path}.scope.level"), "website");
        let (_, market) = heading.split_once('/').unwrap_or_default();
        facts.put(format!("{path}.scope.code"), market.trim());
        facts.put(format!("{path}.value"), said.to_string());
        place += 1;
    }
}

/// Pictures in the order of their positions.
fn images(sheet: &Sheet<'_>, facts: &mut Facts) {
    let mut images = Vec::new();
    for row in 0..sheet.len() {
        let Some(url) = sheet.take(row, "Image Src") else { continue };
        let position = sheet.peek(row, "Image Position").and_then(|it| it.trim().parse().ok());
        if position.is_some() {
            sheet.mark(row, "Image Position");
        }
        let place = position.unwrap_or(images.len() + 1);
        images.push((place, url.trim().to_owned(), sheet.take(row, "Image Alt Text")));
    }
    images.sort_by_key(|(place, _, _)| *place);
    for (place, (_, url, alt)) in images.into_iter().enumerate() {
        if place == 0 {
            facts.put("thumbnail", url.clone());
        }
        facts.put_some(format!("metadata.image_alt_texts.{url}"), alt);
        facts.put(format!("images[{place}]"), url);
    }
}

/// Names of options with their values, in the order they are met. `Title` with nothing but
/// `Default Title` stands for none.
fn options(sheet: &Sheet<'_>) -> Vec<(String, Vec<String>)> {
    let mut options = Vec::new();
    for place in 1..=3 {
        let [name, value] = ["Name", "Value"].map(|part| format!("Option{place} {part}"));
        let mut values: Vec<String> = Vec::new();
        for row in 0..sheet.len() {
            let text = sheet.peek(row, &value).unwrap_or_default().to_owned();
            if !text.is_empty() && !values.contains(&text) {
                values.push(text);
            }
        }
        if values.is_empty() {
            continue;
        }
        let name = sheet.first(&name).unwrap_or_else(|| format!("Option{place}"));
        options.push((name, values));
    }
    let is_default = |(name, values): &(String, Vec<String>)| {
        name.eq_ignore_ascii_case("title") && *values == ["Default Title"]
    };
    if options.len() == 1 && options.iter().all(is_default) {
        sheet.first("Option1 Value");
        options.clear();
    }
    options
}
