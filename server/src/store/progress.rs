//! How far long work has come.

use serde::{Deserialize, Serialize};

use super::Tx;
use crate::{error::Result, name::Name};

/// How far one kind of record has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KindProgress {
    /// The kind.
    pub kind: String,
    /// How many there are, where it is known.
    pub total: Option<i64>,
    /// How many are done.
    pub done: i64,
    /// Outcomes by name, counted.
    pub outcomes: std::collections::BTreeMap<String, i64>,
    /// Effects by name, counted.
    pub effects: std::collections::BTreeMap<String, i64>,
    /// Records per second over the last seconds.
    pub rate_per_second: f64,
    /// Seconds until the end, estimated from the measured cost.
    pub eta_s: Option<f64>,
}

/// How far long work has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is being done, as a short sentence.
    pub activity: String,
    /// By kind.
    pub kinds: Vec<KindProgress>,
    /// Of work that is not counted by kind (rules of an audit).
    pub done: i64,
    /// And how much of it there is.
    pub total: Option<i64>,
}

impl Tx {
    /// Writes how far a resource's work has come.
    pub async fn progress_put(&mut self, resource: &Name, progress: &Progress) -> Result<()> {
        sqlx::query!(
            "insert into progress (account_id, resource, body) values ($1, $2, $3)
            on conflict (account_id, resource)
            do update set body = excluded.body, update_time = clock_timestamp()",
            self.account,
            resource.as_str(),
            serde_json::to_value(progress)?,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// How far a resource's work has come; none before it began.
    pub async fn progress_get(&mut self, resource: &Name) -> Result<Option<Progress>> {
        let row = sqlx::query!(
            "select body from progress where account_id = $1 and resource = $2",
            self.account,
            resource.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(|row| serde_json::from_value(row.body)).transpose().map_err(Into::into)
    }
}
