//! What the watchers of this process read together.

use super::{migration::Migration, run::Run, shared::Shared};
use crate::{
    name::Name,
    store::{
        event::{Event, News},
        progress::Progress,
        resource::Resource,
    },
};

/// A resource of an account.
pub type ResourceKey = (String, Name);

/// Events behind a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventsKey {
    /// The account.
    pub account: String,
    /// The stream: the name of the account or migration.
    pub stream: String,
    /// The name of the resource they are about; empty for all of them.
    pub about: String,
    /// The sequence behind which they stand.
    pub after: i64,
}

/// Reads that are shared.
#[derive(Debug, Default)]
pub struct Reads {
    /// Pages of events.
    pub events: Shared<EventsKey, News<Event>>,
    /// Migrations.
    pub migrations: Shared<ResourceKey, Resource<Migration>>,
    /// Runs.
    pub runs: Shared<ResourceKey, Resource<Run>>,
    /// The newest progress of resources.
    pub progress: Shared<ResourceKey, Option<Progress>>,
}
