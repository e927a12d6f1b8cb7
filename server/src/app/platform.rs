//! Platforms: what the connectors of this server can do, as data.

use cartage_connectors::{Target, registry::PlatformId};
use cartage_model::Kind;

use super::connection::{self, Role};
use crate::error::{Error, Result};

/// A platform.
pub struct Platform {
    /// Which one.
    pub id: PlatformId,
    /// The versions its connector was made for.
    pub versions: &'static [&'static str],
    /// The parts it can play.
    pub roles: &'static [Role],
    /// The kinds that can be read.
    pub source_kinds: Vec<Kind>,
    /// The platform as a target, connected to nothing.
    pub target: Option<Box<dyn Target>>,
    /// Whether this server can simulate it.
    pub sandbox_available: bool,
}

/// The platform of an id.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`.
pub fn get(id: &str) -> Result<Platform> {
    let id: PlatformId = id.parse().map_err(|_| Error::not_found(&format!("platforms/{id}")))?;
    let source_kinds = connection::source_kinds(id.as_str())?;
    Ok(match id {
        PlatformId::ShopifyCsv => Platform {
            id,
            versions: &["exports of 2020 to 2026"],
            roles: &[Role::Source],
            source_kinds,
            target: None,
            sandbox_available: false,
        },
        PlatformId::Medusa => Platform {
            id,
            versions: &["2.x"],
            roles: &[Role::Source, Role::Target],
            source_kinds,
            target: Some(connection::target_of_platform(id.as_str())?),
            sandbox_available: true,
        },
    })
}

/// All ids, by name.
pub fn ids() -> Vec<&'static str> {
    let mut ids = PlatformId::ALL.map(PlatformId::as_str).to_vec();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_can_be_described_and_others_are_not_there() {
        for id in ids() {
            let platform = get(id).unwrap();
            assert_eq!(platform.roles.contains(&Role::Target), platform.target.is_some());
            assert!(!platform.source_kinds.is_empty());
        }
        assert_eq!(get("nothing").err().unwrap().reason.as_str(), "RESOURCE_NOT_FOUND");
    }
}
