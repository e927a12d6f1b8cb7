//! Coupons and gift cards.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Instant, Money, UnknownFields};

/// What a coupon gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponValue {
    /// A part of the price, in percent.
    Percent(Decimal),
    /// A fixed amount per currency.
    Amount(Vec<Money>),
    /// No shipping costs.
    FreeShipping,
}

/// A code or rule that lowers a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its id in the source.
    pub source_id: String,
    /// What the customer types; none for a rule that holds by itself.
    pub code: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// What it gives.
    pub value: CouponValue,
    /// From which sum on, per currency.
    pub subtotal_min: Vec<Money>,
    /// How often it may be used in all.
    pub uses_max: Option<u64>,
    /// How often by one customer.
    pub uses_per_customer_max: Option<u64>,
    /// How often it was used.
    pub uses: Option<u64>,
    /// Source ids of the products it is limited to.
    pub products: Vec<String>,
    /// Source ids of the categories or collections it is limited to.
    pub categories: Vec<String>,
    /// Source ids of the customer groups it is limited to.
    pub customer_groups: Vec<String>,
    /// From when on.
    pub starts_at: Option<Instant>,
    /// Until when.
    pub ends_at: Option<Instant>,
    /// Whether it can be used now.
    pub enabled: Option<bool>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A code that holds a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftCard {
    /// Its id in the source.
    pub source_id: String,
    /// The code; none where the source shows only its end.
    pub code: Option<String>,
    /// What it was sold with.
    pub initial: Option<Money>,
    /// What is left.
    pub balance: Money,
    /// The owner's source id.
    pub customer: Option<String>,
    /// The order it was bought with.
    pub order: Option<String>,
    /// Until when.
    pub expires_at: Option<Instant>,
    /// Whether it can be used.
    pub enabled: Option<bool>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
