//! Categories (a tree) and collections (flat sets).

use serde::{Deserialize, Serialize};

use crate::{CustomField, Image, Instant, Scoped, ScopedValue, Seo, UnknownFields};

/// A node of a category tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Category {
    /// Its id in the source.
    pub source_id: String,
    /// The source id of the node above; none for a root.
    pub parent: Option<String>,
    /// Its place among its siblings, from 1.
    pub position: Option<u32>,
    /// How far below the root it stands; a root is 0. A parent always stands in an earlier level.
    pub level: u32,
    /// Its name.
    pub title: Scoped<String>,
    /// Its description as HTML.
    pub description_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// Whether visitors see it; none where the source does not say.
    pub visible: Option<bool>,
    /// Its picture.
    pub image: Option<Image>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// What narrower scopes than the shop say of whether visitors see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visible_scoped: Vec<ScopedValue<bool>>,
    /// Whether it belongs to a website or store view at all; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub assigned: Scoped<bool>,
    /// Whether menus name it, per scope.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub in_menu: Scoped<bool>,
    /// The rules that choose its products, as the source wrote them; none when chosen by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<serde_json::Value>,
    /// The order in which products are shown, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A product in a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionMember {
    /// The product's source id.
    pub product: String,
    /// Its place, from 1.
    pub position: Option<u32>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A set of products.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collection {
    /// Its id in the source.
    pub source_id: String,
    /// Its name.
    pub title: Scoped<String>,
    /// Its description as HTML.
    pub description_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// The rules that choose its products, as the source wrote them; none when chosen by hand.
    pub rules: Option<serde_json::Value>,
    /// The order in which products are shown, as the source names it.
    pub sort_order: Option<String>,
    /// Members, where the source lists them with the collection rather than with the product.
    pub members: Vec<CollectionMember>,
    /// Its picture.
    pub image: Option<Image>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// What it is a set of: `brand`, `sale`, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_type: Option<String>,
    /// Whether visitors see it, per scope; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub visible: Scoped<bool>,
    /// Whether it belongs to a website, channel or market at all; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub assigned: Scoped<bool>,
    /// When it became visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Instant>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
