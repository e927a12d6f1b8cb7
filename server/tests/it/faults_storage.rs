//! A disk without room, under the database and under the service's own files: what needs room is told
//! so or waits, nothing is lost, and when there is room again everything goes on. R20.
//!
//! The disk is a small one in memory, which only root can have; elsewhere these tests say so and are
//! skipped.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cartage_client::{
    Client, Error, road,
    v1::{self, ErrorReason, run::State},
    wait,
};
use cartage_postgres::Settings;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use tonic::Code;

use crate::{
    invariants::{self, Evidence, Made},
    processes::Deployment,
    support::{
        Server, connect, connection, csv_at, refused, sandbox, shop_of, small_shop, soon, uuid4,
    },
    walk::{Walk, live},
};

/// A small disk.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// Mounts one of so many megabytes; says why where that is not possible.
    fn mount(megabytes: usize) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        // The database may run as somebody else.
        let options = format!("size={megabytes}m,mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "cartage-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => {
                use std::os::unix::fs::PermissionsExt;
                let open = fs::Permissions::from_mode(0o755);
                fs::set_permissions(folder.path(), open).unwrap();
                Ok(Self { folder })
            }
            other => Err(format!("skipped: no disk in memory can be mounted here: {other:?}")),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut ballast =
            OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let zeros = vec![0; size];
            while ballast.write_all(&zeros).is_ok() {}
        }
        let full = File::create(self.path().join("one-more")).and_then(|mut it| it.write_all(b"x"));
        assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    /// Gives the room back.
    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still has files open there may be on its way out.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// An upload that is being received, and the request for its only piece.
async fn upload(client: &Client, id: &str) -> (v1::Upload, v1::WriteUploadChunkRequest) {
    let data = vec![b'x'; 1 << 20];
    let request = v1::CreateUploadRequest {
        parent: "accounts/acme".to_owned(),
        upload_id: id.to_owned(),
        upload: Some(v1::Upload {
            file_name: "products.csv".to_owned(),
            size_bytes: data.len().try_into().unwrap(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let upload = client.call(request).await.unwrap();
    let (name, crc32c) = (upload.name.clone(), crc32c::crc32c(&data));
    (upload, v1::WriteUploadChunkRequest { name, offset: 0, data: data.into(), crc32c })
}

/// The piece must be refused for want of room, and nothing of it counts.
async fn assert_no_room(client: &Client, piece: &v1::WriteUploadChunkRequest) {
    let status = refused(soon(client.call_once(piece.clone())).await);
    assert_eq!(status.reason, Some(ErrorReason::StorageFull), "{status}");
    assert_eq!(status.code, Code::Unavailable);
}

/// Sends the piece again and ends the upload.
async fn assert_goes_on(client: &Client, piece: v1::WriteUploadChunkRequest) {
    let name = piece.name.clone();
    client.call(piece).await.unwrap();
    let ended =
        client.call(v1::FinalizeUploadRequest { name, ..Default::default() }).await.unwrap();
    assert_eq!(ended.state(), v1::upload::State::Ready, "{ended:?}");
}

/// A second source with more in it, verified.
async fn large_source(client: &Client, export: &Path) -> String {
    let name = connect(client, "acme", "large", csv_at(export)).await;
    soon(road::verify_connection(client, &name)).await.unwrap();
    name
}

async fn snapshot(client: &Client, name: &str) -> v1::Snapshot {
    client.call(v1::GetSnapshotRequest { name: name.to_owned() }).await.unwrap()
}

/// R20: the service's own files have no room: uploads and snapshots.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_for_files_nothing_is_half_taken_and_all_goes_on_with_room() {
    let disk = match Disk::mount(24) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("{why}"),
    };
    let data = disk.path().join("data");
    let server = Server::start_with(|config| config.data_dir = data).await;
    let client = server.client("acme").await;
    let (files, _) = small_shop();
    let source = large_source(&client, &files.path().join("export")).await;
    let earlier = soon(road::take_snapshot(&client, &source, |_| {})).await.unwrap();
    let (_, piece) = upload(&client, "held-up").await;

    disk.fill();
    assert_no_room(&client, &piece).await;
    let request = v1::CreateSnapshotRequest { parent: source, ..Default::default() };
    let begun = client.call(request).await.unwrap();
    // It is tried, and tried again, and neither ends well nor is given up.
    let tried = "select max(attempt) from job where queue = 'snapshot.take'";
    soon(async {
        while server.database.query(tried).await.unwrap().trim().parse::<i32>().unwrap_or(0) < 3 {
            let state = snapshot(&client, &begun.name).await.state();
            let waits = [v1::snapshot::State::Pending, v1::snapshot::State::Running];
            assert!(waits.contains(&state), "{state:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // What is there can be read, and a restore of it be tested.
    let restored = soon(road::test_restore(&client, &earlier.name)).await;
    restored.expect("a snapshot that is whole is restored without room");
    assert_no_room(&client, &piece).await;

    disk.free();
    let taken = soon(wait::snapshot(&client, &begun.name, |_| {})).await.unwrap();
    assert_eq!(taken.state(), v1::snapshot::State::Succeeded, "{taken:?}");
    assert_eq!(taken.record_counts, earlier.record_counts);
    soon(road::test_restore(&client, &taken.name)).await.unwrap();
    assert_goes_on(&client, piece).await;
    invariants::hold(&server.database.url, &Evidence::default()).await;
    server.stop().await;
}

/// Makes connections until one is refused for want of room: what was acknowledged, and why others
/// were refused.
async fn make_until_full(client: &Client) -> (Vec<Made>, BTreeSet<&'static str>) {
    let (mut made, mut reasons) = (Vec::new(), BTreeSet::new());
    soon(async {
        for number in 0.. {
            let mut request = connection("acme", &format!("c{number}"), sandbox());
            request.request_id = uuid4();
            // Some pages of the database go to each.
            let long = "x".repeat(60);
            request.connection.get_or_insert_default().display_name = long;
            match client.call_once(request.clone()).await {
                Ok(it) => {
                    made.push(Made { request_id: request.request_id, name: it.name, uid: it.uid });
                }
                Err(Error::Status(status)) => {
                    assert_eq!(status.code, Code::Unavailable, "{status}");
                    reasons.extend(status.reason.map(|reason| reason.as_str_name()));
                    if status.reason == Some(ErrorReason::StorageFull) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await;
    (made, reasons)
}

/// What the database comes to when it has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Database {
    /// It refuses what needs some, and lives.
    Refuses,
    /// It has none for its log either, and dies.
    Dies,
}

/// Fills up the disk of the database and of all files amid a run, a snapshot and an upload, and then
/// makes room.
async fn fill_up_amid_a_run(disk: Disk, fate: Database) {
    let settings = Settings::durable(disk.path().join("database"));
    let mut postgres = cartage_postgres::start(settings).await.unwrap();
    postgres.ensure_database("cartage").await.unwrap();
    let url = postgres.url("cartage");
    let deployment = Deployment::within(disk.path(), Some(&url));
    let mut life = deployment.start(None).await;
    let (files, _) = shop_of(40);
    let (large, _) = shop_of(400);
    let walk = Walk::begin_as(deployment.client(&life).await, &files.path().join("export")).await;
    let client = &walk.client;
    let (plan, before) = walk.ready().await;
    let source = large_source(client, &large.path().join("export")).await;
    let (_, piece) = upload(client, "held-up").await;
    let rule = Rule { fault: Fault::Wait { ms: 30 }, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let run = walk.draft(live(&plan, &before)).await.name;
    road::start_run(client, &run).await.unwrap();
    walk.written().await;
    let request = v1::CreateSnapshotRequest { parent: source, ..Default::default() };
    let begun = client.call(request).await.unwrap().name;

    disk.fill();
    let impatient = deployment.impatient(&life).await;
    let (made, reasons) = make_until_full(&impatient).await;
    assert!(reasons.contains("ERROR_REASON_STORAGE_FULL"), "{reasons:?}");
    if fate == Database::Dies {
        let log = "select pg_logical_emit_message(true, 'test', repeat('x', 4000000))";
        while postgres.query("cartage", log).await.is_ok() {}
        let gone = async {
            while postgres.is_running() && postgres.query("cartage", "select 1").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(gone).await;
    }
    let refusal = refused(soon(impatient.call_once(piece.clone())).await);
    assert_eq!(refusal.code, Code::Unavailable, "{refusal}");
    assert_eq!(life.ended(), None, "the server outlives it");

    disk.free();
    if fate == Database::Dies {
        // As whoever looks after a database does.
        postgres.crash_and_restart().await.unwrap();
    }
    assert!(postgres.is_running());
    let again = async |error: Error| match error {
        Error::Status(status) if status.code == Code::Unavailable => {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        other => panic!("{other}"),
    };
    let ended = soon(async {
        loop {
            match wait::run(client, &run, |_| {}).await {
                Ok(ended) => return ended,
                Err(error) => again(error).await,
            }
        }
    })
    .await;
    assert_eq!(ended.state(), State::Succeeded, "{ended:?}");
    assert_eq!(ended.accounting.unwrap().unaccounted, 0);
    let taken = soon(async {
        loop {
            match wait::snapshot(client, &begun, |_| {}).await {
                Ok(ended) => return ended,
                Err(error) => again(error).await,
            }
        }
    })
    .await;
    assert_eq!(taken.state(), v1::snapshot::State::Succeeded, "{taken:?}");
    soon(road::test_restore(client, &taken.name)).await.unwrap();
    assert_goes_on(client, piece).await;
    let report = soon(road::verify_run(client, &run, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let shop = Some(walk.shop.state("cartage_key"));
    let lease = Some(Duration::from_secs(2));
    invariants::hold(&url, &Evidence { shop, made, lease, ..Evidence::default() }).await;
    life.stop().await;
    postgres.stop().await.unwrap();
}

/// R20: the database has no room for its tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_under_a_run_costs_time_and_nothing_else() {
    match Disk::mount(500) {
        Ok(disk) => fill_up_amid_a_run(disk, Database::Refuses).await,
        Err(why) => eprintln!("{why}"),
    }
}

/// R20: the database has no room for its log either, and dies of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_for_want_of_room_costs_time_and_nothing_else() {
    match Disk::mount(500) {
        Ok(disk) => fill_up_amid_a_run(disk, Database::Dies).await,
        Err(why) => eprintln!("{why}"),
    }
}
