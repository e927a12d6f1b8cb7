//! Accounts see nothing of each other: in the code, and in the database with the code's check off.

use std::{collections::BTreeMap, fmt::Debug};

use cartage_client::{Client, StatusError, Unary, paginate, v1, v1::ErrorReason};
use futures::TryStreamExt;
use sqlx::{Executor, Row, postgres::PgPool};
use tonic::Code;

use crate::support::{
    Server, connect, connection, csv, paper_migration, refusal, refused_with, sandbox,
};

/// What a stranger learns, with the id that was asked for taken out.
type Told = (Code, String, String, BTreeMap<String, String>, String);

fn told(status: &StatusError, id: &str) -> Told {
    let blank = |text: &str| text.replace(&format!("/{id}"), "/ID");
    let metadata = status.metadata.iter().map(|(key, value)| (key.clone(), blank(value)));
    (
        status.code,
        status.reason_text.clone(),
        blank(&status.message),
        metadata.collect(),
        blank(&format!("{:?}{}", status.violations, status.resource)),
    )
}

async fn tell<R: Unary>(client: &Client, id: &str, request: R) -> Told
where
    R::Response: Debug,
{
    told(&refusal(client, request).await, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_tell_what_is_there_from_what_is_not() {
    let server = Server::start().await;
    let own = server.client("acme").await;
    paper_migration(&own, "acme", "there").await;
    let migration = paper_migration(&own, "acme", "upper").await.name;
    let create = v1::CreateMappingRequest {
        parent: migration,
        mapping_id: "there".to_owned(),
        ..Default::default()
    };
    own.call(create).await.unwrap();
    connect(&own, "acme", "there", sandbox()).await;
    let upload = v1::CreateUploadRequest {
        parent: "accounts/acme".to_owned(),
        upload_id: "there".to_owned(),
        upload: Some(v1::Upload {
            file_name: "a.csv".to_owned(),
            size_bytes: 3,
            ..Default::default()
        }),
        ..Default::default()
    };
    own.call(upload).await.unwrap();

    let stranger = server.client("other").await;
    macro_rules! same {
        ($($path:literal: $($request:ident.$field:ident),*;)*) => {$($({
            let mut seen = Vec::new();
            for id in ["there", "other"] {
                let name = format!("accounts/acme/{}", $path.replace("{}", id));
                let request = v1::$request { $field: name, ..Default::default() };
                seen.push(tell(&stranger, id, request).await);
            }
            assert_eq!(seen[0], seen[1], stringify!($request));
            assert_eq!(seen[0].0, Code::PermissionDenied, stringify!($request));
            assert_eq!(seen[0].1, "ACCESS_DENIED", stringify!($request));
        })*)*};
    }
    same! {
        "connections/{}": GetConnectionRequest.name, DeleteConnectionRequest.name,
            VerifyConnectionRequest.name, CreateSnapshotRequest.parent, ListSnapshotsRequest.parent;
        "uploads/{}": GetUploadRequest.name, WriteUploadChunkRequest.name,
            FinalizeUploadRequest.name, DeleteUploadRequest.name;
        "migrations/{}": GetMigrationRequest.name, DeleteMigrationRequest.name,
            CancelMigrationRequest.name, CompleteMigrationRequest.name, ListAuditsRequest.parent,
            CreateMappingRequest.parent, ListMappingsRequest.parent, ValidateMappingRequest.parent,
            CreatePlanRequest.parent, ListPlansRequest.parent, CreateRunRequest.parent, ListRunsRequest.parent,
            CheckRunReadinessRequest.parent, ListRecordLinksRequest.parent,
            ListEventsRequest.parent;
        "migrations/upper/mappings/{}": GetMappingRequest.name, DeleteMappingRequest.name,
            PublishMappingRequest.name, ListMappingRevisionsRequest.parent;
        "migrations/upper/mappings/{}/revisions/r1": GetMappingRevisionRequest.name;
        "migrations/upper/plans/{}": GetPlanRequest.name, SubmitPlanRequest.name,
            ApprovePlanRequest.name;
        "migrations/upper/audits/{}": GetAuditRequest.name, CancelAuditRequest.name,
            DeleteAuditRequest.name, ListFindingsRequest.parent;
        "migrations/upper/runs/{}": GetRunRequest.name, StartRunRequest.name, UnscheduleRunRequest.name,
            PauseRunRequest.name,
            ResumeRunRequest.name, CancelRunRequest.name, ListRunRecordsRequest.parent,
            ListRecordConflictsRequest.parent, ResolveRecordConflictsRequest.name, ListRunLossesRequest.parent, CreateVerificationReportRequest.parent,
            ListVerificationReportsRequest.parent;
        "migrations/upper/runs/{}/verificationReports/v": GetVerificationReportRequest.name,
            ListDiscrepanciesRequest.parent;
        "connections/{}/snapshots/s": GetSnapshotRequest.name, DeleteSnapshotRequest.name,
            CancelSnapshotRequest.name, ListSnapshotRecordsRequest.parent,
            CreateRestoreTestRequest.parent, ListRestoreTestsRequest.parent;
        "connections/{}/snapshots/s/restoreTests/t": GetRestoreTestRequest.name;
        "migrations/{}/events/e1": GetEventRequest.name;
    }
    for id in ["there", "other"] {
        let name = format!("accounts/acme/migrations/{id}");
        let request = v1::WatchEventsRequest { parent: name, ..Default::default() };
        let status = stranger.events().watch_events(request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        let run = format!("accounts/acme/migrations/{id}/runs/r");
        let request = v1::WatchRunRequest { name: run, ..Default::default() };
        let status = stranger.runs().watch_run(request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_another_account_inside_a_request_are_refused_too() {
    let server = Server::start().await;
    let own = server.client("acme").await;
    paper_migration(&own, "acme", "m").await;
    let stranger = server.client("other").await;
    let mine = paper_migration(&stranger, "other", "m").await;
    let denied = ErrorReason::AccessDenied;

    let migration = v1::Migration {
        source_connection: "accounts/acme/connections/m-old".to_owned(),
        target_connection: "accounts/other/connections/m-new".to_owned(),
        ..Default::default()
    };
    let request = v1::CreateMigrationRequest {
        parent: "accounts/other".to_owned(),
        migration: Some(migration),
        ..Default::default()
    };
    refused_with(&stranger, request, denied).await;
    let upload = csv(v1::shopify_csv_config::Source::Upload("accounts/acme/uploads/u".to_owned()));
    refused_with(&stranger, connection("other", "u", upload), denied).await;
    let plan = v1::Plan {
        snapshot: "accounts/acme/connections/m-old/snapshots/s".to_owned(),
        mapping_revision: "accounts/acme/migrations/m/mappings/x/revisions/r1".to_owned(),
        ..Default::default()
    };
    let request =
        v1::CreatePlanRequest { parent: mine.name.clone(), plan: Some(plan), ..Default::default() };
    refused_with(&stranger, request, denied).await;
    let run = v1::Run {
        kind: v1::RunKind::Test.into(),
        snapshot: "accounts/acme/connections/m-old/snapshots/s".to_owned(),
        ..Default::default()
    };
    let request =
        v1::CreateRunRequest { parent: mine.name.clone(), run: Some(run), ..Default::default() };
    refused_with(&stranger, request, denied).await;
    let audit = v1::Audit {
        snapshot: "accounts/acme/connections/m-old/snapshots/s".to_owned(),
        ..Default::default()
    };
    let request = v1::CreateAuditRequest {
        parent: mine.name.clone(),
        audit: Some(audit),
        ..Default::default()
    };
    refused_with(&stranger, request, denied).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_show_the_own_account_only() {
    let server = Server::start().await;
    for account in ["acme", "other"] {
        paper_migration(&server.client(account).await, account, "m").await;
    }
    let client = server.client("other").await;
    let parent = "accounts/other".to_owned();
    let list = v1::ListConnectionsRequest { parent: parent.clone(), ..Default::default() };
    let found: Vec<v1::Connection> = paginate(&client, list).try_collect().await.unwrap();
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["accounts/other/connections/m-new", "accounts/other/connections/m-old"]);
    let list = v1::ListEventsRequest { parent, ..Default::default() };
    let found: Vec<v1::Event> = paginate(&client, list).try_collect().await.unwrap();
    assert!(!found.is_empty());
    assert!(found.iter().all(|event| event.resource.starts_with("accounts/other/")));
}

/// Rows of every table that has an account, as a role sees them.
async fn rows(pool: &PgPool, account: Option<&str>) -> BTreeMap<String, (i64, i64)> {
    let mut tx = pool.begin().await.unwrap();
    tx.execute("set local role cartage_application").await.unwrap();
    if let Some(account) = account {
        let set = sqlx::query("select set_config('cartage.account', $1, true)").bind(account);
        set.execute(&mut *tx).await.unwrap();
    }
    let mut seen = BTreeMap::new();
    for table in tables(pool).await {
        let count =
            format!("select count(*), count(*) filter (where account_id = 'acme') from {table}");
        let row = sqlx::query(sqlx::AssertSqlSafe(count)).fetch_one(&mut *tx).await.unwrap();
        seen.insert(table, (row.get(0), row.get(1)));
    }
    seen
}

async fn tables(pool: &PgPool) -> Vec<String> {
    let query = "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
        and a.attname = 'account_id' order by 1";
    let rows = sqlx::query(query).fetch_all(pool).await.unwrap();
    rows.into_iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_itself_keeps_accounts_apart() {
    let server = Server::start().await;
    let own = server.client("acme").await;
    paper_migration(&own, "acme", "m").await;
    paper_migration(&server.client("other").await, "other", "m").await;
    let pool = PgPool::connect(&server.database.url).await.unwrap();

    let nobody = rows(&pool, None).await;
    assert!(nobody.values().all(|(all, _)| *all == 0), "without an account: {nobody:?}");
    let other = rows(&pool, Some("other")).await;
    assert!(other.values().all(|(_, acme)| *acme == 0), "as another account: {other:?}");
    assert!(other["resource"].0 > 0 && other["event"].0 > 0, "but its own: {other:?}");

    let mut tx = pool.begin().await.unwrap();
    tx.execute("set local role cartage_application").await.unwrap();
    tx.execute("select set_config('cartage.account', 'other', true)").await.unwrap();
    let changed = tx.execute("update resource set state = 'X' where account_id = 'acme'").await;
    assert_eq!(changed.unwrap().rows_affected(), 0);
    let moved = tx.execute("update resource set account_id = 'acme'").await;
    assert!(moved.unwrap_err().to_string().contains("row-level security"));
    drop(tx);

    let system = async |sql: String| {
        let mut system = pool.begin().await.unwrap();
        system.execute("set local role cartage_system").await.unwrap();
        let told = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *system).await;
        told.map_err(|error| error.to_string())
    };
    let due = "select account_id, resource, queue, epoch, lease_until, run_at, attempt from job";
    assert!(system(due.to_owned()).await.is_ok());
    assert_eq!(system("select account_id from account".to_owned()).await.unwrap().len(), 2);
    let mut forbidden: Vec<String> =
        tables(&pool).await.iter().map(|table| format!("select * from {table}")).collect();
    forbidden.extend(
        [
            "select create_time from account",
            "select worker from job",
            "update job set account_id = 'other'",
            "update job set resource = 'other'",
            "update job set queue = 'other'",
            "update account set account_id = 'x'",
            "insert into job (account_id, resource, queue) values ('acme', 'x', 'y')",
            "delete from job",
            "delete from account",
        ]
        .map(str::to_owned),
    );
    for sql in forbidden {
        let refused = system(sql.clone()).await.unwrap_err();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_with_an_account_is_guarded_and_none_is_without() {
    let server = Server::start().await;
    let pool = PgPool::connect(&server.database.url).await.unwrap();
    let query = "select c.relname::text, c.relrowsecurity and c.relforcerowsecurity,
            exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id'),
            exists (select from pg_policy p where p.polrelid = c.oid)
        from pg_class c where c.relkind in ('r', 'p')
        and c.relnamespace = 'public'::regnamespace and c.relname <> '_sqlx_migrations'";
    let found = sqlx::query(query).fetch_all(&pool).await.unwrap();
    assert!(found.len() >= 14, "{} tables", found.len());
    for row in found {
        let (name, guarded, owned, policy): (String, bool, bool, bool) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        assert!(owned, "{name} has no account");
        assert!(guarded && policy, "{name} lets every account in");
    }
    // A key that begins with something else could join rows of two accounts.
    let query = "select c.conrelid::regclass::text, c.conname::text,
            array(
                select a.attname::text from (values (c.conrelid, c.conkey[1]), (c.confrelid, c.confkey[1]))
                    as first (relation, number)
                join pg_attribute a on a.attrelid = first.relation and a.attnum = first.number
            )
        from pg_constraint c where c.contype in ('p', 'f', 'u')
        and c.connamespace = 'public'::regnamespace and c.conrelid <> '_sqlx_migrations'::regclass";
    let found = sqlx::query(query).fetch_all(&pool).await.unwrap();
    assert!(found.len() >= 25, "{} keys", found.len());
    for row in found {
        let (table, key, first): (String, String, Vec<String>) =
            (row.get(0), row.get(1), row.get(2));
        assert!(!first.is_empty());
        assert!(first.iter().all(|column| column == "account_id"), "{key} of {table}: {first:?}");
    }
    let query = "select c.relname::text from pg_class c where c.relkind in ('r', 'p')
        and c.relnamespace = 'public'::regnamespace and c.relname <> '_sqlx_migrations'
        and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')";
    let without = sqlx::query(query).fetch_all(&pool).await.unwrap();
    assert!(without.is_empty(), "{} tables have no primary key", without.len());
    for role in ["cartage_application", "cartage_system"] {
        let query =
            "select rolsuper or rolbypassrls or rolcanlogin from pg_roles where rolname = $1";
        let row = sqlx::query(query).bind(role).fetch_one(&pool).await.unwrap();
        assert!(!row.get::<bool, _>(0), "{role} has too much power");
    }
}
