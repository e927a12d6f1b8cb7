//! From canonical records to a target's fields: compiling, running, masking and trying out a
//! mapping. VRL stays inside this module; what runs is deterministic and bounded, and touches
//! neither files, network, clock nor chance.

mod catalogue;
mod compile;
mod example_order;
mod example_people;
mod examples;
mod expression;
mod functions;
mod guard;
mod issue;
mod mask;
mod mask_text;
mod path;
mod preflight;
mod preview;
mod run;
mod schema;
mod template;

pub use catalogue::{FieldInfo, canonical_fields};
pub use compile::{compile, validate};
pub use issue::{Issue, reason};
pub use mask::Mask;
pub use preflight::{KindPreflight, Preflight, PreflightChange, PreflightReason, SAMPLES_MAX};
pub use preview::{PreviewOutcome, PreviewRow, preview};
pub use run::{CompiledMapping, Failure, MapOutcome};
pub use schema::Schema;
pub(crate) use {
    mask::without_indices,
    schema::{is_below, spec_of},
};

/// The most rules a mapping may have, exclusions included.
pub const RULES_MAX: usize = 2_000;
/// The longest expression, in characters.
pub const EXPRESSION_CHARS_MAX: usize = 10_000;
/// The longest template, in characters.
pub const TEMPLATE_CHARS_MAX: usize = 10_000;
/// The longest path, in characters.
pub const PATH_CHARS_MAX: usize = 500;
/// The largest value a function, template or expression may make, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// How much one expression may work on one record (or element): one unit for each part that is
/// evaluated, and one for each 64 bytes that a function makes.
pub const FUEL_MAX: u64 = 200_000;
