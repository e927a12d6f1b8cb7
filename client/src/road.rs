//! The road of a migration, as small functions to be used one by one, and [`walk`], which takes all of them
//! in order: verify both connections, create the migration, snapshot the source and test its restore, audit
//! it, publish a mapping, rehearse in a sandbox, submit and approve a plan, snapshot the target and test that
//! restore too, run live, verify.
//!
//! ```no_run
//! use cartage_client::{Client, road::{self, Options, Step}};
//!
//! # async fn example() -> Result<(), cartage_client::Error> {
//! let client = Client::connect("http://127.0.0.1:7400", "the token of who submits").await?;
//! let approver = client.with_token("the token of who approves")?;
//! let options = Options::new("accounts/acme", "accounts/acme/connections/old", "accounts/acme/connections/new");
//! let walked = road::walk(&client, &approver, &options, &mut |step| {
//!     if let Step::Done { stage, resource, .. } = step {
//!         println!("{stage}: {resource}");
//!     }
//! })
//! .await?;
//! println!("passed: {}", walked.report.passed);
//! # Ok(())
//! # }
//! ```

use cartage_proto::v1;

use crate::{Client, Error};

mod options;
mod plan;
mod run;
mod shop;
mod step;

pub use options::{Options, Rehearsal};
pub use plan::{Acknowledge, approve_plan, create_plan, publish_mapping, submit_plan};
pub use run::{
    live_run, readiness, rollback_readiness, schedule_run, start_rollback, start_run, test_run,
    verify_run,
};
pub use shop::{
    audit_snapshot, create_migration, create_sandbox, take_snapshot, test_restore,
    verify_connection,
};
pub use step::{Listener, Stage, Step};

use step::Teller;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The migration.
    pub migration: v1::Migration,
    /// The snapshot of the source.
    pub snapshot: v1::Snapshot,
    /// The audit, when one was made.
    pub audit: Option<v1::Audit>,
    /// The mapping that was used.
    pub revision: v1::MappingRevision,
    /// The rehearsal, when one was made.
    pub test_run: Option<v1::Run>,
    /// The approved plan.
    pub plan: v1::Plan,
    /// The snapshot of the target before the run.
    pub target_snapshot: v1::Snapshot,
    /// The live run.
    pub run: v1::Run,
    /// The comparison; `passed` says whether all is well.
    pub report: v1::VerificationReport,
}

/// Walks the whole road. `approver` may be the same client where one person may do both. Stops at the first
/// error; what is done stays done, and a later walk begins anew.
///
/// # Errors
/// [`Error::Status`], or [`Error::Ended`] when a part of the work ends badly; a run that pauses counts as that.
/// A verification that finds differences is no error.
pub async fn walk(
    client: &Client,
    approver: &Client,
    options: &Options,
    listener: Listener<'_>,
) -> Result<Walked, Error> {
    let mut tell = Teller(listener);

    for connection in [&options.source, &options.target] {
        tell.begun(Stage::Connections, connection);
        let verified = verify_connection(client, connection).await?;
        tell.done(Stage::Connections, connection, verified.platform);
    }
    tell.begun(Stage::Migration, &options.account);
    let migration = create_migration(client, options).await?;
    tell.done(Stage::Migration, &migration.name, String::new());

    let snapshot = tell.snapshot(client, &options.source, Stage::SourceSnapshot).await?;
    let audit = match options.audit {
        true => Some(tell.audit(client, &migration.name, &snapshot.name).await?),
        false => None,
    };

    tell.begun(Stage::Mapping, &migration.name);
    let revision = publish_mapping(client, &migration.name, options.mapping.clone()).await?;
    tell.done(Stage::Mapping, &revision.name, String::new());

    let test_run = tell.rehearse(client, options, &migration, &snapshot, &revision).await?;

    tell.begun(Stage::Plan, &migration.name);
    let plan = create_plan(client, &migration.name, &snapshot.name, &revision.name).await?;
    let plan = submit_plan(client, plan, &options.target, options).await?;
    let plan = approve_plan(approver, &plan.name, &options.comment).await?;
    tell.done(Stage::Plan, &plan.name, plan.state().as_str_name().to_owned());

    let target_snapshot = tell.snapshot(client, &options.target, Stage::TargetSnapshot).await?;

    tell.begun(Stage::LiveRun, &plan.name);
    let before = &target_snapshot.name;
    let updates = |update| tell.update(Stage::LiveRun, update);
    let run = live_run(client, &migration.name, &plan.name, before, updates).await?;
    tell.done(Stage::LiveRun, &run.name, run::outcomes(&run));

    tell.begun(Stage::Verification, &run.name);
    let updates = |update| tell.update(Stage::Verification, update);
    let report = verify_run(client, &run.name, updates).await?;
    let verdict = if report.passed { "passed" } else { "differences found" };
    tell.done(Stage::Verification, &report.name, verdict.to_owned());

    let get = v1::GetMigrationRequest { name: migration.name };
    let migration = client.call(get).await?;
    Ok(Walked {
        migration,
        snapshot,
        audit,
        revision,
        test_run,
        plan,
        target_snapshot,
        run,
        report,
    })
}

impl Teller<'_> {
    async fn snapshot(
        &mut self,
        client: &Client,
        connection: &str,
        stage: Stage,
    ) -> Result<v1::Snapshot, Error> {
        self.begun(stage, connection);
        let updates = |update| self.update(stage, update);
        let snapshot = take_snapshot(client, connection, updates).await?;
        let records: i64 = snapshot.record_counts.iter().map(|kind| kind.count).sum();
        self.done(stage, &snapshot.name, format!("{records} records"));
        self.begun(stage, &snapshot.name);
        let test = test_restore(client, &snapshot.name).await?;
        self.done(stage, &test.name, "restored and compared".to_owned());
        Ok(snapshot)
    }

    async fn audit(
        &mut self,
        client: &Client,
        migration: &str,
        snapshot: &str,
    ) -> Result<v1::Audit, Error> {
        self.begun(Stage::Audit, snapshot);
        let updates = |update| self.update(Stage::Audit, update);
        let audit = audit_snapshot(client, migration, snapshot, updates).await?;
        self.done(Stage::Audit, &audit.name, format!("{} findings", audit.finding_count));
        Ok(audit)
    }

    async fn rehearse(
        &mut self,
        client: &Client,
        options: &Options,
        migration: &v1::Migration,
        snapshot: &v1::Snapshot,
        revision: &v1::MappingRevision,
    ) -> Result<Option<v1::Run>, Error> {
        let shop = match &options.rehearsal {
            Rehearsal::Skip => return Ok(None),
            Rehearsal::Connection(name) => name.clone(),
            Rehearsal::NewSandbox => {
                self.begun(Stage::TestRun, &options.target);
                let sandbox = create_sandbox(client, &options.account, &options.target).await?;
                self.done(Stage::TestRun, &sandbox.name, "a sandbox".to_owned());
                sandbox.name
            }
        };
        self.begun(Stage::TestRun, &shop);
        let run = v1::Run {
            snapshot: snapshot.name.clone(),
            mapping_revision: revision.name.clone(),
            target_connection: shop,
            ..Default::default()
        };
        let updates = |update| self.update(Stage::TestRun, update);
        let run = test_run(client, &migration.name, run, updates).await?;
        self.done(Stage::TestRun, &run.name, run::outcomes(&run));
        Ok(Some(run))
    }
}

/// The long work that is under way instead of what was asked for.
///
/// # Errors
/// The error, when it is another one.
fn under_way(error: Error) -> Result<String, Error> {
    let in_progress = error.reason() == Some(v1::ErrorReason::OperationInProgress);
    let operation = error.status().and_then(|status| status.metadata.get("operation"));
    operation.filter(|_| in_progress).cloned().ok_or(error)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn what_is_under_way_already_is_waited_for() {
        let refused = |reason: &str| {
            let metadata = HashMap::from([("operation".to_owned(), "accounts/a/x".to_owned())]);
            let details = ErrorDetails::with_error_info(reason, "api.cartage", metadata);
            Error::from(tonic::Status::with_error_details(tonic::Code::Aborted, "no", details))
        };
        assert_eq!(under_way(refused("OPERATION_IN_PROGRESS")).unwrap(), "accounts/a/x");
        let other = under_way(refused("CONTENTION")).unwrap_err();
        assert_eq!(other.reason(), Some(v1::ErrorReason::Contention));
    }
}
