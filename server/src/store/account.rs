//! Which accounts there are.

use super::Store;
use crate::error::Result;

impl Store {
    /// The ids of accounts behind one, in order: all that the system may know of them.
    pub async fn accounts(&self, after: &str, limit: i64) -> Result<Vec<String>> {
        let rows = sqlx::query!(
            "select account_id from account where account_id > $1 order by account_id limit $2",
            after,
            limit,
        )
        .fetch_all(&self.system)
        .await?;
        Ok(rows.into_iter().map(|row| row.account_id).collect())
    }
}
