//! `cartage upload`.

use std::path::PathBuf;

use cartage_client::{name::Pattern, upload};

use super::{Context, Failure};

/// See `cartage upload --help`.
#[derive(clap::Args)]
#[command(after_help = "\
Repeat the command with the same --id after a crash: it goes on where it stopped.

Example: cartage upload export.zip --id spring")]
pub(crate) struct Arguments {
    /// The file: a zip archive or one CSV file.
    file: PathBuf,
    /// The id of the upload; chosen by the service when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    /// Go on with an upload that was begun.
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    resume: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let mut progress = context.progress();
    let sent = |sent: upload::Sent| progress.bytes("bytes", sent.committed, sent.total);
    let client = &context.client;
    let result = match arguments.resume {
        Some(name) => {
            let name = context.name(Pattern::UPLOAD, &name)?;
            upload::resume(client, &name, &arguments.file, sent).await
        }
        None => {
            let parent = context.parent()?;
            upload::upload(client, &parent, &arguments.id, &arguments.file, sent).await
        }
    };
    progress.clear();
    context.output.document(&result?)
}
