//! What is kept for a time only goes when that is over, in every account, and nothing else goes.

use cartage_client::{
    Client,
    v1::{self, ErrorReason, shopify_csv_config::Source},
};
use cartage_server::worker::janitor::{self, Removed};

use crate::support::{
    Server, connection, csv, paper_migration, products, refused_with, soon, uuid4,
};

/// An upload that is READY.
async fn upload(client: &Client, account: &str, id: &str) -> v1::Upload {
    let data = products("shirt,Shirt,,Acme,10.00\n");
    let request = v1::CreateUploadRequest {
        parent: format!("accounts/{account}"),
        upload_id: id.to_owned(),
        upload: Some(v1::Upload {
            file_name: "products.csv".to_owned(),
            size_bytes: data.len().try_into().unwrap(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let name = client.call(request).await.unwrap().name;
    let crc32c = crc32c::crc32c(&data);
    let piece =
        v1::WriteUploadChunkRequest { name: name.clone(), offset: 0, data: data.into(), crc32c };
    client.call(piece).await.unwrap();
    let finalize = v1::FinalizeUploadRequest { name, ..Default::default() };
    client.call(finalize).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_goes_and_the_rest_stays() {
    let server = Server::start().await;
    let mut keys = Vec::new();
    for account in ["acme", "other"] {
        let client = server.client(account).await;
        for id in ["gone", "kept", "there"] {
            let migration = paper_migration(&client, account, id).await;
            let mapping = v1::CreateMappingRequest {
                parent: migration.name.clone(),
                mapping_id: "m".to_owned(),
                ..Default::default()
            };
            client.call(mapping).await.unwrap();
            if id != "there" {
                let delete = v1::DeleteMigrationRequest {
                    name: migration.name,
                    etag: String::new(),
                    ..Default::default()
                };
                client.call(delete).await.unwrap();
            }
        }
        for id in ["gone", "named", "fresh"] {
            upload(&client, account, id).await;
        }
        let named = Source::Upload(format!("accounts/{account}/uploads/named"));
        client.call(connection(account, "shop", csv(named))).await.unwrap();
        for id in ["old", "new"] {
            let config = crate::support::sandbox();
            let key = uuid4();
            let request = v1::CreateConnectionRequest {
                request_id: key.clone(),
                ..connection(account, id, config)
            };
            client.call(request.clone()).await.unwrap();
            keys.push((account, id, key, request));
        }
    }
    assert_eq!(janitor::round(&server.app).await.unwrap(), Removed::default(), "nothing is over");

    let age = |table: &str, change: &str, which: &str| {
        format!("update {table} set {change} where {which}")
    };
    let body =
        |field: &str| format!("body = jsonb_set(body, '{{{field}}}', '\"2020-01-01T00:00:00Z\"')");
    let old: Vec<String> = keys
        .iter()
        .filter(|(_, id, ..)| *id == "old")
        .map(|(_, _, key, _)| format!("'{key}'"))
        .collect();
    for sql in [
        age(
            "request_log",
            "create_time = now() - interval '7 days 1 minute'",
            &format!("request_id in ({})", old.join(", ")),
        ),
        age(
            "request_log",
            "create_time = now() - interval '6 days 23 hours'",
            &format!("request_id not in ({})", old.join(", ")),
        ),
        age("resource", &body("purge_time"), "type = 'migration' and name like '%/gone'"),
        // A time without a deletion is no reason.
        age("resource", &body("purge_time"), "type = 'migration' and name like '%/there'"),
        age("resource", &body("expire_time"), "type = 'upload' and name not like '%/fresh'"),
    ] {
        server.database.query(&sql).await.unwrap();
    }
    let files = || walk(&server.app.config.data_dir.join("uploads"));
    assert_eq!(files(), 6);
    let removed = soon(janitor::round(&server.app)).await.unwrap();
    assert_eq!(removed, Removed { answers: 2, uploads: 2, migrations: 2, events: 0 });
    assert_eq!(janitor::round(&server.app).await.unwrap(), Removed::default());
    assert_eq!(files(), 4);
    for account in ["acme", "other"] {
        let client = server.client(account).await;
        let migration = |id: &str| v1::GetMigrationRequest {
            name: format!("accounts/{account}/migrations/{id}"),
        };
        refused_with(&client, migration("gone"), ErrorReason::ResourceNotFound).await;
        for id in ["kept", "there"] {
            client.call(migration(id)).await.unwrap();
        }
        let upload =
            |id: &str| v1::GetUploadRequest { name: format!("accounts/{account}/uploads/{id}") };
        refused_with(&client, upload("gone"), ErrorReason::ResourceNotFound).await;
        for id in ["named", "fresh"] {
            client.call(upload(id)).await.unwrap();
        }
        // The name is free again, and nothing of the one before is told.
        let again = paper(&client, account, "gone").await;
        assert_eq!(again.state(), v1::migration::State::Draft);
        let events = v1::ListEventsRequest { parent: again.name, ..Default::default() };
        let events = client.call(events).await.unwrap().events;
        assert_eq!(events.first().map(|event| event.sequence), Some(1), "{events:?}");
        assert!(events.iter().all(|event| event.resource.ends_with("/gone")), "{events:?}");
    }
    for (account, id, _, request) in keys {
        let client = server.client(account).await;
        if id == "new" {
            client.call(request).await.unwrap();
        } else {
            refused_with(&client, request, ErrorReason::ResourceExists).await;
        }
    }
    let left = "select count(*) from resource where name like '%/migrations/gone/%'";
    assert_eq!(server.database.query(left).await.unwrap().trim(), "0");
}

/// A migration between the connections that [`paper_migration`] made for this id.
async fn paper(client: &Client, account: &str, id: &str) -> v1::Migration {
    let request = v1::CreateMigrationRequest {
        parent: format!("accounts/{account}"),
        migration_id: id.to_owned(),
        migration: Some(v1::Migration {
            source_connection: format!("accounts/{account}/connections/{id}-old"),
            target_connection: format!("accounts/{account}/connections/{id}-new"),
            ..Default::default()
        }),
        ..Default::default()
    };
    client.call(request).await.unwrap()
}

/// How many files lie below a folder.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}
