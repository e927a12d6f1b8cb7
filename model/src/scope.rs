//! Scopes: the part of a shop a value belongs to, and how a narrower part inherits from a wider.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The part of a shop a value belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "level", content = "code")]
pub enum Scope {
    /// The whole shop.
    Shop,
    /// One website of it; a channel or market of platforms that have those instead.
    Website(String),
    /// One store view (a language or region of a website).
    StoreView(String),
    /// A language tag (BCP 47) wherever it is used.
    Locale(String),
}

impl Scope {
    /// Its level, as JSON and tables name it.
    pub const fn level(&self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Website(_) => "website",
            Self::StoreView(_) => "store_view",
            Self::Locale(_) => "locale",
        }
    }

    /// Its code in the source; none for the whole shop, of which there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Shop => None,
            Self::Website(code) | Self::StoreView(code) | Self::Locale(code) => Some(code),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code() {
            None => f.write_str("shop"),
            Some(code) => write!(f, "{} {code:?}", self.level()),
        }
    }
}

/// A value in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopedValue<T> {
    /// Where it holds.
    pub scope: Scope,
    /// What holds there.
    pub value: T,
}

/// A value of the whole shop, and what narrower scopes say instead.
///
/// A field that a platform may keep per scope is one of these. Where the model had a plain field
/// before ([`crate::Product::status`]), that one stays the shop's value and `…_scoped` beside it
/// holds the narrower ones: the JSON of a shop without scopes is then what it always was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scoped<T> {
    /// The value of the shop, inherited wherever nothing narrower stands.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub value: Option<T>,
    /// The narrower values.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<ScopedValue<T>>,
}

impl<T> Default for Scoped<T> {
    fn default() -> Self {
        Self { value: None, scoped: Vec::new() }
    }
}

impl<T> Scoped<T> {
    /// A value of the whole shop.
    pub const fn shop(value: T) -> Self {
        Self { value: Some(value), scoped: Vec::new() }
    }

    /// A value of the whole shop, or none.
    pub const fn optional(value: Option<T>) -> Self {
        Self { value, scoped: Vec::new() }
    }

    /// Whether nothing is said in any scope.
    pub const fn is_empty(&self) -> bool {
        self.value.is_none() && self.scoped.is_empty()
    }

    /// The first value along a chain of scopes, the shop's last.
    pub fn resolve(&self, chain: &[Scope]) -> Option<&T> {
        nearest(self.value.as_ref(), &self.scoped, chain)
    }

    /// The value that holds in a scope, its own or the nearest inherited one.
    ///
    /// # Errors
    /// [`ScopeError::Unknown`] where the tree has no such scope.
    pub fn effective(
        &self,
        tree: &crate::ScopeTree,
        scope: &Scope,
    ) -> Result<Option<&T>, ScopeError> {
        Ok(self.resolve(&tree.chain(scope)?))
    }
}

/// The first of the narrower values along a chain, else the shop's.
pub(crate) fn nearest<'a, T>(
    shop: Option<&'a T>,
    narrower: &'a [ScopedValue<T>],
    chain: &[Scope],
) -> Option<&'a T> {
    chain
        .iter()
        .find_map(|scope| narrower.iter().find(|it| it.scope == *scope).map(|it| &it.value))
        .or(shop)
}

/// What is wrong with the parts of a shop, or with a question about them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The shop has no such part.
    #[error("the shop has no {0}")]
    Unknown(Scope),
    /// Two parts of one level have the same code.
    #[error("there are two of {0}")]
    Duplicate(Scope),
    /// A part lies in one that the shop does not have.
    #[error("{scope} lies in {parent}, which the shop does not have")]
    ParentUnknown {
        /// The part.
        scope: Scope,
        /// What it is said to lie in.
        parent: Scope,
    },
    /// A part lies in one that cannot hold it, such as a website in a store view.
    #[error("{scope} cannot lie in {parent}")]
    ParentUnfit {
        /// The part.
        scope: Scope,
        /// What it is said to lie in.
        parent: Scope,
    },
    /// A part lies in itself, directly or through others.
    #[error("{0} lies in itself")]
    Cycle(Scope),
}

impl ScopeError {
    /// The error reason, as in the API.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown(_) | Self::ParentUnknown { .. } => "REFERENCE_MISSING",
            Self::Duplicate(_) | Self::ParentUnfit { .. } | Self::Cycle(_) => "VALUE_INVALID",
        }
    }

    /// The cause for which what it is about cannot be read.
    pub fn to_unreadable(&self) -> crate::Unreadable {
        crate::Unreadable::record(self.reason(), self.to_string())
    }
}
