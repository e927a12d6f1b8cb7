//! Money: a decimal with the scale the shop gave it, and a currency.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An ISO 4217 code: three upper-case letters. Whether the code is in use is a rule of the audit,
/// not of the type, because shops hold codes that were withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

/// Why a text is not money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The currency is not three letters.
    #[error("{0:?} is not a currency code of three letters")]
    Currency(String),
    /// The amount is not a decimal number with a point.
    #[error("{0:?} is not a decimal amount")]
    Amount(String),
    /// The amount has more digits than the tables hold (30 before the point, 8 behind it).
    #[error("{0:?} has more digits than can be kept")]
    TooPrecise(String),
}

impl Currency {
    /// Reads a code in any case.
    ///
    /// # Errors
    /// [`MoneyError::Currency`] when it is not three ASCII letters.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let trimmed = text.trim();
        if trimmed.len() == 3 && trimmed.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            Ok(Self(trimmed.to_ascii_uppercase()))
        } else {
            Err(MoneyError::Currency(text.to_owned()))
        }
    }

    /// The code in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many decimals the currency has in trade (ISO 4217, list one, read 2026-11-23).
    pub fn minor_digits(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount in a currency. The scale is the source's own: `19.90` and `19.9` are equal in value
/// and differ in text. Nothing but a write map rounds it, and says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount in major units, as a decimal string in JSON.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// The most decimals a table keeps (`decimal128(38, 8)`).
    pub const SCALE_MAX: u32 = 8;

    /// An amount as it is.
    pub const fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Reads an amount with a decimal point and without separators of thousands.
    ///
    /// # Errors
    /// [`MoneyError::Amount`] for anything else, [`MoneyError::TooPrecise`] beyond eight decimals.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal =
            Decimal::from_str(amount.trim()).map_err(|_| MoneyError::Amount(amount.to_owned()))?;
        if decimal.normalize().scale() > Self::SCALE_MAX {
            return Err(MoneyError::TooPrecise(amount.to_owned()));
        }
        Ok(Self { amount: decimal, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_keeps_the_scale_it_came_with() {
        let euro = Currency::parse("eur").unwrap();
        let money = Money::parse("19.9000", euro).unwrap();
        assert_eq!(money.to_string(), "19.9000 EUR");
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_text() {
        let euro = Currency::parse("EUR").unwrap();
        for text in ["12,5O", "1.234,50", "", "NaN", "1e3x"] {
            assert_eq!(
                Money::parse(text, euro.clone()),
                Err(MoneyError::Amount(text.to_owned())),
                "{text}"
            );
        }
        assert!(matches!(Money::parse("0.123456789", euro), Err(MoneyError::TooPrecise(_))));
        assert!(matches!(Currency::parse("EURO"), Err(MoneyError::Currency(_))));
    }
}
