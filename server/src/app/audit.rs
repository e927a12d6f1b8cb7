//! Audits: one pass of rules over one snapshot.

use std::{collections::BTreeSet, sync::LazyLock};

use cartage_pipeline::audit::{Rule, built_in_rules};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{migration::Migration, snapshot};
use crate::{
    error::{Error, Failure, Result, Violation},
    name::Name,
    states,
    store::{
        Tx,
        resource::{Body, Resource, State},
    },
};

/// The collection of the rules.
pub const RULES: &str = "auditRules/";

/// An audit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Audit {
    /// The snapshot.
    pub snapshot: String,
    /// The rules that were asked for, by id; all when empty.
    pub rules: Vec<String>,
    /// The rules to run, by id, in order. Fixed at the beginning: a server of another version goes
    /// on where the one before it stopped.
    pub order: Vec<String>,
    /// Findings by rule and severity, at the end. More than are kept where a rule found very many.
    pub counts: Vec<FindingCount>,
    /// Why a rule could not be asked, while the work goes on.
    pub rule_failure: Option<Failure>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When the work began.
    pub start_time: Option<DateTime<Utc>>,
    /// When the work ended.
    pub end_time: Option<DateTime<Utc>>,
}

/// How many findings a rule has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingCount {
    /// The rule's id.
    pub rule: String,
    /// Its severity.
    pub severity: String,
    /// How many.
    pub count: i64,
}

impl Body for Audit {
    const TYPE: &'static str = "audit";
    type State = AuditState;
}

states! {
    /// The states of an audit.
    AuditState {
        Pending = "PENDING",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Cancelling = "CANCELLING",
        Cancelled = "CANCELLED",
    }
}

impl AuditState {
    /// Whether nothing more happens.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

static BUILT_IN: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    built_in_rules().unwrap_or_else(|error| {
        tracing::error!(%error, "The rules of the audit cannot be read.");
        Vec::new()
    })
});

/// The rules this server knows.
pub fn rules() -> &'static [Rule] {
    &BUILT_IN
}

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}

/// Begins an audit of a snapshot of the migration's source or target. `rules` are names.
///
/// # Errors
/// `INVALID_FIELDS`, `STATE_CONFLICT` when the snapshot has not succeeded, `RESOURCE_EXISTS`,
/// `RESOURCE_NOT_FOUND`.
pub async fn create(
    tx: &mut Tx,
    parent: &Name,
    id: &str,
    snapshot: &Name,
    rules: &[String],
) -> Result<Resource<Audit>> {
    let rules = chosen(rules)?;
    let order = order(&rules);
    if order.is_empty() {
        return Err(Error::internal("there is no rule to run"));
    }
    let migration = tx.resource_get::<Migration>(parent).await?;
    refuse_foreign(&migration.body, snapshot)?;
    snapshot::succeeded(tx, snapshot).await?;
    let audit = Audit { snapshot: snapshot.to_string(), order, rules, ..Audit::default() };
    let name = parent.child("audits", id);
    let audit = tx.resource_insert(&name, AuditState::Pending, &audit).await?;
    tx.job_put(&name, "audit.perform").await?;
    Ok(audit)
}

/// Asks an audit to stop. Gives the state before too.
///
/// # Errors
/// `STATE_CONFLICT` when it ended otherwise, `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`.
pub async fn cancel(tx: &mut Tx, name: &Name, etag: &str) -> Result<(Resource<Audit>, AuditState)> {
    let mut audit = tx.resource_lock::<Audit>(name).await?;
    audit.check_etag(etag, false)?;
    let before = audit.state;
    match before {
        AuditState::Pending | AuditState::Running => {
            audit.state = AuditState::Cancelling;
            tx.resource_update(&mut audit).await?;
        }
        AuditState::Cancelling | AuditState::Cancelled => {}
        AuditState::Succeeded | AuditState::Failed => {
            let allowed = ["PENDING", "RUNNING", "CANCELLING", "CANCELLED"];
            return Err(Error::state(name.as_str(), before.as_str(), &allowed));
        }
    }
    Ok((audit, before))
}

/// Deletes an audit with its findings.
///
/// # Errors
/// `STATE_CONFLICT` while it is active, `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`.
pub async fn delete(tx: &mut Tx, name: &Name, etag: &str) -> Result<Resource<Audit>> {
    let audit = tx.resource_lock::<Audit>(name).await?;
    audit.check_etag(etag, false)?;
    if !audit.state.is_terminal() {
        let allowed = ["SUCCEEDED", "FAILED", "CANCELLED"];
        return Err(Error::state(name.as_str(), audit.state.as_str(), &allowed));
    }
    tx.resource_delete(name).await?;
    Ok(audit)
}

/// The ids of chosen rules, each once, in the order of the server's rules.
fn chosen(names: &[String]) -> Result<Vec<String>> {
    let mut wanted = BTreeSet::new();
    let mut wrong = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.strip_prefix(RULES).and_then(rule) {
            Some(rule) => drop(wanted.insert(rule.id.as_str())),
            None => wrong.push(Violation {
                field: format!("audit.rules[{index}]"),
                reason: "REFERENCE_INVALID",
                description: format!(
                    "{name:?} is no rule of this server; ListAuditRules has them."
                ),
            }),
        }
    }
    if !wrong.is_empty() {
        return Err(Error::fields(wrong));
    }
    let known = rules().iter().map(|rule| rule.id.as_str());
    Ok(known.filter(|id| wanted.contains(id)).map(str::to_owned).collect())
}

/// The rules to run: the chosen ones, or all.
fn order(chosen: &[String]) -> Vec<String> {
    if chosen.is_empty() {
        return rules().iter().map(|rule| rule.id.clone()).collect();
    }
    chosen.to_vec()
}

fn refuse_foreign(migration: &Migration, snapshot: &Name) -> Result<()> {
    let connection = snapshot.parent();
    let connection = connection.as_ref().map_or("", Name::as_str);
    if [&migration.source_connection, &migration.target_connection]
        .iter()
        .any(|it| *it == connection)
    {
        return Ok(());
    }
    Err(Error::field(
        "audit.snapshot",
        "REFERENCE_INVALID",
        "The snapshot is neither of the migration's source nor of its target.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_rules_are_known_and_run_in_the_servers_order() {
        let [first, second] = [0, 1].map(|index| rules()[index].id.clone());
        let name = |id: &str| format!("{RULES}{id}");
        let ids = chosen(&[name(&second), name(&first), name(&second)]).unwrap();
        assert_eq!(ids, [first, second]);
        assert_eq!(order(&ids), ids);
        assert_eq!(order(&[]).len(), rules().len());
        let error = chosen(&["auditRules/none".to_owned(), ids[0].clone()]).unwrap_err();
        assert_eq!(error.violations.len(), 2);
    }

    #[test]
    fn a_snapshot_of_another_shop_is_refused() {
        let migration = Migration {
            source_connection: "accounts/a/connections/s".to_owned(),
            target_connection: "accounts/a/connections/t".to_owned(),
            ..Migration::default()
        };
        let of = |connection: &str| {
            Name::trusted(format!("accounts/a/connections/{connection}/snapshots/x"))
        };
        assert!(refuse_foreign(&migration, &of("s")).is_ok());
        assert!(refuse_foreign(&migration, &of("t")).is_ok());
        assert!(refuse_foreign(&migration, &of("u")).is_err());
    }
}
