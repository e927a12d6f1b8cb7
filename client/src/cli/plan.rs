//! `cartage plan`.

use cartage_client::{
    name::Pattern,
    road::{self, Options},
    v1::{self, RecordKind},
};
use clap::Subcommand;

use super::{Context, Failure, list, value};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a plan: this snapshot, by this mapping revision.
    ///
    /// Example: cartage plan create spring --snapshot old/monday --mapping-revision spring/main/r1
    Create {
        /// The migration.
        migration: String,
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        #[arg(long, value_name = "SNAPSHOT")]
        snapshot: String,
        /// The revision, `MIGRATION/MAPPING/REVISION`.
        #[arg(long, value_name = "REVISION")]
        mapping_revision: String,
        /// The id of the plan; chosen by the service when not given.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// Only these kinds of records; those of the migration when not given.
        #[arg(long, value_parser = value::kind, value_delimiter = ',', value_name = "KIND")]
        kinds: Vec<RecordKind>,
    },
    /// List the plans of a migration, newest first.
    List {
        /// The migration.
        migration: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Show a plan with its losses.
    Get {
        /// The plan, `MIGRATION/PLAN`.
        name: String,
    },
    /// Hand a plan in for approval.
    ///
    /// Example: cartage plan submit spring/first --accept-losses all
    Submit {
        /// The plan, `MIGRATION/PLAN`.
        name: String,
        #[command(flatten)]
        accept: Accept,
    },
    /// Approve a plan, as the person the token is of.
    Approve {
        /// The plan, `MIGRATION/PLAN`.
        name: String,
        /// A remark that is kept with the approval.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        comment: String,
    },
}

/// What a person must know of and accept.
#[derive(clap::Args)]
pub(crate) struct Accept {
    /// Ids of losses that are accepted, or `all`.
    #[arg(long = "accept-losses", value_delimiter = ',', value_name = "ID")]
    losses: Vec<String>,
    /// Ids of side effects of the target that are accepted, or `all`.
    #[arg(long = "accept-side-effects", value_delimiter = ',', value_name = "ID")]
    side_effects: Vec<String>,
}

impl Accept {
    /// Writes it into the options of the road.
    pub(crate) fn fill(&self, options: &mut Options) {
        options.losses = value::acknowledge(&self.losses);
        options.side_effects = value::acknowledge(&self.side_effects);
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { migration, snapshot, mapping_revision, id, kinds } => {
            let plan = v1::Plan {
                snapshot: context.name(Pattern::SNAPSHOT, &snapshot)?,
                mapping_revision: context.name(Pattern::MAPPING_REVISION, &mapping_revision)?,
                scope: value::scope(&kinds),
                ..Default::default()
            };
            let request = v1::CreatePlanRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                plan_id: id,
                plan: Some(plan),
                ..Default::default()
            };
            context.show(request).await
        }
        Command::List { migration, list } => {
            let request = v1::ListPlansRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("NAME", "/name"),
                ("STATE", "/state"),
                ("SNAPSHOT", "/snapshot"),
                ("MAPPING REVISION", "/mappingRevision"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Get { name } => {
            let name = context.name(Pattern::PLAN, &name)?;
            context.show(v1::GetPlanRequest { name }).await
        }
        Command::Submit { name, accept } => {
            let name = context.name(Pattern::PLAN, &name)?;
            let migration = cartage_client::name::parent(&name).to_owned();
            let plan = context.client.call(v1::GetPlanRequest { name }).await?;
            let migration = v1::GetMigrationRequest { name: migration };
            let target = context.client.call(migration).await?.target_connection;
            let mut options = Options::new("", "", &target);
            accept.fill(&mut options);
            let plan = road::submit_plan(&context.client, plan, &target, &options).await?;
            context.output.document(&plan)
        }
        Command::Approve { name, comment } => {
            let name = context.name(Pattern::PLAN, &name)?;
            let plan = road::approve_plan(&context.client, &name, &comment).await?;
            context.output.document(&plan)
        }
    }
}
