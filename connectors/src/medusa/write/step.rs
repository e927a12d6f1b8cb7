//! One external call that writes, under the journal.

use serde_json::{Value, json};

use super::{
    super::{
        client::REFUSALS_MAX,
        look_up::{self, Probe},
        work::ATTEMPTS,
    },
    Stop, Writer,
};
use crate::{
    Call, CallResult, CallState, Error, JournaledCall, Refusal, WriteItem, budget::Permit,
};

pub(super) use super::super::work::{refusal, wait};

/// A call of a record.
pub(super) struct Step {
    /// Its place among the record's calls; the same in every attempt.
    pub(super) ordinal: u32,
    /// What it does.
    pub(super) name: &'static str,
    /// Where it goes.
    pub(super) path: String,
    /// What it sends.
    pub(super) body: Value,
    /// How to find out whether it had its effect.
    pub(super) probe: Probe,
}

/// A call as it was journaled before.
pub(super) fn journaled(item: &WriteItem, ordinal: u32) -> Option<&JournaledCall> {
    item.calls.iter().find(|made| made.call.ordinal == ordinal)
}

/// How far a call came before, where nothing forbids to go on with it.
#[derive(Debug)]
pub(super) enum Standing<'a> {
    /// It was never made, or refused by an earlier run: its intent must be committed.
    New,
    /// It is intended with these values, and may have had its effect.
    Open,
    /// It is intended with other values, which may stand in the shop.
    Changed,
    /// It had its effect.
    Applied(&'a Value),
}

/// How far a call came before. A refusal of this run stands, one of an earlier run is void. What was
/// written before with other values is neither written over nor taken for this work, whether by an
/// earlier run, or by this one before it was tried again and found more of what the record refers to.
/// What was only intended so, the shop is asked about.
pub(super) fn standing<'a>(item: &'a WriteItem, call: &Call) -> Result<Standing<'a>, Stop> {
    let Some(made) = journaled(item, call.ordinal) else { return Ok(Standing::New) };
    let is_other = made.call.payload_hash != call.payload_hash;
    match &made.state {
        CallState::Refused(_) if made.earlier_run => Ok(Standing::New),
        CallState::Refused(problem) => Err(Stop::Refused(refused_before(problem))),
        CallState::Applied(value) if is_other => Err(stands_otherwise(call.ordinal, value)),
        CallState::Intended if is_other => Ok(Standing::Changed),
        CallState::Applied(value) => Ok(Standing::Applied(value)),
        CallState::Intended => Ok(Standing::Open),
    }
}

/// How a record ends of which a call had its effect with other values.
pub(super) fn stands_otherwise(ordinal: u32, value: &Value) -> Stop {
    // The first call makes the record's own object; later ones give other ids.
    match super::super::json::owned(value, "id").filter(|_| ordinal == 0) {
        Some(id) => Stop::Stands(leaving(other_values(), &id), Some(id)),
        None => Stop::Stands(other_values(), None),
    }
}

/// The refusal of a record that was written otherwise before.
pub(super) fn other_values() -> Refusal {
    Refusal {
        reason: "TARGET_CONFLICT".to_owned(),
        field: None,
        message: "a part of this record was written before with other values".to_owned(),
    }
}

/// A refusal that says what stands in the target nevertheless.
pub(super) fn leaving(refusal: Refusal, id: &str) -> Refusal {
    Refusal { message: format!("{} ({id} stands in the target)", refusal.message), ..refusal }
}

/// A refusal that was journaled before.
pub(super) fn refused_before(problem: &str) -> Refusal {
    let reason = if problem.contains("already exists") || problem.contains("not ours") {
        "TARGET_CONFLICT"
    } else {
        "TARGET_REFUSED_RECORD"
    };
    Refusal { reason: reason.to_owned(), field: None, message: problem.to_owned() }
}

/// The call as the journal holds it.
pub(super) fn call(item: &WriteItem, ordinal: u32, name: &str, body: &Value) -> Call {
    Call {
        source_id: item.source_id.clone(),
        ordinal,
        name: name.to_owned(),
        payload_hash: blake3::hash(body.to_string().as_bytes()).to_hex().to_string(),
    }
}

impl Writer<'_> {
    async fn applied(&self, item: &WriteItem, ordinal: u32, value: Value) -> Result<Value, Stop> {
        let state = CallState::Applied(value.clone());
        self.record(&[CallResult { source_id: item.source_id.clone(), ordinal, state }]).await?;
        Ok(value)
    }

    /// Makes a call unless it is known to have had its effect, and gives what it gave.
    pub(super) async fn step(&self, item: &WriteItem, step: &Step) -> Result<Value, Stop> {
        let call = call(item, step.ordinal, step.name, &step.body);
        match standing(item, &call)? {
            Standing::Applied(value) => return Ok(value.clone()),
            Standing::Open => {
                let found = look_up::look_settled(self.client, &step.probe).await;
                if let Some(value) = found.map_err(Stop::of)? {
                    return self.applied(item, step.ordinal, value).await;
                }
            }
            Standing::Changed => {
                let found = look_up::look_otherwise(self.client, &step.probe).await;
                if let Some(value) = found.map_err(Stop::of)? {
                    let value = self.applied(item, step.ordinal, value).await?;
                    return Err(stands_otherwise(step.ordinal, &value));
                }
                return self.send_new(item, step, call).await;
            }
            Standing::New => return self.send_new(item, step, call).await,
        }
        self.send(item, step, None).await
    }

    /// Commits the intent of a call and sends it.
    async fn send_new(&self, item: &WriteItem, step: &Step, call: Call) -> Result<Value, Stop> {
        // Before the intent, for the shop may make us wait.
        let permit = self.client.write_permit().await.map_err(Stop::of)?;
        self.intend(&[call]).await?;
        self.send(item, step, Some(permit)).await
    }

    /// Sends a call whose intent is committed. Before it is sent again, the shop is asked whether it
    /// had its effect, and the journal whether the work is still ours.
    async fn send(
        &self,
        item: &WriteItem,
        step: &Step,
        mut first: Option<Permit>,
    ) -> Result<Value, Stop> {
        let mut last = Stop::Postponed("it was not sent".to_owned());
        let (mut attempt, mut refusals) = (0, 0);
        while attempt < ATTEMPTS && refusals < REFUSALS_MAX {
            let permit = match first.take() {
                Some(permit) => permit,
                None => self.permit().await?,
            };
            let error = match self.client.post_with(permit, &step.path, &step.body).await {
                Ok(answer) => match step.probe.result(&answer) {
                    Some(value) => return self.applied(item, step.ordinal, value).await,
                    None => Error::Unreadable {
                        platform: super::super::client::PLATFORM,
                        operation: step.name.to_owned(),
                        problem: "the answer names no object".to_owned(),
                    },
                },
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
                    let found = match attempt {
                        0 => look_up::look(self.client, &step.probe).await,
                        _ => look_up::look_again(self.client, &step.probe).await,
                    };
                    return match found.map_err(Stop::of)? {
                        Some(value) => self.applied(item, step.ordinal, value).await,
                        None => {
                            Err(self.refuse(item, step.ordinal, refusal(field, problem)).await?)
                        }
                    };
                }
                Error::Missing { .. } => {
                    let refusal = refusal(None, "what it refers to is not there".to_owned());
                    return Err(self.refuse(item, step.ordinal, refusal).await?);
                }
                Error::Transient { retry_after, .. } => {
                    wait(attempt, retry_after).await;
                    let found = look_up::look_settled(self.client, &step.probe).await;
                    if let Some(value) = found.map_err(Stop::of)? {
                        return self.applied(item, step.ordinal, value).await;
                    }
                }
                Error::Unreadable { .. } => {
                    let found = look_up::look_settled(self.client, &step.probe).await;
                    if let Some(value) = found.map_err(Stop::of)? {
                        return self.applied(item, step.ordinal, value).await;
                    }
                }
                fatal => return Err(Stop::Fatal(fatal)),
            }
            attempt += 1;
        }
        Err(last)
    }

    /// Journals a refusal and gives it.
    pub(super) async fn refuse(
        &self,
        item: &WriteItem,
        ordinal: u32,
        refusal: Refusal,
    ) -> Result<Stop, Stop> {
        let state = CallState::Refused(refusal.message.clone());
        self.record(&[CallResult { source_id: item.source_id.clone(), ordinal, state }]).await?;
        Ok(Stop::Refused(refusal))
    }
}

/// The id a call gave.
pub(super) fn id_of(value: &Value) -> Result<String, Stop> {
    super::super::json::owned(value, "id")
        .ok_or_else(|| Stop::Postponed("the journal holds no id of the object".to_owned()))
}

/// Metadata of a record with our key, the first of all entries.
pub(super) fn metadata(item: &WriteItem, fields: &Value) -> Value {
    let mut metadata = serde_json::Map::new();
    metadata.insert(super::super::marks::KEY.to_owned(), json!(item.key));
    metadata.extend(super::super::json::object(fields, "metadata"));
    metadata.insert(super::super::marks::KEY.to_owned(), json!(item.key));
    Value::Object(metadata)
}
