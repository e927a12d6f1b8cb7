//! What is to become of a record that stands in the target already: what we wrote last, what the
//! target holds now and what the source says, compared leaf by leaf.
//!
//! What we wrote last is remembered as a [`Fingerprint`]: one short digest per leaf, by which a change
//! is known and nothing of a customer is kept.

mod decide;
mod fingerprint;
mod leaves;

pub use decide::{Conflict, Decision, Kept, Known, Resolution, Resolve, decide};
pub use fingerprint::{Digest, Fingerprint};
