//! What a run is told about records that are in the target already: whose value counts, what becomes of
//! those that the source deleted, and by what objects of others are found.

use cartage_model::Kind;
use cartage_pipeline::delta::Resolution;
use serde::{Deserialize, Serialize};

/// Why a record is named changed whose target keeps a value of its own.
pub const KEPT: &str = "The target's own value stays: it was changed there since it was written.";

/// Whose value counts where source and target both changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// A person decides.
    #[default]
    Ask,
    /// The source's.
    Source,
    /// The target's.
    Target,
}

impl Whose {
    /// The decision's name in the store; empty while nobody decided.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "",
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// The decision of a name.
    pub fn parse(text: &str) -> Self {
        match text {
            "source" => Self::Source,
            "target" => Self::Target,
            _ => Self::Ask,
        }
    }
}

impl From<Whose> for Resolution {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Ask => Self::Ask,
            Whose::Source => Self::Source,
            Whose::Target => Self::Target,
        }
    }
}

/// Whose value counts for some fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictPolicy {
    /// The kind of record; none for all.
    pub kind: Option<Kind>,
    /// The field and all below it, as the target's schema names it; empty for all.
    pub field: String,
    /// Whose.
    pub whose: Whose,
}

impl ConflictPolicy {
    fn covers(&self, kind: Kind, path: &str) -> bool {
        let below = path.strip_prefix(self.field.as_str());
        self.kind.is_none_or(|it| it == kind)
            && below.is_some_and(|rest| {
                self.field.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])
            })
    }
}

/// Whose value counts for a field: what the last policy that covers it says.
pub fn whose(policies: &[ConflictPolicy], kind: Kind, path: &str) -> Whose {
    let last = policies.iter().rev().find(|policy| policy.covers(kind, path));
    last.map_or(Whose::Ask, |policy| policy.whose)
}

/// What becomes of the objects of records that the source no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedRecords {
    /// They stay, and are listed.
    #[default]
    Keep,
    /// They are deleted, where nobody changed them.
    Delete,
}

/// What is done with an object of others that is the same as a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchAction {
    /// It is the record's from now on, and stays as it is.
    Adopt,
    /// It is the record's, and becomes what the source says.
    Update,
    /// It is left alone, and the record is excluded.
    Skip,
}

/// By what the objects of others are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRule {
    /// The kind of record.
    pub kind: Kind,
    /// The field of the target.
    pub field: String,
    /// What is done.
    pub action: MatchAction,
}

/// To what the sealed values of a conflict are bound.
pub fn conflict_bound(account: &str, kind: Kind, source_id: &str) -> String {
    format!("{account}\nconflict\n{kind}\n{source_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_policy_that_covers_a_field_decides() {
        let policy =
            |kind, field: &str, whose| ConflictPolicy { kind, field: field.to_owned(), whose };
        let policies = [
            policy(None, "", Whose::Target),
            policy(Some(Kind::Product), "variants[].prices", Whose::Source),
            policy(Some(Kind::Product), "title", Whose::Ask),
        ];
        for (kind, path, expected) in [
            (Kind::Product, "title", Whose::Ask),
            (Kind::Customer, "title", Whose::Target),
            (Kind::Product, "variants[].prices", Whose::Source),
            (Kind::Product, "variants[].prices_note", Whose::Target),
            (Kind::Product, "titles", Whose::Target),
        ] {
            assert_eq!(whose(&policies, kind, path), expected, "{kind} {path}");
        }
        assert_eq!(whose(&[], Kind::Order, "email"), Whose::Ask);
    }
}
