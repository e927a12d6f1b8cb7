//! What a walk tells while it goes.

use std::fmt;

use crate::wait::Update;

/// A part of the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Both connections are verified.
    Connections,
    /// The migration is created.
    Migration,
    /// The source is copied, and the copy read back.
    SourceSnapshot,
    /// The rules run over the snapshot.
    Audit,
    /// The mapping is made and published.
    Mapping,
    /// The run is rehearsed.
    TestRun,
    /// The plan is submitted and approved.
    Plan,
    /// The target is copied, and the copy read back.
    TargetSnapshot,
    /// The records are written to the target.
    LiveRun,
    /// The target is read back and compared.
    Verification,
}

/// What [`walk`](super::walk) tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A stage, or the next part of one, begins.
    Begun {
        /// The stage.
        stage: Stage,
        /// The resource that is worked on.
        resource: String,
    },
    /// News of the work under way.
    Update {
        /// The stage.
        stage: Stage,
        /// What is new.
        update: Update,
    },
    /// The part that had begun is done.
    Done {
        /// The stage.
        stage: Stage,
        /// The resource that came of it.
        resource: String,
        /// The result in a few words.
        summary: String,
    },
}

/// Who hears of the steps.
pub type Listener<'a> = &'a mut (dyn FnMut(Step) + Send);

/// Says the steps to a listener.
pub(super) struct Teller<'a>(pub(super) Listener<'a>);

impl Teller<'_> {
    pub(super) fn begun(&mut self, stage: Stage, resource: &str) {
        (self.0)(Step::Begun { stage, resource: resource.to_owned() });
    }

    pub(super) fn update(&mut self, stage: Stage, update: Update) {
        (self.0)(Step::Update { stage, update });
    }

    pub(super) fn done(&mut self, stage: Stage, resource: &str, summary: String) {
        (self.0)(Step::Done { stage, resource: resource.to_owned(), summary });
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "verify connections",
            Self::Migration => "create migration",
            Self::SourceSnapshot => "snapshot of the source",
            Self::Audit => "audit",
            Self::Mapping => "publish mapping",
            Self::TestRun => "test run",
            Self::Plan => "plan",
            Self::TargetSnapshot => "snapshot of the target",
            Self::LiveRun => "live run",
            Self::Verification => "verification",
        })
    }
}
