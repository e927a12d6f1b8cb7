//! The lines of an order, and what changes its sum: taxes, discounts, fees, shipping.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Instant, Money, ProductType, SelectedOption, UnknownFields, Weight};

/// A tax that was charged, with its rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedTax {
    /// Its name, such as "MwSt.".
    pub title: Option<String>,
    /// Its rate in percent.
    pub rate_percent: Option<Decimal>,
    /// How much.
    pub money: Money,
    /// Its code or id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who levies it: the state, county or town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// What it was reckoned of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Money>,
    /// Whether it is contained in the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// What changes the sum of an order and is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// Lowers it.
    Discount,
    /// Raises it: payment fee, gift wrap, duties.
    Fee,
    /// Paid with a gift card.
    GiftCard,
    /// Paid with store credit.
    StoreCredit,
    /// Rounding.
    Rounding,
}

/// A discount, fee or rounding. The amount is positive for what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What it is.
    pub kind: AdjustmentKind,
    /// The code that was used.
    pub code: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// How much.
    pub money: Money,
    /// The source id of the coupon it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// The taxes in or on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<AppliedTax>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its id in the source; where the format has none, the order's id and its place.
    pub source_id: String,
    /// Its place, from 1.
    pub position: u32,
    /// The product's source id, where it is known.
    pub product: Option<String>,
    /// The variant's source id, where it is known.
    pub variant: Option<String>,
    /// The article number as it was.
    pub sku: Option<String>,
    /// The name as it was.
    pub title: String,
    /// The brand as it was.
    pub vendor: Option<String>,
    /// How many.
    pub quantity: Decimal,
    /// The price of one piece.
    pub unit_price: Money,
    /// The struck-through price of one piece.
    pub compare_at_price: Option<Money>,
    /// What was taken off the whole line.
    pub discount: Option<Money>,
    /// The taxes in or on the line.
    pub taxes: Vec<AppliedTax>,
    /// Whether it was taxed.
    pub taxable: Option<bool>,
    /// Whether it had to be sent.
    pub requires_shipping: Option<bool>,
    /// How far sending has come, as the source names it.
    pub fulfilment_state: Option<String>,
    /// Answers to questions asked at the time of sale.
    pub properties: Vec<CustomField>,
    /// The source id of the line it is a part of: a bundle, a grouped product, a thing with extras.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_line: Option<String>,
    /// How the product was made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<ProductType>,
    /// The variant's value for each option as it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<SelectedOption>,
    /// Discounts and fees of this line, one by one; `discount` is their sum where both stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
    /// What the whole line came to, as the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// What one piece had cost the merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Its tax class as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// The weight of one piece as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Source ids of the gift cards that were bought with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gift_cards: Vec<String>,
    /// The files that were bought with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<LineDownload>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A way of sending that was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingLine {
    /// Its name.
    pub title: Option<String>,
    /// What it cost before discounts.
    pub money: Money,
    /// The taxes in or on it.
    pub taxes: Vec<AppliedTax>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The code of the way of sending, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// What was taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A file that was bought, and how far it was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineDownload {
    /// Its title as it was.
    pub title: String,
    /// Where it lies.
    pub url: Option<String>,
    /// How often it was fetched.
    pub downloads: Option<u32>,
    /// How often it may be fetched in all; none is without limit.
    pub downloads_max: Option<u32>,
    /// Until when.
    pub expires_at: Option<Instant>,
    /// How far it has come, as the source names it.
    pub state: Option<String>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

impl AppliedTax {
    /// A tax of which nothing but the sum is known.
    pub const fn new(money: Money) -> Self {
        Self {
            title: None,
            rate_percent: None,
            money,
            code: None,
            jurisdiction: None,
            base: None,
            included: None,
            unknown: UnknownFields::NONE,
        }
    }
}

impl Adjustment {
    /// An adjustment of which nothing but the sum is known.
    pub const fn new(kind: AdjustmentKind, money: Money) -> Self {
        Self {
            kind,
            code: None,
            title: None,
            money,
            coupon: None,
            taxes: Vec::new(),
            unknown: UnknownFields::NONE,
        }
    }
}

impl ShippingLine {
    /// A way of sending of which nothing but the price is known.
    pub const fn new(money: Money) -> Self {
        Self {
            title: None,
            money,
            taxes: Vec::new(),
            source_id: None,
            code: None,
            carrier: None,
            discount: None,
            unknown: UnknownFields::NONE,
        }
    }
}

impl OrderLine {
    /// A line of which nothing but what was bought for how much is known.
    pub const fn new(
        source_id: String,
        position: u32,
        quantity: Decimal,
        unit_price: Money,
    ) -> Self {
        Self {
            source_id,
            position,
            product: None,
            variant: None,
            sku: None,
            title: String::new(),
            vendor: None,
            quantity,
            unit_price,
            compare_at_price: None,
            discount: None,
            taxes: Vec::new(),
            taxable: None,
            requires_shipping: None,
            fulfilment_state: None,
            properties: Vec::new(),
            parent_line: None,
            product_type: None,
            options: Vec::new(),
            adjustments: Vec::new(),
            total: None,
            cost: None,
            tax_class: None,
            weight: None,
            gift_cards: Vec::new(),
            downloads: Vec::new(),
            unknown: UnknownFields::NONE,
        }
    }
}
