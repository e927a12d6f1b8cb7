//! The kinds of record, in the order in which a target must receive them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a record is. The order of the variants is the order of loading: whatever a kind refers to
/// stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A node of a category tree.
    Category,
    /// A flat, hand-made or rule-made set of products.
    Collection,
    /// A product with its variants, images and options.
    Product,
    /// A group of customers that prices or terms refer to.
    CustomerGroup,
    /// A company that buys, with its members.
    Company,
    /// A person who buys.
    Customer,
    /// A code or rule that lowers a price.
    Coupon,
    /// A code that holds a balance.
    GiftCard,
    /// An order with everything that happened to it.
    Order,
    /// A customer's opinion of a product.
    Review,
    /// A static page.
    Page,
    /// An article of a blog.
    Post,
    /// A public address of the shop, with where it leads.
    Url,
}

impl Kind {
    /// Every kind, in the order of loading.
    pub const ALL: [Self; 13] = [
        Self::Category,
        Self::Collection,
        Self::Product,
        Self::CustomerGroup,
        Self::Company,
        Self::Customer,
        Self::Coupon,
        Self::GiftCard,
        Self::Order,
        Self::Review,
        Self::Page,
        Self::Post,
        Self::Url,
    ];

    /// The name used in paths, tables, keys and JSON: lower case, underscores, singular.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Collection => "collection",
            Self::Product => "product",
            Self::CustomerGroup => "customer_group",
            Self::Company => "company",
            Self::Customer => "customer",
            Self::Coupon => "coupon",
            Self::GiftCard => "gift_card",
            Self::Order => "order",
            Self::Review => "review",
            Self::Page => "page",
            Self::Post => "post",
            Self::Url => "url",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind of record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of record")]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
