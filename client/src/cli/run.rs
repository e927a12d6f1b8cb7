//! `cartage run`.

use cartage_client::{name::Pattern, road, v1};
use clap::Subcommand;

use super::{Context, Failure, list, run_control, run_create, run_schedule, value, watch};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say whether a run could start, what stands in its way, and what the target would refuse.
    Check {
        /// The run, `MIGRATION/RUN`.
        name: String,
    },
    /// Create a run. Nothing is written before `run start`.
    Create(run_create::Arguments),
    /// Start a run, and wait until it is at rest.
    Start(run_control::WaitArguments),
    /// Have a run start by itself, and say when it may work. Also gives it another schedule.
    Schedule(run_schedule::ScheduleArguments),
    /// Take the schedule of a run away; its windows bind it no longer.
    Unschedule {
        /// The run, `MIGRATION/RUN`.
        name: String,
    },
    /// Pause a run. Writes under way are finished first.
    Pause {
        /// The run, `MIGRATION/RUN`.
        name: String,
    },
    /// Go on with a paused run, and wait until it is at rest.
    Resume(run_control::WaitArguments),
    /// Try again what is not in the target of a run that failed or waits for a person, and wait until
    /// it is at rest. The target is searched before anything is written.
    Retry(run_control::WaitArguments),
    /// Judge a record that could not be decided: it counts as not migrated.
    ///
    /// Example: cartage run resolve spring/first --kind product --source-id blue-shirt --quarantine --reason 'made by hand'
    Resolve(run_control::ResolveArguments),
    /// List the fields that were changed in the source and in the target since they were written.
    ///
    /// Example: cartage run conflicts spring/delta --filter 'winner = ASK'
    Conflicts {
        /// The run, `MIGRATION/RUN`.
        name: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Decide whose value counts in such fields: in all, of a kind, a record or a field. `run retry` applies
    /// it.
    ///
    /// Example: cartage run decide spring/delta --winner source --kind product --field title
    Decide {
        /// The run, `MIGRATION/RUN`.
        name: String,
        /// `source` or `target`.
        #[arg(long, value_parser = run_create::winner, value_name = "SIDE")]
        winner: v1::conflict_policy::Winner,
        /// Only of this kind.
        #[arg(long, value_parser = value::kind, value_name = "KIND")]
        kind: Option<v1::RecordKind>,
        /// Only of this record.
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            requires = "kind",
            value_name = "ID"
        )]
        source_id: String,
        /// Only this field, as `run conflicts` names it.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "FIELD")]
        field: String,
    },
    /// Accept a run that waits for a person, once no record is undecided.
    Accept {
        /// The run, `MIGRATION/RUN`.
        name: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take back what a run and those after it wrote, and wait until that is done: what they created is
    /// deleted, what they updated becomes what it was. What others changed since is left alone and listed
    /// (`run records`).
    ///
    /// Example: cartage run rollback spring/first --check
    Rollback(run_control::RollbackArguments),
    /// End a run. What is written stays written.
    Cancel {
        /// The run, `MIGRATION/RUN`.
        name: String,
        /// Why.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// Show a run with its accounting.
    Get {
        /// The run, `MIGRATION/RUN`.
        name: String,
    },
    /// List the runs of a migration, newest first.
    List {
        /// The migration.
        migration: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Print what happens to a run until it has ended.
    Watch {
        /// The run, `MIGRATION/RUN`.
        name: String,
        #[command(flatten)]
        place: watch::Place,
    },
    /// List the ledger: what became of every record.
    ///
    /// Example: cartage run records spring/first --filter 'outcome = QUARANTINED'
    Records {
        /// The run, `MIGRATION/RUN`.
        name: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// List which object of the target a record became.
    Links {
        /// The run, `MIGRATION/RUN`.
        name: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// List what the target could not hold.
    Losses {
        /// The run, `MIGRATION/RUN`.
        name: String,
        /// At most this many; 0 for all.
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    let name_of = |text: &str| context.name(Pattern::RUN, text);
    match command {
        Command::Check { name } => {
            let readiness = road::readiness(&context.client, &name_of(&name)?).await?;
            context.output.document(&readiness)
        }
        Command::Create(arguments) => run_create::create(context, arguments).await,
        Command::Start(arguments) => run_control::start(context, arguments).await,
        Command::Schedule(arguments) => run_schedule::schedule(context, arguments).await,
        Command::Unschedule { name } => run_schedule::unschedule(context, &name).await,
        Command::Pause { name } => {
            let name = name_of(&name)?;
            context.show(v1::PauseRunRequest { name, ..Default::default() }).await
        }
        Command::Resume(arguments) => run_control::resume(context, arguments).await,
        Command::Retry(arguments) => run_control::retry(context, arguments).await,
        Command::Rollback(arguments) => run_control::rollback(context, arguments).await,
        Command::Resolve(arguments) => run_control::resolve(context, arguments).await,
        Command::Conflicts { name, list } => {
            let request = v1::ListRecordConflictsRequest {
                parent: name_of(&name)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("KIND", "/kind"),
                ("SOURCE ID", "/sourceId"),
                ("FIELD", "/field"),
                ("SOURCE", "/sourceValue"),
                ("TARGET", "/targetValue"),
                ("WINNER", "/winner"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Decide { name, winner, kind, source_id, field } => {
            let (name, kind) = (name_of(&name)?, kind.map_or(0, i32::from));
            let mut request = v1::ResolveRecordConflictsRequest {
                name,
                kind,
                source_id,
                field,
                ..Default::default()
            };
            request.set_winner(winner);
            context.show(request).await
        }
        Command::Accept { name, reason } => {
            let run = context.client.call(v1::GetRunRequest { name: name_of(&name)? }).await?;
            let (name, etag) = (run.name, run.etag);
            context.show(v1::AcceptRunRequest { name, etag, reason, ..Default::default() }).await
        }
        Command::Cancel { name, reason } => {
            let name = name_of(&name)?;
            context.show(v1::CancelRunRequest { name, reason, ..Default::default() }).await
        }
        Command::Get { name } => context.show(v1::GetRunRequest { name: name_of(&name)? }).await,
        Command::Watch { name, place } => watch::run_watch(context, name_of(&name)?, place).await,
        Command::List { migration, list } => {
            let request = v1::ListRunsRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("NAME", "/name"),
                ("KIND", "/kind"),
                ("STATE", "/state"),
                ("RECORDS", "/accounting/total"),
                ("CREATED", "/createTime"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Records { name, list } => {
            let request = v1::ListRunRecordsRequest {
                parent: name_of(&name)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("KIND", "/kind"),
                ("SOURCE ID", "/sourceId"),
                ("OUTCOME", "/outcome"),
                ("EFFECT", "/effect"),
                ("TARGET ID", "/targetObjects/0/targetId"),
                ("REASON", "/reason"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Links { name, list } => {
            let request = v1::ListRecordLinksRequest {
                parent: name_of(&name)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("KIND", "/kind"),
                ("SOURCE ID", "/sourceId"),
                ("ROLE", "/role"),
                ("TARGET ID", "/targetId"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Losses { name, limit } => {
            let request =
                v1::ListRunLossesRequest { parent: name_of(&name)?, ..Default::default() };
            let columns = [
                ("LOSS", "/loss/id"),
                ("KIND", "/loss/kind"),
                ("RECORDS", "/recordCount"),
                ("KEPT IN", "/loss/keptIn"),
                ("DESCRIPTION", "/loss/description"),
            ];
            list::print(context, request, &columns, limit).await
        }
    }
}
