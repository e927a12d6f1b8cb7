//! What the planner knows of the tables.

use super::Tx;
use crate::error::Result;

impl Tx {
    /// Has the table analyzed that grew most since that was done last, if it grew much. Nothing where
    /// somebody else is doing it.
    pub async fn analyze_grown(&mut self) -> Result<()> {
        sqlx::query!("select cartage_analyze_grown()").execute(&mut *self.inner).await?;
        Ok(())
    }
}
