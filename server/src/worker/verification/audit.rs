//! What the newest audit of a migration found, for the report.

use cartage_pipeline::{
    audit::built_in_rules,
    report::{AuditRule, AuditSummary},
};

use crate::{
    app::audit::{Audit, AuditState},
    error::{Error, Result},
    name::Name,
    store::{
        Tx,
        resource::{Cut, State},
    },
};

/// How many rules are named.
const RULES_MAX: usize = 12;

pub(super) async fn summary(tx: &mut Tx, migration: &Name) -> Result<Option<AuditSummary>> {
    let states = vec![AuditState::Succeeded.as_str().to_owned()];
    let cut = Cut { limit: 1, states, ..Cut::default() };
    let Some(audit) = tx.resource_list::<Audit>(migration, &cut).await?.into_iter().next() else {
        return Ok(None);
    };
    let counts = tx.finding_counts(&audit.name).await?;
    let mut summary =
        AuditSummary { findings: 0, by_severity: Default::default(), top_rules: Vec::new() };
    let known = built_in_rules().map_err(Error::internal)?;
    for (rule, severity, count) in counts {
        let findings = u64::try_from(count).unwrap_or_default();
        summary.findings += findings;
        *summary.by_severity.entry(severity.clone()).or_default() += findings;
        if summary.top_rules.len() < RULES_MAX {
            let title = known
                .iter()
                .find(|known| known.id == rule)
                .map_or_else(|| rule.clone(), |known| known.title.clone());
            summary.top_rules.push(AuditRule { rule, severity, title, findings });
        }
    }
    Ok(Some(summary))
}
