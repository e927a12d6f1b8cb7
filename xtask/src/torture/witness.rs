//! Somebody who watches the events of a migration all the while, through every death of the server.

use anyhow::{Result, bail, ensure};
use cartage_client::{
    Client, v1,
    watch::{Item, watch},
};
use tokio::task::JoinHandle;

/// A watch under way.
#[derive(Debug)]
pub(super) struct Witness(JoinHandle<Result<Vec<i64>>>);

impl Witness {
    /// Watches until a run is at rest.
    pub(super) fn of(client: &Client, migration: &str, run: &str) -> Self {
        let (client, run) = (client.clone(), run.to_owned());
        let request = v1::WatchEventsRequest {
            parent: migration.to_owned(),
            after_sequence: Some(0),
            ..Default::default()
        };
        Self(tokio::spawn(async move {
            let mut watcher = watch(&client, request);
            let mut sequences = Vec::new();
            while let Some(message) = watcher.next().await.transpose()? {
                match message.item {
                    Item::Durable(event) => {
                        sequences.push(event.sequence);
                        let state =
                            event.state_change.map(|change| change.state).unwrap_or_default();
                        if event.resource == run && ENDS.contains(&state.as_str()) {
                            return Ok(sequences);
                        }
                    }
                    Item::Restarted { .. } => bail!("the stream lost its place"),
                    Item::State(_) | Item::Progress(_) | Item::Synced { .. } => {}
                }
            }
            bail!("the stream ended before the run")
        }))
    }

    /// How many events it saw; they must have come each once and in order.
    pub(super) async fn testimony(self) -> Result<usize> {
        let sequences = self.0.await??;
        for (place, sequence) in (1..).zip(&sequences) {
            ensure!(place == *sequence, "a watcher saw event {sequence} where {place} was due");
        }
        Ok(sequences.len())
    }
}

/// The states in which a run is at rest.
const ENDS: [&str; 5] = ["SUCCEEDED", "FAILED", "CANCELLED", "PAUSED", "AWAITING_ACCEPTANCE"];
