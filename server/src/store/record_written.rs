//! What was written last of a record, as digests, and what stood there before a run changed it.

use super::{Tx, record_link::LinkSpace};
use crate::{error::Result, name::Name};

/// The digests of what was written last of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWritten {
    /// Its id in the source.
    pub source_id: String,
    /// The digests, as they are stored.
    pub fingerprint: Vec<u8>,
}

/// What stood in the target before a run changed a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBefore {
    /// The record's id in the source.
    pub source_id: String,
    /// Its object in the target.
    pub target_id: String,
    /// Its fields there, sealed.
    pub fields: Vec<u8>,
    /// The hash of what had been written until then.
    pub payload_hash: Option<String>,
    /// The digests of what had been written until then.
    pub fingerprint: Option<Vec<u8>>,
    /// The digests of what the run was about to send, or of what stood there when it had.
    pub sent: Vec<u8>,
}

impl Tx {
    /// Notes what was written of records.
    pub async fn record_written_put(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        written: &[RecordWritten],
    ) -> Result<()> {
        let source_ids: Vec<String> = written.iter().map(|it| it.source_id.clone()).collect();
        let prints: Vec<Vec<u8>> = written.iter().map(|it| it.fingerprint.clone()).collect();
        sqlx::query!(
            "insert into record_written (account_id, migration, target, kind, source_id, fingerprint)
            select $1, $2, $3, $4, * from (
                select distinct on (source_id) * from unnest($5::text[], $6::bytea[]) as one (source_id, fingerprint)
            ) as one
            on conflict (account_id, migration, target, kind, source_id)
            do update set fingerprint = excluded.fingerprint",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &prints,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// What was written last of some records.
    pub async fn record_written_find(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<RecordWritten>> {
        let rows = sqlx::query_as!(
            RecordWritten,
            "select source_id, fingerprint from record_written
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

    /// Notes what stood in the target before a run changes records, and what it is about to send. What
    /// stood there stays as it was noted first.
    pub async fn record_before_put(
        &mut self,
        run: &Name,
        kind: &str,
        before: &[RecordBefore],
    ) -> Result<()> {
        let source_ids: Vec<String> = before.iter().map(|it| it.source_id.clone()).collect();
        let target_ids: Vec<String> = before.iter().map(|it| it.target_id.clone()).collect();
        let fields: Vec<Vec<u8>> = before.iter().map(|it| it.fields.clone()).collect();
        let hashes: Vec<Option<String>> = before.iter().map(|it| it.payload_hash.clone()).collect();
        let prints: Vec<Option<Vec<u8>>> = before.iter().map(|it| it.fingerprint.clone()).collect();
        let sent: Vec<Vec<u8>> = before.iter().map(|it| it.sent.clone()).collect();
        sqlx::query!(
            "insert into record_before (account_id, run, kind, source_id, target_id, fields, payload_hash, fingerprint, sent)
            select $1, $2, $3, * from unnest($4::text[], $5::text[], $6::bytea[], $7::text[], $8::bytea[], $9::bytea[])
            on conflict (account_id, run, kind, source_id) do update set sent = excluded.sent",
            self.account,
            run.as_str(),
            kind,
            &source_ids,
            &target_ids,
            &fields,
            &hashes as &[Option<String>],
            &prints as &[Option<Vec<u8>>],
            &sent,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Notes what stands in the target after a run changed records, in the stead of what it was about to
    /// send.
    pub async fn record_before_standing(
        &mut self,
        run: &Name,
        kind: &str,
        standing: &[RecordWritten],
    ) -> Result<()> {
        let source_ids: Vec<String> = standing.iter().map(|it| it.source_id.clone()).collect();
        let prints: Vec<Vec<u8>> = standing.iter().map(|it| it.fingerprint.clone()).collect();
        sqlx::query!(
            "update record_before as image set sent = one.fingerprint
            from unnest($4::text[], $5::bytea[]) as one (source_id, fingerprint)
            where image.account_id = $1 and image.run = $2 and image.kind = $3
                and image.source_id = one.source_id",
            self.account,
            run.as_str(),
            kind,
            &source_ids,
            &prints,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// What was being sent of some records by runs that never entered what came of it: (source id,
    /// digests), the latest for each.
    pub async fn record_before_unsettled(
        &mut self,
        migration: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<RecordWritten>> {
        let rows = sqlx::query_as!(
            RecordWritten,
            "select distinct on (image.source_id) image.source_id, image.sent as fingerprint
            from record_before as image
            where image.account_id = $1 and starts_with(image.run, $2) and image.kind = $3
                and image.source_id = any($4) and not exists (
                    select from run_record as line
                    where line.account_id = $1 and line.run = image.run and line.kind = image.kind
                        and line.source_id = image.source_id and line.effect = 'updated'
                )
            order by image.source_id, image.create_time desc",
            self.account,
            format!("{migration}/runs/"),
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// How many records of each kind some runs changed that were there before the first of them.
    pub async fn record_before_counts(
        &mut self,
        space: &LinkSpace,
        runs: &[String],
    ) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!(
            r#"select image.kind, count(distinct image.source_id) as "count!" from record_before as image
            where image.account_id = $1 and image.run = any($4) and not exists (
                select from record_link as link
                where link.account_id = $1 and link.migration = $2 and link.target = $3
                    and link.kind = image.kind and link.source_id = image.source_id
                    and (link.role = link.kind or link.role = 'partial') and link.create_run = any($4)
            )
            group by image.kind order by image.kind"#,
            self.account,
            space.migration.as_str(),
            space.target,
            runs,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.count)).collect())
    }

    /// A page of what stood in the target before the first of some runs changed it, with what stood
    /// there after the last, of records that none of them made and that have no row in another run's
    /// ledger.
    pub async fn record_before_page(
        &mut self,
        space: &LinkSpace,
        runs: &[String],
        kind: &str,
        rollback: &Name,
        limit: i64,
    ) -> Result<Vec<RecordBefore>> {
        let rows = sqlx::query_as!(
            RecordBefore,
            r#"select distinct on (image.source_id)
                image.source_id, image.target_id, image.fields, image.payload_hash, image.fingerprint,
                (select last.sent from record_before as last
                    where last.account_id = $1 and last.run = any($4) and last.kind = image.kind
                        and last.source_id = image.source_id
                    order by last.create_time desc limit 1) as "sent!"
            from record_before as image
            where image.account_id = $1 and image.run = any($4) and image.kind = $5 and not exists (
                select from record_link as link
                where link.account_id = $1 and link.migration = $2 and link.target = $3
                    and link.kind = image.kind and link.source_id = image.source_id
                    and (link.role = link.kind or link.role = 'partial') and link.create_run = any($4)
            ) and not exists (
                select from run_record as line
                where line.account_id = $1 and line.run = $6 and line.kind = image.kind
                    and line.source_id = image.source_id
            )
            order by image.source_id, image.create_time
            limit $7"#,
            self.account,
            space.migration.as_str(),
            space.target,
            runs,
            kind,
            rollback.as_str(),
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// Brings what is known of records back to what it was before they were changed.
    pub async fn record_written_restore(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        restored: &[RecordBefore],
    ) -> Result<()> {
        let source_ids: Vec<String> = restored.iter().map(|it| it.source_id.clone()).collect();
        let hashes: Vec<Option<String>> =
            restored.iter().map(|it| it.payload_hash.clone()).collect();
        let prints: Vec<Option<Vec<u8>>> =
            restored.iter().map(|it| it.fingerprint.clone()).collect();
        sqlx::query!(
            "update record_link as link set payload_hash = one.payload_hash, update_time = clock_timestamp()
            from unnest($5::text[], $6::text[]) as one (source_id, payload_hash)
            where link.account_id = $1 and link.migration = $2 and link.target = $3 and link.kind = $4
                and link.role = $4 and link.source_id = one.source_id",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &hashes as &[Option<String>],
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from record_written
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and source_id = any($5)",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "insert into record_written (account_id, migration, target, kind, source_id, fingerprint)
            select $1, $2, $3, $4, * from unnest($5::text[], $6::bytea[]) as one (source_id, fingerprint)
            where one.fingerprint is not null",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &prints as &[Option<Vec<u8>>],
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
