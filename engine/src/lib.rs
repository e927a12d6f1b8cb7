//! Durable execution, pure: states, accounting, retry decisions, schedules. No database, no clock, no network;
//! time and randomness are passed in.

pub mod accounting;
pub mod migration;
pub mod retry;
pub mod run;
pub mod schedule;
