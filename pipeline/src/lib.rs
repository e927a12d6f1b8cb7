//! What happens to records between source and target: snapshot, audit, mapping, preflight, delta,
//! verification and report. DataFusion and VRL stay inside this crate.

pub mod audit;
pub mod delta;
pub mod mapping;
pub mod report;
pub mod snapshot;
pub mod verify;
