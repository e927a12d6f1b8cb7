//! Faults on demand: what the shop does wrong, when, and to which requests.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::Habits;

/// Everything that is set to go wrong. The default is a healthy shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every request waits this long before it is looked at.
    pub latency_ms: u64,
    /// The credentials count no more: every request below `/admin` is 401.
    pub revoked: bool,
    /// Lists and searches show an object only so long after it was made; asked for by its id it is
    /// there at once.
    pub search_lag_ms: u64,
    /// What must be unique (handles, e-mails, article numbers, names) is taken twice, without a
    /// word.
    pub duplicates_accepted: bool,
    /// A write whose body holds one of these texts in a title, name, e-mail or handle is refused
    /// with 400 in Medusa's form.
    pub markers: Vec<String>,
    /// Single faults; the first rule that hits a request is the one that counts.
    pub rules: Vec<Rule>,
}

/// One fault and the requests it hits. Without `nth`, `every` and `from` it hits each of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// Only this one of the requests the rule looks at, counted from 1.
    pub nth: Option<u64>,
    /// Each n-th of them.
    pub every: Option<u64>,
    /// Passes over those before this one, counted from 1.
    pub from: Option<u64>,
    /// Stops after so many hits.
    pub times: Option<u64>,
    /// Looks only at paths that begin so, such as `/admin/customers`.
    pub path: Option<String>,
    /// Looks only at bodies that hold this text.
    pub body: Option<String>,
    /// Looks at reads too; otherwise at writes alone.
    pub reads: bool,
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request is refused with a status, and nothing is done.
    Refuse {
        /// The status.
        status: u16,
    },
    /// 429, and nothing is done.
    Throttle {
        /// The seconds of the `Retry-After` header; none without it.
        retry_after: Option<u64>,
    },
    /// 500, and nothing is done.
    #[default]
    FailBefore,
    /// The request is done, then answered with 500.
    FailAfter,
    /// The request is done and never answered: the client runs into its time limit.
    HangAfter,
    /// The connection is cut, and nothing is done.
    CutBefore,
    /// The request is done, then the connection is cut.
    CutAfter,
    /// The connection is cut, and the request is done after that.
    CutLate {
        /// Milliseconds in between.
        ms: u64,
    },
    /// The connection is cut amid the work: a product is there without its variants, a payment is
    /// authorised and not captured.
    CutAmid {
        /// Milliseconds after which a product's variants are there, too; never without it.
        rest_ms: Option<u64>,
    },
    /// Of a batch each n-th item is not made; the answer is 200 and names the others alone.
    PartialBatch {
        /// Which ones, counted from 1 within the batch.
        every: u64,
    },
    /// The request is refused with 401, and so are all that come after it.
    Revoke,
    /// The request waits, then goes its way.
    Wait {
        /// Milliseconds.
        ms: u64,
    },
}

/// Faults with their counters.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    faults: Faults,
    seen: Vec<u64>,
    hits: Vec<u64>,
    revoked: bool,
}

impl Plan {
    pub(crate) fn new(faults: Faults) -> Self {
        let rules = faults.rules.len();
        let revoked = faults.revoked;
        Self { faults, seen: vec![0; rules], hits: vec![0; rules], revoked }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.faults.latency_ms)
    }

    /// What goes wrong all the time.
    pub(crate) fn habits(&self) -> Habits {
        Habits {
            search_lag: Duration::from_millis(self.faults.search_lag_ms),
            takes_duplicates: self.faults.duplicates_accepted,
        }
    }

    pub(crate) fn revoked(&self) -> bool {
        self.revoked
    }

    /// The fault that hits this request, if one does. Counts the request in every rule that looks
    /// at it.
    pub(crate) fn next(&mut self, path: &str, is_write: bool, body: &str) -> Option<Fault> {
        let mut hit = None;
        for (place, rule) in self.faults.rules.iter().enumerate() {
            let here = rule.path.as_ref().is_none_or(|start| path.starts_with(start.as_str()));
            let held = rule.body.as_ref().is_none_or(|wanted| body.contains(wanted.as_str()));
            if !here || !held || !(is_write || rule.reads) {
                continue;
            }
            self.seen[place] += 1;
            let is_due = rule.from.is_none_or(|from| self.seen[place] >= from);
            let turn = match (rule.nth, rule.every) {
                (Some(nth), _) => self.seen[place] == nth,
                (None, Some(every)) => every > 0 && self.seen[place].is_multiple_of(every),
                (None, None) => true,
            };
            let spent = rule.times.is_some_and(|times| self.hits[place] >= times);
            if is_due && turn && !spent && hit.is_none() {
                self.hits[place] += 1;
                hit = Some(rule.fault);
                self.revoked |= rule.fault == Fault::Revoke;
            }
        }
        hit
    }

    /// The marker a body carries, if it carries one.
    pub(crate) fn marker(&self, body: &Value) -> Option<&str> {
        self.faults.markers.iter().map(String::as_str).find(|marker| carries(body, marker))
    }
}

/// A batch without each n-th of the items that are to be made; a body that is none stays.
pub(crate) fn without_each(body: &[u8], every: u64) -> Vec<u8> {
    let Ok(mut batch) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    if let Some(Value::Array(items)) = batch.get_mut("create") {
        let mut place = 0;
        items.retain(|_| {
            place += 1;
            every == 0 || !u64::is_multiple_of(place, every)
        });
    }
    batch.to_string().into_bytes()
}

const MARKED: &[&str] = &["title", "name", "email", "handle", "value", "first_name"];

fn carries(body: &Value, marker: &str) -> bool {
    match body {
        Value::Object(fields) => fields.iter().any(|(key, value)| match value {
            Value::String(text) => MARKED.contains(&key.as_str()) && text.contains(marker),
            nested => key != "metadata" && carries(nested, marker),
        }),
        Value::Array(items) => items.iter().any(|item| carries(item, marker)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_the_requests_they_look_at() {
        let rule = Rule {
            fault: Fault::FailAfter,
            every: Some(3),
            times: Some(1),
            path: Some("/admin/customers".into()),
            ..Rule::default()
        };
        let mut plan = Plan::new(Faults { rules: vec![rule], ..Faults::default() });
        let hits: Vec<bool> =
            (0..7).map(|_| plan.next("/admin/customers", true, "").is_some()).collect();
        assert_eq!(hits, [false, false, true, false, false, false, false]);
        assert_eq!(plan.next("/admin/products", true, ""), None);
        assert_eq!(plan.next("/admin/customers", false, ""), None);
        let rule = Rule { from: Some(3), reads: true, ..Rule::default() };
        let mut plan = Plan::new(Faults { rules: vec![rule], ..Faults::default() });
        let hits: Vec<bool> =
            (0..4).map(|_| plan.next("/admin/stores", false, "").is_some()).collect();
        assert_eq!(hits, [false, false, true, true]);
    }
}
