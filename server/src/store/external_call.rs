//! The journal of external calls that write: intents before, results after.

use cartage_connectors::{
    Call, CallResult, CallState, JournaledCall, REMOVAL_ORDINAL, UPDATE_ORDINAL,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Tx, record_link::LinkSpace};
use crate::{error::Result, name::Name};

impl Tx {
    /// Commits intents; one that is there stays as it is. It is replaced when the shop refused the
    /// call in an earlier run, because this run asks anew; when what it made was taken back; and when
    /// it has no result and other values: the shop was asked and has none of them, and these are sent
    /// now. So is a deletion that was done, as whoever intends it again made the object anew, and any call
    /// of an update that came to an end, as each update is one of its own. The fence
    /// of the caller's transaction keeps a worker that lost its work from doing so.
    pub async fn external_call_intend(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        run: &Name,
        epoch: i64,
        calls: &[Call],
    ) -> Result<()> {
        let source_ids: Vec<String> = calls.iter().map(|call| call.source_id.clone()).collect();
        let ordinals: Vec<i32> =
            calls.iter().map(|call| i32::try_from(call.ordinal).unwrap_or(i32::MAX)).collect();
        let names: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
        let hashes: Vec<String> = calls.iter().map(|call| call.payload_hash.clone()).collect();
        sqlx::query!(
            "insert into external_call (account_id, migration, target, kind, run, epoch, source_id, ordinal, name, payload_hash)
            select $1, $2, $3, $4, $5, $6, * from (
                select distinct on (source_id, ordinal) * from unnest($7::text[], $8::integer[], $9::text[], $10::text[])
                    as call (source_id, ordinal, name, payload_hash)
            ) as call
            on conflict (account_id, migration, target, kind, source_id, ordinal) do update
            set run = excluded.run, epoch = excluded.epoch, name = excluded.name, payload_hash = excluded.payload_hash,
                state = 'intended', result = null, intend_time = clock_timestamp(), result_time = null, result_epoch = null
            where external_call.state = 'void'
                or (external_call.state = 'refused' and external_call.run <> excluded.run)
                or (external_call.state = 'intended' and external_call.payload_hash <> excluded.payload_hash)
                or (external_call.state = 'applied' and external_call.name = 'take_back')
                or (external_call.state <> 'intended' and external_call.ordinal >= $11)",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            run.as_str(),
            epoch,
            &source_ids,
            &ordinals,
            &names,
            &hashes,
            i32::try_from(UPDATE_ORDINAL).unwrap_or(i32::MAX),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Commits results, found out under a term of the lease.
    pub async fn external_call_record(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        epoch: i64,
        results: &[CallResult],
    ) -> Result<()> {
        let source_ids: Vec<String> =
            results.iter().map(|result| result.source_id.clone()).collect();
        let ordinals: Vec<i32> = results
            .iter()
            .map(|result| i32::try_from(result.ordinal).unwrap_or(i32::MAX))
            .collect();
        let mut states = Vec::with_capacity(results.len());
        let mut values = Vec::with_capacity(results.len());
        for result in results {
            let (state, value) = match &result.state {
                CallState::Intended => ("intended", Value::Null),
                CallState::Applied(value) => ("applied", value.clone()),
                CallState::Refused(why) => ("refused", Value::String(why.clone())),
            };
            states.push(state.to_owned());
            values.push(value);
        }
        sqlx::query!(
            "update external_call as call
            set state = result.state, result = result.value, result_time = clock_timestamp(), result_epoch = $9
            from unnest($5::text[], $6::integer[], $7::text[], $8::jsonb[]) as result (source_id, ordinal, state, value)
            where call.account_id = $1 and call.migration = $2 and call.target = $3 and call.kind = $4
                and call.source_id = result.source_id and call.ordinal = result.ordinal",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &ordinals,
            &states,
            &values,
            epoch,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The journaled calls of some records, in the order of their ordinals.
    pub async fn external_call_find(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        run: &Name,
        source_ids: &[String],
    ) -> Result<Vec<JournaledCall>> {
        let rows = sqlx::query!(
            "select source_id, ordinal, name, payload_hash, state, result, run
            from external_call
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and source_id = any($5)
                and state <> 'void'
            order by source_id, ordinal",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| JournaledCall {
                earlier_run: row.run != run.as_str(),
                call: Call {
                    source_id: row.source_id,
                    ordinal: u32::try_from(row.ordinal).unwrap_or_default(),
                    name: row.name,
                    payload_hash: row.payload_hash,
                },
                state: match row.state.as_str() {
                    "applied" => CallState::Applied(row.result.unwrap_or(Value::Null)),
                    "refused" => CallState::Refused(
                        row.result.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
                    ),
                    _ => CallState::Intended,
                },
            })
            .collect())
    }

    /// The (kind, source id) of the records of which an object was to be deleted and that are not
    /// forgotten: whether it is gone is not known, or not entered.
    pub async fn external_call_open_removals(
        &mut self,
        space: &LinkSpace,
    ) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            "select kind, source_id from external_call
            where account_id = $1 and migration = $2 and target = $3
                and state in ('intended', 'applied') and ordinal = $4
            order by kind, source_id",
            self.account,
            space.migration.as_str(),
            space.target,
            i32::try_from(REMOVAL_ORDINAL).unwrap_or(i32::MAX),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.source_id)).collect())
    }

    /// Takes back the calls that were to delete objects of some records: the objects stand, and no call
    /// is under way.
    pub async fn external_call_void_removals(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<()> {
        sqlx::query!(
            "update external_call set state = 'void'
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and source_id = any($5) and state in ('intended', 'applied') and ordinal = $6",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
            i32::try_from(REMOVAL_ORDINAL).unwrap_or(i32::MAX),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The (kind, source id, run) of the records for which some runs journaled a call that was not
    /// refused, and of which no link names an object: something of them may stand.
    pub async fn external_call_unlinked(
        &mut self,
        space: &LinkSpace,
        runs: &[String],
    ) -> Result<Vec<(String, String, String)>> {
        let rows = sqlx::query!(
            r#"select kind, source_id, min(run) as "run!" from external_call as call
            where account_id = $1 and migration = $2 and target = $3 and run = any($4)
                and state in ('intended', 'applied') and name <> 'take_back' and ordinal < $5
                and not exists (
                    select from record_link as link
                    where link.account_id = $1 and link.migration = $2 and link.target = $3
                        and link.kind = call.kind and link.source_id = call.source_id
                        and (link.role = link.kind or link.role = 'partial')
                )
            group by kind, source_id order by kind, source_id"#,
            self.account,
            space.migration.as_str(),
            space.target,
            runs,
            i32::try_from(REMOVAL_ORDINAL).unwrap_or(i32::MAX),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.source_id, row.run)).collect())
    }

    /// Which runs wrote to the target at a time or after it: calls of theirs were intended, or links
    /// made.
    pub async fn external_call_runs_since(
        &mut self,
        space: &LinkSpace,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            r#"select run as "run!" from external_call
            where account_id = $1 and migration = $2 and target = $3 and intend_time >= $4
            union
            select create_run from record_link
            where account_id = $1 and migration = $2 and target = $3 and create_time >= $4
                and create_run <> ''"#,
            self.account,
            space.migration.as_str(),
            space.target,
            since,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.run).collect())
    }

    /// Which of some records have a call without a result, of this run or an earlier one.
    pub async fn external_call_open(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select distinct source_id from external_call
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and source_id = any($5)
                and state = 'intended'",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.source_id).collect())
    }

    /// How many external calls a run journaled.
    pub async fn external_call_count(&mut self, run: &Name) -> Result<i64> {
        let row = sqlx::query!(
            r#"select count(*) as "count!" from external_call where account_id = $1 and run = $2"#,
            self.account,
            run.as_str(),
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.count)
    }

    /// Per kind: how many records the calls of a run were for, how many calls, and over how many
    /// milliseconds.
    pub async fn external_call_times(
        &mut self,
        run: &Name,
    ) -> Result<Vec<(String, i64, i64, i64)>> {
        let rows = sqlx::query!(
            r#"select kind, count(distinct source_id) as "records!", count(*) as "calls!",
                (coalesce(extract(epoch from max(result_time) - min(intend_time)), 0) * 1000)::bigint as "duration_ms!"
            from external_call
            where account_id = $1 and run = $2
            group by kind"#,
            self.account,
            run.as_str(),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.kind, row.records, row.calls, row.duration_ms))
            .collect())
    }
}
