//! `cartage audit`.

use cartage_client::{name::Pattern, v1, wait};
use clap::Subcommand;

use super::{Context, Failure, list, watch};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run rules over a snapshot, and wait until they are through.
    ///
    /// Example: cartage audit create spring --snapshot old/monday
    Create {
        /// The migration.
        migration: String,
        /// The snapshot, `CONNECTION/SNAPSHOT`.
        #[arg(long, value_name = "SNAPSHOT")]
        snapshot: String,
        /// The id of the audit; chosen by the service when not given.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        /// Only this rule; may be repeated. All when not given.
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
        /// Do not wait.
        #[arg(long)]
        no_wait: bool,
    },
    /// List the audits of a migration, newest first.
    List {
        /// The migration.
        migration: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// Show an audit with its counts.
    Get {
        /// The audit, `MIGRATION/AUDIT`.
        name: String,
    },
    /// List what an audit found.
    ///
    /// Example: cartage audit findings spring/first --filter 'severity = ERROR'
    Findings {
        /// The audit, `MIGRATION/AUDIT`.
        name: String,
        #[command(flatten)]
        list: list::Arguments,
    },
    /// List the rules the service knows.
    Rules,
    /// Print findings while they are found.
    Watch {
        /// The audit, `MIGRATION/AUDIT`.
        name: String,
        #[command(flatten)]
        place: watch::Place,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create { migration, snapshot, id, rules, no_wait } => {
            let rules = rules.iter().map(|rule| match rule.contains('/') {
                true => rule.clone(),
                false => format!("auditRules/{rule}"),
            });
            let audit = v1::Audit {
                snapshot: context.name(Pattern::SNAPSHOT, &snapshot)?,
                rules: rules.collect(),
                ..Default::default()
            };
            let request = v1::CreateAuditRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                audit_id: id,
                audit: Some(audit),
                ..Default::default()
            };
            create(context, request, no_wait).await
        }
        Command::List { migration, list } => {
            let request = v1::ListAuditsRequest {
                parent: context.name(Pattern::MIGRATION, &migration)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [("NAME", "/name"), ("STATE", "/state"), ("FINDINGS", "/findingCount")];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Get { name } => {
            let name = context.name(Pattern::AUDIT, &name)?;
            context.show(v1::GetAuditRequest { name }).await
        }
        Command::Findings { name, list } => {
            let request = v1::ListFindingsRequest {
                parent: context.name(Pattern::AUDIT, &name)?,
                filter: list.filter,
                ..Default::default()
            };
            let columns = [
                ("SEVERITY", "/severity"),
                ("RULE", "/rule"),
                ("KIND", "/kind"),
                ("SOURCE ID", "/sourceId"),
                ("FIELD", "/field"),
                ("MESSAGE", "/message"),
            ];
            list::print(context, request, &columns, list.limit).await
        }
        Command::Rules => {
            let columns = [
                ("NAME", "/name"),
                ("SEVERITY", "/severity"),
                ("CATEGORY", "/category"),
                ("TITLE", "/title"),
            ];
            list::print(context, v1::ListAuditRulesRequest::default(), &columns, None).await
        }
        Command::Watch { name, place } => {
            watch::audit(context, context.name(Pattern::AUDIT, &name)?, place).await
        }
    }
}

async fn create(
    context: &Context,
    request: v1::CreateAuditRequest,
    no_wait: bool,
) -> Result<(), Failure> {
    let mut audit = context.client.call(request).await?;
    if !no_wait {
        let mut progress = context.progress();
        let name = audit.name;
        let ended = wait::audit(&context.client, &name, |update| progress.update(&update)).await;
        progress.clear();
        audit = wait::succeeded(ended?)?;
    }
    context.output.document(&audit)
}
