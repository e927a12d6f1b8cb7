//! The budgets of shops.

use serde_json::Value;

use super::Tx;
use crate::error::Result;

impl Tx {
    /// The state of a shop's budget, locked until the end of the transaction, and the database's
    /// clock in milliseconds as it is with the lock in hand. An empty object where none is known.
    pub async fn rate_budget_lock(&mut self, shop: &str) -> Result<(Value, i64)> {
        let held = self.rate_budget_held(shop).await?;
        let body = match held {
            Some(body) => body,
            None => {
                sqlx::query!(
                    "insert into rate_budget (account_id, shop) values ($1, $2)
                    on conflict (account_id, shop) do nothing",
                    self.account,
                    shop,
                )
                .execute(&mut *self.inner)
                .await?;
                self.rate_budget_held(shop).await?.unwrap_or_default()
            }
        };
        let now_ms = sqlx::query_scalar!(
            r#"select (extract(epoch from clock_timestamp()) * 1000)::bigint as "now_ms!""#
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok((body, now_ms))
    }

    async fn rate_budget_held(&mut self, shop: &str) -> Result<Option<Value>> {
        sqlx::query_scalar!(
            "select body from rate_budget where account_id = $1 and shop = $2 for update",
            self.account,
            shop,
        )
        .fetch_optional(&mut *self.inner)
        .await
        .map_err(Into::into)
    }

    /// Writes the state of a shop's budget.
    pub async fn rate_budget_put(&mut self, shop: &str, body: &Value) -> Result<()> {
        sqlx::query!(
            "update rate_budget set body = $3, update_time = clock_timestamp()
            where account_id = $1 and shop = $2",
            self.account,
            shop,
            body,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes budgets of shops that were not called for so long; gives how many.
    pub async fn rate_budget_forget(&mut self, older_than_s: f64) -> Result<u64> {
        let done = sqlx::query!(
            "delete from rate_budget
            where account_id = $1
                and update_time < clock_timestamp() - make_interval(secs => $2)",
            self.account,
            older_than_s,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
