//! Faults on demand: what the shop does wrong, when, and to which requests.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that is set to go wrong. The default is a healthy shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every request waits this long before it is looked at.
    pub latency_ms: u64,
    /// The credentials count no more: every request below `/admin` is 401.
    pub revoked: bool,
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
}

impl Plan {
    pub(crate) fn new(faults: Faults) -> Self {
        let rules = faults.rules.len();
        Self { faults, seen: vec![0; rules], hits: vec![0; rules] }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.faults.latency_ms)
    }

    pub(crate) fn revoked(&self) -> bool {
        self.faults.revoked
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
            }
        }
        hit
    }

    /// The marker a body carries, if it carries one.
    pub(crate) fn marker(&self, body: &Value) -> Option<&str> {
        self.faults.markers.iter().map(String::as_str).find(|marker| carries(body, marker))
    }
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
