//! The ledger: what became of every record of a run.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Tx;
use crate::{error::Result, name::Name};

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The kind of record.
    pub kind: String,
    /// Its id in the source.
    pub source_id: String,
    /// Its place in the snapshot; none for one that could not be read.
    pub ordinal: Option<i64>,
    /// What became of it.
    pub outcome: String,
    /// What that did to the target.
    pub effect: String,
    /// The error reason or the name of the exclusion rule.
    pub reason: Option<String>,
    /// Changes, the record it was merged into, the failure.
    pub detail: Value,
    /// How often it was tried.
    pub attempt_count: i32,
    /// When its outcome was decided.
    pub finish_time: DateTime<Utc>,
}

/// How many records of a kind ended how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The kind of record.
    pub kind: String,
    /// The outcome.
    pub outcome: String,
    /// The effect.
    pub effect: String,
    /// How many.
    pub count: i64,
}

/// Records of a kind with the same cause, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The kind.
    pub kind: String,
    /// The outcome.
    pub outcome: String,
    /// The reason, or the name of the exclusion rule.
    pub reason: String,
    /// The field it is about; empty where it is about none.
    pub field: String,
    /// What is wrong, or why it was changed.
    pub message: String,
    /// How many records.
    pub count: i64,
    /// Source ids of some of them.
    pub samples: Vec<String>,
}

/// Which rows of the ledger are wanted. Empty texts mean any.
#[derive(Clone, Debug, Default)]
pub struct RecordFilter {
    /// The kind.
    pub kind: String,
    /// The outcome.
    pub outcome: String,
    /// The effect.
    pub effect: String,
    /// The reason.
    pub reason: String,
    /// The source id.
    pub source_id: String,
}

impl Tx {
    /// Writes rows of the ledger; a record that has one keeps it. Gives (kind, source id) of the
    /// rows that are new.
    pub async fn run_record_insert(
        &mut self,
        run: &Name,
        rows: &[RunRecord],
    ) -> Result<HashSet<(String, String)>> {
        let kinds: Vec<String> = rows.iter().map(|row| row.kind.clone()).collect();
        let source_ids: Vec<String> = rows.iter().map(|row| row.source_id.clone()).collect();
        let ordinals: Vec<Option<i64>> = rows.iter().map(|row| row.ordinal).collect();
        let outcomes: Vec<String> = rows.iter().map(|row| row.outcome.clone()).collect();
        let effects: Vec<String> = rows.iter().map(|row| row.effect.clone()).collect();
        let reasons: Vec<Option<String>> = rows.iter().map(|row| row.reason.clone()).collect();
        let details: Vec<Value> = rows.iter().map(|row| row.detail.clone()).collect();
        let attempts: Vec<i32> = rows.iter().map(|row| row.attempt_count).collect();
        let inserted = sqlx::query!(
            "insert into run_record (account_id, run, kind, source_id, ordinal, outcome, effect, reason, detail, attempt_count)
            select $1, $2, * from unnest(
                $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::integer[]
            )
            on conflict do nothing
            returning kind, source_id",
            self.account,
            run.as_str(),
            &kinds,
            &source_ids,
            &ordinals as &[Option<i64>],
            &outcomes,
            &effects,
            &reasons as &[Option<String>],
            &details,
            &attempts,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(inserted.into_iter().map(|row| (row.kind, row.source_id)).collect())
    }

    /// Which of some records have a row already.
    pub async fn run_record_done(
        &mut self,
        run: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select source_id from run_record
            where account_id = $1 and run = $2 and kind = $3 and source_id = any($4)",
            self.account,
            run.as_str(),
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.source_id).collect())
    }

    /// Which of some ids belong to records of the run that could be read.
    pub async fn run_record_readable(
        &mut self,
        run: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select source_id from run_record
            where account_id = $1 and run = $2 and kind = $3 and source_id = any($4) and ordinal is not null",
            self.account,
            run.as_str(),
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.source_id).collect())
    }

    /// What became of some records.
    pub async fn run_record_outcomes(
        &mut self,
        run: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            "select source_id, outcome from run_record
            where account_id = $1 and run = $2 and kind = $3 and source_id = any($4)",
            self.account,
            run.as_str(),
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.source_id, row.outcome)).collect())
    }

    /// The fields of some records that a run named changed for a reason: (source id, field, what it
    /// became).
    pub async fn run_record_changed_for(
        &mut self,
        run: &Name,
        kind: &str,
        source_ids: &[String],
        why: &str,
    ) -> Result<Vec<(String, String, Value)>> {
        let rows = sqlx::query!(
            r#"select source_id, change ->> 'field' as "field!", coalesce(change -> 'after', 'null') as "after!"
            from run_record, jsonb_array_elements(detail -> 'changes') as change
            where account_id = $1 and run = $2 and kind = $3 and source_id = any($4)
                and outcome = 'changed' and change ->> 'why' = $5 and change ->> 'field' is not null"#,
            self.account,
            run.as_str(),
            kind,
            source_ids,
            why,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.source_id, row.field, row.after)).collect())
    }

    /// How the records of a run ended, counted.
    pub async fn run_record_counts(&mut self, run: &Name) -> Result<Vec<OutcomeCount>> {
        let rows = sqlx::query_as!(
            OutcomeCount,
            r#"select kind, outcome, effect, count(*) as "count!" from run_record
            where account_id = $1 and run = $2
            group by kind, outcome, effect
            order by kind, outcome, effect"#,
            self.account,
            run.as_str(),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// A page of the ledger in the order of kind and source id, behind a given row.
    pub async fn run_record_page(
        &mut self,
        run: &Name,
        filter: &RecordFilter,
        after: Option<(String, String)>,
        limit: i64,
    ) -> Result<Vec<RunRecord>> {
        let (after_kind, after_id) = after.unzip();
        let rows = sqlx::query_as!(
            RunRecord,
            "select kind, source_id, ordinal, outcome, effect, reason, detail, attempt_count, finish_time
            from run_record
            where account_id = $1 and run = $2
                and ($3 = '' or kind = $3)
                and ($4 = '' or outcome = $4)
                and ($5 = '' or effect = $5)
                and ($6 = '' or reason = $6)
                and ($7 = '' or source_id = $7)
                and ($8::text is null or (kind, source_id) > ($8, $9))
            order by kind, source_id
            limit $10",
            self.account,
            run.as_str(),
            filter.kind,
            filter.outcome,
            filter.effect,
            filter.reason,
            filter.source_id,
            after_kind,
            after_id,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// Takes the rows of records that are undecided or quarantined out of the ledger, and what the
    /// shop refused of them out of the journal, so that they are tried again. A deletion that was done
    /// goes with its refusals: what is made anew is deleted under an intent of its own.
    pub async fn run_record_reopen(
        &mut self,
        space: &super::record_link::LinkSpace,
        run: &Name,
    ) -> Result<()> {
        sqlx::query!(
            "with reopened as (
                delete from run_record
                where account_id = $1 and run = $2 and outcome in ('quarantined', 'unknown')
                returning kind, source_id
            )
            delete from external_call as call using reopened
            where call.account_id = $1 and call.migration = $3 and call.target = $4 and call.run = $2
                and call.kind = reopened.kind and call.source_id = reopened.source_id
                and (
                    call.name = 'take_back' and call.state = 'applied'
                    or call.state = 'refused'
                    -- A deletion that was begun goes on from its refusal.
                    and not exists (
                        select from external_call as taken
                        where taken.account_id = $1 and taken.migration = $3 and taken.target = $4
                            and taken.kind = call.kind and taken.source_id = call.source_id
                            and taken.name = 'take_back' and taken.state = 'intended'
                    )
                )",
            self.account,
            run.as_str(),
            space.migration.as_str(),
            space.target,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Quarantines an undecided record by a person's judgement. Says whether there was one.
    pub async fn run_record_judge(
        &mut self,
        run: &Name,
        kind: &str,
        source_id: &str,
        judgement: &str,
    ) -> Result<bool> {
        let judged = sqlx::query!(
            "update run_record
            set outcome = 'quarantined', finish_time = clock_timestamp(),
                detail = detail || jsonb_build_object('message', $5::text)
            where account_id = $1 and run = $2 and kind = $3 and source_id = $4 and outcome = 'unknown'",
            self.account,
            run.as_str(),
            kind,
            source_id,
            judgement,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(judged.rows_affected() == 1)
    }

    /// Forgets everything a run did: for a TEST run whose isolated shop is gone.
    pub async fn run_reset(
        &mut self,
        space: &super::record_link::LinkSpace,
        run: &Name,
    ) -> Result<()> {
        let (migration, target) = (space.migration.as_str(), &space.target);
        sqlx::query!(
            "delete from run_record where account_id = $1 and run = $2",
            self.account,
            run.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from record_link where account_id = $1 and migration = $2 and target = $3",
            self.account,
            migration,
            target,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from external_call where account_id = $1 and migration = $2 and target = $3",
            self.account,
            migration,
            target,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from record_identity where account_id = $1 and migration = $2 and target = $3",
            self.account,
            migration,
            target,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Why records of a run did not go over as they were, the most frequent causes first.
    pub async fn run_record_causes(&mut self, run: &Name, limit: i64) -> Result<Vec<Cause>> {
        let rows = sqlx::query_as!(
            Cause,
            r#"select kind, outcome, coalesce(reason, '') as "reason!",
                coalesce(detail ->> 'field', '') as "field!",
                coalesce(detail ->> 'message', '') as "message!",
                count(*) as "count!",
                (array_agg(source_id order by source_id))[1:5] as "samples!"
            from run_record
            where account_id = $1 and run = $2 and outcome in ('excluded', 'quarantined', 'unknown')
            group by 1, 2, 3, 4, 5
            order by count(*) desc, 1, 2, 3, 4, 5
            limit $3"#,
            self.account,
            run.as_str(),
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// What was changed in the records of a run, the most frequent changes first. The reason is
    /// empty, the message says why.
    pub async fn run_record_changes(&mut self, run: &Name, limit: i64) -> Result<Vec<Cause>> {
        let rows = sqlx::query_as!(
            Cause,
            r#"select kind, outcome, '' as "reason!",
                coalesce(regexp_replace(change ->> 'field', '\[\d+\]', '[]', 'g'), '') as "field!",
                coalesce(change ->> 'why', '') as "message!",
                count(distinct source_id) as "count!",
                (array_agg(distinct source_id order by source_id))[1:5] as "samples!"
            from run_record, jsonb_array_elements(detail -> 'changes') as change
            where account_id = $1 and run = $2 and outcome = 'changed'
            group by 1, 2, 3, 4, 5
            order by count(distinct source_id) desc, 1, 2, 3, 4, 5
            limit $3"#,
            self.account,
            run.as_str(),
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }
}
