//! Named places at which a test can make the process die, as `kill -9` would.
//!
//! `CARTAGE_FAILPOINT=name:n` ends the process at the n-th time the place is reached. It is read
//! once; without the variable a place costs one atomic load.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// Reaches a place.
pub fn hit(name: &str) {
    let armed = ARMED.get_or_init(|| {
        let text = crate::config::failpoint()?;
        let (name, count) = text.split_once(':')?;
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(count.parse().ok()?) })
    });
    if let Some(armed) = armed
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // No destructor may run and nothing may be flushed: the process is to be dead at once.
        if nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).is_err() {
            std::process::abort();
        }
    }
}
