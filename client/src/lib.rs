//! The client of Cartage: typed calls with tokens, retries and errors, watches that come back by
//! themselves, lists as streams, uploads, and the road of a migration in small steps.
//!
//! Knows the wire contract (`cartage-proto`) and nothing else of Cartage.
//!
//! | module | for |
//! | --- | --- |
//! | [`Client`], [`ClientBuilder`] | connecting and calling |
//! | [`paginate`](fn@paginate) | all items of a list |
//! | [`watch`](mod@watch) | events and progress that survive broken connections |
//! | [`upload`](mod@upload) | sending a file |
//! | [`links`] | the id map as a file, and links that are taken over |
//! | [`wait`] | the end of long work |
//! | [`road`] | a whole migration, step by step |
//! | [`json`] | any message as canonical JSON, and back |
//! | [`name`] | names of resources, also from short forms |
//! | [`retry`] | the published retry policy |

mod builder;
mod client;
mod error;
pub mod json;
pub mod links;
pub mod methods;
pub mod name;
mod paginate;
pub mod report;
pub mod retry;
pub mod road;
pub mod token;
pub mod upload;
pub mod wait;
pub mod watch;

pub use builder::ClientBuilder;
pub use cartage_proto::v1;
pub use client::{Authorized, Bearer, Client, Transport, TransportError};
pub use error::{Error, StatusError, Violation, ViolationKind};
pub use methods::{List, Unary};
pub use paginate::paginate;
pub use upload::upload;
pub use watch::{Watcher, watch};

/// The README's own example must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
