//! Coupons and gift cards.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{BalanceChange, CustomField, Instant, Money, Scope, ScopedValue, UnknownFields};

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
    /// Of so many pieces, some cost less.
    BuyGet(BuyGet),
    /// Another price instead of the usual one, per currency.
    FixedPrice(Vec<Money>),
    /// Something else, as the source wrote it.
    Other(serde_json::Value),
}

/// Who buys some pieces, gets others for less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuyGet {
    /// How many pieces must be bought.
    pub buy: Decimal,
    /// How many are then cheaper.
    pub get: Decimal,
    /// What is taken off those, in percent; 100 makes them free.
    pub percent_off: Decimal,
    /// Source ids of the products that are then cheaper; empty is those that were bought.
    pub products: Vec<String>,
}

/// One of several codes with the same terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CouponCode {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// What the customer types.
    pub code: String,
    /// How often it was used.
    pub uses: Option<u64>,
    /// How often it may be used.
    pub uses_max: Option<u64>,
    /// The customer it was made for, by its source id.
    pub customer: Option<String>,
    /// Until when.
    pub ends_at: Option<Instant>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    /// What narrower scopes than the shop say of its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title_scoped: Vec<ScopedValue<String>>,
    /// What it is about, for the merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it holds; empty is the whole shop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// The codes that share these terms, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CouponCode>,
    /// What it is taken off: `order`, `line`, `shipping`, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<String>,
    /// The most it gives, per currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value_max: Vec<Money>,
    /// From how many pieces on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_min: Option<Decimal>,
    /// Source ids of the products it does not hold for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_products: Vec<String>,
    /// Source ids of the categories or collections it does not hold for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_categories: Vec<String>,
    /// Source ids of the customers it is limited to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// Whether it may be used together with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combinable: Option<bool>,
    /// Its turn among others: the lowest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Conditions without a field here, as the source wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<serde_json::Value>,
    /// Fields the merchant defined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
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
    /// Where it may be spent; none is the whole shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The end of the code, where the source shows no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_end: Option<String>,
    /// What came and went, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<BalanceChange>,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    /// E-mail of who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_email: Option<String>,
    /// Who got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_name: Option<String>,
    /// E-mail of who got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_email: Option<String>,
    /// What was written to the one who got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The merchant's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
