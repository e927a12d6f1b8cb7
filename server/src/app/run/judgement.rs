//! What a person decides about a run whose records are not all settled: to try them again, to judge
//! a record that nobody could decide, to accept the run.

use cartage_engine::{
    accounting::{Outcome, Verdict},
    run::{RunEvent, RunState},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Run, account, advance, link_space};
use crate::{
    error::{Error, Result},
    reason::Reason,
    store::{Tx, event::NewEvent, resource::Resource, run_record::RecordFilter},
};

/// A person's decision to take over what a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acceptance {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub accept_time: DateTime<Utc>,
}

/// Puts the records of a run that is to be tried again back among those that are open. What the
/// shop refused is forgotten, so that it is asked anew; an intent without a result stays, so that
/// the shop is searched before anything is written.
pub async fn reopen(tx: &mut Tx, run: &mut Resource<Run>) -> Result<()> {
    let space = link_space(run);
    tx.run_record_reopen(&space, &run.name).await?;
    run.body.end_time = None;
    // It was about what is being changed.
    run.body.latest_verification_report.clear();
    recount(tx, run).await
}

/// Quarantines a record that nobody could decide, and gives the event.
///
/// # Errors
/// `STATE_CONFLICT` for a run that does not wait for this or a record that is decided,
/// `RESOURCE_NOT_FOUND` for one that is not in the ledger.
pub async fn quarantine(
    tx: &mut Tx,
    run: &mut Resource<Run>,
    record: &str,
    (kind, source_id): (&str, &str),
    reason: &str,
) -> Result<NewEvent> {
    if run.state != RunState::AwaitingAcceptance {
        let allowed = [RunState::AwaitingAcceptance.as_str()];
        return Err(Error::state(run.name.as_str(), run.state.as_str(), &allowed));
    }
    let unknown = Outcome::Unknown.as_str();
    if !tx.run_record_judge(&run.name, kind, source_id, reason).await? {
        let wanted = RecordFilter {
            kind: kind.to_owned(),
            source_id: source_id.to_owned(),
            ..RecordFilter::default()
        };
        let found = tx.run_record_page(&run.name, &wanted, None, 1).await?;
        return Err(match found.first() {
            Some(row) => {
                Error::state(record, &row.outcome.to_uppercase(), &[&unknown.to_uppercase()])
            }
            None => Error::not_found(record),
        });
    }
    // It was about what is being changed.
    run.body.latest_verification_report.clear();
    recount(tx, run).await?;
    tx.resource_update(run).await?;
    let mut event = NewEvent {
        event_type: "run.record_resolved".to_owned(),
        resource: run.name.as_str().to_owned(),
        ..NewEvent::default()
    };
    // The source id can be an e-mail address, and events hold no personal data.
    event.attributes.insert("kind".to_owned(), kind.to_uppercase());
    event.attributes.insert("outcome".to_owned(), "QUARANTINED".to_owned());
    Ok(event)
}

/// Accepts a run in whose ledger nothing is undecided; none when it succeeded before.
///
/// # Errors
/// `UNKNOWN_EFFECTS` while records are undecided, `STATE_CONFLICT` for a run that does not wait for
/// this.
pub async fn accept(
    tx: &mut Tx,
    run: &mut Resource<Run>,
    acceptance: Acceptance,
) -> Result<Option<NewEvent>> {
    // What made it wait is over; if it is not, the refusal undoes this too.
    run.body.failure = None;
    let Some(event) = advance(run, RunEvent::Accept)? else { return Ok(None) };
    recount(tx, run).await?;
    let verdict = run.body.accounting.as_ref().map_or(Verdict::Complete, |sums| sums.verdict());
    match verdict {
        Verdict::Complete => {}
        Verdict::Undecided(count) => {
            return Err(Error::new(
                Reason::UnknownEffects,
                format!("{count} records cannot be decided; try them again or judge them first."),
            )
            .with("count", count.to_string()));
        }
        Verdict::Incomplete(count) => {
            return Err(Error::new(
                Reason::AccountingIncomplete,
                format!("{count} records have no outcome, or too many."),
            )
            .with("count", count.to_string()));
        }
    }
    run.body.acceptance = Some(acceptance);
    Ok(Some(event))
}

async fn recount(tx: &mut Tx, run: &mut Resource<Run>) -> Result<()> {
    let counts = tx.run_record_counts(&run.name).await?;
    run.body.accounting = Some(account(run.body.totals.as_ref(), &counts));
    Ok(())
}
