//! What was answered to a request id, so that the same request again gets the same answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Tx;
use crate::{
    error::{Error, Result},
    reason::Reason,
};

/// When the same request may be asked about again.
const IN_PROGRESS_WAIT: Duration = Duration::from_secs(1);

/// An answer that was given before.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The fingerprint of the request it was given to.
    pub fingerprint: Vec<u8>,
    /// The answer, encoded.
    pub response: Vec<u8>,
    /// When.
    pub create_time: DateTime<Utc>,
}

impl Tx {
    /// Takes a request id: none when it is new (and now held until the end of the transaction),
    /// else what was answered. While another transaction holds it, its end is waited for.
    ///
    /// # Errors
    /// `REQUEST_IN_PROGRESS` when it is held for longer than a lock is waited for.
    pub async fn request_take(
        &mut self,
        method: &str,
        request_id: Uuid,
        fingerprint: &[u8],
    ) -> Result<Option<Answered>> {
        self.account_ensure().await?;
        let taken = sqlx::query!(
            "insert into request_log (account_id, method, request_id, fingerprint, response)
            values ($1, $2, $3, $4, '')
            on conflict do nothing",
            self.account,
            method,
            request_id,
            fingerprint,
        )
        .execute(&mut *self.inner)
        .await;
        let taken = match taken {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => {
                let message = "The same request is still being worked on.";
                return Err(Error::new(Reason::RequestInProgress, message)
                    .retry_after(IN_PROGRESS_WAIT)
                    .caused_by(sqlx::Error::Database(error)));
            }
            taken => taken?,
        };
        if taken.rows_affected() == 1 {
            return Ok(None);
        }
        let row = sqlx::query!(
            "select fingerprint, response, create_time from request_log
            where account_id = $1 and method = $2 and request_id = $3",
            self.account,
            method,
            request_id,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(Some(Answered {
            fingerprint: row.fingerprint,
            response: row.response,
            create_time: row.create_time,
        }))
    }

    /// Forgets some answers that are older than this, and says how many.
    pub async fn request_forget(&mut self, older_than_s: f64, limit: i64) -> Result<u64> {
        let forgotten = sqlx::query!(
            "delete from request_log where (account_id, method, request_id) in (
                select account_id, method, request_id from request_log
                where account_id = $1
                    and create_time < clock_timestamp() - make_interval(secs => $2)
                limit $3
            )",
            self.account,
            older_than_s,
            limit,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(forgotten.rows_affected())
    }

    /// Keeps the answer to a request id that was taken in this transaction.
    pub async fn request_answer(
        &mut self,
        method: &str,
        request_id: Uuid,
        response: &[u8],
    ) -> Result<()> {
        sqlx::query!(
            "update request_log set response = $4
            where account_id = $1 and method = $2 and request_id = $3",
            self.account,
            method,
            request_id,
            response,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
