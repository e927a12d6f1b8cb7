//! `cartage watch`, and the watches of the other commands.

use std::convert::Infallible;

use cartage_client::{
    Watcher,
    json::{self, Document},
    name::Pattern,
    v1,
    watch::{Item, MessageOf, Watch, watch},
};
use serde_json::{Value, json as object};

use super::{
    Context, Failure,
    output::{cell, line},
};

/// See `cartage watch --help`.
#[derive(clap::Args)]
#[command(after_help = "\
With --json each line has `sequence`, `resumeToken` and one of `state`, `event`, `finding`, `progress`, \
`synced`, `restarted`. Keep the token of the last line that was processed and give it back in --resume-token.

Example: cartage watch spring --from-start")]
pub(crate) struct Arguments {
    /// A migration, run, snapshot or audit: `MIGRATION`, or a name such as `migrations/spring/runs/first`.
    name: String,
    #[command(flatten)]
    place: Place,
    /// The whole history of a migration first.
    #[arg(long, conflicts_with = "resume_token")]
    from_start: bool,
    /// Only these events of a migration, such as `type = "run.state_changed"`.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "EXPRESSION")]
    filter: String,
}

/// Where to go on.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// The token of the last message of an earlier watch.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TOKEN")]
    resume_token: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let full = |pattern| context.name(pattern, &arguments.name);
    let is_long = arguments.name.contains('/');
    if is_long
        && let Ok(name) = full(Pattern::SNAPSHOT)
        && arguments.name.contains("snapshots/")
    {
        return snapshot(context, name, arguments.place).await;
    }
    if is_long
        && let Ok(name) = full(Pattern::AUDIT)
        && arguments.name.contains("audits/")
    {
        return audit(context, name, arguments.place).await;
    }
    if is_long && let Ok(name) = full(Pattern::RUN) {
        return run_watch(context, name, arguments.place).await;
    }
    let request = v1::WatchEventsRequest {
        parent: full(Pattern::MIGRATION)?,
        resume_token: arguments.place.resume_token,
        filter: arguments.filter,
        after_sequence: arguments.from_start.then_some(0),
        ..Default::default()
    };
    let never = |state: &Infallible| -> Result<Value, Failure> { match *state {} };
    follow(context, watch(&context.client, request), never, document, "event").await
}

/// Prints what happens to a run.
pub(crate) async fn run_watch(
    context: &Context,
    name: String,
    place: Place,
) -> Result<(), Failure> {
    let resume_token = place.resume_token;
    let request = v1::WatchRunRequest { name, resume_token, ..Default::default() };
    follow(context, watch(&context.client, request), document, document, "event").await
}

/// Prints what happens to a snapshot.
pub(crate) async fn snapshot(context: &Context, name: String, place: Place) -> Result<(), Failure> {
    let resume_token = place.resume_token;
    let request = v1::WatchSnapshotRequest { name, resume_token, ..Default::default() };
    follow(context, watch(&context.client, request), document, document, "event").await
}

/// Prints what an audit finds.
pub(crate) async fn audit(context: &Context, name: String, place: Place) -> Result<(), Failure> {
    let resume_token = place.resume_token;
    let request = v1::WatchAuditRequest { name, resume_token, ..Default::default() };
    follow(context, watch(&context.client, request), document, document, "finding").await
}

fn document<M: Document>(message: &M) -> Result<Value, Failure> {
    Ok(json::to_value(message)?)
}

async fn follow<W: Watch>(
    context: &Context,
    mut watcher: Watcher<W>,
    state: impl Fn(&W::State) -> Result<Value, Failure>,
    durable: impl Fn(&W::Durable) -> Result<Value, Failure>,
    durable_key: &str,
) -> Result<(), Failure> {
    let mut bars = context.progress();
    while let Some(message) = watcher.next().await.transpose()? {
        let MessageOf::<W> { sequence, resume_token, item } = message;
        if let Item::Progress(progress) = &item {
            bars.show(progress);
        }
        let (key, value) = match item {
            Item::State(resource) => ("state", state(&resource)?),
            Item::Durable(item) => (durable_key, durable(&item)?),
            Item::Progress(progress) => ("progress", json::to_value(&progress)?),
            Item::Synced { head_sequence } => {
                ("synced", object!({ "headSequence": head_sequence.to_string() }))
            }
            Item::Restarted { reason } => ("restarted", object!({ "reason": reason.as_reason() })),
        };
        if context.output.json {
            let mut document =
                object!({ "sequence": sequence.to_string(), "resumeToken": resume_token });
            document[key] = value;
            line(&document.to_string())?;
        } else if let Some(text) = sentence(key, &value) {
            line(&text)?;
        }
    }
    bars.clear();
    Ok(())
}

/// What a person reads of a message; progress is shown by the bars.
fn sentence(key: &str, value: &Value) -> Option<String> {
    let part = |pointer: &str| value.pointer(pointer).map(cell).unwrap_or_default();
    let text = match key {
        "state" => format!("{}  {}", part("/name"), part("/state")),
        "event" => format!(
            "{:>6}  {}  {}  {}  {}",
            part("/sequence"),
            part("/createTime"),
            part("/type"),
            part("/resource"),
            part("/stateChange/state"),
        ),
        "finding" => {
            let severity = part("/severity").replace("SEVERITY_", "");
            let (rule, source_id) = (part("/rule"), part("/sourceId"));
            format!(
                "{:>6}  {severity}  {rule}  {source_id}  {}",
                part("/sequence"),
                part("/message")
            )
        }
        "restarted" => format!("the place of this watch is gone ({}); begun anew", part("/reason")),
        _ => return None,
    };
    Some(text.trim_end().to_owned())
}
