//! Reading a shop.

use async_trait::async_trait;
use cartage_model::{Kind, RawFailure, RawRecord, RawScope, ReadMap};
use serde::{Deserialize, Serialize};

use crate::Result;

/// One thing that was checked on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// Its name, such as `credentials` or `orders_file`.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was found, as a sentence.
    pub message: String,
}

/// What [`Source::check`] and [`crate::Target::check`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The shop's own name or version, where it tells.
    pub shop: Option<String>,
    /// All that was checked.
    pub items: Vec<CheckItem>,
}

impl Check {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.items.iter().all(|item| item.passed)
    }
}

/// A page of raw records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was read, in the source's order.
    pub records: Vec<RawRecord>,
    /// What could not be read.
    pub failures: Vec<RawFailure>,
    /// Where to go on; none at the end. Opaque to everyone but the connector.
    pub next: Option<String>,
}

/// A shop that can be read.
#[async_trait]
pub trait Source: Send + Sync {
    /// Looks whether the shop can be read: credentials, files, columns.
    async fn check(&self) -> Result<Check>;

    /// The kinds it can give, in loading order.
    fn kinds(&self) -> Vec<Kind>;

    /// How many records of a kind there are, where that is cheap to know. An estimate for
    /// progress, never for accounting.
    async fn count(&self, kind: Kind) -> Result<Option<u64>>;

    /// What the shop says about its parts: websites, store views, channels, markets, languages,
    /// currencies. Empty where it says nothing; [`ReadMap::scopes`] makes the tree of it.
    async fn scopes(&self) -> Result<Vec<RawScope>>;

    /// The page behind `cursor`, the first one without. Walking all pages gives every record once.
    async fn page(&self, kind: Kind, cursor: Option<&str>) -> Result<Page>;

    /// The map that makes canonical records of its raw ones.
    fn read_map(&self) -> Box<dyn ReadMap>;
}
