//! One value on its way into a column.

use std::borrow::Cow;

use cartage_model::{Instant, Scoped};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// A value for a column of its type.
pub(in crate::snapshot) enum Cell<'a> {
    Text(Option<Cow<'a, str>>),
    Whole(Option<i64>),
    Flag(Option<bool>),
    Decimal(Option<Decimal>),
    Time(Option<DateTime<Utc>>),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl<'a> From<&'a Option<String>> for Cell<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref().map(Cow::from))
    }
}

impl<'a> From<&'a Scoped<String>> for Cell<'a> {
    fn from(text: &'a Scoped<String>) -> Self {
        Self::Text(text.value.as_deref().map(Cow::from))
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).ok())
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Self::Whole(Some(number.into()))
    }
}

impl From<Option<u64>> for Cell<'_> {
    fn from(number: Option<u64>) -> Self {
        Self::Whole(number.and_then(|number| i64::try_from(number).ok()))
    }
}

impl From<Option<u32>> for Cell<'_> {
    fn from(number: Option<u32>) -> Self {
        Self::Whole(number.map(i64::from))
    }
}

impl From<usize> for Cell<'_> {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).ok())
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(Some(flag))
    }
}

impl From<Option<bool>> for Cell<'_> {
    fn from(flag: Option<bool>) -> Self {
        Self::Flag(flag)
    }
}

impl From<Decimal> for Cell<'_> {
    fn from(number: Decimal) -> Self {
        Self::Decimal(Some(number))
    }
}

impl From<Option<Decimal>> for Cell<'_> {
    fn from(number: Option<Decimal>) -> Self {
        Self::Decimal(number)
    }
}

impl From<&Instant> for Cell<'_> {
    fn from(instant: &Instant) -> Self {
        Self::Time(Some(instant.utc))
    }
}

impl From<&Option<Instant>> for Cell<'_> {
    fn from(instant: &Option<Instant>) -> Self {
        Self::Time(instant.as_ref().map(|instant| instant.utc))
    }
}

impl From<Option<DateTime<Utc>>> for Cell<'_> {
    fn from(time: Option<DateTime<Utc>>) -> Self {
        Self::Time(time)
    }
}
