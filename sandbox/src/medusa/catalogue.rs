//! Categories, collections, product tags and product types.

use serde_json::Value;

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::query::{List, Match};
use super::schema::{Shape, Type, nul, opt, req, strict};
use super::simple::{Simple, as_it_is, plain};
use super::state::{Kind, Shop};
use super::value::{Row, text};

/// `/admin/product-categories`.
pub(crate) static CATEGORIES: Simple = Simple {
    kind: Kind::Categories,
    one: "product_category",
    many: "product_categories",
    label: "Product category",
    unique: Some("handle"),
    create: strict(&[
        req("name", Type::Text),
        opt("description", Type::Text),
        opt("handle", Type::Text),
        opt("is_internal", Type::Bool),
        opt("is_active", Type::Bool),
        nul("parent_category_id", Type::Text),
        nul("external_id", Type::Text),
        nul("metadata", Type::Record),
        opt("rank", Type::Quantity),
    ]),
    update: strict(&[
        opt("name", Type::Text),
        opt("description", Type::Text),
        opt("handle", Type::Text),
        opt("is_internal", Type::Bool),
        opt("is_active", Type::Bool),
        nul("parent_category_id", Type::Text),
        nul("external_id", Type::Text),
        nul("metadata", Type::Record),
        opt("rank", Type::Quantity),
    ]),
    list: List {
        strict: true,
        limit: 50,
        filters: &[
            ("q", Match::Search(&["name", "description", "handle"])),
            ("id", Match::Value),
            ("name", Match::Value),
            ("description", Match::Value),
            ("handle", Match::Value),
            ("parent_category_id", Match::Value),
            ("external_id", Match::Value),
            ("include_ancestors_tree", Match::Nothing),
            ("include_descendants_tree", Match::Nothing),
            ("is_internal", Match::Flag),
            ("is_active", Match::Flag),
            ("created_at", Match::Time),
            ("updated_at", Match::Time),
        ],
    },
    // Categories go past the service that merges (`repositories/product-category.js` of
    // `@medusajs/product` 2.21.2, read on 2026-11-28).
    replaces_metadata: true,
    blank: r#"{"name":null,"description":"","handle":null,"is_active":false,"is_internal":false,
        "rank":null,"external_id":null,"parent_category_id":null,"metadata":null}"#,
    finish: finish_category,
    view: view_category,
    defaults: &[
        "id",
        "name",
        "description",
        "handle",
        "is_active",
        "is_internal",
        "rank",
        "external_id",
        "parent_category_id",
        "created_at",
        "updated_at",
        "metadata",
        "*parent_category",
        "*category_children",
    ],
};

/// `/admin/collections`.
pub(crate) static COLLECTIONS: Simple = Simple {
    kind: Kind::Collections,
    one: "collection",
    many: "collections",
    label: "Product collection",
    unique: Some("handle"),
    create: strict(&[
        req("title", Type::Text),
        opt("handle", Type::Text),
        nul("external_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    update: strict(&[
        opt("title", Type::Text),
        opt("handle", Type::Text),
        nul("external_id", Type::Text),
        nul("metadata", Type::Record),
    ]),
    list: List {
        strict: true,
        limit: 10,
        filters: &[
            ("q", Match::Search(&["title"])),
            ("id", Match::Value),
            ("title", Match::Value),
            ("handle", Match::Value),
            ("external_id", Match::Value),
            ("created_at", Match::Time),
            ("updated_at", Match::Time),
        ],
    },
    replaces_metadata: false,
    blank: r#"{"title":null,"handle":null,"external_id":null,"metadata":null}"#,
    finish: |_, row, _| {
        fill_handle(row, "title");
        Ok(())
    },
    view: plain,
    defaults: &["id", "title", "handle", "external_id", "created_at", "updated_at", "metadata"],
};

/// `/admin/product-tags`.
pub(crate) static TAGS: Simple =
    valued(Kind::Tags, "product_tag", "product_tags", "Product tag", 20);

/// `/admin/product-types`.
pub(crate) static TYPES: Simple =
    valued(Kind::Types, "product_type", "product_types", "Product type", 10);

const VALUE: Shape = strict(&[
    req("value", Type::Text),
    nul("external_id", Type::Text),
    nul("metadata", Type::Record),
]);

const VALUE_UPDATE: Shape = strict(&[
    opt("value", Type::Text),
    nul("external_id", Type::Text),
    nul("metadata", Type::Record),
]);

/// An object that is a value with metadata.
const fn valued(
    kind: Kind,
    one: &'static str,
    many: &'static str,
    label: &'static str,
    limit: usize,
) -> Simple {
    Simple {
        kind,
        one,
        many,
        label,
        unique: Some("value"),
        create: VALUE,
        update: VALUE_UPDATE,
        list: List {
            strict: true,
            limit,
            filters: &[
                ("q", Match::Search(&["value"])),
                ("id", Match::Value),
                ("value", Match::Value),
                ("external_id", Match::Value),
                ("created_at", Match::Time),
                ("updated_at", Match::Time),
            ],
        },
        replaces_metadata: false,
        blank: r#"{"value":null,"external_id":null,"metadata":null}"#,
        finish: as_it_is,
        view: plain,
        defaults: &["id", "value", "external_id", "created_at", "updated_at", "metadata"],
    }
}

/// Medusa's handle of a name: blanks become hyphens, all else stays, lower case.
fn fill_handle(row: &mut Row, from: &str) {
    if !text(row, "handle").is_empty() {
        return;
    }
    let mut handle = String::new();
    let mut last = ' ';
    for c in text(row, from).chars() {
        if c.is_whitespace() || c == '_' {
            if !(last.is_whitespace() || last == '_') || handle.is_empty() {
                handle.push('-');
            }
        } else {
            if last.is_ascii_lowercase() && c.is_ascii_uppercase() {
                handle.push('-');
            }
            handle.extend(c.to_lowercase());
        }
        last = c;
    }
    row.insert("handle".into(), handle.into());
}

fn finish_category(shop: &mut Shop, row: &mut Row, new: bool) -> Answer<()> {
    fill_handle(row, "name");
    let parent = text(row, "parent_category_id").to_owned();
    if !parent.is_empty() && !shop.has(Kind::Categories, &parent) {
        return Err(Refusal::argument(format!(
            "Parent category with id: '{parent}' does not exist"
        )));
    }
    if new && row.get("rank").is_none_or(Value::is_null) {
        let rank = shop
            .table(Kind::Categories)
            .rows()
            .filter(|one| text(one, "parent_category_id") == parent)
            .count();
        row.insert("rank".into(), rank.into());
    }
    Ok(())
}

/// `DELETE /admin/product-categories/:id`.
pub(crate) fn delete_category(shop: &mut Shop, id: &str) -> Answer {
    if shop.table(Kind::Categories).by("parent_category_id", id).next().is_some() {
        return Err(Refusal::not_allowed(format!(
            "Deleting ProductCategory ({id}) with category children is not allowed"
        )));
    }
    CATEGORIES.delete(shop, id)
}

fn view_category(shop: &Shop, row: &Row, fields: &Fields) -> Row {
    let mut full = row.clone();
    if fields.relation("parent_category").is_some() {
        let parent = shop.get(Kind::Categories, text(row, "parent_category_id"));
        full.insert("parent_category".into(), parent.cloned().map_or(Value::Null, Value::Object));
    }
    if fields.relation("category_children").is_some() {
        let children = shop.table(Kind::Categories).by("parent_category_id", text(row, "id"));
        let children = children.cloned().map(Value::Object).collect();
        full.insert("category_children".into(), Value::Array(children));
    }
    full
}
