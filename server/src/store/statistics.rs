//! What the planner knows of the tables.

use super::Tx;
use crate::error::Result;

impl Tx {
    /// Has the tables analyzed that grew much since that was done last. Nothing where somebody else is
    /// doing it.
    pub async fn analyze_grown(&mut self) -> Result<()> {
        sqlx::query!("select cartage_analyze_grown()").execute(&mut *self.inner).await?;
        Ok(())
    }
}
