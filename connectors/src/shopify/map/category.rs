//! Categories, collections and groups of customers: values of a column that are records here.

use cartage_model::{Category, Collection, CustomerGroup, RawRecord, Scoped};

use super::super::{
    category_path::{ancestors, parent_and_title},
    slug::slug,
};

/// A node of the taxonomy; its id is its path.
pub(super) fn category(raw: &RawRecord) -> Category {
    let path = text(raw, "path");
    let (parent, title) = parent_and_title(path);
    Category {
        source_id: raw.source_id.clone(),
        parent: parent.map(str::to_owned),
        level: u32::try_from(ancestors(path).count()).unwrap_or(u32::MAX),
        title: Scoped::shop(title.to_owned()),
        slug: Scoped::shop(slug(path)),
        ..Category::default()
    }
}

/// A collection, of which the exports say nothing but the title; products name it.
pub(super) fn collection(raw: &RawRecord) -> Collection {
    let title = text(raw, "title");
    Collection {
        source_id: raw.source_id.clone(),
        title: Scoped::shop(title.to_owned()),
        slug: Scoped::shop(slug(title)),
        ..Collection::default()
    }
}

/// A tag of customers.
pub(super) fn customer_group(raw: &RawRecord) -> CustomerGroup {
    CustomerGroup {
        source_id: raw.source_id.clone(),
        title: text(raw, "tag").to_owned(),
        ..CustomerGroup::default()
    }
}

fn text<'a>(raw: &'a RawRecord, name: &str) -> &'a str {
    raw.body.get(name).and_then(serde_json::Value::as_str).unwrap_or(&raw.source_id)
}
