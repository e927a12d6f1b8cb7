//! `cartage connection`.

use std::path::PathBuf;

use cartage_client::{
    name::Pattern,
    road,
    v1::{self, connection::Config, credentials::Secret, shopify_csv_config::Source},
};
use clap::Subcommand;

use super::{Context, Failure, list};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a connection, and verify it unless told not to.
    Create {
        #[command(subcommand)]
        platform: Platform,
    },
    /// List the connections of the account, newest first.
    List(list::Arguments),
    /// Show a connection.
    Get {
        /// The connection.
        name: String,
    },
    /// Check that the shop can be reached and the credentials suffice.
    Verify {
        /// The connection.
        name: String,
    },
    /// Delete a connection and destroy its credentials.
    Delete {
        /// The connection.
        name: String,
        /// Delete its snapshots too.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Platform {
    /// Shopify's CSV exports, uploaded or in a folder of the server.
    ///
    /// Example: cartage connection create shopify-csv --id old --upload spring --time-zone Europe/Berlin
    ShopifyCsv {
        #[command(flatten)]
        common: Common,
        /// Uploads: one zip archive, or single CSV files.
        #[arg(
            long,
            value_name = "NAME",
            required_unless_present = "path",
            conflicts_with = "path"
        )]
        upload: Vec<String>,
        /// A folder or zip archive on the server, as an absolute path.
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
        /// The shop's time zone, such as Europe/Berlin.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "ZONE")]
        time_zone: String,
        /// The currency of prices whose file does not say one.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "CODE")]
        currency: String,
    },
    /// A Medusa 2 shop by its admin API.
    ///
    /// Example: cartage connection create medusa --id new --base-url https://shop.example --api-key-file key.txt
    Medusa {
        #[command(flatten)]
        common: Common,
        /// The root of the server, without `/admin`.
        #[arg(long, value_name = "URL")]
        base_url: String,
        /// The token of an admin API key.
        #[arg(long, env = "CARTAGE_API_KEY", hide_env_values = true, value_name = "KEY")]
        api_key: Option<String>,
        /// A file that holds the key.
        #[arg(long, value_name = "FILE", conflicts_with = "api_key")]
        api_key_file: Option<PathBuf>,
        /// This is a test shop without real customers.
        #[arg(long)]
        test_shop: bool,
    },
    /// A shop simulated by the service.
    ///
    /// Example: cartage connection create sandbox --id rehearsal --platform medusa
    Sandbox {
        #[command(flatten)]
        common: Common,
        /// The platform to simulate.
        #[arg(long, value_name = "PLATFORM")]
        platform: String,
    },
}

/// Options of all platforms.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// The id of the connection; chosen by the service when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    /// A name for people.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    display_name: String,
    /// Do not verify it.
    #[arg(long)]
    no_verify: bool,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { platform } => create(context, platform).await,
        Command::List(arguments) => {
            let request = v1::ListConnectionsRequest {
                parent: context.parent()?,
                filter: arguments.filter,
                ..Default::default()
            };
            let columns = [("NAME", "/name"), ("PLATFORM", "/platform"), ("STATE", "/state")];
            list::print(context, request, &columns, arguments.limit).await
        }
        Command::Get { name } => {
            let name = context.name(Pattern::CONNECTION, &name)?;
            context.show(v1::GetConnectionRequest { name }).await
        }
        Command::Verify { name } => {
            verify(context, &context.name(Pattern::CONNECTION, &name)?).await
        }
        Command::Delete { name, force } => {
            let name = context.name(Pattern::CONNECTION, &name)?;
            let request =
                v1::DeleteConnectionRequest { name: name.clone(), force, ..Default::default() };
            context.client.call(request).await?;
            let document = serde_json::json!({ "name": name, "deleted": true });
            context.output.done(&document, &format!("deleted {name}"))
        }
    }
}

async fn verify(context: &Context, name: &str) -> Result<(), Failure> {
    let connection = road::verify_connection(&context.client, name).await?;
    context.output.document(&connection)
}

async fn create(context: &Context, platform: Platform) -> Result<(), Failure> {
    let (common, config, credentials) = match platform {
        Platform::ShopifyCsv { common, upload, path, time_zone, currency } => {
            let mut uploads = context.names(Pattern::UPLOAD, &upload)?.into_iter();
            let source = path.map(Source::Path).or_else(|| uploads.next().map(Source::Upload));
            let config = v1::ShopifyCsvConfig {
                source,
                additional_uploads: uploads.collect(),
                time_zone,
                default_currency_code: currency,
            };
            (common, Config::ShopifyCsv(config), None)
        }
        Platform::Medusa { common, base_url, api_key, api_key_file, test_shop } => {
            let key = match (api_key, api_key_file) {
                (_, Some(path)) => {
                    std::fs::read_to_string(&path).map_err(|error| Failure::file(&path, error))?
                }
                (Some(key), None) => key,
                (None, None) => {
                    let hint = "give --api-key-file, --api-key or CARTAGE_API_KEY";
                    return Err(Failure::Usage(hint.to_owned()));
                }
            };
            let secret = Secret::ApiKey(key.trim().to_owned());
            let credentials = v1::Credentials { secret: Some(secret) };
            (common, Config::Medusa(v1::MedusaConfig { base_url, test_shop }), Some(credentials))
        }
        Platform::Sandbox { common, platform } => {
            let platform = super::platform::full_name(&platform);
            let config = v1::SandboxConfig { platform, ..Default::default() };
            (common, Config::Sandbox(config), None)
        }
    };
    let connection = v1::Connection {
        display_name: common.display_name,
        config: Some(config),
        credentials,
        ..Default::default()
    };
    let request = v1::CreateConnectionRequest {
        parent: context.parent()?,
        connection_id: common.id,
        connection: Some(connection),
        ..Default::default()
    };
    let connection = context.client.call(request).await?;
    if common.no_verify {
        return context.output.document(&connection);
    }
    verify(context, &connection.name).await
}
