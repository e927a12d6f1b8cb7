//! Names of resources: made from short forms, and taken apart.
//!
//! A name alternates collections and ids, `accounts/acme/migrations/spring/runs/first`. A person may leave
//! out what is plain from the context: `spring/first`, or `migrations/spring/runs/first`.

use crate::Error;

/// A kind of resource, by the collections its name goes through below the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(&'static [&'static str]);

impl Pattern {
    /// `accounts/{account}/connections/{connection}`.
    pub const CONNECTION: Self = Self(&["connections"]);
    /// `accounts/{account}/connections/{connection}/snapshots/{snapshot}`.
    pub const SNAPSHOT: Self = Self(&["connections", "snapshots"]);
    /// `accounts/{account}/uploads/{upload}`.
    pub const UPLOAD: Self = Self(&["uploads"]);
    /// `accounts/{account}/migrations/{migration}`.
    pub const MIGRATION: Self = Self(&["migrations"]);
    /// `accounts/{account}/migrations/{migration}/audits/{audit}`.
    pub const AUDIT: Self = Self(&["migrations", "audits"]);
    /// `accounts/{account}/migrations/{migration}/mappings/{mapping}`.
    pub const MAPPING: Self = Self(&["migrations", "mappings"]);
    /// `accounts/{account}/migrations/{migration}/mappings/{mapping}/revisions/{revision}`.
    pub const MAPPING_REVISION: Self = Self(&["migrations", "mappings", "revisions"]);
    /// `accounts/{account}/migrations/{migration}/plans/{plan}`.
    pub const PLAN: Self = Self(&["migrations", "plans"]);
    /// `accounts/{account}/migrations/{migration}/runs/{run}`.
    pub const RUN: Self = Self(&["migrations", "runs"]);
    /// `accounts/{account}/migrations/{migration}/runs/{run}/verificationReports/{verification_report}`.
    pub const REPORT: Self = Self(&["migrations", "runs", "verificationReports"]);

    /// The full name of what a person wrote.
    ///
    /// # Errors
    /// [`Error::Configuration`] when it fits neither the full nor a short form.
    pub fn complete(self, account: &str, text: &str) -> Result<String, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(self.refuse(text));
        }
        let ids: Vec<&str> = match parts.as_slice() {
            ["accounts", account, rest @ ..] => {
                let ids = self.ids(rest).ok_or_else(|| self.refuse(text))?;
                return Ok(self.join(account, &ids));
            }
            rest if rest.len() == self.0.len() && rest.first() != self.0.first() => rest.to_vec(),
            rest => self.ids(rest).ok_or_else(|| self.refuse(text))?,
        };
        Ok(self.join(account, &ids))
    }

    /// Whether a full name is of this kind.
    #[must_use]
    pub fn matches(self, name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["accounts", _, rest @ ..] => self.ids(rest).is_some(),
            _ => false,
        }
    }

    /// The ids of `collection/id/…`.
    fn ids<'a>(self, parts: &[&'a str]) -> Option<Vec<&'a str>> {
        let (pairs, odd) = parts.as_chunks::<2>();
        let fits = odd.is_empty()
            && pairs.len() == self.0.len()
            && pairs.iter().zip(self.0).all(|([collection, _], wanted)| collection == wanted);
        fits.then(|| pairs.iter().map(|[_, id]| *id).collect())
    }

    fn join(self, account: &str, ids: &[&str]) -> String {
        let mut name = format!("accounts/{account}");
        for (collection, id) in self.0.iter().zip(ids) {
            name.push_str(&format!("/{collection}/{id}"));
        }
        name
    }

    fn refuse(self, text: &str) -> Error {
        let long: Vec<String> = self.0.iter().map(|part| format!("{part}/ID")).collect();
        let short = vec!["ID"; self.0.len()].join("/");
        let long = long.join("/");
        Error::Configuration(format!(
            "`{text}` is not a name here; write `{short}` or `accounts/ACCOUNT/{long}`"
        ))
    }
}

/// The name a resource lies under: a run for its report, a migration for its run.
#[must_use]
pub fn parent(name: &str) -> &str {
    let above = name.rsplit_once('/').and_then(|(above, _)| above.rsplit_once('/'));
    above.map_or("", |(parent, _)| parent)
}

/// The last part of a name.
#[must_use]
pub fn id(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed() {
        let table = [
            (Pattern::CONNECTION, "shop", Some("accounts/a/connections/shop")),
            (Pattern::CONNECTION, "connections/shop", Some("accounts/a/connections/shop")),
            (
                Pattern::CONNECTION,
                "accounts/b/connections/shop",
                Some("accounts/b/connections/shop"),
            ),
            (Pattern::CONNECTION, "accounts/b/uploads/shop", None),
            (Pattern::CONNECTION, "m/shop", None),
            (Pattern::CONNECTION, "", None),
            (Pattern::CONNECTION, "connections/", None),
            (Pattern::RUN, "m/r", Some("accounts/a/migrations/m/runs/r")),
            (Pattern::RUN, "migrations/m/runs/r", Some("accounts/a/migrations/m/runs/r")),
            (Pattern::RUN, "migrations/m/audits/r", None),
            (Pattern::RUN, "migrations/m", None),
            (Pattern::RUN, "r", None),
            (Pattern::RUN, "/r", None),
            (
                Pattern::MAPPING_REVISION,
                "m/x/r3",
                Some("accounts/a/migrations/m/mappings/x/revisions/r3"),
            ),
            (
                Pattern::REPORT,
                "m/r/v",
                Some("accounts/a/migrations/m/runs/r/verificationReports/v"),
            ),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(pattern.complete("a", text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_are_taken_apart() {
        let run = "accounts/a/migrations/m/runs/r";
        assert_eq!(parent(run), "accounts/a/migrations/m");
        assert_eq!(id(run), "r");
        assert_eq!((parent("r"), id("r")), ("", "r"));
        assert!(Pattern::RUN.matches(run) && !Pattern::MIGRATION.matches(run));
    }
}
