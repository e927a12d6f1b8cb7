//! By which value a record is the same as another one in the target.

use super::{Tx, record_link::LinkSpace};
use crate::error::Result;

impl Tx {
    /// Claims identities for records, in order: gives, for each, the source id of the record that
    /// has the identity (the record itself, or the earlier one it is to be merged into).
    pub async fn record_identity_claim(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        claims: &[(String, String)],
    ) -> Result<Vec<String>> {
        let identities: Vec<String> = claims.iter().map(|(identity, _)| identity.clone()).collect();
        let source_ids: Vec<String> = claims.iter().map(|(_, id)| id.clone()).collect();
        // What a record was known by before is free for others. Should it be as before again, it must
        // claim that again.
        sqlx::query!(
            "with freed as (
                delete from record_identity as old using unnest($5::text[], $6::text[]) as claim (identity, source_id)
                where account_id = $1 and migration = $2 and target = $3 and kind = $4
                    and old.source_id = claim.source_id and old.identity <> claim.identity
                returning old.source_id
            )
            update record_written as written set record_hash = null from freed
            where written.account_id = $1 and written.migration = $2 and written.target = $3
                and written.kind = $4 and written.source_id = freed.source_id",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &identities,
            &source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "insert into record_identity (account_id, migration, target, kind, identity, source_id)
            select $1, $2, $3, $4, identity, source_id from (
                select distinct on (identity) identity, source_id
                from unnest($5::text[], $6::text[]) with ordinality as claim (identity, source_id, place)
                order by identity, place
            ) as claim
            on conflict do nothing",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &identities,
            &source_ids,
        )
        .execute(&mut *self.inner)
        .await?;
        let rows = sqlx::query!(
            r#"select owner.source_id from unnest($5::text[]) with ordinality as claim (identity, place)
            join record_identity as owner on owner.identity = claim.identity
                and account_id = $1 and migration = $2 and target = $3 and kind = $4
            order by claim.place"#,
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            &identities,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|row| row.source_id).collect())
    }

    /// Gives an identity to another record.
    pub async fn record_identity_pass(
        &mut self,
        space: &LinkSpace,
        kind: &str,
        identity: &str,
        source_id: &str,
    ) -> Result<()> {
        sqlx::query!(
            "update record_identity set source_id = $6
            where account_id = $1 and migration = $2 and target = $3 and kind = $4 and identity = $5",
            self.account,
            space.migration.as_str(),
            space.target,
            kind,
            identity,
            source_id,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
