//! The door to the shops: one folder per platform, all with the same file names.
//!
//! A connector reads ([`Source`]) or writes ([`Target`]) a shop and speaks the canonical model on
//! this side. Vendor JSON stops at a connector's `map.rs`, HTTP at its `client.rs`. A connector
//! keeps no state of its own: cursors, prepared set-up and journal entries are handed back to it.

pub mod budget;
mod error;
pub mod http;
pub mod medusa;
pub mod registry;
pub mod shopify;
mod source;
mod target;

pub use error::Error;
pub use source::{Check, CheckItem, Page, Source};
pub use target::{
    Call, CallJournal, CallResult, CallState, EMAIL, JournalError, JournaledCall, Lease, Link,
    LookUp, Needs, PARTIAL, REMOVAL_ORDINAL, ReadBack, Reference, Refusal, Removal, RemoveItem,
    Removed, RemovedOutcome, SetUpKept, SetUpTakenBack, TAKE_BACK, Target, UPDATE_ORDINAL,
    UpdateItem, WriteItem, Written, WrittenOutcome, record_key,
};

/// What a connector's operation gives.
pub type Result<T> = std::result::Result<T, Error>;
