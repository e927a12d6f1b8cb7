//! `cartage migration`.

use cartage_client::{
    name::Pattern,
    v1::{self, RecordKind},
};
use clap::Subcommand;

use super::{Context, Failure, list, value};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a migration between two connections.
    ///
    /// Example: cartage migration create --id spring --source old --target new
    Create {
        /// The connection to read.
        #[arg(long, value_name = "CONNECTION")]
        source: String,
        /// The connection to write.
        #[arg(long, value_name = "CONNECTION")]
        target: String,
        /// The id of the migration; chosen by the service when not given.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// A name for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        display_name: String,
        /// Only these kinds of records; all when not given.
        #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
        kinds: Vec<RecordKind>,
    },
    /// List the migrations of the account, newest first.
    List(list::Arguments),
    /// Show a migration.
    Get {
        /// The migration.
        name: String,
    },
    /// Give a migration up. What is written stays written.
    Cancel {
        /// The migration.
        name: String,
        /// Why.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// Declare a migration finished.
    Complete {
        /// The migration.
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { source, target, id, display_name, kinds } => {
            let migration = v1::Migration {
                display_name,
                source_connection: context.name(Pattern::CONNECTION, &source)?,
                target_connection: context.name(Pattern::CONNECTION, &target)?,
                scope: value::scope(&kinds),
                ..Default::default()
            };
            let request = v1::CreateMigrationRequest {
                parent: context.parent()?,
                migration_id: id,
                migration: Some(migration),
                ..Default::default()
            };
            context.show(request).await
        }
        Command::List(arguments) => {
            let request = v1::ListMigrationsRequest {
                parent: context.parent()?,
                filter: arguments.filter,
                ..Default::default()
            };
            let columns = [
                ("NAME", "/name"),
                ("STATE", "/state"),
                ("PHASE", "/phase"),
                ("SOURCE", "/sourceConnection"),
                ("TARGET", "/targetConnection"),
            ];
            list::print(context, request, &columns, arguments.limit).await
        }
        Command::Get { name } => {
            let name = context.name(Pattern::MIGRATION, &name)?;
            context.show(v1::GetMigrationRequest { name }).await
        }
        Command::Cancel { name, reason } => {
            let name = context.name(Pattern::MIGRATION, &name)?;
            context.show(v1::CancelMigrationRequest { name, reason, ..Default::default() }).await
        }
        Command::Complete { name } => {
            let name = context.name(Pattern::MIGRATION, &name)?;
            let now = context.client.call(v1::GetMigrationRequest { name: name.clone() }).await?;
            let etag = now.etag;
            context.show(v1::CompleteMigrationRequest { name, etag, ..Default::default() }).await
        }
    }
}
