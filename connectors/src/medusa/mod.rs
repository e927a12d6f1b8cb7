//! Medusa 2 through its admin API.
