//! What a shop says beside its goods: reviews, pages, posts and addresses.

use serde::{Deserialize, Serialize};

use crate::{Image, Instant, Kind, Scoped, Seo, UnknownFields};

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
}

/// A public address of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// Its id in the source; where there is none, the path itself.
    pub source_id: String,
    /// The path with its query, as visitors use it.
    pub path: String,
    /// Where it holds.
    pub scope: Option<crate::Scope>,
    /// What it shows: the kind of record.
    pub shows_kind: Option<Kind>,
    /// And its source id.
    pub shows_source_id: Option<String>,
    /// Where it leads, when it shows nothing itself.
    pub redirect: Option<Redirect>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
