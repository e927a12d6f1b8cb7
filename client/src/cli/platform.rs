//! `cartage platform`.

use cartage_client::v1;
use clap::Subcommand;

use super::{Context, Failure, list};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the platforms.
    List,
    /// Show what a platform can do, and what it cannot hold.
    ///
    /// Example: cartage platform get medusa
    Get {
        /// The platform, such as `medusa`.
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::List => {
            let columns = [
                ("NAME", "/name"),
                ("DISPLAY NAME", "/displayName"),
                ("ROLES", "/roles"),
                ("VERSIONS", "/versions"),
                ("SANDBOX", "/sandboxAvailable"),
            ];
            list::print(context, v1::ListPlatformsRequest::default(), &columns, None).await
        }
        Command::Get { name } => {
            context.show(v1::GetPlatformRequest { name: full_name(&name) }).await
        }
    }
}

/// `platforms/medusa` of `medusa`.
pub(crate) fn full_name(text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("platforms/{text}") }
}
