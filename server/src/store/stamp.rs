//! What tells whether anything that a watch shows has changed, without reading it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Tx;
use crate::{error::Result, name::Name};

/// How a resource and what is kept about it stood at a moment. Two that are alike show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The last sequence of the stream of its events; none where there was never one.
    pub event: Option<i64>,
    /// The last sequence of its findings.
    pub finding: Option<i64>,
    /// Which resource it is: one of the same name that came later is another one.
    pub uid: Option<Uuid>,
    /// How often it was written.
    pub revision: Option<i64>,
    /// When its progress was written.
    pub progress_time: Option<DateTime<Utc>>,
}

impl Tx {
    /// How a resource stands, and the stream of events in which it is told of.
    pub async fn stamp(&mut self, resource: &Name, stream: &str) -> Result<Stamp> {
        let row = sqlx::query_as!(
            Stamp,
            r#"select
                (select sequence from event_head where account_id = $1 and stream = $3) as event,
                (select max(sequence) from finding where account_id = $1 and audit = $2) as finding,
                (select uid from resource where account_id = $1 and name = $2) as uid,
                (select revision from resource where account_id = $1 and name = $2) as revision,
                (select update_time from progress where account_id = $1 and resource = $2) as progress_time"#,
            self.account,
            resource.as_str(),
            stream,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row)
    }
}
