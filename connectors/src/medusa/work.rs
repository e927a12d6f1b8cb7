//! What writing and updating share: records that run side by side in bounds, how each of them ends,
//! and what is asked of the journal and the shop's budget before a call.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cartage_model::Kind;
use futures::{StreamExt, stream};

use super::{
    client::Client,
    prepare::{Maker, Prepared},
};
use crate::{
    Call, CallJournal, CallResult, Error, Link, PARTIAL, Reference, Refusal, Result, Written,
    WrittenOutcome, budget::Permit,
};

/// So many records may each have their own trouble with a shop that answers: faults of the shop
/// for all of more records are those of a shop that is away.
const OWN_TROUBLE_MAX: usize = 3;
/// How often a call is sent before the record is postponed.
pub(super) const ATTEMPTS: u32 = 4;
/// The longest the shop's wish for patience is followed at once.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Why a record went no further.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// The shop will not take it, and nothing of it stands there.
    Refused(Refusal),
    /// It is refused, but this object of it stands in the shop, where it is known which.
    Stands(Refusal, Option<String>),
    /// To be tried again.
    Postponed(String),
    /// To be tried again, for the shop gave no answer or one of a fault of its own.
    Away(Error),
    /// Nothing can go on.
    Fatal(Error),
}

impl Stop {
    /// What an error means for a record. What the shop has not, or will not tell, is a matter of
    /// that record alone.
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::Transient { .. } | Error::Throttled { .. } => Self::Away(error),
            Error::Unreadable { .. } | Error::Missing { .. } | Error::Rejected { .. } => {
                Self::Postponed(error.to_string())
            }
            other => Self::Fatal(other),
        }
    }
}

/// How one record ended: what is told of it, and the error of a shop that seems to be away.
pub(super) struct Ended {
    pub(super) written: Written,
    away: Option<Error>,
}

/// How a record ends with this result.
pub(super) fn ended(
    kind: Kind,
    source_id: &str,
    result: std::result::Result<WrittenOutcome, Stop>,
) -> Result<Ended> {
    let mut partial = Vec::new();
    let mut away = None;
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(Stop::Refused(refusal)) => WrittenOutcome::Refused(refusal),
        Err(Stop::Stands(refusal, id)) => {
            partial.extend(id.map(|id| link(kind, source_id, PARTIAL, &id)));
            WrittenOutcome::Refused(refusal)
        }
        Err(Stop::Postponed(why)) => WrittenOutcome::Postponed(why),
        Err(Stop::Away(error)) => {
            let why = error.to_string();
            let outcome = match &error {
                Error::Throttled { retry_after, .. } => {
                    WrittenOutcome::Deferred { why, retry_after: *retry_after }
                }
                _ => WrittenOutcome::Postponed(why),
            };
            away = Some(error);
            outcome
        }
        Err(Stop::Fatal(error)) => return Err(error),
    };
    let written = Written { source_id: source_id.to_owned(), outcome, partial };
    Ok(Ended { written, away })
}

/// A link of something that came of a record.
pub(super) fn link(kind: Kind, source_id: &str, role: &str, target_id: &str) -> Link {
    let reference = Reference { kind, source_id: source_id.to_owned(), role: role.to_owned() };
    Link { reference, target_id: target_id.to_owned() }
}

/// The target id of something a record refers to.
pub(super) fn linked<'a>(
    links: &'a BTreeMap<Reference, String>,
    kind: Kind,
    source_id: &str,
    role: &str,
) -> Option<&'a str> {
    let reference = Reference { kind, source_id: source_id.to_owned(), role: role.to_owned() };
    links.get(&reference).map(String::as_str)
}

/// Waits as the shop asks, in bounds, or a little longer each time.
pub(super) async fn wait(attempt: u32, retry_after: Option<Duration>) {
    let wait = retry_after.unwrap_or(Duration::from_millis(200) * 2_u32.pow(attempt));
    tokio::time::sleep(wait.min(WAIT_MAX)).await;
}

/// What the shop's refusal is for the caller.
pub(super) fn refusal(field: Option<String>, problem: String) -> Refusal {
    let reason = if problem.contains("already exists") {
        "TARGET_CONFLICT"
    } else {
        "TARGET_REFUSED_RECORD"
    };
    Refusal { reason: reason.to_owned(), field, message: problem }
}

/// What the records of one call share.
pub(super) struct Writer<'a> {
    pub(super) client: &'a Client,
    pub(super) prepared: &'a Prepared,
    pub(super) journal: &'a dyn CallJournal,
    /// Set when the shop answers nothing at all, so that further records are not tried.
    gone: Mutex<Option<Error>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        client: &'a Client,
        prepared: &'a Prepared,
        journal: &'a dyn CallJournal,
    ) -> Self {
        Self { client, prepared, journal, gone: Mutex::default() }
    }

    /// Who sets up what was not prepared.
    pub(super) fn maker(&self) -> Maker<'_> {
        let Self { client, prepared, journal, .. } = self;
        Maker { client, lease: *journal, migration: &prepared.migration }
    }

    /// Runs records side by side, in bounds; a fatal error drops the rest where it stands.
    pub(super) async fn side_by_side(
        &self,
        width: usize,
        records: Vec<(Kind, &str, impl Future<Output = std::result::Result<WrittenOutcome, Stop>>)>,
    ) -> Result<Vec<Ended>> {
        let mut all = Vec::with_capacity(records.len());
        let numbered = records
            .into_iter()
            .map(|(kind, source_id, future)| async move {
                let result = match self.gone() {
                    Some(error) => Err(Stop::Away(error)),
                    None => future.await,
                };
                self.notice(&result).await;
                ended(kind, source_id, result)
            })
            .collect::<Vec<_>>();
        let mut results = stream::iter(numbered).buffer_unordered(width);
        while let Some(result) = results.next().await {
            all.push(result?);
        }
        Ok(all)
    }

    /// The error of a shop that answers nothing at all.
    pub(super) fn gone(&self) -> Option<Error> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the shop for something it always has when a record could not reach it.
    pub(super) async fn notice<T>(&self, result: &std::result::Result<T, Stop>) {
        if !matches!(result, Err(Stop::Away(_))) || self.gone().is_some() {
            return;
        }
        let asked = self.client.get("/admin/stores", &[("limit", "1".to_owned())]).await;
        if let Err(error @ (Error::Transient { .. } | Error::Throttled { .. })) = asked {
            *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// What is told of the records. When none of them came to an end because the shop is away, it
    /// is the shop's matter and not theirs: their tries must not be used up by it.
    pub(super) async fn whole(&self, all: Vec<Ended>) -> Result<Vec<Written>> {
        if let Some(first) = all.first()
            && let Some(error) = &first.away
            && all.iter().all(|one| one.away.is_some())
        {
            self.notice::<()>(&Err(Stop::Away(error.clone()))).await;
            if let Some(error) = self.gone() {
                return Err(error);
            }
            if all.len() > OWN_TROUBLE_MAX {
                return Err(error.clone());
            }
        }
        Ok(all.into_iter().map(|one| one.written).collect())
    }

    pub(super) async fn intend(&self, calls: &[Call]) -> std::result::Result<(), Stop> {
        if calls.is_empty() {
            return Ok(());
        }
        self.journal.intend(calls).await.map_err(|error| Stop::Fatal(error.into()))
    }

    /// Fails when the work was taken away. To be asked before every write that does not directly
    /// follow an intent.
    pub(super) async fn still_ours(&self) -> std::result::Result<(), Stop> {
        self.journal.still_ours().await.map_err(|error| Stop::Fatal(error.into()))
    }

    /// Waits until the shop's budget has room for a write, and makes sure that the work was not taken
    /// away meanwhile. For every write that does not directly follow its intent.
    pub(super) async fn permit(&self) -> std::result::Result<Permit, Stop> {
        let permit = self.client.write_permit().await.map_err(Stop::of)?;
        self.still_ours().await?;
        Ok(permit)
    }

    pub(super) async fn record(&self, results: &[CallResult]) -> std::result::Result<(), Stop> {
        if results.is_empty() {
            return Ok(());
        }
        self.journal.record(results).await.map_err(|error| Stop::Fatal(error.into()))
    }
}
