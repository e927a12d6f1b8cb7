//! Platforms: what the connectors of this server can do, as data.

use cartage_connectors::{Target, registry::PlatformId};
use cartage_model::{FieldType, Kind};
use cartage_pipeline::mapping::canonical_fields;

use super::connection::{self, Role};
use crate::{
    error::{Error, Result},
    reason::Reason,
};

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

/// A field that the rules of a mapping can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its path.
    pub path: String,
    /// Its type.
    pub field_type: FieldType,
    /// Whether a record without it is refused.
    pub required: bool,
    /// The longest text, in characters.
    pub length_max: Option<u32>,
    /// Whether it can hold personal data.
    pub personal: bool,
    /// What it is, as a sentence; empty for fields that are read.
    pub about: &'static str,
}

impl Platform {
    /// The fields that rules fill, by path.
    ///
    /// # Errors
    /// `CAPABILITY_UNSUPPORTED` for a kind that is not written.
    pub fn fields(&self, kind: Kind) -> Result<Vec<Field>> {
        let target = self.target.as_ref().filter(|target| target.kinds().contains(&kind));
        let target = target.ok_or_else(|| self.lacks("writes", kind))?;
        let mut fields: Vec<Field> = target
            .schema(kind)
            .iter()
            .map(|field| Field {
                path: field.path.to_owned(),
                field_type: field.field_type,
                required: field.required,
                length_max: field.length_max,
                personal: field.personal,
                about: field.about,
            })
            .collect();
        fields.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(fields)
    }

    /// The fields of the canonical record that rules read, by path.
    ///
    /// # Errors
    /// `CAPABILITY_UNSUPPORTED` for a kind that is not read.
    pub fn source_fields(&self, kind: Kind) -> Result<Vec<Field>> {
        if !self.source_kinds.contains(&kind) {
            return Err(self.lacks("reads", kind));
        }
        let mut fields: Vec<Field> = canonical_fields(kind)
            .iter()
            .map(|field| Field {
                path: field.path.clone(),
                field_type: field.field_type,
                required: false,
                length_max: None,
                personal: false,
                about: "",
            })
            .collect();
        fields.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(fields)
    }

    fn lacks(&self, verb: &str, kind: Kind) -> Error {
        Error::new(
            Reason::CapabilityUnsupported,
            format!("The connector of {} {verb} no records of kind {kind}.", self.id.title()),
        )
        .with("platform", self.id.as_str())
        .with("capability", format!("{verb} {kind}"))
    }
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
    fn fields_are_listed_of_the_kinds_a_platform_knows() {
        let medusa = get("medusa").unwrap();
        let csv = get("shopify-csv").unwrap();
        for kind in medusa.target.as_ref().unwrap().kinds() {
            let fields = medusa.fields(kind).unwrap();
            assert!(fields.windows(2).all(|two| two[0].path < two[1].path), "{kind}");
            assert!(fields.iter().all(|field| !field.about.is_empty()), "{kind}");
        }
        let product = csv.source_fields(Kind::Product).unwrap();
        assert!(product.iter().any(|field| field.path == "variants[].sku"));
        assert_eq!(csv.fields(Kind::Product).unwrap_err().reason, Reason::CapabilityUnsupported);
        let review = medusa.fields(Kind::Review).unwrap_err();
        assert_eq!(review.reason, Reason::CapabilityUnsupported);
    }

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
