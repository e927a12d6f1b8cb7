//! The budget of a shop: how many calls it takes, learned from its answers and shared by everybody
//! who works with it.
//!
//! Before each call a [`Permit`] is asked for; what came of the call is noted with it. The decisions
//! are in [`State`], which is pure. Where the state is kept is not ours to know: a [`Ledger`] is
//! handed in, and one in memory does where nobody else works with the shop.

mod said;
mod state;
#[cfg(all(test, feature = "virtual-time"))]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

pub use self::{
    said::{Dialect, Said, read, retry_after},
    state::{Grant, Heard, Note, Shape, State, Wish},
};

/// How long a permit is waited for before the caller is told, so that it can look whether it is still
/// to go on. Longer than the windows that platforms publish.
const PATIENCE: Duration = Duration::from_secs(65);
/// A wait that is worth looking again whether the work is still ours.
const NOTICEABLE: Duration = Duration::from_secs(1);
/// How many calls are asked for at first and at most.
const CALLS_FIRST: i64 = 4;
const CALLS_MAX: i64 = 512;
/// How many notes are kept for the next exchange.
const NOTES_MAX: usize = 2_048;

/// Why the ledger gave nothing: its store is away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rate budget cannot be kept: {0}")]
pub struct LedgerError(pub String);

/// What came of a call, and how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How long ago.
    pub age: Duration,
    /// The name of the call.
    pub call: &'static str,
    /// What came of it.
    pub heard: Heard,
}

/// Where the state of a shop's budget is kept for all who work with it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Lets the state hear what came of calls and gives what it grants: [`State::exchange`], alone
    /// and durably, by the ledger's clock.
    async fn exchange(
        &self,
        reports: &[Report],
        wish: Wish,
    ) -> std::result::Result<Grant, LedgerError>;
}

/// The notes of reports by a clock that says `now`.
pub fn notes(reports: &[Report], now: i64) -> Vec<Note> {
    let at = |age: Duration| now - i64::try_from(age.as_millis()).unwrap_or(0);
    let note = |it: &Report| Note { at: at(it.age), call: it.call, heard: it.heard };
    reports.iter().map(note).collect()
}

/// A state in memory.
#[derive(Debug)]
struct Alone {
    state: Mutex<State>,
    begin: Instant,
}

#[async_trait]
impl Ledger for Alone {
    async fn exchange(
        &self,
        reports: &[Report],
        wish: Wish,
    ) -> std::result::Result<Grant, LedgerError> {
        // From a day on, so that what lies before the beginning has a time as well.
        let passed = self.begin.elapsed() + Duration::from_secs(86_400);
        let now = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(state.exchange(now, &notes(reports, now), wish))
    }
}

/// Why there is no permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The budget is used up for longer than a caller is made to wait.
    Later(Duration),
    /// Too many calls failed in a row; none is made for so long.
    Open(Duration),
    /// The state cannot be kept.
    Ledger(LedgerError),
}

/// What one process holds of a shop's budget.
pub struct Budget {
    ledger: Box<dyn Ledger>,
    /// Whose turn it is; who waits for the shop waits with the lock in hand, and the others behind.
    turn: tokio::sync::Mutex<Turn>,
    reports: Mutex<Reports>,
}

#[derive(Debug)]
struct Turn {
    slice: Option<Held>,
    calls: i64,
}

#[derive(Debug)]
struct Held {
    id: u64,
    points: Option<i64>,
    until: Instant,
    costs: std::collections::BTreeMap<String, i64>,
    spent: i64,
}

#[derive(Debug, Default)]
struct Reports {
    list: Vec<(Instant, &'static str, Heard)>,
    /// Whether one of them changes what may be done, so that the slice is not to be used up.
    is_urgent: bool,
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Budget(..)")
    }
}

impl Budget {
    /// A budget that is kept in a ledger.
    pub fn new(ledger: Box<dyn Ledger>) -> Self {
        let turn = Turn { slice: None, calls: CALLS_FIRST };
        Self { ledger, turn: tokio::sync::Mutex::new(turn), reports: Mutex::default() }
    }

    /// A budget of which nobody else uses anything.
    pub fn alone() -> Self {
        Self::new(Box::new(Alone { state: Mutex::default(), begin: Instant::now() }))
    }

    /// Waits until a call may be made.
    ///
    /// # Errors
    /// [`Denied`] where that would take too long, or no call makes sense.
    pub async fn permit(
        self: &Arc<Self>,
        call: &'static str,
    ) -> std::result::Result<Permit, Denied> {
        let begun = Instant::now();
        let mut turn = self.turn.lock().await;
        let mut is_fresh = false;
        loop {
            // Whoever asked may use what came of it, however long the asking took.
            if let Some(held) = &mut turn.slice
                && !self.reports().is_urgent
                && (is_fresh || Instant::now() < held.until)
                && held.take(call)
            {
                let waited = begun.elapsed() >= NOTICEABLE;
                return Ok(Permit { budget: Arc::clone(self), call, waited });
            }
            if begun.elapsed() > PATIENCE {
                return Err(Denied::Later(Duration::from_secs(1)));
            }
            match self.exchange(&mut turn, call).await.map_err(Denied::Ledger)? {
                None => is_fresh = true,
                Some(Grant::Open(ms)) => return Err(Denied::Open(duration(ms))),
                Some(Grant::Wait(ms)) => {
                    let wait = duration(ms);
                    if begun.elapsed() + wait > PATIENCE {
                        return Err(Denied::Later(wait));
                    }
                    tokio::time::sleep(wait).await;
                }
                Some(Grant::Slice { .. }) => {}
            }
        }
    }

    /// Tells the ledger what happened and takes a slice; gives what it said instead.
    async fn exchange(
        &self,
        turn: &mut Turn,
        call: &'static str,
    ) -> std::result::Result<Option<Grant>, LedgerError> {
        let back = turn.slice.take().map(|held| {
            // Used up early: more the next time. Hardly used: less.
            let left = held.points.unwrap_or(0);
            if left < state::POINT {
                turn.calls = (turn.calls * 2).min(CALLS_MAX);
            } else if held.spent < left {
                turn.calls = (turn.calls / 2).max(1);
            }
            (held.id, left)
        });
        let asked = Instant::now();
        let (list, was_urgent) = {
            let mut reports = self.reports();
            (std::mem::take(&mut reports.list), std::mem::take(&mut reports.is_urgent))
        };
        let age = |at: Instant| asked.saturating_duration_since(at);
        let told: Vec<Report> = list
            .iter()
            .map(|(at, call, heard)| Report { age: age(*at), call, heard: *heard })
            .collect();
        let wish = Wish { back, call, calls: turn.calls };
        let grant = match self.ledger.exchange(&told, wish).await {
            Ok(grant) => grant,
            Err(error) => {
                // What the shop said is told the next time.
                let mut reports = self.reports();
                reports.list.splice(0..0, list);
                reports.is_urgent |= was_urgent;
                return Err(error);
            }
        };
        let Grant::Slice { id, points, valid_ms, costs } = grant else { return Ok(Some(grant)) };
        // From the question on, for nobody knows when in between the ledger counted.
        let until = asked + duration(valid_ms);
        turn.slice = Some(Held { id, points, until, costs, spent: 0 });
        Ok(None)
    }

    fn note(&self, call: &'static str, heard: Heard) {
        let mut reports = self.reports();
        reports.is_urgent |= !matches!(heard, Heard::Answered(_));
        if reports.list.len() < NOTES_MAX || reports.is_urgent {
            reports.list.push((Instant::now(), call, heard));
        }
    }

    fn reports(&self) -> std::sync::MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes a call out of the slice, where there is enough for it.
    fn take(&mut self, call: &str) -> bool {
        let dearest = || self.costs.values().copied().max().unwrap_or(state::POINT);
        let cost = self.costs.get(call).copied().unwrap_or_else(dearest);
        match &mut self.points {
            None => true,
            Some(points) if *points >= cost => {
                *points -= cost;
                self.spent += cost;
                true
            }
            Some(_) => false,
        }
    }
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// That one call may be made now. Whoever drops it without a note has made the call and not heard of
/// it again, as far as the budget is concerned.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    call: &'static str,
    waited: bool,
}

impl Permit {
    /// Whether it was waited for so long that the work may have been taken away meanwhile.
    pub fn waited(&self) -> bool {
        self.waited
    }

    /// Notes what came of the call.
    pub fn note(self, heard: Heard) {
        self.budget.note(self.call, heard);
    }
}
