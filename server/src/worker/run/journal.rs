//! The journal of external calls: intents are committed before the calls, results after them, both
//! fenced by the lease.
//!
//! Records are written several at once, and each call waits for its intent to be durable. Calls
//! that come while a commit is under way share the next one. A result is kept until the next commit
//! of any kind: if the process dies before, the intent stands there without a result, and whoever
//! goes on asks the shop, as for any call whose answer was lost.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use cartage_connectors::{Call, CallJournal, CallResult, JournalError, Lease};
use cartage_model::Kind;

use super::super::Work;
use crate::{
    error::{Error, Result},
    failpoint::{self, Place},
    name::Name,
    store::{Tx, record_link::LinkSpace},
};

/// The journal of one batch of one kind of one run.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    work: &'a Work,
    space: &'a LinkSpace,
    run: &'a Name,
    kind: Kind,
    waiting: Mutex<Waiting>,
    committing: tokio::sync::Mutex<()>,
}

/// What is to be committed.
#[derive(Debug, Default)]
struct Waiting {
    intents: Vec<Call>,
    results: Vec<CallResult>,
    /// How many intents were ever put in, and how many of them are durable.
    put: u64,
    durable: u64,
    /// Why nothing more can be committed.
    broken: Option<JournalError>,
}

impl<'a> Journal<'a> {
    pub(super) fn new(work: &'a Work, space: &'a LinkSpace, run: &'a Name, kind: Kind) -> Self {
        let (waiting, committing) = Default::default();
        Self { work, space, run, kind, waiting, committing }
    }

    /// Writes the results that are not committed yet into a transaction of the caller's.
    pub(super) async fn write_results(&self, tx: &mut Tx) -> Result<()> {
        let results = std::mem::take(&mut self.waiting().results);
        if results.is_empty() {
            return Ok(());
        }
        let epoch = self.work.claim.epoch;
        tx.external_call_record(self.space, self.kind.as_str(), epoch, &results).await
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits everything that waits.
    async fn commit(&self) -> std::result::Result<(), JournalError> {
        let (intents, results, put) = {
            let mut waiting = self.waiting();
            let intents = std::mem::take(&mut waiting.intents);
            // What is taken out here is lost when this commit fails or is dropped: until it is
            // through, nobody may take the others' intents for durable.
            waiting.broken = Some(JournalError::Store("a commit was cut off".to_owned()));
            (intents, std::mem::take(&mut waiting.results), waiting.put)
        };
        self.work.go_on().map_err(withdrawn)?;
        failpoint::hit(Place::EffectBeforeIntent);
        let mut tx = self.work.begin().await.map_err(withdrawn)?;
        let (kind, epoch) = (self.kind.as_str(), self.work.claim.epoch);
        if !results.is_empty() {
            tx.external_call_record(self.space, kind, epoch, &results).await.map_err(store)?;
        }
        tx.external_call_intend(self.space, kind, self.run, epoch, &intents)
            .await
            .map_err(store)?;
        tx.commit().await.map_err(store)?;
        let mut waiting = self.waiting();
        waiting.durable = waiting.durable.max(put);
        waiting.broken = None;
        Ok(())
    }
}

#[async_trait]
impl Lease for Work {
    async fn still_ours(&self) -> std::result::Result<(), JournalError> {
        self.go_on().map_err(withdrawn)?;
        let tx = self.begin().await.map_err(withdrawn)?;
        tx.rollback().await.map_err(store)
    }
}

#[async_trait]
impl Lease for Journal<'_> {
    async fn still_ours(&self) -> std::result::Result<(), JournalError> {
        self.work.still_ours().await
    }
}

#[async_trait]
impl CallJournal for Journal<'_> {
    async fn intend(&self, calls: &[Call]) -> std::result::Result<(), JournalError> {
        let mine = {
            let mut waiting = self.waiting();
            waiting.intents.extend_from_slice(calls);
            waiting.put += 1;
            waiting.put
        };
        let committing = self.committing.lock().await;
        let (durable, broken) = {
            let waiting = self.waiting();
            (waiting.durable >= mine, waiting.broken.clone())
        };
        // Somebody who was before us in the queue may have committed ours too.
        if !durable {
            if let Some(error) = broken {
                return Err(error);
            }
            if let Err(error) = self.commit().await {
                self.waiting().broken = Some(error.clone());
                return Err(error);
            }
        }
        drop(committing);
        failpoint::hit(Place::EffectAfterIntent);
        // The commit may have taken longer than the lease, or the process may have stood still: the
        // call that follows must not be made when somebody else may have begun to ask for it.
        self.work.go_on().map_err(withdrawn)
    }

    async fn record(&self, results: &[CallResult]) -> std::result::Result<(), JournalError> {
        failpoint::hit(Place::EffectAfterCall);
        self.waiting().results.extend_from_slice(results);
        failpoint::hit(Place::EffectAfterResult);
        Ok(())
    }
}

fn withdrawn(error: Error) -> JournalError {
    JournalError::Withdrawn(error.message)
}

fn store(error: Error) -> JournalError {
    JournalError::Store(error.message)
}
