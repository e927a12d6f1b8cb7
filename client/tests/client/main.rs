//! The client against a service that is scripted, in the same process: no sockets and no sleeping, so that
//! paused time is exact. The command is tested against a small service on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of the test functions clippy knows"
)]

mod calls;
mod command;
mod documents;
mod fake;
mod road;
mod transfers;
mod waits;
mod watches;
