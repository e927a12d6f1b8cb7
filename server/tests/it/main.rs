//! The server through its API: one file per capability, a server in this process and a database of
//! its own per test.

#![expect(
    clippy::needless_update,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are not recognised as tests by clippy; a macro fills requests of any shape"
)]

mod accounts;
mod binary;
mod budgets;
mod buf;
mod contract;
mod database;
mod delta;
mod faults;
mod faults_control;
mod faults_database;
mod faults_records;
mod faults_requests;
mod faults_rollback;
mod faults_schedule;
mod faults_shop;
mod faults_storage;
mod faults_streams;
mod identity;
mod in_progress;
mod invariants;
mod janitor;
mod judgement;
mod kills;
mod links;
mod mappings;
mod methods;
mod outcomes;
mod processes;
mod proxy;
mod python;
mod refusals;
mod rehearsals;
mod rest;
mod road;
mod roles;
mod rollback;
mod schedules;
mod shop;
mod sources;
mod streams;
mod streams_cuts;
mod streams_history;
mod streams_record;
mod support;
mod surface;
mod uploads;
mod walk;
mod web;
mod wire;
