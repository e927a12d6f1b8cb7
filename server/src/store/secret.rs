//! Sealed secrets of resources: credentials and data keys.

use super::Tx;
use crate::{error::Result, name::Name};

impl Tx {
    /// Keeps a sealed secret, in place of an earlier one.
    pub async fn secret_put(
        &mut self,
        resource: &Name,
        purpose: &str,
        sealed: &[u8],
    ) -> Result<()> {
        sqlx::query!(
            "insert into secret (account_id, resource, purpose, sealed)
            values ($1, $2, $3, $4)
            on conflict (account_id, resource, purpose)
            do update set sealed = excluded.sealed, update_time = clock_timestamp()",
            self.account,
            resource.as_str(),
            purpose,
            sealed,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A sealed secret, where there is one.
    pub async fn secret_get(&mut self, resource: &Name, purpose: &str) -> Result<Option<Vec<u8>>> {
        let row = sqlx::query!(
            "select sealed from secret where account_id = $1 and resource = $2 and purpose = $3",
            self.account,
            resource.as_str(),
            purpose,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|row| row.sealed))
    }
}
