//! What records of the ledger are found by: digests of order numbers, article numbers and e-mail
//! addresses, and the search over the runs of a migration.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Tx;
use crate::{
    error::Result,
    name::Name,
    store::{record_link::LinkSpace, run_record::RunRecord},
};

/// A digest of a value that a record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKey {
    /// The kind of record.
    pub kind: String,
    /// Its id in the source.
    pub source_id: String,
    /// What the value is: `order_number`, `sku` or `email`.
    pub key_type: &'static str,
    /// The digest.
    pub digest: Vec<u8>,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Records with this digest of a value.
    Key {
        /// What the value is.
        key_type: &'static str,
        /// The digest.
        digest: Vec<u8>,
    },
    /// Records with this source id.
    SourceId(String),
    /// Records of which something has this target id.
    TargetId(String),
}

/// Behind which row a page of found records begins.
pub type After = (Uuid, String, String);

/// A row of the ledger of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The run.
    pub run: String,
    /// Its uid, by which newer runs come first.
    pub run_uid: Uuid,
    /// The row.
    pub record: RunRecord,
}

impl Found {
    /// Where it stands in the list.
    pub fn place(&self) -> After {
        (self.run_uid, self.record.kind.clone(), self.record.source_id.clone())
    }
}

struct FoundRow {
    run: String,
    run_uid: Uuid,
    kind: String,
    source_id: String,
    ordinal: Option<i64>,
    outcome: String,
    effect: String,
    reason: Option<String>,
    detail: serde_json::Value,
    attempt_count: i32,
    finish_time: DateTime<Utc>,
}

impl From<FoundRow> for Found {
    fn from(row: FoundRow) -> Self {
        Self {
            run: row.run,
            run_uid: row.run_uid,
            record: RunRecord {
                kind: row.kind,
                source_id: row.source_id,
                ordinal: row.ordinal,
                outcome: row.outcome,
                effect: row.effect,
                reason: row.reason,
                detail: row.detail,
                attempt_count: row.attempt_count,
                finish_time: row.finish_time,
            },
        }
    }
}

impl Tx {
    /// Writes the keys of records that have a row in the ledger of a run.
    pub async fn record_key_insert(
        &mut self,
        migration: &Name,
        run: &Name,
        keys: &[RecordKey],
    ) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let types: Vec<String> = keys.iter().map(|key| key.key_type.to_owned()).collect();
        let digests: Vec<Vec<u8>> = keys.iter().map(|key| key.digest.clone()).collect();
        let kinds: Vec<String> = keys.iter().map(|key| key.kind.clone()).collect();
        let source_ids: Vec<String> = keys.iter().map(|key| key.source_id.clone()).collect();
        sqlx::query!(
            "insert into record_key (account_id, migration, run, key_type, digest, kind, source_id)
            select $1, $2, $3, * from unnest($4::text[], $5::bytea[], $6::text[], $7::text[])
            on conflict do nothing",
            self.account,
            migration.as_str(),
            run.as_str(),
            &types,
            &digests,
            &kinds,
            &source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// By what some records are found in a run is that by which they were found when they were written
    /// last.
    pub async fn record_key_carry_over(
        &mut self,
        space: &LinkSpace,
        run: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<()> {
        sqlx::query!(
            "insert into record_key (account_id, migration, run, key_type, digest, kind, source_id)
            select $1, $2, $5, found.key_type, found.digest, $4, found.source_id
            from record_written as written
            join record_key as found
                on found.account_id = $1 and found.run = written.run and found.kind = $4
                and found.source_id = written.source_id
            where written.account_id = $1 and written.migration = $2 and written.target = $3
                and written.kind = $4 and written.source_id = any($6)
            on conflict do nothing",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            run.as_str(),
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A page of rows of the ledgers of a migration's runs that are wanted, the newest run first,
    /// then by kind and source id, behind a given row. An empty kind means any.
    pub async fn record_find(
        &mut self,
        migration: &Name,
        wanted: &Wanted,
        kind: &str,
        after: Option<After>,
        limit: i64,
    ) -> Result<Vec<Found>> {
        let (after_run, after_kind, after_id) = match after {
            Some((run, kind, id)) => (Some(run), Some(kind), Some(id)),
            None => (None, None, None),
        };
        let rows = match wanted {
            Wanted::Key { key_type, digest } => {
                sqlx::query_as!(
                    FoundRow,
                    "select line.run, run.uid as run_uid, line.kind, line.source_id, ordinal, outcome, effect, reason, detail, attempt_count, finish_time
                    from record_key as key
                    join run_record as line on line.account_id = key.account_id and line.run = key.run
                        and line.kind = key.kind and line.source_id = key.source_id
                    join resource as run on run.account_id = key.account_id and run.name = key.run
                    where key.account_id = $1 and key.migration = $2 and key.key_type = $3 and key.digest = $4
                        and ($5 = '' or key.kind = $5)
                        and ($6::uuid is null or run.uid < $6 or (run.uid = $6 and (line.kind, line.source_id) > ($7, $8)))
                    order by run.uid desc, line.kind, line.source_id
                    limit $9",
                    self.account,
                    migration.as_str(),
                    *key_type,
                    digest,
                    kind,
                    after_run,
                    after_kind,
                    after_id,
                    limit,
                )
                .fetch_all(&mut *self.inner)
                .await?
            }
            Wanted::SourceId(source_id) => {
                let kinds: Vec<String> =
                    cartage_model::Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
                sqlx::query_as!(
                    FoundRow,
                    "select line.run, run.uid as run_uid, line.kind, line.source_id, ordinal, outcome, effect, reason, detail, attempt_count, finish_time
                    from resource as run
                    cross join unnest($9::text[]) as wanted (kind)
                    join run_record as line on line.account_id = run.account_id and line.run = run.name
                        and line.kind = wanted.kind and line.source_id = $3
                    where run.account_id = $1 and run.parent = $2 and run.type = 'run'
                        and ($4 = '' or line.kind = $4)
                        and ($5::uuid is null or run.uid < $5 or (run.uid = $5 and (line.kind, line.source_id) > ($6, $7)))
                    order by run.uid desc, line.kind, line.source_id
                    limit $8",
                    self.account,
                    migration.as_str(),
                    source_id,
                    kind,
                    after_run,
                    after_kind,
                    after_id,
                    limit,
                    &kinds,
                )
                .fetch_all(&mut *self.inner)
                .await?
            }
            // A link belongs to the shop that a LIVE run wrote to, or to a TEST run.
            Wanted::TargetId(target_id) => {
                sqlx::query_as!(
                    FoundRow,
                    "select line.run, run.uid as run_uid, line.kind, line.source_id, ordinal, outcome, effect, reason, detail, attempt_count, finish_time
                    from (
                        select distinct target, kind, record_source_id from record_link
                        where account_id = $1 and migration = $2 and target_id = $3
                    ) as link
                    join resource as run on run.account_id = $1 and run.parent = $2 and run.type = 'run'
                        and (run.name = link.target
                            or (run.body ->> 'kind' = 'live' and run.body ->> 'target_connection' = link.target))
                    join run_record as line on line.account_id = run.account_id and line.run = run.name
                        and line.kind = link.kind and line.source_id = link.record_source_id
                    where ($4 = '' or line.kind = $4)
                        and ($5::uuid is null or run.uid < $5 or (run.uid = $5 and (line.kind, line.source_id) > ($6, $7)))
                    order by run.uid desc, line.kind, line.source_id
                    limit $8",
                    self.account,
                    migration.as_str(),
                    target_id,
                    kind,
                    after_run,
                    after_kind,
                    after_id,
                    limit,
                )
                .fetch_all(&mut *self.inner)
                .await?
            }
        };
        Ok(rows.into_iter().map(Found::from).collect())
    }
}
