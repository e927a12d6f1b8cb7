//! What was written last of a record, as digests, and what stood there before a run changed it.

use serde_json::Value;

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

/// What is noted of a record that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordNote {
    /// Its id in the source.
    pub source_id: String,
    /// The digests, as they are stored.
    pub fingerprint: Vec<u8>,
    /// The hash of the record in the snapshot; none where a later run must look for itself whether it
    /// has changed.
    pub record_hash: Option<String>,
    /// The records that it refers to: (kind, source id).
    pub refers_to: Vec<(String, String)>,
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
    /// The digests of what the run was about to send, or of what stood there of it afterwards.
    pub sent: Vec<u8>,
    /// Whether the record had a link to it.
    pub was_linked: bool,
}

/// What stood in the target before the first of some runs changed a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordStood {
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
    /// Whether the record had a link to it.
    pub was_linked: bool,
    /// The digests of what each of the runs sent, the first one first.
    pub sents: Vec<Vec<u8>>,
}

impl Tx {
    /// Notes what a run wrote of records, and on what basis. What is not newer leaves what is known as it
    /// is.
    pub async fn record_written_put(
        &mut self,
        space: &LinkSpace,
        (run, basis): (&Name, &[u8]),
        kind: &str,
        written: &[RecordNote],
        is_newer: bool,
    ) -> Result<()> {
        let source_ids: Vec<String> = written.iter().map(|it| it.source_id.clone()).collect();
        let prints: Vec<Vec<u8>> = written.iter().map(|it| it.fingerprint.clone()).collect();
        let hashes: Vec<Option<String>> = written.iter().map(|it| it.record_hash.clone()).collect();
        let refers_to = written.iter().map(|it| serde_json::to_value(&it.refers_to));
        let refers_to = refers_to.collect::<std::result::Result<Vec<Value>, _>>()?;
        sqlx::query!(
            "insert into record_written (account_id, migration, target, kind, source_id, fingerprint, record_hash, refers_to, basis, run)
            select $1, $2, $3, $4, one.*, $9, $10 from (
                select distinct on (source_id) *
                from unnest($5::text[], $6::bytea[], $7::text[], $8::jsonb[])
                    as one (source_id, fingerprint, record_hash, refers_to)
            ) as one
            on conflict (account_id, migration, target, kind, source_id)
            do update set fingerprint = excluded.fingerprint, record_hash = excluded.record_hash,
                refers_to = excluded.refers_to, basis = excluded.basis, run = excluded.run,
                note_time = excluded.note_time
            where $11",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &source_ids,
            &prints,
            &hashes as &[Option<String>],
            &refers_to,
            basis,
            run.as_str(),
            is_newer,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Enters into the ledger of a run those of some records, given by ids, hashes and ordinals, that
    /// stand in the target as they were written: neither they nor the basis has changed since, what they
    /// refer to is there, and nothing is under way with them. What the ledger of that time says of them
    /// holds for them still, but that nothing was done now. Gives their source ids.
    ///
    /// The tables are asked record by record, each by its key: the planner, who takes the ids for few,
    /// otherwise reads whole tables for each of them.
    pub async fn record_written_stand(
        &mut self,
        space: &LinkSpace,
        (run, basis): (&Name, &[u8]),
        kind: &str,
        (source_ids, hashes, ordinals): (&[String], &[String], &[i64]),
    ) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "insert into run_record (account_id, run, kind, source_id, ordinal, outcome, effect, reason, detail, attempt_count)
            select $1, $5, $4, one.source_id, one.ordinal, line.outcome, 'unchanged', line.reason, line.detail, 1
            from unnest($7::text[], $8::text[], $9::bigint[]) as one (source_id, record_hash, ordinal)
            cross join lateral (
                select run, refers_to, note_time from record_written
                where account_id = $1 and migration = $2 and target = $3 and kind = $4
                    and source_id = one.source_id and record_hash = one.record_hash and basis = $6
                offset 0
            ) as written
            cross join lateral (
                select outcome, reason, detail from run_record
                where account_id = $1 and run = written.run and kind = $4 and source_id = one.source_id
                    and outcome in ('migrated', 'changed')
                offset 0
            ) as line
            cross join lateral (
                select from record_link
                where account_id = $1 and migration = $2 and target = $3 and kind = $4
                    and source_id = one.source_id and role = $4 and payload_hash is not null
                offset 0
            ) as link
            cross join lateral (
                select from jsonb_array_elements(written.refers_to) as other
                left join lateral (
                    select 1 as there from record_link
                    where account_id = $1 and migration = $2 and target = $3
                        and kind = other->>0 and source_id = other->>1 and role = other->>0
                    offset 0
                ) as theirs on true
                having count(*) = count(theirs.there)
            ) as others
            cross join lateral (
                select from external_call
                where account_id = $1 and migration = $2 and target = $3 and kind = $4
                    and source_id = one.source_id and state = 'intended'
                having count(*) = 0
            ) as calls
            cross join lateral (
                select from record_before
                where account_id = $1 and kind = $4 and source_id = one.source_id
                    and starts_with(run, $10) and create_time > written.note_time
                having count(*) = 0
            ) as images
            on conflict do nothing
            returning source_id",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            run.as_str(),
            basis,
            source_ids,
            hashes,
            ordinals,
            format!("{}/runs/", space.migration),
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.source_id).collect())
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
        let linked: Vec<bool> = before.iter().map(|it| it.was_linked).collect();
        let sent: Vec<Vec<u8>> = before.iter().map(|it| it.sent.clone()).collect();
        sqlx::query!(
            "insert into record_before (account_id, run, kind, source_id, target_id, fields, payload_hash, fingerprint, sent, was_linked)
            select $1, $2, $3, * from unnest($4::text[], $5::text[], $6::bytea[], $7::text[], $8::bytea[], $9::bytea[], $10::boolean[])
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
            &linked,
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

    /// What a run has noted that it sends of some records.
    pub async fn record_before_sent(
        &mut self,
        run: &Name,
        kind: &str,
        source_ids: &[String],
    ) -> Result<Vec<RecordWritten>> {
        let rows = sqlx::query_as!(
            RecordWritten,
            "select source_id, sent as fingerprint from record_before
            where account_id = $1 and run = $2 and kind = $3 and source_id = any($4)",
            self.account,
            run.as_str(),
            kind,
            source_ids,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
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
            "select newest.source_id, newest.sent as fingerprint from (
                select distinct on (image.source_id) image.source_id, image.sent, image.create_time
                from record_before as image
                where image.account_id = $1 and starts_with(image.run, $2) and image.kind = $3
                    and image.source_id = any($4)
                order by image.source_id, image.create_time desc
            ) as newest
            where not exists (
                select from run_record as line
                where line.account_id = $1 and starts_with(line.run, $2) and line.kind = $3
                    and line.source_id = newest.source_id and line.outcome in ('migrated', 'changed')
                    and line.finish_time >= newest.create_time
            )",
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
        (rollback, after): (&Name, &str),
        limit: i64,
    ) -> Result<Vec<RecordStood>> {
        let rows = sqlx::query_as!(
            RecordStood,
            r#"select distinct on (image.source_id)
                image.source_id, image.target_id, image.fields, image.payload_hash, image.fingerprint,
                image.was_linked,
                array(select sent.sent from record_before as sent
                    where sent.account_id = $1 and sent.run = any($4) and sent.kind = image.kind
                        and sent.source_id = image.source_id
                    order by sent.create_time) as "sents!"
            from record_before as image
            where image.account_id = $1 and image.run = any($4) and image.kind = $5
                and image.source_id > $8 and not exists (
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
            after,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows)
    }

    /// Brings what is known of records back to what it was before some runs changed them. What these had
    /// noted counts no more, and an object that had no link has none again.
    pub async fn record_written_restore(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        restored: &[RecordStood],
        runs: &[String],
    ) -> Result<()> {
        let taken = restored.iter().filter(|it| !it.was_linked);
        let taken: Vec<String> = taken.map(|it| it.source_id.clone()).collect();
        sqlx::query!(
            "delete from record_link
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and record_source_id = any($5)",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &taken,
        )
        .execute(&mut *self.inner)
        .await?;
        let all: Vec<String> = restored.iter().map(|it| it.source_id.clone()).collect();
        sqlx::query!(
            "delete from record_before
            where account_id = $1 and run = any($2) and kind = $3 and source_id = any($4)",
            self.account,
            runs,
            kind,
            &all,
        )
        .execute(&mut *self.inner)
        .await?;
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
