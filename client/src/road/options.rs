//! How to walk.

use cartage_proto::v1;

use super::Acknowledge;

/// Where a migration is rehearsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// Nowhere.
    Skip,
    /// In a new sandbox of the target's platform.
    NewSandbox,
    /// In this connection: a sandbox, or one marked as a test shop.
    Connection(String),
}

/// How to walk.
#[derive(Clone, Debug)]
pub struct Options {
    /// `accounts/{account}`.
    pub account: String,
    /// The connection to read.
    pub source: String,
    /// The connection to write.
    pub target: String,
    /// The id of the migration; chosen by the service when empty.
    pub migration_id: String,
    /// A name for people.
    pub display_name: String,
    /// Which records; all when none.
    pub scope: Option<v1::Scope>,
    /// The mapping; the default of the pair of platforms when none.
    pub mapping: Option<v1::MappingContent>,
    /// Whether to audit the snapshot.
    pub audit: bool,
    /// Where to rehearse.
    pub rehearsal: Rehearsal,
    /// Which losses are accepted.
    pub losses: Acknowledge,
    /// Which side effects of the target are accepted.
    pub side_effects: Acknowledge,
    /// What the approver says.
    pub comment: String,
}

impl Options {
    /// The whole shop with the default mapping, audited, rehearsed in a new sandbox, with all losses and no
    /// side effects accepted.
    #[must_use]
    pub fn new(account: &str, source: &str, target: &str) -> Self {
        Self {
            account: account.to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            migration_id: String::new(),
            display_name: String::new(),
            scope: None,
            mapping: None,
            audit: true,
            rehearsal: Rehearsal::NewSandbox,
            losses: Acknowledge::All,
            side_effects: Acknowledge::Only(Vec::new()),
            comment: String::new(),
        }
    }
}
