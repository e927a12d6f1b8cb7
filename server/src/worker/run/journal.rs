//! The journal of external calls: committed before and after each, fenced by the lease.

use async_trait::async_trait;
use cartage_connectors::{Call, CallJournal, CallResult, JournalError};
use cartage_model::Kind;

use super::super::Work;
use crate::{
    error::Error,
    name::Name,
    store::{Tx, record_link::LinkSpace},
};

/// The journal of one kind of one run.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    pub(super) work: &'a Work,
    pub(super) space: &'a LinkSpace,
    pub(super) run: &'a Name,
    pub(super) kind: Kind,
}

impl Journal<'_> {
    async fn begin(&self) -> Result<Tx, JournalError> {
        self.work.go_on().map_err(withdrawn)?;
        self.work.begin().await.map_err(withdrawn)
    }
}

#[async_trait]
impl CallJournal for Journal<'_> {
    async fn intend(&self, calls: &[Call]) -> Result<(), JournalError> {
        let mut tx = self.begin().await?;
        let epoch = self.work.claim.epoch;
        tx.external_call_intend(self.space, self.kind.as_str(), self.run, epoch, calls)
            .await
            .map_err(store)?;
        tx.commit().await.map_err(store)?;
        crate::failpoint::hit("effect.after_intent");
        Ok(())
    }

    async fn record(&self, results: &[CallResult]) -> Result<(), JournalError> {
        crate::failpoint::hit("effect.after_call");
        // A result is worth keeping also when the work was withdrawn meanwhile, as long as the
        // lease holds: whoever goes on need not ask the shop.
        let mut tx = self.work.begin().await.map_err(withdrawn)?;
        tx.external_call_record(self.space, self.kind.as_str(), results).await.map_err(store)?;
        tx.commit().await.map_err(store)?;
        crate::failpoint::hit("effect.after_result");
        Ok(())
    }
}

fn withdrawn(error: Error) -> JournalError {
    JournalError::Withdrawn(error.message)
}

fn store(error: Error) -> JournalError {
    JournalError::Store(error.message)
}
