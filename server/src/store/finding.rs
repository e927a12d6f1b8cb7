//! What audits found.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Tx;
use crate::{error::Result, name::Name};

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its place in the audit, from 1 without gaps.
    pub sequence: i64,
    /// Its id.
    pub uid: Uuid,
    /// The rule that found it.
    pub rule: String,
    /// How bad it is: `error`, `warning`, `info`.
    pub severity: String,
    /// The kind of record.
    pub kind: String,
    /// Its id in the source.
    pub source_id: String,
    /// The canonical field.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What shows it, without personal data.
    pub evidence: String,
    /// How it is usually repaired.
    pub suggestion: String,
    /// When it was found.
    pub create_time: DateTime<Utc>,
}

/// Which findings are wanted. Empty texts mean any.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// The rule.
    pub rule: String,
    /// The severity.
    pub severity: String,
    /// The kind.
    pub kind: String,
    /// The source id.
    pub source_id: String,
}

impl Tx {
    /// Writes findings behind those that are there.
    pub async fn finding_insert(&mut self, audit: &Name, findings: &[Finding]) -> Result<()> {
        let column = |value: fn(&Finding) -> String| findings.iter().map(value).collect::<Vec<_>>();
        let uids: Vec<Uuid> = findings.iter().map(|finding| finding.uid).collect();
        sqlx::query!(
            "insert into finding (account_id, audit, sequence, uid, rule, severity, kind, source_id, field, message, evidence, suggestion)
            select $1, $2, head.sequence + place, uid, rule, severity, kind, source_id, field, message, evidence, suggestion
            from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
                with ordinality as found (uid, rule, severity, kind, source_id, field, message, evidence, suggestion, place),
                (select coalesce(max(sequence), 0) as sequence from finding where account_id = $1 and audit = $2) as head",
            self.account,
            audit.as_str(),
            &uids,
            &column(|finding| finding.rule.clone()),
            &column(|finding| finding.severity.clone()),
            &column(|finding| finding.kind.clone()),
            &column(|finding| finding.source_id.clone()),
            &column(|finding| finding.field.clone()),
            &column(|finding| finding.message.clone()),
            &column(|finding| finding.evidence.clone()),
            &column(|finding| finding.suggestion.clone()),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes the findings of an audit that is begun again.
    pub async fn finding_clear(&mut self, audit: &Name) -> Result<()> {
        sqlx::query!(
            "delete from finding where account_id = $1 and audit = $2",
            self.account,
            audit.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The last sequence of an audit's findings; 0 where there is none.
    pub async fn finding_head(&mut self, audit: &Name) -> Result<i64> {
        let row = sqlx::query!(
            r#"select coalesce(max(sequence), 0) as "sequence!" from finding where account_id = $1 and audit = $2"#,
            self.account,
            audit.as_str(),
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.sequence)
    }

    /// A page of findings behind a sequence.
    pub async fn finding_page(
        &mut self,
        audit: &Name,
        filter: &FindingFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Finding>> {
        let rows = sqlx::query_as!(
            Finding,
            "select sequence, uid, rule, severity, kind, source_id, field, message, evidence, suggestion, create_time
            from finding
            where account_id = $1 and audit = $2 and sequence > $3
                and ($4 = '' or rule = $4)
                and ($5 = '' or severity = $5)
                and ($6 = '' or kind = $6)
                and ($7 = '' or source_id = $7)
            order by sequence
            limit $8",
            self.account,
            audit.as_str(),
            after,
            filter.rule,
            filter.severity,
            filter.kind,
            filter.source_id,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// How many findings of each rule and severity an audit has.
    pub async fn finding_counts(&mut self, audit: &Name) -> Result<Vec<(String, String, i64)>> {
        let rows = sqlx::query!(
            r#"select rule, severity, count(*) as "count!" from finding
            where account_id = $1 and audit = $2
            group by rule, severity order by count(*) desc, rule"#,
            self.account,
            audit.as_str(),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.rule, row.severity, row.count)).collect())
    }
}
