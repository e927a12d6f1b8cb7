//! Where the target differs from what was expected.

use super::Tx;
use crate::{error::Result, name::Name};

/// A discrepancy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// Its place in the report, from 1.
    pub sequence: i64,
    /// `different`, `missing` or `unexpected`.
    pub discrepancy_type: String,
    /// The kind of record.
    pub kind: String,
    /// Its id in the source.
    pub source_id: String,
    /// Its id in the target.
    pub target_id: String,
    /// The target field.
    pub field: String,
    /// What was expected.
    pub expected: String,
    /// What stands there.
    pub actual: String,
    /// Why it is as it should be after all.
    pub explanation: Option<String>,
}

/// Which discrepancies are wanted. Empty texts mean any.
#[derive(Clone, Debug, Default)]
pub struct DiscrepancyFilter {
    /// The kind of record.
    pub kind: String,
    /// What is different.
    pub discrepancy_type: String,
    /// Whether the ledger explains it.
    pub explained: Option<bool>,
    /// The record.
    pub source_id: String,
    /// The target field.
    pub field: String,
}

impl Tx {
    /// Writes discrepancies.
    pub async fn discrepancy_insert(&mut self, report: &Name, rows: &[Discrepancy]) -> Result<()> {
        let column = |value: fn(&Discrepancy) -> String| rows.iter().map(value).collect::<Vec<_>>();
        let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
        let explanations: Vec<Option<String>> =
            rows.iter().map(|row| row.explanation.clone()).collect();
        sqlx::query!(
            "insert into discrepancy (account_id, report, sequence, type, kind, source_id, target_id, field, expected, actual, explanation)
            select $1, $2, * from unnest(
                $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]
            )",
            self.account,
            report.as_str(),
            &sequences,
            &column(|row| row.discrepancy_type.clone()),
            &column(|row| row.kind.clone()),
            &column(|row| row.source_id.clone()),
            &column(|row| row.target_id.clone()),
            &column(|row| row.field.clone()),
            &column(|row| row.expected.clone()),
            &column(|row| row.actual.clone()),
            &explanations as &[Option<String>],
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes the discrepancies of a report that is begun again.
    pub async fn discrepancy_clear(&mut self, report: &Name) -> Result<()> {
        sqlx::query!(
            "delete from discrepancy where account_id = $1 and report = $2",
            self.account,
            report.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A page of discrepancies behind a sequence.
    pub async fn discrepancy_page(
        &mut self,
        report: &Name,
        filter: &DiscrepancyFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Discrepancy>> {
        let rows = sqlx::query_as!(
            Discrepancy,
            "select sequence, type as discrepancy_type, kind, source_id, target_id, field, expected, actual, explanation
            from discrepancy
            where account_id = $1 and report = $2 and sequence > $3
                and ($4 = '' or kind = $4)
                and ($5 = '' or type = $5)
                and ($6::boolean is null or (explanation is not null) = $6)
                and ($7 = '' or source_id = $7)
                and ($8 = '' or field = $8)
            order by sequence
            limit $9",
            self.account,
            report.as_str(),
            after,
            filter.kind,
            filter.discrepancy_type,
            filter.explained,
            filter.source_id,
            filter.field,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }
}
