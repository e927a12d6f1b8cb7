//! Resource names: `accounts/{account}/connections/{connection}/…`, parsed once at the edge.

use crate::error::{Error, Result};

/// The collections a name can go through, and below which one each stands.
const COLLECTIONS: &[(&str, &str)] = &[
    ("accounts", ""),
    ("connections", "accounts"),
    ("uploads", "accounts"),
    ("migrations", "accounts"),
    ("snapshots", "connections"),
    ("restoreTests", "snapshots"),
    ("audits", "migrations"),
    ("mappings", "migrations"),
    ("revisions", "mappings"),
    ("plans", "migrations"),
    ("runs", "migrations"),
    ("verificationReports", "runs"),
];

/// A name that was parsed: its account and its last collection are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Parses a name of a wanted collection, such as `connections`, found in a field of a request.
    ///
    /// # Errors
    /// `INVALID_FIELDS` with what such a name looks like.
    pub fn parse(text: &str, collection: &str, field: &str) -> Result<Self> {
        let wrong = |problem: &str| {
            Err(Error::field(
                field,
                if text.is_empty() { "REQUIRED" } else { "FORMAT_INVALID" },
                format!("{problem}; a name looks like {}.", pattern(collection)),
            ))
        };
        if text.is_empty() {
            return wrong("The name is missing");
        }
        let parts: Vec<&str> = text.split('/').collect();
        if !parts.len().is_multiple_of(2) {
            return wrong("The name has an odd number of parts");
        }
        let mut above = "";
        for pair in parts.chunks(2) {
            let [name, id] = pair else { return wrong("The name is cut off") };
            if !COLLECTIONS.contains(&(*name, above)) {
                return wrong("The name goes through a collection that is not there");
            }
            if !is_id(id) {
                return wrong("The name has an id that is none");
            }
            above = name;
        }
        if above != collection {
            return wrong("The name is of another kind of resource");
        }
        Ok(Self(text.to_owned()))
    }

    /// A name that the server itself made or stored.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name of an account.
    pub fn account(account: &str) -> Self {
        Self(format!("accounts/{account}"))
    }

    /// The name of a child.
    pub fn child(&self, collection: &str, id: &str) -> Self {
        Self(format!("{}/{collection}/{id}", self.0))
    }

    /// The account's id.
    pub fn account_id(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// The last id.
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The name above; none for an account.
    pub fn parent(&self) -> Option<Self> {
        let (rest, _) = self.0.rsplit_once('/')?;
        let (parent, _) = rest.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stream of events a resource belongs to: its migration's, or the account's for what
    /// belongs to no migration.
    pub fn stream(&self) -> String {
        let parts: Vec<&str> = self.0.split('/').collect();
        let length = if parts.get(2) == Some(&"migrations") { 4 } else { 2 };
        parts.into_iter().take(length).collect::<Vec<_>>().join("/")
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is an id: `[a-z]([a-z0-9-]{0,61}[a-z0-9])?` (AIP-122).
pub fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= 63
        && first.is_ascii_lowercase()
        && (last.is_ascii_lowercase() || last.is_ascii_digit())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// The id a caller chose, or one made here.
///
/// # Errors
/// `INVALID_FIELDS` when the chosen one is no id.
pub fn chosen_id(chosen: &str, field: &str, prefix: &str) -> Result<String> {
    if chosen.is_empty() {
        return Ok(format!("{prefix}-{}", crate::id::new().simple()));
    }
    if is_id(chosen) {
        return Ok(chosen.to_owned());
    }
    Err(Error::field(
        field,
        "FORMAT_INVALID",
        "An id has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen.",
    ))
}

fn pattern(collection: &str) -> String {
    let mut parts = Vec::new();
    let mut current = collection;
    while let Some((name, above)) = COLLECTIONS.iter().find(|(name, _)| *name == current) {
        parts.push(format!("{name}/{{{}}}", name.trim_end_matches('s')));
        current = above;
    }
    parts.reverse();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_the_wanted_kind_or_refused() {
        let good = "accounts/a/connections/c/snapshots/s";
        let name = Name::parse(good, "snapshots", "name").unwrap();
        assert_eq!(name.account_id(), "a");
        assert_eq!(name.id(), "s");
        assert_eq!(name.parent().unwrap().as_str(), "accounts/a/connections/c");
        assert_eq!(name.stream(), "accounts/a");
        assert_eq!(
            Name::trusted("accounts/a/migrations/m/runs/r").stream(),
            "accounts/a/migrations/m"
        );
        for bad in [
            "",
            "accounts/a",
            "accounts/a/connections/c",
            "accounts/a/snapshots/s",
            "accounts/A/connections/c/snapshots/s",
            "accounts/a/connections/c/snapshots/../x",
            "accounts/a/connections/c/snapshots/",
            "accounts/a/connections/c/snapshots",
        ] {
            assert!(Name::parse(bad, "snapshots", "name").is_err(), "{bad}");
        }
    }
}
