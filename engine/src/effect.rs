//! One write at a shop, as values: what the journal holds and what the shop said go in, what is to be
//! done next comes out. Connectors make by this table what they make call by call; batches share the
//! first part of it, how far a call came before.
//!
//! ```text
//! nothing known ──▶ Intend ──▶ Send ──▶ done ─────────────────▶ Keep(Applied) ──▶ End
//!                                ▲   ├─▶ no room ─▶ Send again, costs no try
//!                                │   ├─▶ refused ─▶ LookUp ─▶ found ▶ Keep(Applied), none ▶ Keep(Refused)
//! intended ─────▶ LookUp ─ none ─┘   └─▶ no answer ─▶ LookUp ─▶ found ▶ Keep(Applied), none ▶ Send again
//!                    └─ found ─▶ Keep(Applied)
//! ```
//!
//! What is promised: a call whose intent stands without a result is never sent before the shop was
//! asked, so that each record has at most one object wherever asking can find it.

/// What the journal holds of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// Its intent, without a result.
    Intended {
        /// Whether with the values of now.
        is_same: bool,
    },
    /// That it had its effect.
    Applied {
        /// Whether with the values of now.
        is_same: bool,
    },
    /// That the shop refused it.
    Refused {
        /// Whether it did so in an earlier run.
        is_earlier: bool,
    },
}

/// How far a call came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was never made, or refused by an earlier run, which asks nobody to believe it now.
    New,
    /// It is intended with these values, and may have had its effect.
    Open,
    /// It is intended with other values, which may stand in the shop.
    Changed,
    /// It had its effect.
    Applied,
    /// It had its effect with other values: neither written over nor taken for this work.
    Otherwise,
    /// The shop refused it.
    Refused,
}

impl Entry {
    /// How far the call came.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Absent | Self::Refused { is_earlier: true } => Standing::New,
            Self::Refused { is_earlier: false } => Standing::Refused,
            Self::Intended { is_same: true } => Standing::Open,
            Self::Intended { is_same: false } => Standing::Changed,
            Self::Applied { is_same: true } => Standing::Applied,
            Self::Applied { is_same: false } => Standing::Otherwise,
        }
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Commit the intent.
    Intend,
    /// Send the call; unless it follows its intent, the journal is asked first whether the work is
    /// still ours.
    Send,
    /// Ask the shop whether the call had its effect.
    LookUp(Look),
    /// Keep a result in the journal.
    Keep(Kept),
    /// Nothing more.
    End(End),
}

/// How the shop is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Once: nothing of ours can be under way.
    Once,
    /// As long as its search may lag behind its writes.
    Again,
    /// As long as it may still be working on a call whose answer was lost.
    Settled,
    /// Likewise, and by our key alone, for the values may be others.
    Otherwise,
}

/// What is kept of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// That it had its effect.
    Applied,
    /// That the shop refused it.
    Refused,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It had its effect.
    Applied,
    /// It had its effect with other values.
    Otherwise,
    /// The shop refused it.
    Refused,
    /// The tries are used up; the intent stands, and a later attempt asks first.
    Postponed,
    /// The shop cannot be worked with at all.
    Fatal,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The intent is durable.
    Intended,
    /// The shop answered, or did not.
    Answered(Answer),
    /// What was looked for was found, or not.
    Found(bool),
    /// The result is kept.
    Kept,
}

/// What a shop made of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did it.
    Done,
    /// Its budget had no room: no effect, and no try.
    Throttled,
    /// It refused these values; which it does too where they stand there already.
    Refused,
    /// What the call refers to is not there.
    Missing,
    /// It gave no answer, or one that cannot be read: the effect may have taken place, or come yet.
    Lost,
    /// It does not let us in, or is none.
    Fatal,
}

/// How often a call is sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without an answer.
    pub attempts_max: u32,
    /// Without room in the budget.
    pub refusals_max: u32,
}

/// A call under way.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    limits: Limits,
    attempts: u32,
    refusals: u32,
    /// What a look-up is for.
    asked: Look,
    /// Whether the shop refused the call that was looked for.
    is_refused: bool,
    end: End,
}

impl Effect {
    /// A call of which the journal holds `entry`, and the first step.
    pub const fn begin(entry: Entry, limits: Limits) -> (Self, Step) {
        let mut effect = Self {
            limits,
            attempts: 0,
            refusals: 0,
            asked: Look::Once,
            is_refused: false,
            end: End::Postponed,
        };
        let step = match entry.standing() {
            Standing::New => Step::Intend,
            Standing::Open => effect.look(Look::Settled),
            Standing::Changed => effect.look(Look::Otherwise),
            Standing::Applied => Step::End(End::Applied),
            Standing::Otherwise => Step::End(End::Otherwise),
            Standing::Refused => Step::End(End::Refused),
        };
        (effect, step)
    }

    /// How often it was sent without an answer.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What is to be done after what happened.
    pub const fn next(&mut self, happened: Happened) -> Step {
        match happened {
            Happened::Intended => Step::Send,
            Happened::Kept => Step::End(self.end),
            Happened::Answered(answer) => self.answered(answer),
            Happened::Found(true) => match self.asked {
                Look::Otherwise => self.keep(Kept::Applied, End::Otherwise),
                Look::Once | Look::Again | Look::Settled => self.keep(Kept::Applied, End::Applied),
            },
            Happened::Found(false) if self.is_refused => self.keep(Kept::Refused, End::Refused),
            Happened::Found(false) => match self.asked {
                // The intent is renewed with the values of now.
                Look::Otherwise => Step::Intend,
                Look::Once | Look::Again | Look::Settled => self.send_again(),
            },
        }
    }

    const fn answered(&mut self, answer: Answer) -> Step {
        match answer {
            Answer::Done => self.keep(Kept::Applied, End::Applied),
            Answer::Throttled => {
                self.refusals += 1;
                self.send_again()
            }
            Answer::Refused => {
                self.is_refused = true;
                // One that was sent before may have had its effect meanwhile.
                self.look(if self.attempts == 0 { Look::Once } else { Look::Again })
            }
            Answer::Missing => self.keep(Kept::Refused, End::Refused),
            Answer::Lost => {
                self.attempts += 1;
                self.look(Look::Settled)
            }
            Answer::Fatal => Step::End(End::Fatal),
        }
    }

    const fn send_again(&self) -> Step {
        let is_used_up =
            self.attempts >= self.limits.attempts_max || self.refusals >= self.limits.refusals_max;
        if is_used_up { Step::End(End::Postponed) } else { Step::Send }
    }

    const fn look(&mut self, look: Look) -> Step {
        self.asked = look;
        Step::LookUp(look)
    }

    const fn keep(&mut self, kept: Kept, end: End) -> Step {
        self.end = end;
        Step::Keep(kept)
    }
}

#[cfg(test)]
mod tests;
