//! Writing a shop, one journaled external call after the other.
//!
//! A connector commits an intent before each external call that writes, and the result after it
//! ([`CallJournal`]). When a step is taken up again, each [`WriteItem`] brings the calls that were
//! journaled before: a call with a result is not repeated, a call without one may or may not have
//! had its effect, so the connector looks in the shop by our key before it writes again, also when
//! it is to send other values now. What an earlier run was refused counts no more; what was written
//! with other values is not written over.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use cartage_model::{FieldSpec, Kind, Limit, Loss, Mapped, Mapping};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Check, Result};

/// Our key of a record in a target: `cartage:<migration>:<kind>:<source id>`.
pub fn record_key(migration: &str, kind: Kind, source_id: &str) -> String {
    format!("cartage:{migration}:{kind}:{source_id}")
}

/// What became of what was set up for a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetUpTakenBack {
    /// How many objects are gone.
    pub removed: u64,
    /// What stays, without what runs that stand know.
    pub kept: Vec<SetUpKept>,
}

/// Something that was set up and stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpKept {
    /// What it is, with its id in the target, for people.
    pub what: String,
    /// Why it stays, for people.
    pub why: String,
}

/// A record that another one refers to, by the role of the object that is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The kind of the record referred to.
    pub kind: Kind,
    /// Its source id. For role `email` of a customer: the normalised address; for role `variant`
    /// of a product: the variant's source id; for role `sku`: the article number.
    pub source_id: String,
    /// Which of its target objects is meant.
    pub role: String,
}

/// A target object that came of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it came of, and which object it is. The record's own object has the kind's name as
    /// role.
    pub reference: Reference,
    /// Its id in the target.
    pub target_id: String,
}

/// The name of the call that deletes an object which was made of a record that is refused after all.
pub const TAKE_BACK: &str = "take_back";

/// One external call that writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The record it is made for.
    pub source_id: String,
    /// Its place among the calls of the record, from 0.
    pub ordinal: u32,
    /// What it does, such as `draft_order.create`.
    pub name: String,
    /// BLAKE3 of the body, in hexadecimal.
    pub payload_hash: String,
}

/// How far a journaled call came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Intended; whether it had its effect is not known.
    Intended,
    /// It had its effect, and gave this (ids that later calls need).
    Applied(Value),
    /// The shop refused it.
    Refused(String),
}

/// A call as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournaledCall {
    /// The call.
    pub call: Call,
    /// How far it came.
    pub state: CallState,
    /// Whether its intent is of another run than the one that writes now. A refusal of an earlier
    /// run is void: the call is made anew.
    pub earlier_run: bool,
}

/// The result of a call, to be committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallResult {
    /// The record.
    pub source_id: String,
    /// The call's place.
    pub ordinal: u32,
    /// What came of it; never [`CallState::Intended`].
    pub state: CallState,
}

/// Why the journal took nothing more. The connector stops at once and makes no further call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The lease on the step is lost, or the run was paused or cancelled.
    #[error("the work was taken away: {0}")]
    Withdrawn(String),
    /// The journal's store is away.
    #[error("the journal cannot be written: {0}")]
    Store(String),
}

/// The hold of a worker on its work.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Fails when the work was taken away from this worker (lease lost, run stopped). To be asked
    /// before every external write that does not directly follow an [`CallJournal::intend`]: one
    /// that is sent again, one after a look-up, one that sets the target up, and every deletion.
    async fn still_ours(&self) -> std::result::Result<(), JournalError>;
}

/// Where intents and results are committed.
#[async_trait]
pub trait CallJournal: Lease {
    /// Commits intents, durably, before any of the calls is made, with all results that were kept
    /// before. An intent that is already there (same record and ordinal) stays as it is. What is
    /// replaced by the new intent, with its run and its hash: a refusal of an earlier run; an intent
    /// without a result of another hash, for which the shop must have been asked before; a
    /// [`TAKE_BACK`] that was done, because the object was made anew; whatever has a result from
    /// [`UPDATE_ORDINAL`] on, because each update is one of its own.
    async fn intend(&self, calls: &[Call]) -> std::result::Result<(), JournalError>;

    /// Keeps results, after the calls. They are durable with the next commit of the journal or of the
    /// record's outcome; one that is lost before leaves an intent without a result, and the shop is
    /// asked.
    async fn record(&self, results: &[CallResult]) -> std::result::Result<(), JournalError>;
}

/// A record to be written.
#[derive(Clone, Debug)]
pub struct WriteItem {
    /// Its id in the source.
    pub source_id: String,
    /// Our key in the target.
    pub key: String,
    /// Its fields, fitted.
    pub mapped: Mapped,
    /// The target ids of what it refers to. A reference that is missing here has no object in the
    /// target (yet, or because its record was quarantined or excluded).
    pub links: BTreeMap<Reference, String>,
    /// The calls that were journaled for it before, in order.
    pub calls: Vec<JournaledCall>,
}

/// The first place of the calls of an update among the calls of a record, behind all others.
pub const UPDATE_ORDINAL: u32 = 10_000;

/// A record whose object in the target is to be brought to other values.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    /// Its id in the source.
    pub source_id: String,
    /// Our key in the target. An object that was there before us does not carry it.
    pub key: String,
    /// Its own object there.
    pub target_id: String,
    /// Its fields as they shall be, fitted.
    pub mapped: Mapped,
    /// Its fields as they stand there now, in the form of [`Mapped::fields`], read for this update.
    pub current: Map<String, Value>,
    /// The target ids of what it refers to, as in [`WriteItem::links`]; those of its own children
    /// (a product's variants) too, as far as they are known.
    pub links: BTreeMap<Reference, String>,
    /// Its journaled calls from [`UPDATE_ORDINAL`] on, in order.
    pub calls: Vec<JournaledCall>,
}

/// Why the target will not take a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refusal {
    /// The error reason, as in the API: `TARGET_REFUSED_RECORD`, `FIELD_TOO_LONG`, ….
    pub reason: String,
    /// The target field it is about, where it is about one.
    pub field: Option<String>,
    /// What is wrong, as a sentence without personal data.
    pub message: String,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id in the source.
    pub source_id: String,
    /// What became of it.
    pub outcome: WrittenOutcome,
    /// What stands in the target of a record that was refused halfway and could not be taken back,
    /// with the role [`PARTIAL`], so that it is accounted for. A later run goes on from it.
    pub partial: Vec<Link>,
}

/// The role of an object that is only a part of what its record should have become.
pub const PARTIAL: &str = "partial";

/// The role by which a customer is known by its e-mail address, which is the source id of the link:
/// personal data.
pub const EMAIL: &str = "email";

/// What became of one record in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenOutcome {
    /// It was made now, or by an earlier call of ours that was found by our key.
    Created(Vec<Link>),
    /// Its object was brought to the values that were asked for.
    Updated {
        /// Objects that were made on the way, such as a new variant.
        made: Vec<Link>,
        /// Objects of its that are gone now.
        gone: Vec<Link>,
    },
    /// The target will not take it. Objects that were made on the way are taken back or listed in
    /// [`Written::partial`].
    Refused(Refusal),
    /// Whether an earlier call had its effect cannot be decided.
    Undecided(String),
    /// Not tried, or tried in vain for a reason that may pass; to be tried again.
    Postponed(String),
    /// The shop's budget had no room for it; to be tried again, and this was no try.
    Deferred {
        /// What the shop said.
        why: String,
        /// How long to wait.
        retry_after: Option<Duration>,
    },
}

/// Whether what was made of the records of a kind can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is deleted.
    Deleted,
    /// It stays, for this reason.
    Stays(&'static str),
}

/// A record whose object is to be taken out of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveItem {
    /// Its id in the source.
    pub source_id: String,
    /// Our key in the target.
    pub key: String,
    /// Its own object there.
    pub target_id: String,
    /// Whether a deletion was journaled before and has no result: it may have had its effect.
    pub begun: bool,
}

/// What became of an object that was to be taken out of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovedOutcome {
    /// It is gone, by a call of ours.
    Removed,
    /// It was gone already.
    Absent,
    /// It is not deleted: it is no longer ours, something of others hangs at it, or the target will
    /// not have it deleted.
    Kept(Refusal),
    /// Not tried, or tried in vain for a reason that may pass; to be tried again.
    Postponed(String),
    /// The shop's budget had no room for it: it had no effect, and is to be tried again.
    Deferred {
        /// What the shop said.
        why: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
}

/// What became of one of the objects that were to be taken out of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The record's id in the source.
    pub source_id: String,
    /// What became of it.
    pub outcome: RemovedOutcome,
}

/// The place of a removal among the calls of a record, behind all others.
pub const REMOVAL_ORDINAL: u32 = 2_000;

/// What the records of a run will need in the target: one pass over the snapshot finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Needs {
    /// Currencies of prices and orders (ISO 4217, upper case), sorted.
    pub currencies: Vec<String>,
    /// Countries of addresses (ISO 3166-1 alpha-2, upper case), sorted.
    pub countries: Vec<String>,
    /// Stock locations by their names in the source, sorted; an empty text is the nameless one.
    pub locations: Vec<String>,
    /// Product tags, sorted.
    pub tags: Vec<String>,
    /// Product types (merchandise types), sorted.
    pub merchandise_types: Vec<String>,
}

/// A record as it stands in the target, in the target's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The id it was asked by.
    pub target_id: String,
    /// Its fields in the form of [`Mapped::fields`]; none when it is not there.
    pub fields: Option<Map<String, Value>>,
}

/// How our key is kept and found for one kind, as the platform catalogue publishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The kind.
    pub kind: Kind,
    /// The field of the target that holds our key.
    pub field: &'static str,
    /// How it is searched.
    pub search: &'static str,
    /// Whether a search sees a write at once.
    pub immediate: bool,
    /// How long the shop may still be working on a request after the client has gone, in seconds.
    pub settle_time_s: u32,
}

/// A shop that can be written.
#[async_trait]
pub trait Target: Send + Sync {
    /// Looks whether the shop can be written, and proves every look-up with an impossible value.
    async fn check(&self) -> Result<Check>;

    /// The kinds it can take, in loading order.
    fn kinds(&self) -> Vec<Kind>;

    /// The fields of a kind.
    fn schema(&self, kind: Kind) -> &'static [FieldSpec];

    /// What it cannot hold.
    fn losses(&self) -> &'static [Loss];

    /// Its limits.
    fn limits(&self) -> &'static [Limit];

    /// How our key is kept and found.
    fn look_ups(&self) -> &'static [LookUp];

    /// The mapping to start with.
    fn default_mapping(&self) -> Mapping;

    /// Brings mapped fields into the form the target keeps (lower-cased e-mail, rounded amounts,
    /// allowed slugs), noting each change, and checks every limit. Pure: the result is what is
    /// expected to be read back. Fitting twice changes nothing more.
    ///
    /// # Errors
    /// [`Refusal`] when the target would not take the record.
    fn fit(&self, mapped: Mapped) -> std::result::Result<Mapped, Refusal>;

    /// The value by which two records of a kind would be the same in the target (a customer's
    /// e-mail). Later records with the value of an earlier one are merged into it.
    fn identity(&self, mapped: &Mapped) -> Option<String>;

    /// What a record refers to.
    fn references(&self, mapped: &Mapped) -> Vec<Reference>;

    /// The roles that links of a kind can have, the record's own object first.
    fn roles(&self, kind: Kind) -> Vec<&'static str> {
        vec![kind.as_str()]
    }

    /// The links beside its own by which others refer to a record that was in the target before, as
    /// far as the record itself says them.
    fn links_of(&self, _mapped: &Mapped, _target_id: &str) -> Vec<Link> {
        Vec::new()
    }

    /// Takes out of a record what it says about others that are not in the target, and notes it
    /// among its changes. Those are quarantined or excluded, so that nothing can be linked.
    fn without(&self, mapped: &mut Mapped, missing: &BTreeSet<Reference>);

    /// Sets up what the records need: regions, sales channel, locations, tags. May be repeated:
    /// what is there is found and kept. Gives what [`Target::write`] needs to know.
    async fn prepare(&self, migration: &str, needs: &Needs, lease: &dyn Lease) -> Result<Value>;

    /// Takes out of the shop what [`Target::prepare`] made for a migration, or what a write made like
    /// it, where it still is what was made and nothing that can be asked uses it; what was there before
    /// is not touched. `standing` is what [`Target::prepare`] gave to runs that stand: what they know stays.
    /// To be called when the records that needed it are gone; may be repeated.
    async fn take_back_set_up(
        &self,
        _migration: &str,
        _standing: &[Value],
        _lease: &dyn Lease,
    ) -> Result<SetUpTakenBack> {
        Ok(SetUpTakenBack::default())
    }

    /// How many records of a kind are handed to one [`Target::write`].
    fn batch_size(&self, kind: Kind) -> usize;

    /// How many such calls may run at once.
    fn concurrency(&self, kind: Kind) -> usize;

    /// What a record of a kind costs to write beside one of another kind: the calls for ten of them,
    /// as they usually are. For estimates, until the cost is measured.
    fn usual_calls(&self, kind: Kind) -> u32;

    /// Writes records of one kind. Gives one [`Written`] per item. An error means that nothing can
    /// go on (credentials, journal, a shop that is away); items are then taken up again from the
    /// journal.
    async fn write(
        &self,
        prepared: &Value,
        kind: Kind,
        items: Vec<WriteItem>,
        journal: &dyn CallJournal,
    ) -> Result<Vec<Written>>;

    /// Brings objects of one kind to other values: only what differs between [`UpdateItem::current`]
    /// and [`UpdateItem::mapped`] is sent, in calls whose intents stand at [`UPDATE_ORDINAL`] and
    /// behind. Setting a value is the same twice, so that a call without a result is made again;
    /// what would be made twice (a child) is looked for first. Gives one [`Written`] per item with
    /// [`WrittenOutcome::Updated`] or, where the target cannot change a field that differs, with
    /// [`WrittenOutcome::Refused`] before anything of the record is sent. An error means that nothing
    /// can go on, as for [`Target::write`].
    async fn update(
        &self,
        _prepared: &Value,
        kind: Kind,
        items: Vec<UpdateItem>,
        _journal: &dyn CallJournal,
    ) -> Result<Vec<Written>> {
        let refusal = Refusal {
            reason: "CAPABILITY_UNSUPPORTED".to_owned(),
            field: None,
            message: format!("records of kind {kind} cannot be changed in this target"),
        };
        let refused = |item: UpdateItem| Written {
            source_id: item.source_id,
            outcome: WrittenOutcome::Refused(refusal.clone()),
            partial: Vec::new(),
        };
        Ok(items.into_iter().map(refused).collect())
    }

    /// The fields of a kind by which an object that was in the target before can be found, such as
    /// `sku` or `email`.
    fn match_fields(&self, _kind: Kind) -> &'static [&'static str] {
        &[]
    }

    /// Finds objects that stand in the target by a field of [`Target::match_fields`]: for each value
    /// the ids of the kind's own objects that have it, none where there is none. Objects that carry
    /// a key of ours are among them.
    async fn find(
        &self,
        _kind: Kind,
        field: &str,
        _values: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>> {
        Err(crate::Error::Settings {
            field: "run.match_rules",
            problem: format!("nothing is found by {field}"),
        })
    }

    /// The id of the object that a record's journaled calls made, as far as they say so.
    fn object_of(&self, _kind: Kind, _calls: &[JournaledCall]) -> Option<String> {
        None
    }

    /// Whether what was made of records of a kind can be taken back.
    fn removal(&self, kind: Kind) -> Removal;

    /// Takes the objects of records of one kind out of the shop, each by one call with its intent
    /// at [`REMOVAL_ORDINAL`], those first that refer to later ones. Gives one [`Removed`] per item. An object that does not carry the
    /// item's key is kept. An error means that nothing can go on, as for [`Target::write`].
    async fn remove(
        &self,
        kind: Kind,
        items: &[RemoveItem],
        journal: &dyn CallJournal,
    ) -> Result<Vec<Removed>>;

    /// Reads records back by the target ids of their own objects, one [`ReadBack`] per id.
    async fn read_back(&self, kind: Kind, target_ids: &[String]) -> Result<Vec<ReadBack>>;

    /// How many live objects of a kind carry keys of a migration, with the keys: what a check for
    /// duplicates counts. Walks the whole shop.
    async fn keys(&self, migration: &str, kind: Kind) -> Result<Vec<(String, String)>>;
}
