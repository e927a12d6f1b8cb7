//! The road in steps, so that a test can leave it anywhere.

use std::path::Path;

use cartage_client::{Client, road, v1, wait};
use cartage_sandbox::medusa::{Fault, Faults, Medusa, Rule};

use crate::support::{
    Server, connect, csv_at, folder, medusa_connection, products, sandbox, soon, start_medusa,
};

/// How many products [`Walk::slow`] has.
pub(crate) const SLOW: i64 = 300;

/// A migration from exports in a folder to a simulated Medusa, as far as it has come.
pub(crate) struct Walk {
    pub(crate) client: Client,
    pub(crate) shop: Medusa,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) migration: String,
    pub(crate) snapshot: v1::Snapshot,
    pub(crate) revision: String,
}

impl Walk {
    /// Both connections verified, the source copied, the default mapping published.
    pub(crate) async fn begin(server: &Server, export: &Path) -> Self {
        Self::begin_as(server.client("acme").await, export).await
    }

    /// The same through a client of any server.
    pub(crate) async fn begin_as(client: Client, export: &Path) -> Self {
        let shop = start_medusa().await;
        let source = connect(&client, "acme", "old", csv_at(export)).await;
        let target = client.call(medusa_connection("acme", "new", &shop)).await.unwrap().name;
        for name in [&source, &target] {
            soon(road::verify_connection(&client, name)).await.unwrap();
        }
        let options = road::Options::new("accounts/acme", &source, &target);
        let migration = road::create_migration(&client, &options).await.unwrap().name;
        let snapshot = soon(road::take_snapshot(&client, &source, |_| {})).await.unwrap();
        let revision = road::publish_mapping(&client, &migration, None).await.unwrap().name;
        Self { client, shop, source, target, migration, snapshot, revision }
    }

    /// A shop of these products.
    pub(crate) async fn handful(server: &Server, rows: &str) -> (Self, tempfile::TempDir) {
        let files = folder(&[("products_export.csv", &products(rows))]);
        (Self::begin(server, files.path()).await, files)
    }

    /// Many products, and a target that takes its time for each call.
    pub(crate) async fn slow(server: &Server, ms: u64) -> (Self, tempfile::TempDir) {
        let rows: String = (0..SLOW).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect();
        let (walk, files) = Self::handful(server, &rows).await;
        let rule = Rule { fault: Fault::Wait { ms }, ..Rule::default() };
        walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
        (walk, files)
    }

    /// Waits until the target has been written to.
    pub(crate) async fn written(&self) {
        let some = async {
            while self.shop.state("cartage_key")["counts"]["products"].as_u64() < Some(1) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        soon(some).await;
    }

    /// Waits until the ledger of a run has a row: what was written before that may still be unfinished.
    pub(crate) async fn recorded(&self, run: &str) {
        let some = async {
            while self.records(run, "").await.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        soon(some).await;
    }

    /// Tests the restore of the source's snapshot.
    pub(crate) async fn restore(&self) {
        soon(road::test_restore(&self.client, &self.snapshot.name)).await.unwrap();
    }

    /// An approved plan.
    pub(crate) async fn plan(&self) -> v1::Plan {
        let plan = self.submitted().await;
        road::approve_plan(&self.client, &plan.name, "yes").await.unwrap()
    }

    /// A plan in review.
    pub(crate) async fn submitted(&self) -> v1::Plan {
        let options = road::Options::new("accounts/acme", &self.source, &self.target);
        let (client, snapshot) = (&self.client, &self.snapshot.name);
        let plan = road::create_plan(client, &self.migration, snapshot, &self.revision).await;
        road::submit_plan(client, plan.unwrap(), &self.target, &options).await.unwrap()
    }

    /// A snapshot of the target that was restored.
    pub(crate) async fn before(&self) -> String {
        let before = soon(road::take_snapshot(&self.client, &self.target, |_| {})).await.unwrap();
        soon(road::test_restore(&self.client, &before.name)).await.unwrap();
        before.name
    }

    /// Everything a live run needs: its plan and the snapshot of the target.
    pub(crate) async fn ready(&self) -> (String, String) {
        self.restore().await;
        (self.plan().await.name, self.before().await)
    }

    /// A live run that has come to rest, however.
    pub(crate) async fn live(&self, plan: &str, before: &str) -> v1::Run {
        let run = self.draft(live(plan, before)).await;
        self.rest(&run).await
    }

    /// Starts a run and waits until it is at rest.
    pub(crate) async fn rest(&self, run: &v1::Run) -> v1::Run {
        road::start_run(&self.client, &run.name).await.unwrap();
        soon(wait::run(&self.client, &run.name, |_| {})).await.unwrap()
    }

    /// A live run over a part of the plan.
    pub(crate) async fn live_part(&self, plan: &str, before: &str, scope: v1::Scope) -> v1::Run {
        let run = v1::Run { scope: Some(scope), ..live(plan, before) };
        let run = self.draft(run).await;
        self.rest(&run).await
    }

    /// Creates a run without starting it.
    pub(crate) async fn draft(&self, run: v1::Run) -> v1::Run {
        self.client.call(self.create(run)).await.unwrap()
    }

    /// The request for a run.
    pub(crate) fn create(&self, run: v1::Run) -> v1::CreateRunRequest {
        v1::CreateRunRequest {
            parent: self.migration.clone(),
            run: Some(run),
            ..Default::default()
        }
    }

    /// A test run into a connection.
    pub(crate) fn test(&self, target: &str) -> v1::Run {
        v1::Run {
            kind: v1::RunKind::Test.into(),
            snapshot: self.snapshot.name.clone(),
            mapping_revision: self.revision.clone(),
            target_connection: target.to_owned(),
            ..Default::default()
        }
    }

    /// An isolated shop of the target's platform.
    pub(crate) async fn sandbox(&self) -> String {
        connect(&self.client, "acme", "rehearsal", sandbox()).await
    }

    /// The records of a run that fit a filter.
    pub(crate) async fn records(&self, run: &str, filter: &str) -> Vec<v1::RunRecord> {
        use futures::TryStreamExt;
        let request = v1::ListRunRecordsRequest {
            parent: run.to_owned(),
            filter: filter.to_owned(),
            page_size: 50,
            ..Default::default()
        };
        cartage_client::paginate(&self.client, request).try_collect().await.unwrap()
    }
}

/// A live run.
pub(crate) fn live(plan: &str, before: &str) -> v1::Run {
    v1::Run {
        kind: v1::RunKind::Live.into(),
        plan: plan.to_owned(),
        target_snapshot: before.to_owned(),
        ..Default::default()
    }
}
