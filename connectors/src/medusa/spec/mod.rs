//! Medusa 2 described as data: fields, losses, limits, look-ups and the mapping to start with.
//! Seen on a real server, version 2.21.2.

mod fields;
mod look_ups;
mod losses;
mod mapping;

pub(super) use fields::schema;
pub(super) use look_ups::LOOK_UPS;
pub(super) use losses::{LIMITS, LOSSES};
pub(super) use mapping::default_mapping;

use cartage_model::Kind;

use crate::budget::Dialect;

/// How it tells of its budget: Medusa has none of its own, so it is for what stands before a shop,
/// and that may speak like any platform or proxy.
pub(super) const DIALECTS: &[Dialect] =
    &[Dialect::RateLimit, Dialect::TimeReset, Dialect::CallLimit { drain_s: 20 }, Dialect::Cost];

/// What it takes, in loading order.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Category,
    Kind::Collection,
    Kind::Product,
    Kind::CustomerGroup,
    Kind::Customer,
    Kind::Order,
];

/// The largest body of a call for one record, in bytes; beyond it Medusa answers 413.
pub(super) const BODY_SIZE_MAX: usize = 100 * 1024;

/// The longest e-mail address, in characters (RFC 5321, 4.5.3.1; Medusa itself sets no limit).
pub(super) const EMAIL_LENGTH_MAX: usize = 254;
