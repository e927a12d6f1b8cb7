//! Which resources name others, and lists that go across parents.

use super::{
    Tx,
    resource::{Body, Cut, Resource, Row},
};
use crate::{error::Result, name::Name};

impl Tx {
    /// A resource of one of some types whose body names a resource, or something below it.
    pub async fn resource_referring(
        &mut self,
        name: &Name,
        types: &[&str],
    ) -> Result<Option<String>> {
        let types: Vec<String> = types.iter().map(|it| (*it).to_owned()).collect();
        let row = sqlx::query!(
            "select name from resource
            where account_id = $1 and type = any($2) and delete_time is null
                and jsonb_path_exists(
                    body,
                    '$.** ? (@.type() == \"string\" && (@ == $name || @ starts with $below))',
                    jsonb_build_object('name', $3::text, 'below', $3 || '/'))
            limit 1",
            self.account,
            &types,
            name.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.name))
    }

    /// Deletes the resources directly below another one, with all that hangs on them.
    pub async fn resource_delete_below(&mut self, parent: &Name) -> Result<()> {
        sqlx::query!(
            "delete from resource where account_id = $1 and parent = $2",
            self.account,
            parent.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes a resource with all that stands below it and its history: ledgers, journals and links
    /// go with the rows they hang on.
    pub async fn resource_purge(&mut self, name: &Name) -> Result<()> {
        // A big ledger takes longer than a call may.
        sqlx::query!("select set_config('statement_timeout', '600s', true)")
            .fetch_one(&mut *self.inner)
            .await?;
        sqlx::query!(
            "delete from event where account_id = $1 and stream = $2",
            self.account,
            name.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from event_head where account_id = $1 and stream = $2",
            self.account,
            name.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from resource
            where account_id = $1 and (name = $2 or starts_with(name, $2 || '/'))",
            self.account,
            name.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Lists resources of the account whatever they stand below, newest first.
    pub async fn resource_list_all<B: Body>(&mut self, cut: &Cut) -> Result<Vec<Resource<B>>> {
        let (time, name) = cut.after.clone().unzip();
        let rows = sqlx::query_as!(
            Row,
            "select name, uid, revision, state, body, create_time, update_time, delete_time
            from resource
            where account_id = $1 and type = $2
                and ($3::timestamptz is null or (create_time, name) < ($3, $4))
                and (cardinality($5::text[]) = 0 or state = any($5))
                and delete_time is null
            order by create_time desc, name desc
            limit $6",
            self.account,
            B::TYPE,
            time,
            name,
            &cut.states,
            cut.limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Row::into_resource).collect()
    }
}
