//! The report of a run: everything a merchant, an agency and an auditor ask afterwards, as JSON
//! and as one self-contained page. It names records by their source ids and quotes no personal
//! data.

mod cells;
mod data;
mod render;
mod verdict;

pub use data::{
    AuditRule, AuditSummary, ChangeRow, Exclusion, KindAccounting, LossRow, Quarantine, Report,
    RunSummary, Shop, SnapshotSummary, Throughput,
};
pub use render::render_html;
pub use verdict::{Level, Verdict};
