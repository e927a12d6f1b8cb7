//! Currencies and exact amounts.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// The currencies a generated shop can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    Eur,
    /// US dollar.
    Usd,
    /// Pound sterling.
    Gbp,
    /// Yen, which has no smaller unit.
    Jpy,
}

impl Currency {
    /// The ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Eur => "EUR",
            Currency::Usd => "USD",
            Currency::Gbp => "GBP",
            Currency::Jpy => "JPY",
        }
    }

    /// Digits after the decimal point.
    pub fn scale(self) -> u32 {
        match self {
            Currency::Jpy => 0,
            Currency::Eur | Currency::Usd | Currency::Gbp => 2,
        }
    }

    /// What one euro is worth, in this currency: fixed, so that files repeat.
    fn per_euro(self) -> Decimal {
        match self {
            Currency::Eur => Decimal::ONE,
            Currency::Usd => Decimal::new(108, 2),
            Currency::Gbp => Decimal::new(85, 2),
            Currency::Jpy => Decimal::from(160),
        }
    }

    /// `amount` of this currency in another one, rounded to what that one can hold.
    pub(super) fn convert(self, amount: Decimal, to: Currency) -> Decimal {
        if self == to {
            return amount;
        }
        to.round(amount / self.per_euro() * to.per_euro())
    }

    /// Rounds half up to the currency's smallest unit.
    pub(super) fn round(self, amount: Decimal) -> Decimal {
        let mut rounded =
            amount.round_dp_with_strategy(self.scale(), RoundingStrategy::MidpointAwayFromZero);
        rounded.rescale(self.scale());
        rounded
    }

    /// As Shopify writes it: always with the currency's own number of decimals.
    pub(super) fn text(self, amount: Decimal) -> String {
        self.round(amount).to_string()
    }
}

/// `percent` (which may have decimals) of an amount, not rounded.
pub(super) fn share(amount: Decimal, percent: Decimal) -> Decimal {
    amount * percent / Decimal::ONE_HUNDRED
}
