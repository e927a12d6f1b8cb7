//! The server of Cartage: tonic services, use-cases, SQL and workers.
//!
//! Inside, everything goes one way: `api → app → {store, worker}`. Proto types stop at `api`, SQL
//! at `store`, vendor JSON in the connectors.

pub mod api;
pub mod app;
pub mod config;
pub mod error;
pub mod failpoint;
pub mod id;
pub mod keys;
pub mod name;
pub mod reason;
pub mod restore_command;
pub mod scratch;
pub mod serve;
pub mod store;
pub mod token;
pub mod worker;
