//! One external call that writes, under the journal.

use cartage_engine::effect::{self, Answer, Effect, End, Entry, Happened, Kept, Limits, Look};
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

const LIMITS: Limits = Limits { attempts_max: ATTEMPTS, refusals_max: REFUSALS_MAX };

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

/// What the journal holds of a call.
fn entry(made: Option<&JournaledCall>, call: &Call) -> Entry {
    let Some(made) = made else { return Entry::Absent };
    let is_same = made.call.payload_hash == call.payload_hash;
    match &made.state {
        CallState::Intended => Entry::Intended { is_same },
        CallState::Applied(_) => Entry::Applied { is_same },
        CallState::Refused(_) => Entry::Refused { is_earlier: made.earlier_run },
    }
}

/// How far a call came before. What was written before with other values is neither written over nor
/// taken for this work, whether by an earlier run, or by this one before it was tried again and found
/// more of what the record refers to.
pub(super) fn standing<'a>(item: &'a WriteItem, call: &Call) -> Result<Standing<'a>, Stop> {
    let made = journaled(item, call.ordinal);
    match (entry(made, call).standing(), made.map(|made| &made.state)) {
        (effect::Standing::Open, _) => Ok(Standing::Open),
        (effect::Standing::Changed, _) => Ok(Standing::Changed),
        (effect::Standing::Applied, Some(CallState::Applied(value))) => {
            Ok(Standing::Applied(value))
        }
        (effect::Standing::Otherwise, Some(CallState::Applied(value))) => {
            Err(stands_otherwise(call.ordinal, value))
        }
        (effect::Standing::Refused, Some(CallState::Refused(problem))) => {
            Err(Stop::Refused(refused_before(problem)))
        }
        _ => Ok(Standing::New),
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

/// What an error says about the call.
const fn answer(error: &Error) -> Answer {
    match error {
        Error::Throttled { .. } => Answer::Throttled,
        Error::Rejected { .. } => Answer::Refused,
        Error::Missing { .. } => Answer::Missing,
        Error::Transient { .. } | Error::Unreadable { .. } => Answer::Lost,
        _ => Answer::Fatal,
    }
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
    /// Makes a call unless it is known to have had its effect, and gives what it gave.
    pub(super) async fn step(&self, item: &WriteItem, step: &Step) -> Result<Value, Stop> {
        let call = call(item, step.ordinal, step.name, &step.body);
        let made = journaled(item, step.ordinal);
        let (mut effect, mut todo) = Effect::begin(entry(made, &call), LIMITS);
        let mut value = match made.map(|made| &made.state) {
            Some(CallState::Applied(value)) => Some(value.clone()),
            _ => None,
        };
        let mut refused = match made.map(|made| &made.state) {
            Some(CallState::Refused(problem)) => Some(refused_before(problem)),
            _ => None,
        };
        let mut last = Stop::Postponed("it was not sent".to_owned());
        let mut permit = None;
        loop {
            let happened = match todo {
                effect::Step::Intend => {
                    // Before the intent, for the shop may make us wait.
                    permit = Some(self.client.write_permit().await.map_err(Stop::of)?);
                    self.intend(std::slice::from_ref(&call)).await?;
                    Happened::Intended
                }
                effect::Step::Send => {
                    let permit = match permit.take() {
                        Some(permit) => permit,
                        None => self.permit().await?,
                    };
                    match self.send(step, permit).await {
                        Ok(given) => {
                            value = Some(given);
                            Happened::Answered(Answer::Done)
                        }
                        Err(error) => {
                            last = Stop::of(error.clone());
                            let answer = answer(&error);
                            match error {
                                Error::Rejected { field, problem, .. } => {
                                    refused = Some(refusal(field, problem));
                                }
                                Error::Missing { .. } => {
                                    let problem = "what it refers to is not there".to_owned();
                                    refused = Some(refusal(None, problem));
                                }
                                Error::Transient { retry_after, .. } => {
                                    wait(effect.attempts(), retry_after).await;
                                }
                                _ => {}
                            }
                            Happened::Answered(answer)
                        }
                    }
                }
                effect::Step::LookUp(look) => {
                    value = self.look(look, &step.probe).await?;
                    Happened::Found(value.is_some())
                }
                effect::Step::Keep(kept) => {
                    let state = match (kept, &value, &refused) {
                        (Kept::Applied, Some(value), _) => CallState::Applied(value.clone()),
                        (_, _, Some(refusal)) => CallState::Refused(refusal.message.clone()),
                        (_, _, None) => return Err(last),
                    };
                    let (source_id, ordinal) = (item.source_id.clone(), step.ordinal);
                    self.record(&[CallResult { source_id, ordinal, state }]).await?;
                    Happened::Kept
                }
                effect::Step::End(end) => {
                    return match (end, value, refused) {
                        (End::Applied, Some(value), _) => Ok(value),
                        (End::Otherwise, Some(value), _) => {
                            Err(stands_otherwise(step.ordinal, &value))
                        }
                        (End::Refused, _, Some(refusal)) => Err(Stop::Refused(refusal)),
                        _ => Err(last),
                    };
                }
            };
            todo = effect.next(happened);
        }
    }

    /// Sends a call, once, and gives what it gave.
    async fn send(&self, step: &Step, permit: Permit) -> crate::Result<Value> {
        let answer = self.client.post_with(permit, &step.path, &step.body).await?;
        step.probe.result(&answer).ok_or_else(|| Error::Unreadable {
            platform: super::super::client::PLATFORM,
            operation: step.name.to_owned(),
            problem: "the answer names no object".to_owned(),
        })
    }

    async fn look(&self, look: Look, probe: &Probe) -> Result<Option<Value>, Stop> {
        let found = match look {
            Look::Once => look_up::look(self.client, probe).await,
            Look::Again => look_up::look_again(self.client, probe).await,
            Look::Settled => look_up::look_settled(self.client, probe).await,
            Look::Otherwise => look_up::look_otherwise(self.client, probe).await,
        };
        found.map_err(Stop::of)
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
