//! Changing, listing and ending what the road does not change, list or end.

use cartage_client::{
    paginate, road,
    v1::{self, ErrorReason},
};
use futures::TryStreamExt;

use crate::{
    support::{
        Server, connect, csv_at, paper_migration, refused_with, sandbox, small_shop, soon,
        violation,
    },
    walk::Walk,
};

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|it| (*it).to_owned()).collect() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mask_says_what_of_a_connection_changes() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let folder = tempfile::tempdir().unwrap();
    let name = connect(&client, "acme", "shop", csv_at(folder.path())).await;
    let config = v1::ShopifyCsvConfig {
        time_zone: "Europe/Zurich".to_owned(),
        default_currency_code: "CHF".to_owned(),
        ..Default::default()
    };
    let asked = v1::Connection {
        name,
        display_name: "Old shop".to_owned(),
        config: Some(v1::connection::Config::ShopifyCsv(config)),
        ..Default::default()
    };
    let update = |paths: &[&str]| v1::UpdateConnectionRequest {
        connection: Some(asked.clone()),
        update_mask: mask(paths),
        ..Default::default()
    };
    let changed = update(&["display_name", "shopify_csv.default_currency_code"]);
    let changed = client.call(changed).await.unwrap();
    assert_eq!(changed.display_name, "Old shop");
    let Some(v1::connection::Config::ShopifyCsv(csv)) = changed.config else { panic!("no CSV") };
    assert_eq!(csv.default_currency_code, "CHF");
    assert_eq!(csv.time_zone, "Europe/Berlin", "it is not in the mask");
    for (path, wrong) in [
        ("platform", ("connection.platform", "FIELD_IMMUTABLE")),
        ("colour", ("update_mask.paths[0]", "UNKNOWN_FIELD")),
    ] {
        let status = refused_with(&client, update(&[path]), ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status), wrong);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_is_renamed_given_up_and_deleted() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = paper_migration(&client, "acme", "spring").await;
    let update = v1::UpdateMigrationRequest {
        migration: Some(v1::Migration {
            name: migration.name.clone(),
            display_name: "Spring".to_owned(),
            ..Default::default()
        }),
        update_mask: mask(&["display_name"]),
        ..Default::default()
    };
    let renamed = client.call(update).await.unwrap();
    assert_eq!((renamed.display_name.as_str(), &renamed.scope), ("Spring", &migration.scope));

    let complete = v1::CompleteMigrationRequest {
        name: migration.name.clone(),
        etag: renamed.etag,
        ..Default::default()
    };
    let status = refused_with(&client, complete, ErrorReason::StateConflict).await;
    assert_eq!(status.metadata["currentState"], "DRAFT");
    let cancel = v1::CancelMigrationRequest { name: migration.name.clone(), ..Default::default() };
    let cancelled = client.call(cancel).await.unwrap();
    assert_eq!(cancelled.state(), v1::migration::State::Cancelled);
    let delete = v1::DeleteMigrationRequest { name: migration.name.clone(), ..Default::default() };
    let deleted = client.call(delete).await.unwrap();
    assert_eq!(deleted.state(), v1::migration::State::Deleted);
    assert!(deleted.purge_time.is_some());
    for (show_deleted, count) in [(false, 0), (true, 1)] {
        let list = v1::ListMigrationsRequest {
            parent: "accounts/acme".to_owned(),
            show_deleted,
            ..Default::default()
        };
        let listed: Vec<v1::Migration> = paginate(&client, list).try_collect().await.unwrap();
        assert_eq!(listed.len(), count);
    }
    let wrong = v1::ListMigrationsRequest {
        parent: "accounts/acme".to_owned(),
        order_by: "colour".to_owned(),
        ..Default::default()
    };
    refused_with(&client, wrong, ErrorReason::FilterInvalid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn platforms_say_what_they_can_and_what_is_lost() {
    let server = Server::start().await;
    let client = server.client_with("acme", "platforms.read").await;
    let get = |id: &str| v1::GetPlatformRequest { name: format!("platforms/{id}") };
    let medusa = client.call(get("medusa")).await.unwrap();
    assert!(medusa.roles().any(|role| role == v1::ConnectionRole::Target));
    assert!(medusa.sandbox_available);
    assert!(!medusa.losses.is_empty() && !medusa.limits.is_empty());
    assert!(medusa.kinds.iter().any(|kind| kind.kind() == v1::RecordKind::Order && kind.target));
    refused_with(&client, get("nothing"), ErrorReason::ResourceNotFound).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_records_and_uploads_are_found_one_by_one() {
    let server = Server::start().await;
    let (files, manifest) = small_shop();
    let walk = Walk::begin(&server, &files.path().join("export")).await;
    let client = &walk.client;
    let audit = road::audit_snapshot(client, &walk.migration, &walk.snapshot.name, |_| {});
    let audit = soon(audit).await.unwrap();
    let list = |filter: &str| v1::ListFindingsRequest {
        parent: audit.name.clone(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    let all: Vec<v1::Finding> = paginate(client, list("")).try_collect().await.unwrap();
    assert_eq!(i64::try_from(all.len()).unwrap(), audit.finding_count);
    let one = client.call(v1::GetFindingRequest { name: all[0].name.clone() }).await.unwrap();
    assert_eq!(one, all[0]);
    let errors: Vec<v1::Finding> =
        paginate(client, list("severity = ERROR")).try_collect().await.unwrap();
    assert!(!errors.is_empty() && errors.len() < all.len());
    assert!(errors.iter().all(|finding| finding.severity() == v1::Severity::Error));
    refused_with(client, list("severity = BAD"), ErrorReason::FilterInvalid).await;
    // What was planted is found by the rule it was planted for.
    for (fault, planted) in &manifest.faults {
        let rule = format!("auditRules/{}", planted.rule);
        let found = all.iter().any(|it| it.rule == rule || it.rule == planted.rule);
        assert!(found, "nothing found {fault} by {}", planted.rule);
    }

    let sandbox = connect(client, "acme", "rehearsal", sandbox()).await;
    let run = walk.draft(walk.test(&sandbox)).await;
    let run = walk.rest(&run).await;
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    let customers = walk.records(&run.name, "kind = CUSTOMER AND outcome = MERGED").await;
    assert!(!customers.is_empty());
    let one = client.call(v1::GetRunRecordRequest { name: customers[0].name.clone() }).await;
    let one = one.unwrap();
    assert_eq!(one, customers[0]);
    assert!(!one.merged_into.is_empty());
    let missing = v1::GetRunRecordRequest { name: format!("{}/records/product.bm9uZQ", run.name) };
    refused_with(client, missing, ErrorReason::ResourceNotFound).await;

    let uploads = v1::ListUploadsRequest { parent: "accounts/acme".into(), ..Default::default() };
    let uploads: Vec<v1::Upload> = paginate(client, uploads).try_collect().await.unwrap();
    assert!(uploads.is_empty());
}
