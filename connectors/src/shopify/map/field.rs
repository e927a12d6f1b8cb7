//! Columns that a merchant or another service defined, as custom fields.

use cartage_model::{CustomField, Scoped};

use super::{
    super::{layout::metafield, slug::slug},
    sheet::Sheet,
};

const GOOGLE: &str = "google shopping / ";

/// A custom field with a text.
pub(super) fn custom(namespace: &str, key: &str, value: String) -> CustomField {
    CustomField {
        namespace: namespace.to_owned(),
        key: key.to_owned(),
        value_type: None,
        value: Scoped::shop(serde_json::Value::String(value)),
        ..CustomField::default()
    }
}

/// The metafields of a row. The exports do not say their types.
pub(super) fn metafields(sheet: &mut Sheet, row: usize) -> Vec<CustomField> {
    let cells = sheet.take_all(row, |key| metafield(key).is_some());
    let fields = cells.into_iter().filter_map(|(heading, _, text)| {
        let (namespace, key) = metafield(&heading)?;
        Some(custom(namespace, key, text))
    });
    fields.collect()
}

/// The columns for Google Shopping, under today's names: `google_shopping.age_group`.
pub(super) fn google(
    sheet: &mut Sheet,
    row: usize,
    wanted: impl Fn(&str) -> bool,
) -> Vec<CustomField> {
    let cells = sheet.take_all(row, |key| key.strip_prefix(GOOGLE).is_some_and(&wanted));
    let fields = cells.into_iter().filter_map(|(_, key, text)| {
        let name = slug(key.strip_prefix(GOOGLE)?).replace('-', "_");
        Some(custom("google_shopping", &name, text))
    });
    fields.collect()
}
