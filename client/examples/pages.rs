//! Lists what a run quarantined, page by page.
//!
//! `cargo run -p cartage-client --example pages -- accounts/acme/migrations/spring/runs/first`, with the token
//! in CARTAGE_TOKEN.
#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error, pin::pin};

use cartage_client::{Client, paginate, v1};
use futures::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let parent = env::args().nth(1).ok_or("which run?")?;
    let client = Client::connect("http://127.0.0.1:7400", &env::var("CARTAGE_TOKEN")?).await?;
    let filter = "outcome = QUARANTINED".to_owned();
    let request = v1::ListRunRecordsRequest { parent, filter, ..Default::default() };
    let mut records = pin!(paginate(&client, request));
    while let Some(record) = records.try_next().await? {
        let failure = record.failure.clone().unwrap_or_default();
        println!("{} {}: {}", record.kind().as_str_name(), record.source_id, failure.message);
    }
    Ok(())
}
