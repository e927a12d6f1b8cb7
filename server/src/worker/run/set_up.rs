//! The end of a way back: what runs set up in the target for their records goes behind these, as far as
//! nobody else knows or uses it. It stands in no ledger; an event says how much went, and what stays.

use std::collections::BTreeMap;

use cartage_connectors::{SetUpKept, SetUpTakenBack, Target};
use cartage_engine::run::RunState;

use super::{super::Work, load::Stopped, patience::Tries};
use crate::{
    app::run::{self, Run},
    error::Error,
    reason::Reason,
    store::{event::NewEvent, record_link::LinkSpace, resource::Resource},
};

/// How many things that stay an event names.
const NAMED_MAX: usize = 20;

/// Takes back what the runs of a ROLLBACK run set up. What the shop does not let be done stays: by then
/// every record is taken back, and a run must not wait for a tag.
pub(super) async fn take_back(
    work: &Work,
    run: &Resource<Run>,
    target: &dyn Target,
    space: &LinkSpace,
) -> std::result::Result<(), Stopped> {
    let of = &run.body.rollback_runs;
    let (gone, going) = (RunState::RolledBack.as_str(), run::states_where(RunState::is_open));
    let mut tx = work.begin().await?;
    let others = tx.run_prepared_elsewhere(&space.target, of, gone, &going).await?;
    tx.rollback().await?;
    let taken = if others.iter().any(serde_json::Value::is_null) {
        // It may find by its name what is deleted the moment after.
        all_stays("another run into this target is about to begin")
    } else {
        match ask(work, run, target, space, &others).await {
            Ok(taken) => taken,
            Err(Stopped::Pause(..)) => all_stays("the shop did not let it be taken back"),
            Err(Stopped::Failed(error)) if is_of_shop(&error) => {
                tracing::warn!(run = %run.name, error = %error.chain(), "The set-up stays.");
                all_stays("the shop did not let it be taken back")
            }
            Err(stopped) => return Err(stopped),
        }
    };
    if taken == SetUpTakenBack::default() {
        return Ok(());
    }
    let mut tx = work.begin().await?;
    tx.event_append(&run.name.stream(), &told(run, &taken)).await?;
    Ok(work.commit(tx).await?)
}

/// Asks the shop until it answers, or for so long.
async fn ask(
    work: &Work,
    run: &Resource<Run>,
    target: &dyn Target,
    space: &LinkSpace,
    standing: &[serde_json::Value],
) -> std::result::Result<SetUpTakenBack, Stopped> {
    let mut tries = Tries::new(work, &run.name);
    loop {
        tries.begin()?;
        let answer = target.take_back_set_up(space.migration.id(), standing, work).await;
        match tries.heard(answer, None).await? {
            Ok(taken) => return Ok(taken),
            Err(held_up) => drop(tries.wait(held_up).await?),
        }
    }
}

fn is_of_shop(error: &Error) -> bool {
    matches!(
        error.reason,
        Reason::TargetRefusedRecord
            | Reason::UpstreamIncompatible
            | Reason::UpstreamUnavailable
            | Reason::UpstreamThrottled
    )
}

fn all_stays(why: &str) -> SetUpTakenBack {
    let kept = SetUpKept { what: "all of it".to_owned(), why: why.to_owned() };
    SetUpTakenBack { kept: vec![kept], ..SetUpTakenBack::default() }
}

fn told(run: &Resource<Run>, taken: &SetUpTakenBack) -> NewEvent {
    let SetUpTakenBack { removed, kept } = taken;
    let mut attributes = BTreeMap::from([
        ("removed".to_owned(), removed.to_string()),
        ("kept".to_owned(), kept.len().to_string()),
    ]);
    let named: Vec<String> =
        kept.iter().take(NAMED_MAX).map(|it| format!("{}: {}", it.what, it.why)).collect();
    if !named.is_empty() {
        attributes.insert("keptDetail".to_owned(), named.join("; "));
    }
    NewEvent {
        event_type: "run.set_up_taken_back".to_owned(),
        resource: run.name.as_str().to_owned(),
        actor: "system".to_owned(),
        attributes,
        ..NewEvent::default()
    }
}
