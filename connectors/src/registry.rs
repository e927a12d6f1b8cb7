//! The platforms there are: one enum, and one match per question.

use std::{fmt, str::FromStr};

/// A platform with a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlatformId {
    /// Shopify's CSV exports, as a source.
    ShopifyCsv,
    /// Medusa 2, as a target (and read for its snapshot).
    Medusa,
}

impl PlatformId {
    /// Every platform.
    pub const ALL: [Self; 2] = [Self::ShopifyCsv, Self::Medusa];

    /// Its id in resource names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShopifyCsv => "shopify-csv",
            Self::Medusa => "medusa",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ShopifyCsv => "Shopify (CSV exports)",
            Self::Medusa => "Medusa 2",
        }
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a platform")]
pub struct UnknownPlatform(pub String);

impl FromStr for PlatformId {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, UnknownPlatform> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| UnknownPlatform(text.to_owned()))
    }
}
