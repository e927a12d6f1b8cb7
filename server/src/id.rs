//! The one place where ids are made.

use uuid::Uuid;

/// A new id, ordered by time (UUIDv7).
pub fn new() -> Uuid {
    Uuid::now_v7()
}
