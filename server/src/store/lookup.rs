//! What follows from several resources at once: the newest child, the room that uploads take, and
//! whose time is over.

use chrono::{DateTime, Utc};

use super::{Tx, record_link::LinkSpace};
use crate::{
    error::{Error, Result},
    name::Name,
};

impl Tx {
    /// Whether a resource is there, whatever it is: its name says that.
    ///
    /// # Errors
    /// `RESOURCE_NOT_FOUND` when it is not.
    pub async fn resource_exists(&mut self, name: &Name) -> Result<()> {
        let row = sqlx::query!(
            "select 1 as one from resource where account_id = $1 and name = $2",
            self.account,
            name.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(drop).ok_or_else(|| Error::not_found(name.as_str()))
    }

    /// The type of the child of a resource that changed last.
    pub async fn resource_newest_child(&mut self, parent: &Name) -> Result<Option<String>> {
        let row = sqlx::query!(
            "select type from resource
            where account_id = $1 and parent = $2
            order by update_time desc
            limit 1",
            self.account,
            parent.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.r#type))
    }

    /// What the runs of a migration to a target prepared it for; null where that was not kept. Of those
    /// that went on from earlier ones, the newest two: what they kept holds what was kept before them.
    pub async fn run_needs(
        &mut self,
        space: &LinkSpace,
        going_on: &[String],
    ) -> Result<Vec<serde_json::Value>> {
        let rows = sqlx::query!(
            r#"select coalesce(body->'needs', 'null') as "needs!" from (
                select body, body->>'kind' = any($4) as goes_on,
                    row_number() over (
                        partition by body->>'kind' = any($4) order by create_time desc
                    ) as place
                from resource
                where account_id = $1 and parent = $2 and type = 'run' and body->>'target_connection' = $3
                    and body->>'kind' <> 'rollback' and jsonb_typeof(body->'prepared') <> 'null'
            ) as run
            where not goes_on or place <= 2"#,
            self.account,
            space.migration.as_str(),
            space.target,
            going_on,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.needs).collect())
    }

    /// What other runs into a target set up and know, but for those in one state; null for one that goes
    /// on and has not set up anything yet.
    pub async fn run_prepared_elsewhere(
        &mut self,
        target: &str,
        without: &[String],
        gone: &str,
        going: &[String],
    ) -> Result<Vec<serde_json::Value>> {
        let rows = sqlx::query!(
            r#"select distinct coalesce(body->'prepared', 'null') as "prepared!" from resource
            where account_id = $1 and type = 'run' and body->>'target_connection' = $2
                and name <> all($3) and state <> $4 and body->>'kind' <> 'rollback'
                and (jsonb_typeof(body->'prepared') <> 'null' or state = any($5))"#,
            self.account,
            target,
            without,
            gone,
            going,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.prepared).collect())
    }

    /// A run in one of some states that uses a connection: its own target, which a TEST run chooses
    /// for itself, or the source or target of its migration.
    pub async fn connection_active_run(
        &mut self,
        name: &Name,
        states: &[String],
    ) -> Result<Option<String>> {
        let row = sqlx::query!(
            "select run.name from resource run
            join resource migration
                on migration.account_id = run.account_id and migration.name = run.parent
            where run.account_id = $1 and run.type = 'run' and run.state = any($3)
                and $2 in (
                    run.body->>'target_connection',
                    migration.body->>'source_connection',
                    migration.body->>'target_connection'
                )
            order by run.name
            limit 1",
            self.account,
            name.as_str(),
            states,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.name))
    }

    /// A resource of a type below a parent that is in one of some states.
    pub async fn resource_child_in(
        &mut self,
        resource_type: &str,
        parent: &Name,
        states: &[String],
    ) -> Result<Option<String>> {
        let row = sqlx::query!(
            "select name from resource
            where account_id = $1 and type = $2 and parent = $3 and state = any($4)
            order by name
            limit 1",
            self.account,
            resource_type,
            parent.as_str(),
            states,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.name))
    }

    /// How many bytes the uploads of the account are announced with. Holds the account until the
    /// end of the transaction, so that two uploads cannot both take the last room.
    pub async fn upload_bytes(&mut self) -> Result<i64> {
        self.account_ensure().await?;
        sqlx::query!(
            "select 1 as one from account where account_id = $1 for no key update",
            self.account
        )
        .fetch_one(&mut *self.inner)
        .await?;
        let row = sqlx::query!(
            r#"select coalesce(sum((body->>'size_bytes')::bigint), 0)::bigint as "bytes!"
            from resource
            where account_id = $1 and type = 'upload'"#,
            self.account,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.bytes)
    }

    /// Some migrations of the account that were deleted and may not come back any more.
    pub async fn migration_purgeable(
        &mut self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Name>> {
        let rows = sqlx::query!(
            "select name from resource
            where account_id = $1 and type = 'migration' and delete_time is not null
                and (body->>'purge_time')::timestamptz < $2
            order by name
            limit $3",
            self.account,
            now,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| Name::trusted(row.name)).collect())
    }

    /// Some uploads of the account whose time is over, behind a name.
    pub async fn upload_expired(
        &mut self,
        now: DateTime<Utc>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Name>> {
        let rows = sqlx::query!(
            "select name from resource
            where account_id = $1 and type = 'upload'
                and (body->>'expire_time')::timestamptz < $2
                and name > $3
            order by name
            limit $4",
            self.account,
            now,
            after,
            limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| Name::trusted(row.name)).collect())
    }
}
