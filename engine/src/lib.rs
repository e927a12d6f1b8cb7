//! Durable execution, pure: states, accounting, effects and retries, schedules. No database, no clock, no network;
//! time and randomness are passed in.

pub mod accounting;
pub mod effect;
pub mod migration;
pub mod retry;
pub mod run;
pub mod schedule;
