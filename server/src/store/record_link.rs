//! Links: which target object a source record, or a part of it, became.

use chrono::{DateTime, Utc};

use super::Tx;
use crate::{error::Result, name::Name};

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLink {
    /// The kind of record.
    pub kind: String,
    /// The id in the source of what is meant by the role.
    pub source_id: String,
    /// Which target object is meant.
    pub role: String,
    /// Its id in the target.
    pub target_id: String,
    /// The record it belongs to.
    pub record_source_id: String,
    /// The hash of what was written, for the record's own object.
    pub payload_hash: Option<String>,
    /// The run that made it; empty for a link that was imported.
    pub create_run: String,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

/// The migration and target that links belong to.
#[derive(Clone, Debug)]
pub struct LinkSpace {
    /// The migration's name.
    pub migration: Name,
    /// The target connection's name, or the TEST run's.
    pub target: String,
}

/// Which links are wanted. Empty texts mean any.
#[derive(Clone, Debug, Default)]
pub struct LinkFilter {
    /// The kind.
    pub kind: String,
    /// The source id.
    pub source_id: String,
    /// The role.
    pub role: String,
    /// The target id.
    pub target_id: String,
    /// For the links of children: the source id of their record.
    pub parent_source_id: String,
    /// For all links of a record, its children's too: its source id.
    pub record_source_id: String,
    /// The kinds, where several are wanted.
    pub kinds: Vec<String>,
    /// Only of records that stand in the ledger of this run.
    pub run: String,
}

impl Tx {
    /// Writes links; one that is there is brought up to date.
    pub async fn record_link_put(&mut self, space: &LinkSpace, links: &[RecordLink]) -> Result<()> {
        let column = |value: fn(&RecordLink) -> String| links.iter().map(value).collect::<Vec<_>>();
        let hashes: Vec<Option<String>> =
            links.iter().map(|link| link.payload_hash.clone()).collect();
        sqlx::query!(
            "insert into record_link (account_id, migration, target, kind, source_id, role, target_id, record_source_id, create_run, payload_hash)
            select $1, $2, $3, * from (
                select distinct on (kind, source_id, role) * from unnest(
                    $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]
                ) as link (kind, source_id, role, target_id, record_source_id, create_run, payload_hash)
            ) as link
            on conflict (account_id, migration, target, kind, source_id, role)
            do update set target_id = excluded.target_id, payload_hash = excluded.payload_hash, update_time = clock_timestamp(),
                -- A record that was merged into another one, and has an object of its own now.
                create_run = case
                    when record_link.payload_hash is null and record_link.create_run <> ''
                        and excluded.payload_hash is not null then excluded.create_run
                    else record_link.create_run end",
            self.account,
            space.migration.as_str(),
            space.target,
            &column(|link| link.kind.clone()),
            &column(|link| link.source_id.clone()),
            &column(|link| link.role.clone()),
            &column(|link| link.target_id.clone()),
            &column(|link| link.record_source_id.clone()),
            &column(|link| link.create_run.clone()),
            &hashes as &[Option<String>],
        )
        .execute(&mut *self.inner)
        .await?;
        // What was a part of a record is no more, once the record is whole.
        sqlx::query!(
            "delete from record_link as link
            using unnest($4::text[], $5::text[], $6::text[]) as whole (kind, source_id, role)
            where account_id = $1 and migration = $2 and target = $3 and link.role = 'partial'
                and link.kind = whole.kind and link.source_id = whole.source_id and whole.role = whole.kind",
            self.account,
            space.migration.as_str(),
            space.target,
            &column(|link| link.kind.clone()),
            &column(|link| link.source_id.clone()),
            &column(|link| link.role.clone()),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The links of some (kind, source id, role), in any order.
    pub async fn record_link_find(
        &mut self,
        space: &LinkSpace,
        wanted: &[(String, String, String)],
    ) -> Result<Vec<RecordLink>> {
        let kinds: Vec<String> = wanted.iter().map(|(kind, _, _)| kind.clone()).collect();
        let source_ids: Vec<String> = wanted.iter().map(|(_, id, _)| id.clone()).collect();
        let roles: Vec<String> = wanted.iter().map(|(_, _, role)| role.clone()).collect();
        let rows = sqlx::query_as!(
            RecordLink,
            "select link.kind, link.source_id, link.role, target_id, record_source_id, payload_hash, create_run, create_time, update_time
            from record_link as link
            join unnest($4::text[], $5::text[], $6::text[]) as wanted (kind, source_id, role)
                on link.kind = wanted.kind and link.source_id = wanted.source_id and link.role = wanted.role
            where account_id = $1 and migration = $2 and target = $3",
            self.account,
            space.migration.as_str(),
            space.target,
            &kinds,
            &source_ids,
            &roles,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// The (source id, target id) of the records' own objects of a kind, of those that stand for one
    /// of these target ids or source ids.
    pub async fn record_link_known(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        target_ids: &[String],
        source_ids: &[String],
    ) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            "select source_id, target_id from record_link
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and (role = $4 or role = 'partial') and (target_id = any($5) or source_id = any($6))",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            target_ids,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.source_id, row.target_id)).collect())
    }

    /// The links of some records of a kind and of their parts, in any order.
    pub async fn record_link_of_records(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<RecordLink>> {
        let rows = sqlx::query_as!(
            RecordLink,
            "select kind, source_id, role, target_id, record_source_id, payload_hash, create_run, create_time, update_time
            from record_link
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and record_source_id = any($5)",
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

    /// Which of the objects of some records stand for other records of the kind, too.
    pub async fn record_link_shared(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select distinct own.target_id from record_link as own
            join record_link as other using (account_id, migration, target, kind, target_id)
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and own.role = $4 and other.role = $4 and own.source_id = any($5)
                and other.source_id <> own.source_id",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.target_id).collect())
    }

    /// Which of some objects of a target another migration has links to.
    pub async fn record_link_elsewhere(
        &mut self,
        space: &LinkSpace,
        target_ids: &[String],
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select distinct target_id from record_link
            where account_id = $1 and migration <> $2 and target = $3 and target_id = any($4)",
            self.account,
            space.migration.as_str(),
            space.target,
            target_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.target_id).collect())
    }

    /// Forgets links of objects that are gone: (source id, role) of a kind.
    pub async fn record_link_gone(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        gone: &[(String, String)],
    ) -> Result<()> {
        let source_ids: Vec<String> = gone.iter().map(|(id, _)| id.clone()).collect();
        let roles: Vec<String> = gone.iter().map(|(_, role)| role.clone()).collect();
        sqlx::query!(
            "delete from record_link as link using unnest($5::text[], $6::text[]) as gone (source_id, role)
            where link.account_id = $1 and link.migration = $2 and link.target = $3 and link.kind = $4
                and link.source_id = gone.source_id and link.role = gone.role",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &roles,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A page of the records of a kind that have an object of their own and no row in a run's ledger:
    /// the links, in the order of source ids.
    pub async fn record_link_beyond(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        (run, after): (&Name, &str),
        limit: i64,
    ) -> Result<Vec<RecordLink>> {
        let rows = sqlx::query_as!(
            RecordLink,
            "select kind, source_id, role, target_id, record_source_id, payload_hash, create_run, create_time, update_time
            from record_link
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and role = $4
                and source_id > $7 and not exists (
                    select from run_record as line
                    where line.account_id = $1 and line.run = $5 and line.kind = $4
                        and line.source_id = record_link.source_id
                )
            order by source_id
            limit $6",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            run.as_str(),
            limit,
            after,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// How many records of each kind have an object of their own and no row in a run's ledger.
    pub async fn record_link_beyond_counts(
        &mut self,
        space: &LinkSpace,
        run: &Name,
    ) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"select kind, count(*) as "count!" from record_link
            where account_id = $1 and migration = $2 and target = $3 and role = kind
                and not exists (
                    select from run_record as line
                    where line.account_id = $1 and line.run = $4 and line.kind = record_link.kind
                        and line.source_id = record_link.source_id
                )
            group by kind order by kind"#,
            self.account,
            space.migration.as_str(),
            space.target,
            run.as_str(),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.count)).collect())
    }

    /// A page of links in the order of kind, source id and role, behind a given one.
    pub async fn record_link_page(
        &mut self,
        space: &LinkSpace,
        filter: &LinkFilter,
        after: Option<(String, String, String)>,
        limit: i64,
    ) -> Result<Vec<RecordLink>> {
        let (kind, id, role) = match after {
            Some((kind, id, role)) => (Some(kind), Some(id), Some(role)),
            None => (None, None, None),
        };
        let rows = sqlx::query_as!(
            RecordLink,
            "select kind, source_id, role, target_id, record_source_id, payload_hash, create_run, create_time, update_time
            from record_link
            where account_id = $1 and migration = $2 and target = $3
                and ($4 = '' or kind = $4)
                and ($5 = '' or source_id = $5)
                and ($6 = '' or role = $6)
                and ($7 = '' or target_id = $7)
                and ($8::text is null or (kind, source_id, role) > ($8, $9, $10))
                and ($11 = '' or (record_source_id = $11 and source_id <> $11))
                and ($12 = '' or exists (
                    select from run_record as line
                    where line.account_id = $1 and line.run = $12 and line.kind = record_link.kind
                        and line.source_id = record_source_id
                ))
                and ($14 = '' or record_source_id = $14)
                and (cardinality($15::text[]) = 0 or kind = any($15))
            order by kind, source_id, role
            limit $13",
            self.account,
            space.migration.as_str(),
            space.target,
            filter.kind,
            filter.source_id,
            filter.role,
            filter.target_id,
            kind,
            id,
            role,
            filter.parent_source_id,
            filter.run,
            limit,
            filter.record_source_id,
            &filter.kinds,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// Takes over links of objects that were there before; one that is there stays as it is. Gives
    /// how many are new.
    pub async fn record_link_import(
        &mut self,
        space: &LinkSpace,
        links: &[RecordLink],
    ) -> Result<u64> {
        let column = |value: fn(&RecordLink) -> String| links.iter().map(value).collect::<Vec<_>>();
        let imported = sqlx::query!(
            "insert into record_link (account_id, migration, target, kind, source_id, role, target_id, record_source_id, create_run)
            select $1, $2, $3, *, '' from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            on conflict do nothing",
            self.account,
            space.migration.as_str(),
            space.target,
            &column(|link| link.kind.clone()),
            &column(|link| link.source_id.clone()),
            &column(|link| link.role.clone()),
            &column(|link| link.target_id.clone()),
            &column(|link| link.record_source_id.clone()),
        )
        .execute(&mut *self.inner)
        .await?;
        // What was known as a part of a record is the whole, if the caller says so.
        sqlx::query!(
            "delete from record_link as link
            using unnest($4::text[], $5::text[], $6::text[], $7::text[]) as whole (kind, source_id, role, target_id)
            where account_id = $1 and migration = $2 and target = $3 and link.role = 'partial'
                and link.kind = whole.kind and link.source_id = whole.source_id and whole.role = whole.kind
                and link.target_id = whole.target_id",
            self.account,
            space.migration.as_str(),
            space.target,
            &column(|link| link.kind.clone()),
            &column(|link| link.source_id.clone()),
            &column(|link| link.role.clone()),
            &column(|link| link.target_id.clone()),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(imported.rows_affected())
    }

    /// Whether any record of a kind has an imported link of its own.
    pub async fn record_link_any_imported(
        &mut self,
        space: &LinkSpace,
        kind: &str,
    ) -> Result<bool> {
        let row = sqlx::query!(
            r#"select exists (
                select from record_link
                where account_id = $1 and migration = $2 and target = $3 and kind = $4 and role = $4
                    and create_run = ''
            ) as "any!""#,
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.any)
    }

    /// How many records of each kind have their own object in the target.
    pub async fn record_link_counts(&mut self, space: &LinkSpace) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"select kind, count(*) as "count!" from record_link
            where account_id = $1 and migration = $2 and target = $3 and role = kind
            group by kind order by kind"#,
            self.account,
            space.migration.as_str(),
            space.target,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.count)).collect())
    }

    /// How many records of each kind have an object in the target that one of these runs made.
    pub async fn record_link_made(
        &mut self,
        space: &LinkSpace,
        runs: &[String],
    ) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"select kind, count(distinct source_id) as "count!" from record_link
            where account_id = $1 and migration = $2 and target = $3 and create_run = any($4)
                and (role = kind or role = 'partial')
            group by kind order by kind"#,
            self.account,
            space.migration.as_str(),
            space.target,
            runs,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.count)).collect())
    }

    /// Forgets what became of some records, because it was taken back: their links, with those of
    /// their parts, and their identities go, and their calls count no more. Links that were imported
    /// are of objects that no run made, and stay.
    pub async fn record_forget(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<()> {
        let (migration, target) = (space.migration.as_str(), &space.target);
        sqlx::query!(
            "delete from record_link
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and record_source_id = any($5) and create_run <> ''",
            self.account,
            migration,
            target,
            kind,
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from record_written
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and source_id = any($5)",
            self.account,
            migration,
            target,
            kind,
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from record_identity
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and source_id = any($5)",
            self.account,
            migration,
            target,
            kind,
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "update external_call set state = 'void'
            where account_id = $1 and migration = $2 and target = $3 and kind = $4
                and source_id = any($5)",
            self.account,
            migration,
            target,
            kind,
            source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
