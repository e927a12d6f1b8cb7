//! Watches a run and keeps the place in a file, so that the next start goes on where this one stopped.
//!
//! `cargo run -p cartage-client --example watch -- accounts/acme/migrations/spring/runs/first`, with the token
//! in CARTAGE_TOKEN.
#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error, fs};

use cartage_client::{
    Client, v1,
    watch::{Item, watch},
};

const PLACE: &str = "watch.token";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("which run?")?;
    let client = Client::connect("http://127.0.0.1:7400", &env::var("CARTAGE_TOKEN")?).await?;
    let resume_token = fs::read_to_string(PLACE).unwrap_or_default();
    let mut watcher =
        watch(&client, v1::WatchRunRequest { name, resume_token, ..Default::default() });
    while let Some(message) = watcher.next().await.transpose()? {
        match message.item {
            Item::State(run) => println!("the run is {}", run.state().as_str_name()),
            Item::Durable(event) => println!("{} {}", event.sequence, event.r#type),
            Item::Progress(progress) => println!("{} done", progress.done),
            Item::Synced { .. } => println!("up to date"),
            Item::Restarted { reason } => println!("begun anew: {}", reason.as_reason()),
        }
        // Only now: what is stored has been processed.
        fs::write(PLACE, &message.resume_token)?;
    }
    Ok(())
}
