//! `cartage snapshot`.

use cartage_client::{
    name::Pattern,
    road,
    v1::{self, RecordKind},
    wait,
};
use clap::Subcommand;

use super::{Context, Failure, list, value, watch};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copy a shop, and wait until the copy is complete.
    ///
    /// Example: cartage snapshot create old --id monday
    Create {
        /// The connection.
        connection: String,
        /// The id of the snapshot; chosen by the service when not given.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// A name for people.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        display_name: String,
        /// Only these kinds of records; all when not given.
        #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
        kinds: Vec<RecordKind>,
        /// Do not wait.
        #[arg(long)]
        no_wait: bool,
    },
    /// List snapshots, newest first.
    List {
        /// The connection; all of the account when not given.
        #[arg(default_value = "-", hide_default_value = true)]
        connection: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Show a snapshot.
    Get {
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        name: String,
    },
    /// Print what happens to a snapshot until it is complete.
    Watch {
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        name: String,
        #[command(flatten)]
        place: watch::Place,
    },
    /// List the records of one kind.
    ///
    /// Example: cartage --json snapshot records old/monday --kind order --full
    Records {
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        name: String,
        /// The kind of record.
        #[arg(long, value_parser = value::kind)]
        kind: RecordKind,
        /// With the documents.
        #[arg(long)]
        full: bool,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Read a snapshot back in isolation and compare every digest.
    RestoreTest {
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { connection, id, display_name, kinds, no_wait } => {
            let snapshot =
                v1::Snapshot { display_name, kinds: value::kinds(&kinds), ..Default::default() };
            let request = v1::CreateSnapshotRequest {
                parent: context.name(Pattern::CONNECTION, &connection)?,
                snapshot_id: id,
                snapshot: Some(snapshot),
                ..Default::default()
            };
            create(context, request, no_wait).await
        }
        Command::List { connection, list } => {
            let request = v1::ListSnapshotsRequest {
                parent: context.name(Pattern::CONNECTION, &connection)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("NAME", "/name"),
                ("STATE", "/state"),
                ("RESTORE", "/restoreVerdict"),
                ("CREATED", "/createTime"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Get { name } => {
            let name = context.name(Pattern::SNAPSHOT, &name)?;
            context.show(v1::GetSnapshotRequest { name }).await
        }
        Command::Watch { name, place } => {
            watch::snapshot(context, context.name(Pattern::SNAPSHOT, &name)?, place).await
        }
        Command::Records { name, kind, full, list } => {
            let view = if full { v1::ResourceView::Full } else { v1::ResourceView::Basic };
            let request = v1::ListSnapshotRecordsRequest {
                parent: context.name(Pattern::SNAPSHOT, &name)?,
                kind: kind.into(),
                filter: list.filter,
                view: view.into(),
                ..Default::default()
            };
            let columns = [
                ("SOURCE ID", "/sourceId"),
                ("KIND", "/kind"),
                ("HASH", "/recordHash"),
                ("FAILURE", "/failure/message"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::RestoreTest { name } => {
            let name = context.name(Pattern::SNAPSHOT, &name)?;
            let test = road::test_restore(&context.client, &name).await?;
            context.output.document(&test)
        }
    }
}

async fn create(
    context: &Context,
    request: v1::CreateSnapshotRequest,
    no_wait: bool,
) -> Result<(), Failure> {
    let mut snapshot = context.client.call(request).await?;
    if !no_wait {
        let mut progress = context.progress();
        let name = snapshot.name;
        let ended = wait::snapshot(&context.client, &name, |update| progress.update(&update)).await;
        progress.clear();
        snapshot = wait::succeeded(ended?)?;
    }
    context.output.document(&snapshot)
}
