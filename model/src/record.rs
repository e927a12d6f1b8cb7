//! One record of any kind.

use serde::{Deserialize, Serialize};

use crate::{
    Category, Collection, Company, Coupon, Customer, CustomerGroup, GiftCard, Kind, Order, Page,
    Post, Product, Review, Unreadable, Url,
};

/// An aggregate root with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "records are moved one at a time, never in arrays of mixed kinds"
)]
pub enum Record {
    /// See [`Category`].
    Category(Category),
    /// See [`Collection`].
    Collection(Collection),
    /// See [`Product`].
    Product(Product),
    /// See [`CustomerGroup`].
    CustomerGroup(CustomerGroup),
    /// See [`Company`].
    Company(Company),
    /// See [`Customer`].
    Customer(Customer),
    /// See [`Coupon`].
    Coupon(Coupon),
    /// See [`GiftCard`].
    GiftCard(GiftCard),
    /// See [`Order`].
    Order(Order),
    /// See [`Review`].
    Review(Review),
    /// See [`Page`].
    Page(Page),
    /// See [`Post`].
    Post(Post),
    /// See [`Url`].
    Url(Url),
}

impl Record {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Category(_) => Kind::Category,
            Self::Collection(_) => Kind::Collection,
            Self::Product(_) => Kind::Product,
            Self::CustomerGroup(_) => Kind::CustomerGroup,
            Self::Company(_) => Kind::Company,
            Self::Customer(_) => Kind::Customer,
            Self::Coupon(_) => Kind::Coupon,
            Self::GiftCard(_) => Kind::GiftCard,
            Self::Order(_) => Kind::Order,
            Self::Review(_) => Kind::Review,
            Self::Page(_) => Kind::Page,
            Self::Post(_) => Kind::Post,
            Self::Url(_) => Kind::Url,
        }
    }

    /// Its id in the source: opaque, exactly as the platform says it, unique within its kind.
    pub fn source_id(&self) -> &str {
        match self {
            Self::Category(it) => &it.source_id,
            Self::Collection(it) => &it.source_id,
            Self::Product(it) => &it.source_id,
            Self::CustomerGroup(it) => &it.source_id,
            Self::Company(it) => &it.source_id,
            Self::Customer(it) => &it.source_id,
            Self::Coupon(it) => &it.source_id,
            Self::GiftCard(it) => &it.source_id,
            Self::Order(it) => &it.source_id,
            Self::Review(it) => &it.source_id,
            Self::Page(it) => &it.source_id,
            Self::Post(it) => &it.source_id,
            Self::Url(it) => &it.source_id,
        }
    }

    /// Whether what the record says of its own parts can be true: asked after every read map, so
    /// that no connector need repeat it. Refunds, fulfilments and invoices may name lines that are
    /// not there: shops remove a line of an order and keep the papers about it.
    ///
    /// # Errors
    /// [`Unreadable`] with the cause for which the record is quarantined.
    pub fn check(&self) -> Result<(), Unreadable> {
        match self {
            Self::Order(order) => order.check_lines(),
            _ => Ok(()),
        }
    }
}
