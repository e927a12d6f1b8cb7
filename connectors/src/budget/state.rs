//! What is known of a shop's budget, and the decisions about it: pure, with the time passed in.
//!
//! All workers of a shop share one [`State`]. They take slices of what it allows and say at the next
//! exchange what came of them, so that no call needs a transaction of its own. Points are counted
//! in thousandths, times in milliseconds of one clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::said::Said;

/// A point, or a call where calls are counted.
pub(super) const POINT: i64 = 1_000;
/// How long a slice may be used, and how much of a bucket is left alone so that calls which arrive
/// later than they were counted find room.
const SLICE_MS: i64 = 500;
const MARGIN_MS: i64 = 2 * SLICE_MS;
/// How long after its end what is left of a slice may still be given back.
const GRACE_MS: i64 = 5_000;
/// How long before the end of a window no call is sent any more, for it might arrive in the next.
const GUARD_MS: i64 = 40;
/// How long what is known holds without an answer.
const FORGET_MS: i64 = 10 * 60 * 1_000;
/// How many calls may be under way at once before the first answer.
const UNKNOWN_CALLS: i64 = 4;
/// How long to wait where something of ours is under way and its answer decides.
const SOON_MS: i64 = 50;
/// The bounds of the pace that is found by trying, in thousandths of calls per second.
const PACE_MIN: i64 = 200;
const PACE_MAX: i64 = 1_000_000;
/// The first and the longest pause after a refusal that does not say how long.
const PAUSE_MS: i64 = 1_000;
const PAUSE_MAX_MS: i64 = 30_000;
/// After so many failures in a row the circuit opens, and for how long the first and any time.
const FAILURES_MAX: u32 = 12;
const OPEN_MS: i64 = 1_000;
const OPEN_MAX_MS: i64 = 5_000;
/// How long the one call that may go through a half-open circuit is waited for.
const PROBE_MS: i64 = 60_000;
/// How many names of calls are kept with their costs.
const COSTS_MAX: usize = 64;
/// What a call costs of a bucket with costs before anything is known, in points.
const COST_FIRST: i64 = 10 * POINT;

/// What is known of a shop's budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    shape: Shape,
    /// What may be given out, and when that was right.
    available: i64,
    at: i64,
    /// When the window ends.
    reset_at: i64,
    /// Before this, nothing is sent.
    blocked_until: i64,
    /// When the last answer came.
    heard_at: i64,
    /// Refusals in a row that did not say how long to wait, and when the pace was cut last.
    refusals: u32,
    cut_at: i64,
    /// Calls per second of all workers, in thousandths, smoothed; and what was counted since.
    pace: i64,
    paced_at: i64,
    paced_calls: i64,
    circuit: Circuit,
    costs: BTreeMap<String, i64>,
    slices: Vec<Slice>,
    next_slice: u64,
}

/// How the shop counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// No answer has come yet.
    #[default]
    Unknown,
    /// Answers say nothing of a budget, and none was refused.
    Free,
    /// A bucket that fills again.
    Bucket {
        /// Points it holds.
        capacity: i64,
        /// Points that come back in a second.
        restore_per_s: i64,
        /// Whether answers say what calls cost.
        has_costs: bool,
    },
    /// Calls per window.
    Window {
        /// How many.
        calls: i64,
        /// How long it is.
        window_ms: i64,
    },
    /// Refused without a published budget: the pace is halved at refusals and raised slowly.
    Paced {
        /// Calls per second in thousandths.
        rate: i64,
        /// What is added in a second, likewise.
        step: i64,
    },
}

/// Whether calls make sense at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Circuit {
    failures: u32,
    opened: u32,
    open_until: i64,
    probe_until: i64,
}

/// What a worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slice {
    id: u64,
    points: i64,
    until: i64,
}

/// What came of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, by the state's clock.
    pub at: i64,
    /// The name of the call, by which its cost is known.
    pub call: &'static str,
    /// What came of it.
    pub heard: Heard,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The shop answered, whatever it said of the record.
    Answered(Option<Said>),
    /// It asked for fewer calls.
    Refused {
        /// What it said of the budget.
        said: Option<Said>,
        /// How long it asked to wait, in milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// It did not answer, or with a fault of its own.
    Failed,
}

/// What a worker wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The slice it held and what is left of it.
    pub back: Option<(u64, i64)>,
    /// The name of the next call.
    pub call: &'static str,
    /// How many calls it would like to make soon.
    pub calls: i64,
}

/// What a worker may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Make calls of so many points.
    Slice {
        /// The slice's number.
        id: u64,
        /// Its points in thousandths; none where nothing is limited.
        points: Option<i64>,
        /// How long it may be used, in milliseconds.
        valid_ms: i64,
        /// What calls cost by their names, in thousandths; others cost a point.
        costs: BTreeMap<String, i64>,
    },
    /// Ask again after so many milliseconds.
    Wait(i64),
    /// The shop is away: make no call for so many milliseconds.
    Open(i64),
}

impl State {
    /// Hears what came of calls, takes back what is left of a slice, and gives another.
    pub fn exchange(&mut self, now: i64, notes: &[Note], wish: Wish) -> Grant {
        self.refill(now);
        if let Some((id, left)) = wish.back {
            self.take_back(now, id, left);
        }
        self.slices.retain(|slice| slice.until + GRACE_MS > now);
        for note in notes {
            self.hear(note);
        }
        self.forget(now);
        self.measure(now);
        if self.circuit.open_until > now {
            return Grant::Open(self.circuit.open_until - now);
        }
        if self.blocked_until > now {
            return Grant::Wait(self.blocked_until - now);
        }
        if self.circuit.opened > 0 {
            if self.circuit.probe_until > now {
                return Grant::Wait(4 * SOON_MS);
            }
            self.circuit.probe_until = now + PROBE_MS;
            return self.slice(now, Some(self.cost(wish.call)), SLICE_MS);
        }
        self.give(now, wish)
    }

    /// How the shop counts, as far as it is known.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn give(&mut self, now: i64, wish: Wish) -> Grant {
        self.refill(now);
        let cost = self.cost(wish.call);
        let wanted = cost.saturating_mul(wish.calls.max(1));
        match self.shape {
            Shape::Free => self.slice(now, None, MARGIN_MS),
            Shape::Unknown => {
                let room = UNKNOWN_CALLS * POINT - self.held(now);
                if room < POINT {
                    return Grant::Wait(SOON_MS);
                }
                self.slice(now, Some(room.min(wanted)), SLICE_MS)
            }
            Shape::Bucket { restore_per_s, .. } => {
                // No less than what comes back while a slice lasts, so that few exchanges do.
                let coming = (restore_per_s * SLICE_MS).min(self.ceiling()).min(wanted).max(cost);
                if self.available < coming {
                    return Grant::Wait(wait_for(coming - self.available, restore_per_s * POINT));
                }
                // Others want something as well.
                let points = self.available.min(wanted).min((self.available / 2).max(coming));
                self.available -= points;
                self.slice(now, Some(points), self.slice_ms())
            }
            Shape::Paced { rate, .. } => {
                if self.available < POINT {
                    return Grant::Wait(wait_for(POINT - self.available, rate));
                }
                let points = self.available.min(wanted);
                self.available -= points;
                self.slice(now, Some(points), SLICE_MS)
            }
            Shape::Window { window_ms, .. } => {
                let left_ms = self.reset_at - guard_ms(window_ms) - now;
                if self.available < POINT || left_ms <= 0 {
                    return Grant::Wait((self.reset_at - now).max(1));
                }
                let points = self.available.min(wanted).min((self.available / 2).max(POINT));
                self.available -= points;
                self.slice(now, Some(points), left_ms.min(MARGIN_MS))
            }
        }
    }

    fn slice(&mut self, now: i64, points: Option<i64>, valid_ms: i64) -> Grant {
        self.next_slice += 1;
        let id = self.next_slice;
        if let Some(points) = points {
            self.slices.push(Slice { id, points, until: now + valid_ms });
        }
        let costs = match self.shape {
            Shape::Bucket { has_costs: true, .. } => self.costs.clone(),
            _ => BTreeMap::new(),
        };
        Grant::Slice { id, points, valid_ms, costs }
    }

    fn take_back(&mut self, now: i64, id: u64, left: i64) {
        let Some(place) = self.slices.iter().position(|slice| slice.id == id) else { return };
        if self.shape == Shape::Unknown {
            // What was used of it waits for the first answer.
            if let Some(slice) = self.slices.get_mut(place) {
                slice.points -= left.clamp(0, slice.points);
            }
            return;
        }
        let slice = self.slices.swap_remove(place);
        self.available += left.clamp(0, slice.points);
        self.refill(now);
    }

    /// What a call costs.
    fn cost(&self, call: &str) -> i64 {
        match self.shape {
            Shape::Bucket { has_costs: true, .. } => {
                let dearest = || self.costs.values().copied().max().unwrap_or(COST_FIRST);
                self.costs.get(call).copied().unwrap_or_else(dearest).max(1)
            }
            _ => POINT,
        }
    }

    /// The points that workers hold.
    fn held(&self, now: i64) -> i64 {
        self.slices.iter().filter(|slice| slice.until > now).map(|slice| slice.points).sum()
    }

    /// How long a slice of a bucket may be used: calls that are made at its very end still find
    /// the room that is left alone.
    fn slice_ms(&self) -> i64 {
        let Shape::Bucket { capacity, restore_per_s, .. } = self.shape else { return SLICE_MS };
        let room = capacity * POINT - self.ceiling();
        (room / restore_per_s.max(1) / 2).clamp(20, SLICE_MS)
    }

    /// The most that may be given out at once.
    fn ceiling(&self) -> i64 {
        match self.shape {
            Shape::Bucket { capacity, restore_per_s, .. } => {
                let whole = capacity * POINT;
                (whole - restore_per_s * MARGIN_MS).max(whole / 2).max(POINT)
            }
            Shape::Window { calls, .. } => calls * POINT,
            Shape::Paced { rate, .. } => rate.max(POINT),
            Shape::Unknown | Shape::Free => 0,
        }
    }

    /// Brings what is available up to now.
    fn refill(&mut self, now: i64) {
        let passed = (now - self.at).clamp(0, FORGET_MS);
        match &mut self.shape {
            Shape::Unknown | Shape::Free => {}
            Shape::Bucket { restore_per_s, .. } => self.available += passed * *restore_per_s,
            Shape::Paced { rate, step } => {
                self.available += passed * *rate / 1_000;
                *rate = (*rate + passed * *step / 1_000).min(PACE_MAX);
            }
            Shape::Window { calls, window_ms } => {
                if now >= self.reset_at {
                    let windows = (now - self.reset_at) / (*window_ms).max(1) + 1;
                    self.reset_at += windows * (*window_ms).max(1);
                    // What is left of the old window is worth nothing in the new one.
                    self.slices.clear();
                    self.available = *calls * POINT;
                }
            }
        }
        self.at = self.at.max(now);
        self.available = self.available.min(self.ceiling());
    }

    fn hear(&mut self, note: &Note) {
        let at = note.at;
        self.heard_at = self.heard_at.max(at);
        match note.heard {
            Heard::Failed => self.failed(at),
            Heard::Answered(said) => {
                self.circuit = Circuit::default();
                self.paced_calls += 1;
                match said {
                    Some(said) => self.hear_said(at, note.call, said),
                    None if self.shape == Shape::Unknown => self.shape = Shape::Free,
                    None => {}
                }
                if at > self.cut_at + MARGIN_MS {
                    self.refusals = 0;
                }
            }
            Heard::Refused { said, retry_after_ms } => {
                self.circuit = Circuit::default();
                if let Some(said) = said {
                    self.hear_said(at, note.call, said);
                }
                self.refused(at, said.is_some(), retry_after_ms);
            }
        }
    }

    fn refused(&mut self, at: i64, is_told: bool, retry_after_ms: Option<i64>) {
        if let Some(wait) = retry_after_ms {
            self.blocked_until = self.blocked_until.max(at + wait.clamp(0, 24 * 3_600_000));
        }
        match self.shape {
            Shape::Bucket { .. } if is_told => {
                // Somebody else uses the budget, too: nothing for a moment.
                self.blocked_until = self.blocked_until.max(at + SLICE_MS);
                self.available = self.available.min(0);
            }
            Shape::Window { .. } if is_told => self.available = 0,
            _ => {
                // Calls that were under way together are refused together: they count once.
                // One that may be sent again at once says nothing of a pace.
                if at < self.cut_at + MARGIN_MS || retry_after_ms == Some(0) {
                    return;
                }
                self.cut_at = at;
                let before = match self.shape {
                    Shape::Paced { rate, .. } => rate,
                    _ => self.pace.max(self.counted_pace(at)).max(POINT),
                };
                let rate = (before / 2).clamp(PACE_MIN, PACE_MAX);
                // Back at the old pace after half a minute, where nothing is refused.
                self.shape = Shape::Paced { rate, step: (before / 60).max(20) };
                self.available = 0;
                self.at = self.at.max(at);
                let pause = (PAUSE_MS << self.refusals.min(5)).min(PAUSE_MAX_MS);
                self.refusals += 1;
                if retry_after_ms.is_none() {
                    self.blocked_until = self.blocked_until.max(at + pause);
                }
            }
        }
    }

    fn failed(&mut self, at: i64) {
        let circuit = &mut self.circuit;
        if at < circuit.open_until {
            return;
        }
        circuit.failures += 1;
        // A probe that fails opens it again at once.
        if circuit.failures >= FAILURES_MAX {
            let open = (OPEN_MS << circuit.opened.min(8)).min(OPEN_MAX_MS);
            circuit.open_until = at + open;
            circuit.opened += 1;
            circuit.probe_until = 0;
        }
    }

    fn hear_said(&mut self, at: i64, call: &str, said: Said) {
        match said {
            Said::Bucket { capacity, remaining, restore_per_s, cost } => {
                if let Some(cost) = cost {
                    self.learn_cost(call, i64::from(cost) * POINT);
                }
                let had_costs = matches!(self.shape, Shape::Bucket { has_costs: true, .. });
                let is_new = !matches!(self.shape, Shape::Bucket { .. });
                self.shape = Shape::Bucket {
                    capacity: capacity.into(),
                    restore_per_s: restore_per_s.max(1).into(),
                    has_costs: had_costs || cost.is_some(),
                };
                let told = i64::from(remaining) * POINT;
                // What others of ours hold is not yet missing in what the shop says.
                let told = if is_new { told - self.held(at) } else { told };
                if is_new {
                    (self.available, self.at) = (told, at);
                }
                self.refill(at);
                let since = (self.at - at).max(0) * i64::from(restore_per_s);
                self.available = self.available.min(told + since).min(self.ceiling());
            }
            Said::Window { calls, remaining, reset, window } => {
                let ms = |duration: std::time::Duration| {
                    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
                };
                let reset_at = at + ms(reset);
                let known = match self.shape {
                    Shape::Window { window_ms, .. } => Some(window_ms),
                    _ => None,
                };
                let window_ms = window.map(ms).or(known).unwrap_or(0).max(ms(reset)).max(1);
                self.refill(at);
                let told = i64::from(remaining) * POINT;
                let is_next = known.is_none() || reset_at > self.reset_at + window_ms / 2;
                self.shape = Shape::Window { calls: calls.into(), window_ms };
                if is_next {
                    self.reset_at = reset_at;
                    self.available = told - self.held(at);
                } else if reset_at + window_ms / 2 >= self.reset_at {
                    self.reset_at = self.reset_at.min(reset_at);
                    self.available = self.available.min(told);
                }
                self.at = self.at.max(at);
            }
        }
    }

    /// A call may cost more than the last time, and is then charged so at once; less only slowly.
    fn learn_cost(&mut self, call: &str, cost: i64) {
        if let Some(known) = self.costs.get_mut(call) {
            *known = if cost > *known { cost } else { (*known * 7 + cost) / 8 };
        } else if self.costs.len() < COSTS_MAX {
            self.costs.insert(call.to_owned(), cost);
        }
    }

    /// What is known of a shop that was not asked for long is not known any more.
    fn forget(&mut self, now: i64) {
        if self.heard_at != 0 && now - self.heard_at > FORGET_MS {
            let (next_slice, slices) = (self.next_slice, std::mem::take(&mut self.slices));
            let blocked_until = self.blocked_until;
            *self = Self { next_slice, slices, blocked_until, ..Self::default() };
        }
    }

    fn measure(&mut self, now: i64) {
        if self.paced_at == 0 {
            self.paced_at = now;
        }
        if now - self.paced_at >= MARGIN_MS {
            self.pace = (self.pace + self.counted_pace(now)) / 2;
            (self.paced_at, self.paced_calls) = (now, 0);
        }
    }

    fn counted_pace(&self, now: i64) -> i64 {
        self.paced_calls * POINT * 1_000 / (now - self.paced_at).max(100)
    }
}

/// How long until so many thousandths are there at so many thousandths per second.
fn wait_for(missing: i64, per_s: i64) -> i64 {
    (missing * 1_000 / per_s.max(1) + 1).clamp(1, PAUSE_MAX_MS)
}

/// The end of a window in which nothing is sent.
fn guard_ms(window_ms: i64) -> i64 {
    GUARD_MS.min(window_ms / 10)
}
