//! Time as a shop said it: an instant in UTC beside the original text and the zone it was read in.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where the offset of an [`Instant`] came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The text carried its own offset, in seconds east of UTC.
    Offset(i32),
    /// The text had no offset; this one, in seconds east of UTC, was assumed.
    Guessed(i32),
}

/// A point in time with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// The instant in UTC.
    pub utc: DateTime<Utc>,
    /// The text as the source wrote it.
    pub original: String,
    /// The offset, and whether it was guessed.
    pub zone: Zone,
}

/// The text is no date and time of a known form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date and time")]
pub struct InstantError(pub String);

impl Instant {
    /// Reads RFC 3339, `2024-03-01 10:12:13 +0100` and, with the offset assumed, the same without
    /// an offset.
    ///
    /// # Errors
    /// [`InstantError`] for any other text.
    pub fn parse(text: &str, assumed_offset_s: i32) -> Result<Self, InstantError> {
        let trimmed = text.trim();
        let with_offset = DateTime::parse_from_rfc3339(trimmed)
            .or_else(|_| DateTime::parse_from_str(trimmed, "%Y-%m-%d %H:%M:%S %z"))
            .or_else(|_| DateTime::parse_from_str(trimmed, "%Y-%m-%dT%H:%M:%S%z"));
        if let Ok(instant) = with_offset {
            return Ok(Self {
                utc: instant.with_timezone(&Utc),
                original: text.to_owned(),
                zone: Zone::Offset(instant.offset().local_minus_utc()),
            });
        }
        // Shopify writes "2024-03-01 10:12:13 UTC" in the exports of some shops.
        let (naive_text, zone) = match trimmed.strip_suffix(" UTC") {
            Some(rest) => (rest, Zone::Offset(0)),
            None => (trimmed, Zone::Guessed(assumed_offset_s)),
        };
        let naive = NaiveDateTime::parse_from_str(naive_text, "%Y-%m-%d %H:%M:%S")
            .or_else(|_| NaiveDateTime::parse_from_str(naive_text, "%Y-%m-%dT%H:%M:%S"))
            .map_err(|_| InstantError(text.to_owned()))?;
        let offset_s = match zone {
            Zone::Offset(offset) | Zone::Guessed(offset) => offset,
        };
        let utc = naive.and_utc() - chrono::TimeDelta::seconds(i64::from(offset_s));
        Ok(Self { utc, original: text.to_owned(), zone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, utc: &str, zone: Zone) {
        let instant = Instant::parse(text, 3_600).unwrap();
        assert_eq!(instant.utc.to_rfc3339(), utc, "{text}");
        assert_eq!(instant.zone, zone, "{text}");
        assert_eq!(instant.original, text);
    }

    #[test]
    fn an_offset_in_the_text_wins_and_a_guess_says_so() {
        check("2024-03-01 10:12:13 +0100", "2024-03-01T09:12:13+00:00", Zone::Offset(3_600));
        check("2024-03-01T10:12:13-05:00", "2024-03-01T15:12:13+00:00", Zone::Offset(-18_000));
        check("2024-03-01 10:12:13 UTC", "2024-03-01T10:12:13+00:00", Zone::Offset(0));
        check("2024-03-01 10:12:13", "2024-03-01T09:12:13+00:00", Zone::Guessed(3_600));
        assert!(Instant::parse("1.3.2024", 0).is_err());
    }
}
