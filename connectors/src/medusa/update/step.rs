//! One call of an update, under the journal. Its intent is committed each time, because no earlier
//! result speaks of the values that are to be set now.

use serde_json::{Value, json};

use super::{
    super::{
        client::REFUSALS_MAX,
        work::{ATTEMPTS, Stop, Writer, refusal, wait},
    },
    trace::Trace,
};
use crate::{Call, CallResult, CallState, Error, UpdateItem};

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// It sets or makes something.
    Post,
    /// It deletes something.
    Delete,
}

/// A call of an update.
#[derive(Debug)]
pub(super) struct Change {
    /// Its place among the record's calls; the same whenever it does the same.
    pub(super) ordinal: u32,
    /// What it does.
    pub(super) name: &'static str,
    /// How it is made.
    pub(super) verb: Verb,
    /// Where it goes.
    pub(super) path: String,
    /// What it sends.
    pub(super) body: Value,
    /// How to find out whether it had its effect, where it must not have it twice.
    pub(super) trace: Trace,
}

impl Change {
    /// A call that sets values, which is the same twice.
    pub(super) fn set(ordinal: u32, name: &'static str, path: String, body: Value) -> Self {
        Self { ordinal, name, verb: Verb::Post, path, body, trace: Trace::Same }
    }

    /// A call that deletes something, which is the same twice.
    pub(super) fn delete(ordinal: u32, name: &'static str, path: String) -> Self {
        Self { ordinal, name, verb: Verb::Delete, path, body: json!({}), trace: Trace::Same }
    }

    fn call(&self, item: &UpdateItem) -> Call {
        let payload = format!("{} {}", self.path, self.body);
        Call {
            source_id: item.source_id.clone(),
            ordinal: self.ordinal,
            name: self.name.to_owned(),
            payload_hash: blake3::hash(payload.as_bytes()).to_hex().to_string(),
        }
    }
}

impl Writer<'_> {
    /// Makes a call and gives what it gave. Before it is sent again, the shop is asked whether it had
    /// its effect, and the journal whether the work is still ours.
    pub(super) async fn change(&self, item: &UpdateItem, change: &Change) -> Result<Value, Stop> {
        // Before the intent, for the shop may make us wait.
        let mut first = Some(self.client.write_permit().await.map_err(Stop::of)?);
        self.intend(&[change.call(item)]).await?;
        let mut last = Stop::Postponed("it was not sent".to_owned());
        let (mut attempt, mut refusals) = (0, 0);
        while attempt < ATTEMPTS && refusals < REFUSALS_MAX {
            let permit = match first.take() {
                Some(permit) => permit,
                None => self.permit().await?,
            };
            let sent = match change.verb {
                Verb::Post => self.client.post_with(permit, &change.path, &change.body).await,
                Verb::Delete => self.client.delete(permit, &change.path).await,
            };
            let error = match sent {
                Ok(answer) => match change.trace.result(&answer) {
                    Some(value) => return self.has_changed(item, change, value).await,
                    None => Error::Unreadable {
                        platform: super::super::client::PLATFORM,
                        operation: change.name.to_owned(),
                        problem: "the answer names no object".to_owned(),
                    },
                },
                // What was to be deleted is not there.
                Err(Error::Missing { .. }) => {
                    return self.has_changed(item, change, json!({})).await;
                }
                Err(error) => error,
            };
            last = Stop::of(error.clone());
            match error {
                // It had no effect and is no try; the budget waits as long as the shop asks.
                Error::Throttled { .. } => {
                    refusals += 1;
                    continue;
                }
                Error::Rejected { field, problem, .. } => {
                    // After a lost answer, most likely because what was sent is there.
                    let found = match attempt {
                        0 => Ok(None),
                        _ => change.trace.look_settled(self.client).await,
                    };
                    if let Some(value) = found.map_err(Stop::of)? {
                        return self.has_changed(item, change, value).await;
                    }
                    let refusal = refusal(field, problem);
                    let state = CallState::Refused(refusal.message.clone());
                    self.note_result(item, change.ordinal, state).await?;
                    return Err(Stop::Refused(refusal));
                }
                Error::Transient { retry_after, .. } => wait(attempt, retry_after).await,
                Error::Unreadable { .. } => {}
                fatal => return Err(Stop::Fatal(fatal)),
            }
            let found = change.trace.look_settled(self.client).await;
            if let Some(value) = found.map_err(Stop::of)? {
                return self.has_changed(item, change, value).await;
            }
            attempt += 1;
        }
        Err(last)
    }

    async fn has_changed(
        &self,
        item: &UpdateItem,
        change: &Change,
        value: Value,
    ) -> Result<Value, Stop> {
        self.note_result(item, change.ordinal, CallState::Applied(value.clone())).await?;
        Ok(value)
    }

    async fn note_result(
        &self,
        item: &UpdateItem,
        ordinal: u32,
        state: CallState,
    ) -> Result<(), Stop> {
        self.record(&[CallResult { source_id: item.source_id.clone(), ordinal, state }]).await
    }
}
