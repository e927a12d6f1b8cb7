//! Categories (a tree) and collections (flat sets).

use serde::{Deserialize, Serialize};

use crate::{CustomField, Image, Scoped, Seo, UnknownFields};

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
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A product in a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionMember {
    /// The product's source id.
    pub product: String,
    /// Its place, from 1.
    pub position: Option<u32>,
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
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
