//! Taking back what was made of a record that is refused after all.
//!
//! The refusal is made durable before the deletion: whoever goes on after a crash in between finds
//! it in the journal and deletes again, to which Medusa says yes, instead of asking about an object
//! that is gone. Behind the deletion every call of the record is journaled as refused, so that a
//! later run makes all of them anew and takes no deleted id for a living one.

use serde_json::json;

use super::{
    super::client::REFUSALS_MAX,
    Stop, Writer,
    step::{call, leaving},
};
use crate::{CallResult, CallState, Error, Refusal, TAKE_BACK, WriteItem};

/// The place of the deletion among a record's calls, behind all others.
const ORDINAL: u32 = 1_000;

/// An object that was made of a record.
pub(super) struct Made<'a> {
    /// Its id.
    pub(super) id: &'a str,
    /// Where it is deleted.
    pub(super) path: String,
    /// The last call of the record that has an intent.
    pub(super) last: u32,
}

impl Writer<'_> {
    /// Deletes an object; gives why its record goes no further.
    pub(super) async fn take_back(
        &self,
        item: &WriteItem,
        made: Made<'_>,
        refusal: Refusal,
    ) -> Stop {
        match self.delete(item, made, refusal).await {
            Ok(stop) | Err(stop) => stop,
        }
    }

    async fn delete(
        &self,
        item: &WriteItem,
        made: Made<'_>,
        refusal: Refusal,
    ) -> Result<Stop, Stop> {
        let deletion = call(item, ORDINAL, TAKE_BACK, &json!({ "path": made.path }));
        self.intend(&[deletion]).await?;
        let result =
            |ordinal, state| CallResult { source_id: item.source_id.clone(), ordinal, state };
        let mut refusals = 0;
        let deleted = loop {
            let permit = self.permit().await?;
            match self.client.delete(permit, &made.path).await {
                // It had no effect; the budget waits as long as the shop asks.
                Err(Error::Throttled { .. }) if refusals < REFUSALS_MAX => refusals += 1,
                deleted => break deleted,
            }
        };
        match deleted {
            Ok(_) | Err(Error::Missing { .. }) => {
                let message = &refusal.message;
                let mut results: Vec<CallResult> = (0..=made.last)
                    .map(|ordinal| result(ordinal, CallState::Refused(message.clone())))
                    .collect();
                results.push(result(ORDINAL, CallState::Applied(json!({}))));
                self.record(&results).await?;
                Ok(Stop::Refused(refusal))
            }
            Err(Error::Rejected { problem, .. }) => {
                self.record(&[result(ORDINAL, CallState::Refused(problem.clone()))]).await?;
                let why = format!("{}; it cannot be deleted: {problem}", refusal.message);
                let refusal = Refusal { message: why, ..refusal };
                Ok(Stop::Stands(leaving(refusal, made.id), Some(made.id.to_owned())))
            }
            Err(error) => Err(Stop::of(error)),
        }
    }
}
