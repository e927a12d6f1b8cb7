//! What a shop says beside its goods: reviews, pages, posts and addresses.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Image, Instant, Kind, Scope, Scoped, ScopedValue, Seo, UnknownFields};

/// Points given for one criterion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CriterionRating {
    /// What was judged, such as "Quality".
    pub criterion: String,
    /// Points given.
    pub points: Decimal,
    /// The best rating.
    pub points_max: Option<Decimal>,
}

/// What a reader wrote below a post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comment {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// The comment it answers, by its source id.
    pub parent: Option<String>,
    /// The name shown.
    pub author: Option<String>,
    /// E-mail of the author.
    pub email: Option<String>,
    /// Text.
    pub body: String,
    /// Whether visitors see it.
    pub published: Option<bool>,
    /// When.
    pub written_at: Option<Instant>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A customer's opinion of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its id in the source.
    pub source_id: String,
    /// The product's source id.
    pub product: String,
    /// The customer's source id, where known.
    pub customer: Option<String>,
    /// The name shown.
    pub author: Option<String>,
    /// E-mail of the author.
    pub email: Option<String>,
    /// Points given, and of how many.
    pub rating: Option<u32>,
    /// The best rating.
    pub rating_max: Option<u32>,
    /// Headline.
    pub title: Option<String>,
    /// Text.
    pub body: Option<String>,
    /// Whether visitors see it.
    pub published: Option<bool>,
    /// Whether the author had bought the product.
    pub verified: Option<bool>,
    /// The merchant's answer.
    pub reply: Option<String>,
    /// Pictures.
    pub images: Vec<Image>,
    /// Its language tag (BCP 47).
    pub locale: Option<String>,
    /// When.
    pub written_at: Option<Instant>,
    /// The variant's source id, where the source says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The order it follows, by its source id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Where it is shown; empty is the whole shop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Points given by criterion, such as quality and price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<CriterionRating>,
    /// How many found it useful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helpful_votes: Option<u64>,
    /// How many did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhelpful_votes: Option<u64>,
    /// When the merchant answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<Instant>,
    /// Fields the merchant defined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A static page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Its id in the source.
    pub source_id: String,
    /// Headline.
    pub title: Scoped<String>,
    /// Text as HTML.
    pub body_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// Whether visitors see it.
    pub published: Option<bool>,
    /// When it became visible.
    pub published_at: Option<Instant>,
    /// What narrower scopes than the shop say of whether visitors see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published_scoped: Vec<ScopedValue<bool>>,
    /// Whether it belongs to a website or store view at all; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub assigned: Scoped<bool>,
    /// The source id of the page above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its place among its siblings, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The form it is shown in, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// Fields the merchant defined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// An article of a blog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Post {
    /// Its id in the source.
    pub source_id: String,
    /// The blog's name or id.
    pub blog: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Headline.
    pub title: Scoped<String>,
    /// Text as HTML.
    pub body_html: Scoped<String>,
    /// A shorter text as HTML.
    pub summary_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// Free words.
    pub tags: Vec<String>,
    /// Its picture.
    pub image: Option<Image>,
    /// Whether visitors see it.
    pub published: Option<bool>,
    /// When it became visible.
    pub published_at: Option<Instant>,
    /// What narrower scopes than the shop say of whether visitors see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published_scoped: Vec<ScopedValue<bool>>,
    /// Whether it belongs to a website or store view at all; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub assigned: Scoped<bool>,
    /// The categories of the blog it is in, by name or id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// What readers wrote below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// The form it is shown in, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// Fields the merchant defined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The path or address it leads to.
    pub target: String,
    /// The HTTP status: 301, 302, 307, 308 or 410.
    pub status: u16,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A public address of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// Its id in the source; where there is none, the path itself.
    pub source_id: String,
    /// The path with its query, as visitors use it.
    pub path: String,
    /// Where it holds.
    pub scope: Option<Scope>,
    /// What it shows: the kind of record.
    pub shows_kind: Option<Kind>,
    /// And its source id.
    pub shows_source_id: Option<String>,
    /// Where it leads, when it shows nothing itself.
    pub redirect: Option<Redirect>,
    /// Whether it holds now; none where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether the path is a pattern, in the form the source writes patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<bool>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
