//! Products with their options and images; the variants are in `variant.rs`.

use cartage_model::{
    Currency, Image, OptionValue, Placement, Product, ProductOption, ProductStatus, ProductType,
    Scope, Scoped, ScopedValue, Seo, Unreadable,
};

use super::{
    super::category_path::normalised,
    field::{google, metafields},
    scope::market,
    sheet::Sheet,
    value::{list, truth},
    variant,
};

/// The product that the rows say.
pub(super) fn read(
    source_id: &str,
    mut sheet: Sheet,
    currency: &Currency,
) -> Result<Product, Unreadable> {
    let Some(title) = sheet.take_first("title") else { return Err(sheet.is_missing(0, "title")) };
    let is_gift_card = take_truth(&mut sheet, "gift card") == Some(true);
    let names = option_names(&mut sheet);
    let variants = variant::read_all(source_id, &mut sheet, &names, currency)?;
    let options = options(&names, &variants);
    let product_type = match (is_gift_card, options.is_empty()) {
        (true, _) => ProductType::GiftCard,
        (false, true) => ProductType::Simple,
        (false, false) => ProductType::Configurable,
    };
    sheet.take_first("handle");
    Ok(Product {
        source_id: source_id.to_owned(),
        product_type,
        status: status(&mut sheet),
        title: Scoped::shop(title),
        description_html: Scoped::optional(sheet.take_first("body (html)")),
        slug: Scoped::shop(source_id.to_owned()),
        seo: Seo {
            title: Scoped::optional(sheet.take_first("seo title")),
            description: Scoped::optional(sheet.take_first("seo description")),
            ..Seo::default()
        },
        vendor: sheet.take_first("vendor"),
        merchandise_type: sheet.take_first("type"),
        tags: sheet.take_first("tags").map(|text| list(&text)).unwrap_or_default(),
        options,
        variants,
        images: images(&mut sheet),
        categories: placement(sheet.take_first("product category").map(|text| normalised(&text))),
        assigned: assigned(&mut sheet),
        collections: placement(sheet.take_first("collection").map(|text| text.trim().to_owned())),
        custom_fields: [google(&mut sheet, 0, |_| true), metafields(&mut sheet, 0)].concat(),
        unknown: sheet.rest(),
        ..Product::default()
    })
}

fn placement(source_id: Option<String>) -> Vec<Placement> {
    let source_id = source_id.filter(|text| !text.is_empty());
    source_id.into_iter().map(|source_id| Placement { source_id, ..Placement::default() }).collect()
}

/// A truth value of the product. One that cannot be read stays among what is left over.
fn take_truth(sheet: &mut Sheet, key: &str) -> Option<bool> {
    let row = (0..sheet.len()).find(|row| sheet.look(*row, key).is_some())?;
    sheet.take_as(row, key, truth)
}

/// In which markets the product is, as `Included / International` says; of the whole shop the
/// exports say nothing. A cell that is neither yes nor no is left over.
fn assigned(sheet: &mut Sheet) -> Scoped<bool> {
    let mut assigned = Scoped::<bool>::default();
    for (heading, key) in sheet.columns(|key| key.starts_with("included / ")) {
        let said = (0..sheet.len()).find_map(|row| sheet.look(row, &key)).and_then(truth);
        let Some((code, value)) = market(&heading).zip(said) else { continue };
        let scope = Scope::Website(code.to_owned());
        if assigned.scoped.iter().all(|known| known.scope != scope) {
            sheet.take_first(&key);
            assigned.scoped.push(ScopedValue { scope, value });
        }
    }
    assigned
}

/// `Status` where it says something known, else `Published`; a product of a template that says
/// neither is active, as Shopify's import has it. A `Published` that contradicts the status (not
/// in the online store, though active) is left over, and so is the status `unlisted`.
fn status(sheet: &mut Sheet) -> ProductStatus {
    let published = sheet.look(0, "published").and_then(truth);
    let written = sheet.look(0, "status").map(|text| text.trim().to_lowercase());
    let known = match written.as_deref() {
        Some("active") => Some((ProductStatus::Active, true)),
        Some("unlisted") => Some((ProductStatus::Active, false)),
        Some("draft") => Some((ProductStatus::Draft, true)),
        Some("archived") => Some((ProductStatus::Archived, true)),
        _ => None,
    };
    let status = match known {
        Some((status, _)) => status,
        None if published == Some(false) => ProductStatus::Draft,
        None => ProductStatus::Active,
    };
    if known.is_some_and(|(_, says_all)| says_all) {
        sheet.mark(0, "status");
    }
    if published == Some(status == ProductStatus::Active) {
        sheet.mark(0, "published");
    }
    status
}

/// The names of the options by place; none for a place that no variant uses. `Title` with the one
/// value `Default Title` is how Shopify writes that there are no options.
fn option_names(sheet: &mut Sheet) -> [Option<String>; 3] {
    let values = |sheet: &Sheet, place: usize| {
        let key = format!("option{place} value");
        (0..sheet.len()).filter_map(|row| sheet.look(row, &key).map(str::to_owned)).collect()
    };
    let first: Vec<String> = values(sheet, 1);
    let first_name = sheet.look(0, "option1 name").map(|text| text.trim().to_lowercase());
    let without_options = first.iter().all(|value| value.trim() == "Default Title")
        && first_name.is_none_or(|name| name == "title")
        && values(sheet, 2).is_empty();
    if without_options {
        sheet.take_first("option1 name");
        sheet.take_first("option1 value");
        return [None, None, None];
    }
    [1, 2, 3].map(|place| {
        let used = !values(sheet, place).is_empty();
        let name = if used { sheet.take_first(&format!("option{place} name")) } else { None };
        used.then(|| name.unwrap_or_else(|| format!("Option{place}")))
    })
}

fn options(names: &[Option<String>; 3], variants: &[cartage_model::Variant]) -> Vec<ProductOption> {
    let option = |name: &String| {
        let mut values: Vec<OptionValue> = Vec::new();
        let chosen = variants.iter().flat_map(|variant| &variant.options);
        for selected in chosen.filter(|selected| selected.option == *name) {
            if !values.iter().any(|value| value.value == selected.value) {
                values
                    .push(OptionValue { value: selected.value.clone(), ..OptionValue::default() });
            }
        }
        ProductOption { name: name.clone(), values, ..ProductOption::default() }
    };
    names.iter().flatten().map(option).collect()
}

/// The images by position; one without a position stands where its row stands.
fn images(sheet: &mut Sheet) -> Vec<Image> {
    let mut images = Vec::new();
    for row in 0..sheet.len() {
        let Some(url) = sheet.take(row, "image src") else { continue };
        let place = u32::try_from(images.len() + 1).unwrap_or(u32::MAX);
        let position = sheet.take_as(row, "image position", |text| text.trim().parse().ok());
        images.push(Image {
            url: url.trim().to_owned(),
            position: position.unwrap_or(place),
            alt_text: Scoped::optional(sheet.take(row, "image alt text")),
            ..Image::default()
        });
    }
    images.sort_by_key(|image| image.position);
    images
}
