//! The whole road against a service that agrees to everything: what is sent at each part, and in which order
//! the steps are told.

use cartage_client::{
    road::{self, Acknowledge, Options, Stage, Step},
    v1,
};
use v1::{RunKind, connection, plan, restore_test, run, snapshot, verification_report};

use super::fake::{Fake, Seen};

const SOURCE: &str = "accounts/a/connections/old";
const TARGET: &str = "accounts/a/connections/new";
const MIGRATION: &str = "accounts/a/migrations/m";

macro_rules! with_state {
    ($message:ident $module:ident $state:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut message = v1::$message { $($field: $value,)* ..Default::default() };
        message.set_state($module::State::$state);
        message
    }};
}

/// What the test looks at afterwards.
struct Service {
    fake: Fake,
    submitted: Seen<v1::SubmitPlanRequest>,
    approved: Seen<v1::ApprovePlanRequest>,
    runs: Seen<v1::CreateRunRequest>,
    started: Seen<v1::StartRunRequest>,
}

fn service() -> Service {
    let fake = Fake::default();
    shops(&fake);
    fake.unary("MigrationService/CreateMigration", |_: &v1::CreateMigrationRequest| {
        Ok(v1::Migration { name: MIGRATION.into(), ..Default::default() })
    });
    fake.unary("MigrationService/GetMigration", |request: &v1::GetMigrationRequest| {
        Ok(v1::Migration { name: request.name.clone(), ..Default::default() })
    });
    fake.unary("MappingService/CreateMapping", |request: &v1::CreateMappingRequest| {
        let name = format!("{}/mappings/x", request.parent);
        Ok(v1::Mapping { name, etag: "mapping etag".into(), ..Default::default() })
    });
    fake.unary("MappingService/PublishMapping", |request: &v1::PublishMappingRequest| {
        assert_eq!(request.etag, "mapping etag");
        let name = format!("{}/revisions/r1", request.name);
        Ok(v1::MappingRevision { name, ..Default::default() })
    });
    let losses = |id: &str| v1::LossCount {
        loss: Some(v1::Loss { id: id.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    fake.unary("PlanService/CreatePlan", move |request: &v1::CreatePlanRequest| {
        let plan = request.plan.clone().unwrap();
        let (name, etag) = ("the plan".into(), "plan etag".into());
        let losses = vec![losses("order-number"), losses("tax"), losses("tax")];
        Ok(v1::Plan { name, etag, losses, ..plan })
    });
    fake.unary("PlanService/GetPlan", |request: &v1::GetPlanRequest| {
        let name = request.name.clone();
        Ok(with_state!(Plan plan InReview { name: name, etag: "new etag".into() }))
    });
    let submitted = fake.unary("PlanService/SubmitPlan", |request: &v1::SubmitPlanRequest| {
        Ok(with_state!(Plan plan InReview { name: request.name.clone() }))
    });
    let approved = fake.unary("PlanService/ApprovePlan", |request: &v1::ApprovePlanRequest| {
        Ok(with_state!(Plan plan Approved { name: request.name.clone() }))
    });
    let runs = fake.unary("RunService/CreateRun", |request: &v1::CreateRunRequest| {
        let run = request.run.clone().unwrap();
        Ok(v1::Run { name: format!("{}/runs/{}", request.parent, run.kind), ..run })
    });
    fake.unary("RunService/CheckRunReadiness", |_: &v1::CheckRunReadinessRequest| {
        Ok(v1::CheckRunReadinessResponse { ready: true, ..Default::default() })
    });
    let started = fake.unary("RunService/StartRun", |request: &v1::StartRunRequest| {
        Ok(with_state!(Run run Pending { name: request.name.clone() }))
    });
    fake.unary("RunService/GetRun", |request: &v1::GetRunRequest| {
        let name = request.name.clone();
        Ok(with_state!(Run run Succeeded { name: name, etag: "run etag".into() }))
    });
    reports(&fake);
    Service { fake, submitted, approved, runs, started }
}

fn shops(fake: &Fake) {
    fake.unary("ConnectionService/VerifyConnection", |_: &v1::VerifyConnectionRequest| {
        Ok(v1::Connection::default())
    });
    fake.unary("ConnectionService/CreateConnection", |request: &v1::CreateConnectionRequest| {
        let config = request.connection.clone().unwrap().config;
        let Some(connection::Config::Sandbox(sandbox)) = config else { panic!("no sandbox") };
        assert_eq!(sandbox.platform, "platforms/medusa");
        Ok(v1::Connection { name: "the sandbox".into(), ..Default::default() })
    });
    fake.unary("ConnectionService/GetConnection", |request: &v1::GetConnectionRequest| {
        let effect =
            |id: &str, enabled| v1::SideEffect { id: id.into(), enabled, ..Default::default() };
        let verification = v1::ConnectionVerification {
            side_effects: vec![effect("hook", true), effect("off", false)],
            ..Default::default()
        };
        Ok(with_state!(Connection connection Active {
            name: request.name.clone(),
            platform: "platforms/medusa".into(),
            verification: Some(verification),
        }))
    });
    fake.unary("SnapshotService/CreateSnapshot", |request: &v1::CreateSnapshotRequest| {
        let name = format!("{}/snapshots/s", request.parent);
        Ok(v1::Snapshot { name, ..Default::default() })
    });
    fake.unary("SnapshotService/GetSnapshot", |request: &v1::GetSnapshotRequest| {
        Ok(with_state!(Snapshot snapshot Succeeded { name: request.name.clone() }))
    });
    fake.unary("SnapshotService/CreateRestoreTest", |request: &v1::CreateRestoreTestRequest| {
        Ok(v1::RestoreTest {
            name: format!("{}/restoreTests/t", request.parent),
            ..Default::default()
        })
    });
    fake.unary("SnapshotService/GetRestoreTest", |request: &v1::GetRestoreTestRequest| {
        let verdict = restore_test::Verdict::Passed.into();
        let name = request.name.clone();
        Ok(with_state!(RestoreTest restore_test Succeeded { name: name, verdict: verdict }))
    });
}

fn reports(fake: &Fake) {
    const CREATE: &str = "VerificationService/CreateVerificationReport";
    const GET: &str = "VerificationService/GetVerificationReport";
    fake.unary(CREATE, |request: &v1::CreateVerificationReportRequest| {
        let name = format!("{}/verificationReports/v", request.parent);
        Ok(v1::VerificationReport { name, ..Default::default() })
    });
    fake.unary(GET, |request: &v1::GetVerificationReportRequest| {
        let name = request.name.clone();
        Ok(with_state!(VerificationReport verification_report Succeeded { name: name, passed: true }))
    });
}

#[tokio::test(start_paused = true)]
async fn the_road_is_walked_in_order_with_two_pairs_of_eyes() {
    let service = service();
    let client = service.fake.client();
    let approver = client.with_token("second person").unwrap();
    let mut options = Options::new("accounts/a", SOURCE, TARGET);
    options.audit = false;
    options.side_effects = Acknowledge::All;
    let mut done = Vec::new();
    let walked = road::walk(&client, &approver, &options, &mut |step| {
        if let Step::Done { stage, .. } = step {
            done.push(stage);
        }
    })
    .await
    .unwrap();
    assert!(walked.report.passed);
    use Stage::*;
    let expected = [
        Connections,
        Connections,
        Migration,
        SourceSnapshot,
        SourceSnapshot,
        Mapping,
        TestRun,
        TestRun,
        Plan,
        TargetSnapshot,
        TargetSnapshot,
        LiveRun,
        Verification,
    ];
    assert_eq!(done, expected);

    let submitted = &service.submitted.messages()[0];
    assert_eq!(submitted.etag, "plan etag");
    assert_eq!(submitted.acknowledged_loss_ids, ["order-number", "tax"]);
    assert_eq!(submitted.acknowledged_side_effect_ids, ["hook"]);
    assert_eq!(service.submitted.header(0, "authorization").unwrap(), "Bearer secret");
    assert_eq!(service.approved.messages()[0].etag, "new etag");
    assert_eq!(service.approved.header(0, "authorization").unwrap(), "Bearer second person");

    let runs: Vec<v1::Run> =
        service.runs.messages().into_iter().filter_map(|request| request.run).collect();
    assert_eq!((runs[0].kind(), runs[1].kind()), (RunKind::Test, RunKind::Live));
    assert_eq!(runs[0].snapshot, format!("{SOURCE}/snapshots/s"));
    assert_eq!(runs[0].mapping_revision, format!("{MIGRATION}/mappings/x/revisions/r1"));
    assert_eq!(runs[0].target_connection, "the sandbox");
    assert_eq!((runs[0].plan.as_str(), runs[1].plan.as_str()), ("", "the plan"));
    assert_eq!(runs[1].target_snapshot, format!("{TARGET}/snapshots/s"));
    assert_eq!((runs[1].snapshot.as_str(), runs[1].target_connection.as_str()), ("", ""));
    assert!(service.started.messages().iter().all(|request| request.etag == "run etag"));
}
