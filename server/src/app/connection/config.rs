//! How a shop is reached: one kind of settings per kind of connection.

use cartage_connectors::{medusa, registry::PlatformId};
use cartage_model::Kind;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Violation};

/// The most further uploads of one connection.
const ADDITIONAL_UPLOADS_MAX: usize = 100;

/// The part a connection can play in a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Records can be read from it.
    Source,
    /// Records can be written to it.
    Target,
}

/// How a shop is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionConfig {
    /// Shopify's own exports.
    ShopifyCsv(ShopifyCsvConfig),
    /// A Medusa 2 shop.
    Medusa {
        /// The root of the server.
        base_url: String,
        /// Whether TEST runs may write to it.
        test_shop: bool,
    },
    /// A simulated shop.
    Sandbox {
        /// The id of the platform that is simulated.
        platform: String,
        /// Where it listens; empty while it is not running.
        base_url: String,
    },
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self::ShopifyCsv(ShopifyCsvConfig::default())
    }
}

/// Where Shopify's exports lie, and what they do not say themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShopifyCsvConfig {
    /// A folder or zip archive on this machine; or an upload is named.
    pub path: String,
    /// The name of an upload; or a path is given.
    pub upload: String,
    /// The names of further uploads.
    pub additional_uploads: Vec<String>,
    /// The shop's time zone as in the IANA data base.
    pub time_zone: String,
    /// The shop's own currency.
    pub default_currency: String,
}

impl ConnectionConfig {
    /// The platform, by its id.
    pub fn platform(&self) -> &str {
        match self {
            Self::ShopifyCsv(_) => PlatformId::ShopifyCsv.as_str(),
            Self::Medusa { .. } => PlatformId::Medusa.as_str(),
            Self::Sandbox { platform, .. } => platform,
        }
    }

    /// Where the shop's admin shows a record of this id; none where that is not known. Exports do not
    /// say which shop they are of, and a sandbox has no admin.
    pub fn admin_url(&self, kind: Kind, id: &str) -> Option<String> {
        match self {
            Self::Medusa { base_url, .. } => medusa::admin_url(base_url, kind, id),
            Self::ShopifyCsv(_) | Self::Sandbox { .. } => None,
        }
    }

    /// The parts it can play.
    pub const fn roles(&self) -> &'static [Role] {
        match self {
            Self::ShopifyCsv(_) => &[Role::Source],
            Self::Medusa { .. } => &[Role::Source, Role::Target],
            Self::Sandbox { .. } => &[Role::Target],
        }
    }

    /// Whether it needs credentials.
    pub const fn has_credentials(&self) -> bool {
        matches!(self, Self::Medusa { .. })
    }

    /// The uploads it names, with the fields that name them.
    pub fn uploads(&self) -> Vec<(String, &str)> {
        let Self::ShopifyCsv(csv) = self else { return Vec::new() };
        let more = csv.additional_uploads.iter().enumerate().map(|(index, name)| {
            (format!("connection.shopify_csv.additional_uploads[{index}]"), name.as_str())
        });
        let first = Some(("connection.shopify_csv.upload".to_owned(), csv.upload.as_str()));
        first.into_iter().filter(|(_, name)| !name.is_empty()).chain(more).collect()
    }

    /// Checks everything that can be told from the settings alone.
    ///
    /// # Errors
    /// `INVALID_FIELDS`.
    pub fn check(&self, local_paths: bool) -> Result<()> {
        let violations = match self {
            Self::ShopifyCsv(csv) => csv.violations(local_paths),
            // The address is resolved too, see `address`.
            Self::Medusa { .. } => Vec::new(),
            Self::Sandbox { platform, .. } if platform == PlatformId::Medusa.as_str() => Vec::new(),
            Self::Sandbox { .. } => vec![violation(
                "sandbox.platform",
                "REFERENCE_INVALID",
                "This server simulates platforms/medusa only.",
            )],
        };
        if violations.is_empty() { Ok(()) } else { Err(Error::fields(violations)) }
    }
}

impl ShopifyCsvConfig {
    fn violations(&self, local_paths: bool) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut add =
            |field, reason, description| found.push(violation(field, reason, description));
        match (self.path.is_empty(), self.upload.is_empty()) {
            (true, true) => add("shopify_csv.upload", "REQUIRED", "Name a path or an upload."),
            (false, false) => {
                add("shopify_csv.path", "FORMAT_INVALID", "A path or an upload, not both.")
            }
            (false, true) if !local_paths => add(
                "shopify_csv.path",
                "PATH_FORBIDDEN",
                "This deployment reads no paths; upload the files.",
            ),
            (false, true) if !std::path::Path::new(&self.path).is_absolute() => {
                add("shopify_csv.path", "FORMAT_INVALID", "The path must be absolute.");
            }
            _ => {}
        }
        if !self.additional_uploads.is_empty() && self.upload.is_empty() {
            add(
                "shopify_csv.additional_uploads",
                "FORMAT_INVALID",
                "Further uploads need a first one in upload.",
            );
        }
        if self.additional_uploads.len() > ADDITIONAL_UPLOADS_MAX {
            add("shopify_csv.additional_uploads", "TOO_MANY", "At most 100 further uploads.");
        }
        if !self.time_zone.is_empty() && self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            add("shopify_csv.time_zone", "FORMAT_INVALID", "Name a zone such as Europe/Berlin.");
        }
        if !self.default_currency.is_empty()
            && cartage_model::Currency::parse(&self.default_currency).is_err()
        {
            add(
                "shopify_csv.default_currency_code",
                "FORMAT_INVALID",
                "A currency has three letters, such as EUR.",
            );
        }
        found
    }
}

fn violation(field: &str, reason: &'static str, description: &str) -> Violation {
    Violation { field: format!("connection.{field}"), reason, description: description.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(csv: ShopifyCsvConfig, local_paths: bool) -> Vec<(String, &'static str)> {
        let violations = csv.violations(local_paths).into_iter();
        violations.map(|it| (it.field.replace("connection.shopify_csv.", ""), it.reason)).collect()
    }

    #[test]
    fn exports_come_from_a_path_or_uploads_and_paths_only_where_allowed() {
        let path = ShopifyCsvConfig { path: "/exports".to_owned(), ..Default::default() };
        assert_eq!(reasons(path.clone(), true), []);
        assert_eq!(reasons(path.clone(), false), [("path".to_owned(), "PATH_FORBIDDEN")]);
        let both = ShopifyCsvConfig { upload: "accounts/a/uploads/u".to_owned(), ..path };
        assert_eq!(reasons(both, true), [("path".to_owned(), "FORMAT_INVALID")]);
        let relative = ShopifyCsvConfig { path: "../a".to_owned(), ..Default::default() };
        assert_eq!(reasons(relative, true), [("path".to_owned(), "FORMAT_INVALID")]);
        let odd = ShopifyCsvConfig {
            upload: "accounts/a/uploads/u".to_owned(),
            time_zone: "Mars/Olympus".to_owned(),
            default_currency: "EURO".to_owned(),
            ..Default::default()
        };
        assert_eq!(
            reasons(odd, true),
            [
                ("time_zone".to_owned(), "FORMAT_INVALID"),
                ("default_currency_code".to_owned(), "FORMAT_INVALID")
            ]
        );
        assert_eq!(reasons(ShopifyCsvConfig::default(), true), [("upload".to_owned(), "REQUIRED")]);
    }
}
