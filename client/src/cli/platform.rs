//! `cartage platform`.

use cartage_client::v1::{self, RecordKind, list_platform_fields_request::Side};
use clap::Subcommand;

use super::{Context, Failure, list, value};

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
    /// List the fields that the rules of a mapping can name.
    ///
    /// Example: cartage platform fields medusa --kind product
    Fields {
        /// The platform, such as `medusa`.
        name: String,
        /// The kind of record.
        #[arg(long, value_parser = value::kind, value_name = "KIND")]
        kind: RecordKind,
        /// The fields that rules read, instead of those they fill.
        #[arg(long)]
        source: bool,
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
        Command::Fields { name, kind, source } => {
            let side = if source { Side::Source } else { Side::Target };
            let request = v1::ListPlatformFieldsRequest {
                parent: full_name(&name),
                kind: kind.into(),
                side: side.into(),
                ..Default::default()
            };
            let columns = [
                ("PATH", "/path"),
                ("TYPE", "/type"),
                ("REQUIRED", "/required"),
                ("DESCRIPTION", "/description"),
            ];
            list::print(context, request, &columns, Some(0)).await
        }
    }
}

/// `platforms/medusa` of `medusa`.
pub(crate) fn full_name(text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("platforms/{text}") }
}
