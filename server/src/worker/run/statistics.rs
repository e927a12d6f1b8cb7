//! Keeps the planner's knowledge of the tables up with a run that fills them.

use std::{convert::Infallible, time::Duration};

use super::super::Work;
use crate::error::Result;

/// How often it is looked whether tables have grown.
const LOOK: Duration = Duration::from_millis(250);
/// How long is waited where that failed.
const REST: Duration = Duration::from_secs(60);

/// Looks for ever. Where it does not work the run is only slower.
pub(super) async fn keep(work: &Work) -> Infallible {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = look(work).await {
            tracing::debug!(error = %error.chain(), "Tables were not analyzed.");
            tokio::time::sleep(REST).await;
        }
    }
}

async fn look(work: &Work) -> Result<()> {
    let mut tx = work.app.store.begin(&work.claim.account).await?;
    tx.analyze_grown().await?;
    tx.commit().await
}
