//! Cells read as what their columns hold. Messages name the column and the row, never the text: a
//! shifted row may have anybody's address in a price.

use std::str::FromStr;

use cartage_model::{Currency, Instant, Money, MoneyError, Unreadable};
use rust_decimal::Decimal;

use super::{super::reason, sheet::Sheet};

/// `true` and `yes` in any case.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// The parts of a list with commas, without blanks around them.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A number with a decimal point: digits, nothing that only a programmer would write.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let trimmed = text.trim();
    let plain = trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    Decimal::from_str(trimmed).ok().filter(|_| plain)
}

impl Sheet {
    fn fault(&self, reason: &str, row: usize, key: &str, problem: &str) -> Unreadable {
        let heading = self.heading(key);
        let message = format!("The column {heading:?} {problem} in row {} of the record.", row + 1);
        Unreadable::field(reason, heading, message)
    }

    /// The cause for a cell that must say something and does not.
    pub(super) fn is_missing(&self, row: usize, key: &str) -> Unreadable {
        self.fault(reason::FIELD_MISSING, row, key, "is empty")
    }

    /// An amount, unless the cell is blank.
    pub(super) fn money(
        &mut self,
        row: usize,
        key: &str,
        currency: &Currency,
    ) -> Result<Option<Money>, Unreadable> {
        let Some(text) = self.take(row, key) else { return Ok(None) };
        let malformed = |problem| self.fault(reason::MONEY_MALFORMED, row, key, problem);
        if decimal(&text).is_none() {
            return Err(malformed("is no decimal amount"));
        }
        match Money::parse(&text, currency.clone()) {
            Ok(money) => Ok(Some(money)),
            Err(MoneyError::TooPrecise(_)) => Err(malformed("has more digits than can be kept")),
            Err(MoneyError::Amount(_) | MoneyError::Currency(_)) => {
                Err(malformed("is no decimal amount"))
            }
        }
    }

    /// A number, unless the cell is blank.
    pub(super) fn number(&mut self, row: usize, key: &str) -> Result<Option<Decimal>, Unreadable> {
        let Some(text) = self.take(row, key) else { return Ok(None) };
        match decimal(&text) {
            Some(number) => Ok(Some(number)),
            None => Err(self.fault(reason::VALUE_INVALID, row, key, "is no number")),
        }
    }

    /// A time, unless the cell is blank.
    pub(super) fn instant(
        &mut self,
        key: &str,
        assumed_utc_offset_s: i32,
    ) -> Result<Option<Instant>, Unreadable> {
        let Some(text) = self.take_first(key) else { return Ok(None) };
        match Instant::parse(&text, assumed_utc_offset_s) {
            Ok(instant) => Ok(Some(instant)),
            Err(_) => Err(self.fault(reason::VALUE_INVALID, 0, key, "is no date and time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_digits_a_sign_and_a_point_only() {
        assert_eq!(decimal(" 19.90 ").map(|number| number.to_string()), Some("19.90".to_owned()));
        assert_eq!(decimal("-3"), Some(Decimal::from(-3)));
        for text in ["12,5O", "1_000", "1e3", "", "1,000.00", "€5"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
