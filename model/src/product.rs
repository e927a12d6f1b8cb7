//! A product of any type.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Instant, Price, Scoped, UnknownFields, Variant};

/// How a product is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductType {
    /// One variant, no options.
    #[default]
    Simple,
    /// Options, and a variant for each wanted combination.
    Configurable,
    /// Sold together with other products for one price.
    Bundle,
    /// A page that shows other products to be bought one by one.
    Grouped,
    /// Files to be fetched.
    Downloadable,
    /// Nothing to send: a service, a warranty.
    Virtual,
    /// A code with a balance.
    GiftCard,
}

/// Whether visitors see a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Visible and for sale.
    Active,
    /// Not yet published.
    #[default]
    Draft,
    /// Kept for the records.
    Archived,
}

/// Titles and descriptions for search engines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seo {
    /// The title of the page.
    pub title: Scoped<String>,
    /// Its description.
    pub description: Scoped<String>,
    /// Its key words.
    pub keywords: Scoped<String>,
}

/// A value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// The value variants refer to.
    pub value: String,
    /// How it is shown, per scope.
    #[serde(default)]
    pub label: Scoped<String>,
}

/// A property in which the variants differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductOption {
    /// The name variants refer to.
    pub name: String,
    /// How it is shown, per scope.
    #[serde(default)]
    pub label: Scoped<String>,
    /// Its values in order.
    pub values: Vec<OptionValue>,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Where it lies.
    pub url: String,
    /// Its place, from 1.
    pub position: u32,
    /// Its text for those who do not see it.
    pub alt_text: Scoped<String>,
}

/// Membership of a category or collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The source id of the category or collection.
    pub source_id: String,
    /// The product's place in it, from 1.
    pub position: Option<u32>,
}

/// How two products belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// Shown beside it.
    Related,
    /// A better one.
    UpSell,
    /// Something to go with it.
    CrossSell,
    /// A member of a grouped product.
    Member,
}

/// A reference to another product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// How they belong together.
    pub kind: RelationKind,
    /// The other product's source id.
    pub product: String,
    /// Its place, from 1.
    pub position: Option<u32>,
    /// How many pieces a grouped product proposes.
    pub quantity: Option<Decimal>,
}

/// A part of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleComponent {
    /// The choice this component belongs to, such as "Case".
    pub choice: Option<String>,
    /// Whether a choice must be made.
    pub required: bool,
    /// The product's source id.
    pub product: String,
    /// The variant's source id, where one is fixed.
    pub variant: Option<String>,
    /// How many pieces.
    pub quantity: Decimal,
    /// The price in the bundle, where it differs.
    pub price: Option<Price>,
}

/// A file that comes with a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Its title.
    pub title: String,
    /// Where it lies.
    pub url: String,
    /// How often it may be fetched; none is without limit.
    pub downloads_max: Option<u32>,
    /// Whether it is a sample that anybody may fetch.
    pub sample: bool,
}

/// A value of a question asked at the time of sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomOptionValue {
    /// What is shown.
    pub title: Scoped<String>,
    /// What it adds to the price.
    pub surcharge: Option<Price>,
    /// What it adds to the article number.
    pub sku_suffix: Option<String>,
}

/// A question asked at the time of sale that makes no variant: an engraving, a gift wrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomOption {
    /// What is asked.
    pub title: Scoped<String>,
    /// The form field: `text`, `select`, `checkbox`, `file`, `date`, as the source names it.
    pub input: String,
    /// Whether an answer is needed.
    pub required: bool,
    /// The answers to choose from; empty for free text.
    pub values: Vec<CustomOptionValue>,
}

/// A field the merchant or an app defined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Its name space in the source; empty where there is none.
    pub namespace: String,
    /// Its name.
    pub key: String,
    /// Its type as the source names it; none where it does not say.
    pub value_type: Option<String>,
    /// Its value per scope.
    pub value: Scoped<serde_json::Value>,
}

/// A product with everything that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// Its id in the source.
    pub source_id: String,
    /// How it is made up.
    pub product_type: ProductType,
    /// Whether visitors see it.
    pub status: ProductStatus,
    /// Its name.
    pub title: Scoped<String>,
    /// Its description as HTML.
    pub description_html: Scoped<String>,
    /// A shorter one.
    pub short_description_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// Its brand or maker.
    pub vendor: Option<String>,
    /// The merchant's own word for what it is, such as "Shirt".
    pub merchandise_type: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// In what the variants differ.
    pub options: Vec<ProductOption>,
    /// The variants, at least one.
    pub variants: Vec<Variant>,
    /// Pictures in order.
    pub images: Vec<Image>,
    /// The categories it is in.
    pub categories: Vec<Placement>,
    /// The collections it is in.
    pub collections: Vec<Placement>,
    /// Other products it refers to.
    pub relations: Vec<Relation>,
    /// The parts of a bundle.
    pub bundle_components: Vec<BundleComponent>,
    /// Files that come with it.
    pub downloads: Vec<Download>,
    /// Questions asked at the time of sale.
    pub custom_options: Vec<CustomOption>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// When it became visible.
    pub published_at: Option<Instant>,
    /// When it was made.
    pub created_at: Option<Instant>,
    /// When it was last changed.
    pub updated_at: Option<Instant>,
    /// When it stops being new, for platforms that mark new products.
    pub new_until: Option<DateTime<Utc>>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
