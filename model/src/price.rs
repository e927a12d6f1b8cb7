//! Prices of a variant.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Money, Scope};

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// What is asked for one piece.
    Regular,
    /// What is asked instead of the regular price, within its dates.
    Special,
    /// What is asked for one piece from a quantity on, or of a customer group.
    Tier,
    /// What the merchant paid.
    Cost,
    /// The price the manufacturer recommends, shown struck through.
    Msrp,
}

/// One price in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What it is for.
    pub kind: PriceKind,
    /// How much.
    pub money: Money,
    /// Where it holds; none is the whole shop.
    pub scope: Option<Scope>,
    /// Whether tax is in it; none where the source does not say.
    pub includes_tax: Option<bool>,
    /// From when on a special price holds.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when it holds.
    pub ends_at: Option<DateTime<Utc>>,
    /// From how many pieces on a tier price holds.
    pub quantity_min: Option<Decimal>,
    /// For which customer group (its source id) it holds.
    pub customer_group: Option<String>,
}

impl Price {
    /// A price without conditions.
    pub const fn plain(kind: PriceKind, money: Money) -> Self {
        Self {
            kind,
            money,
            scope: None,
            includes_tax: None,
            starts_at: None,
            ends_at: None,
            quantity_min: None,
            customer_group: None,
        }
    }
}
