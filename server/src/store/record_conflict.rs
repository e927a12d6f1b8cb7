//! Fields that source and target both changed, and whose value counts.

use chrono::{DateTime, Utc};

use super::{Tx, record_link::LinkSpace};
use crate::{error::Result, name::Name};

/// A conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConflict {
    /// The kind of record.
    pub kind: String,
    /// Its id in the source.
    pub source_id: String,
    /// The field; empty for the record as a whole.
    pub field: String,
    /// The run that found it last.
    pub run: String,
    /// The digest of what the source says.
    pub source_digest: Vec<u8>,
    /// The digest of what the target holds.
    pub target_digest: Vec<u8>,
    /// Both values, sealed.
    pub field_values: Vec<u8>,
    /// Whose value counts: `source`, `target`, or nothing while nobody decided.
    pub resolution: String,
    /// Who decided.
    pub resolver: String,
    /// When.
    pub resolve_time: Option<DateTime<Utc>>,
    /// When it was found.
    pub create_time: DateTime<Utc>,
}

/// Which conflicts are wanted. Empty texts mean any.
#[derive(Clone, Debug, Default)]
pub struct ConflictFilter {
    /// The kind.
    pub kind: String,
    /// The record.
    pub source_id: String,
    /// The field; none means any.
    pub field: Option<String>,
    /// Only those nobody decided.
    pub open: bool,
}

impl Tx {
    /// Notes conflicts. One that is about the same values keeps its decision; about others it is open
    /// again.
    pub async fn record_conflict_put(
        &mut self,
        space: &LinkSpace,
        run: &Name,
        conflicts: &[RecordConflict],
    ) -> Result<()> {
        let text = |value: fn(&RecordConflict) -> &String| {
            conflicts.iter().map(|it| value(it).clone()).collect::<Vec<_>>()
        };
        let bytes = |value: fn(&RecordConflict) -> &Vec<u8>| {
            conflicts.iter().map(|it| value(it).clone()).collect::<Vec<_>>()
        };
        sqlx::query!(
            "insert into record_conflict as known (account_id, migration, target, run, kind, source_id, field, source_digest, target_digest, field_values)
            select $1, $2, $3, $4, * from unnest($5::text[], $6::text[], $7::text[], $8::bytea[], $9::bytea[], $10::bytea[])
            on conflict (account_id, migration, target, kind, source_id, field) do update
            set run = excluded.run,
                resolution = case when (known.source_digest, known.target_digest) = (excluded.source_digest, excluded.target_digest)
                    then known.resolution else '' end,
                resolver = case when (known.source_digest, known.target_digest) = (excluded.source_digest, excluded.target_digest)
                    then known.resolver else '' end,
                resolve_time = case when (known.source_digest, known.target_digest) = (excluded.source_digest, excluded.target_digest)
                    then known.resolve_time end,
                source_digest = excluded.source_digest, target_digest = excluded.target_digest,
                field_values = excluded.field_values",
            self.account,
            space.migration.as_str(),
            space.target,
            run.as_str(),
            &text(|it| &it.kind),
            &text(|it| &it.source_id),
            &text(|it| &it.field),
            &bytes(|it| &it.source_digest),
            &bytes(|it| &it.target_digest),
            &bytes(|it| &it.field_values),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The conflicts of some records.
    pub async fn record_conflict_find(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<RecordConflict>> {
        let rows = sqlx::query_as!(
            RecordConflict,
            "select kind, source_id, field, run, source_digest, target_digest, field_values, resolution, resolver, resolve_time, create_time
            from record_conflict
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and source_id = any($5)",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// Forgets the conflicts of records that are settled.
    pub async fn record_conflict_settle(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<()> {
        sqlx::query!(
            "delete from record_conflict
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and source_id = any($5)",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A page of the conflicts that a run found, in the order of kind, source id and field.
    pub async fn record_conflict_page(
        &mut self,
        run: &Name,
        filter: &ConflictFilter,
        after: Option<(String, String, String)>,
        limit: i64,
    ) -> Result<Vec<RecordConflict>> {
        let (kind, id, field) = match after {
            Some((kind, id, field)) => (Some(kind), Some(id), Some(field)),
            None => (None, None, None),
        };
        let rows = sqlx::query_as!(
            RecordConflict,
            "select kind, source_id, field, run, source_digest, target_digest, field_values, resolution, resolver, resolve_time, create_time
            from record_conflict
            where account_id = $1 and run = $2
                and ($3 = '' or kind = $3)
                and ($4 = '' or source_id = $4)
                and ($5::text is null or field = $5)
                and (not $6 or resolution = '')
                and ($7::text is null or (kind, source_id, field) > ($7, $8, $9))
            order by kind, source_id, field
            limit $10",
            self.account,
            run.as_str(),
            filter.kind,
            filter.source_id,
            filter.field,
            filter.open,
            kind,
            id,
            field,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// How many conflicts of a run nobody decided.
    pub async fn record_conflict_open(&mut self, run: &Name) -> Result<i64> {
        let row = sqlx::query!(
            r#"select count(*) as "count!" from record_conflict
            where account_id = $1 and run = $2 and resolution = ''"#,
            self.account,
            run.as_str(),
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.count)
    }

    /// Decides the conflicts of a run that a filter names; those decided otherwise are decided anew.
    /// Gives how many.
    pub async fn record_conflict_resolve(
        &mut self,
        run: &Name,
        filter: &ConflictFilter,
        resolution: &str,
        resolver: &str,
    ) -> Result<u64> {
        let resolved = sqlx::query!(
            "update record_conflict
            set resolution = $6, resolver = $7, resolve_time = clock_timestamp()
            where account_id = $1 and run = $2
                and ($3 = '' or kind = $3)
                and ($4 = '' or source_id = $4)
                and ($5::text is null or field = $5)
                and resolution <> $6",
            self.account,
            run.as_str(),
            filter.kind,
            filter.source_id,
            filter.field,
            resolution,
            resolver,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(resolved.rows_affected())
    }
}
