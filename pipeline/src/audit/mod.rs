//! The audit: rules in SQL over a snapshot's canonical tables, findings streamed as they are found.
//!
//! A rule is a file of its own in `pipeline/rules`. Evidence never holds personal data in the
//! clear: rules mask it with the functions in [`functions`].

mod built_in;
mod error;
mod event;
mod findings;
mod functions;
mod rule;
mod run;
mod statistics;

pub use built_in::built_in_rules;
pub use error::AuditError;
pub use event::{
    AuditEvent, AuditSummary, FieldCompleteness, Finding, KindStatistics, RuleOutcome,
};
pub use rule::{Rule, RuleError, Severity};
pub use run::{AuditLimits, audit, audit_with};
