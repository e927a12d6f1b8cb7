//! Named places at which a test can make the process die, as `kill -9` would, or stand still.
//!
//! `CARTAGE_FAILPOINT=name:n` ends the process at the n-th time the place is reached, and
//! `name:n:stop` stops it there until it is sent SIGCONT. It is read once; without the variable a
//! place costs one atomic load. The tests go through all places by [`Place::ALL`].

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use nix::sys::signal::{Signal, raise};

macro_rules! places {
    ($($(#[doc = $doc:literal])* $variant:ident = $text:literal;)*) => {
        /// A place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Place {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Place {
            /// Every place.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

places! {
    /// A job is claimed, and nobody works on it yet.
    ClaimAfterCommit = "claim.after_commit";
    /// An external call is to be made, and its intent is not committed.
    EffectBeforeIntent = "effect.before_intent";
    /// Its intent is committed, and it is not made.
    EffectAfterIntent = "effect.after_intent";
    /// It is made, and its result is known to nobody.
    EffectAfterCall = "effect.after_call";
    /// Its result is known, and not committed.
    EffectAfterResult = "effect.after_result";
    /// Rows of the ledger, links and results are written, and not committed.
    LedgerBeforeCommit = "ledger.before_commit";
    /// They are committed, and nobody was told.
    LedgerAfterCommit = "ledger.after_commit";
    /// Events are written, and not committed with what they tell.
    EventBeforeCommit = "event.before_commit";
    /// A run that is to be paused or cancelled has nothing in flight any more, and does not say so
    /// yet.
    PauseBetween = "pause.between";
    /// Every record of a run has an outcome, and its end is written and not committed.
    RunBeforeFinish = "run.before_finish";
}

struct Armed {
    name: String,
    left: AtomicU64,
    signal: Signal,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

fn read(text: &str) -> Option<Armed> {
    let mut parts = text.split(':');
    let (name, count) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
    let signal = match parts.next() {
        None => Signal::SIGKILL,
        Some("stop") => Signal::SIGSTOP,
        Some(_) => return None,
    };
    Some(Armed { name, left: AtomicU64::new(count), signal })
}

/// Reaches a place.
pub fn hit(place: Place) {
    let armed = ARMED.get_or_init(|| read(&crate::config::failpoint()?));
    if let Some(armed) = armed
        && armed.name == place.as_str()
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // No destructor may run and nothing may be flushed: the process is to be dead at once.
        if raise(armed.signal).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_with_its_visit_and_what_is_to_happen() {
        let armed = read("effect.after_call:3").unwrap();
        assert_eq!((armed.name.as_str(), armed.signal), ("effect.after_call", Signal::SIGKILL));
        assert_eq!(armed.left.into_inner(), 3);
        assert_eq!(read("claim.after_commit:1:stop").unwrap().signal, Signal::SIGSTOP);
        for wrong in ["", "effect.after_call", "effect.after_call:x", "effect.after_call:1:go"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
