//! Etags and rehearsals, of every method that has them: one way through the life of everything there
//! is, on which each call is made with a wrong etag, without one, as a rehearsal, and then for good.
//!
//! What a call must not change is asked of the database and of the folders: all tables, all files.

use std::{collections::BTreeSet, fmt::Debug, path::Path};

use cartage_client::{Client, Error, Unary, road, v1, v1::ErrorReason, wait};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use crate::{
    support::{Server, connection, paper_migration, refused_with, sandbox, soon},
    walk::{Walk, live},
};

/// An etag that no resource has.
const STALE: &str = "\"999999\"";

/// A request with an etag, a rehearsal, or both.
trait Step: Unary<Response: Debug> {
    /// Where its etag stands.
    fn etag(&mut self) -> Option<&mut String>;
    /// Whether it must have one.
    const NEEDED: bool;
    /// Where it says that it is a rehearsal.
    fn validate_only(&mut self) -> Option<&mut bool>;
}

macro_rules! steps {
    (@etag $request:ident, none) => { None };
    (@etag $request:ident, own $need:ident) => { Some(&mut $request.etag) };
    (@etag $request:ident, $field:ident $need:ident) => {
        Some(&mut $request.$field.get_or_insert_default().etag)
    };
    (@need needed) => { true };
    (@need optional) => { false };
    (@need) => { false };
    (@only $request:ident, yes) => { Some(&mut $request.validate_only) };
    (@only $request:ident, no) => { None };
    ($($name:ident: etag($($etag:ident)+), rehearsal($only:ident);)*) => {
        $(impl Step for v1::$name {
            const NEEDED: bool = steps!(@needed $($etag)+);
            fn etag(&mut self) -> Option<&mut String> {
                let _request = self;
                steps!(@etag _request, $($etag)+)
            }
            fn validate_only(&mut self) -> Option<&mut bool> {
                let _request = self;
                steps!(@only _request, $only)
            }
        })*
    };
    (@needed none) => { false };
    (@needed $place:ident $need:ident) => { steps!(@need $need) };
}

steps! {
    CreateUploadRequest: etag(none), rehearsal(yes);
    DeleteUploadRequest: etag(own optional), rehearsal(yes);
    CreateConnectionRequest: etag(none), rehearsal(yes);
    UpdateConnectionRequest: etag(connection optional), rehearsal(yes);
    DeleteConnectionRequest: etag(own optional), rehearsal(yes);
    CreateSnapshotRequest: etag(none), rehearsal(yes);
    CancelSnapshotRequest: etag(own optional), rehearsal(no);
    DeleteSnapshotRequest: etag(own optional), rehearsal(yes);
    CreateMigrationRequest: etag(none), rehearsal(yes);
    UpdateMigrationRequest: etag(migration optional), rehearsal(yes);
    CancelMigrationRequest: etag(own optional), rehearsal(yes);
    CompleteMigrationRequest: etag(own needed), rehearsal(yes);
    DeleteMigrationRequest: etag(own optional), rehearsal(yes);
    CreateAuditRequest: etag(none), rehearsal(yes);
    CancelAuditRequest: etag(own optional), rehearsal(no);
    DeleteAuditRequest: etag(own optional), rehearsal(yes);
    CreateMappingRequest: etag(none), rehearsal(yes);
    UpdateMappingRequest: etag(mapping needed), rehearsal(yes);
    PublishMappingRequest: etag(own needed), rehearsal(yes);
    DeleteMappingRequest: etag(own optional), rehearsal(yes);
    CreatePlanRequest: etag(none), rehearsal(yes);
    SubmitPlanRequest: etag(own needed), rehearsal(yes);
    ApprovePlanRequest: etag(own needed), rehearsal(yes);
    CreateRunRequest: etag(none), rehearsal(yes);
    StartRunRequest: etag(own needed), rehearsal(yes);
    ScheduleRunRequest: etag(own needed), rehearsal(yes);
    UnscheduleRunRequest: etag(own optional), rehearsal(yes);
    PauseRunRequest: etag(own optional), rehearsal(no);
    ResumeRunRequest: etag(own optional), rehearsal(yes);
    RetryRunRequest: etag(own optional), rehearsal(yes);
    ResolveRunRecordRequest: etag(none), rehearsal(yes);
    ResolveRecordConflictsRequest: etag(none), rehearsal(yes);
    AcceptRunRequest: etag(own needed), rehearsal(yes);
    CancelRunRequest: etag(own optional), rehearsal(yes);
    ImportRecordLinksRequest: etag(none), rehearsal(yes);
    CreateVerificationReportRequest: etag(none), rehearsal(yes);
}

/// A server, and what was asked of it.
struct Trial {
    server: Server,
    client: Client,
    /// Methods whose etag was asked about.
    etags: BTreeSet<String>,
    /// Methods that were rehearsed.
    rehearsed: BTreeSet<String>,
}

impl Trial {
    async fn start() -> Self {
        let server = Server::start().await;
        let client = server.client("acme").await;
        Self { server, client, etags: BTreeSet::new(), rehearsed: BTreeSet::new() }
    }

    /// Everything that is stored, once no work is under way.
    async fn stored(&self) -> String {
        let query = |sql: String| async move { self.server.database.query(&sql).await.unwrap() };
        let idle = async {
            // What is put off for longer than any retry is a start that lies ahead.
            let soon = "select count(*) from job
                where run_at < clock_timestamp() + interval '1 minute'";
            while query(soon.to_owned()).await.trim() != "0" {
                tokio::task::yield_now().await;
            }
        };
        soon(idle).await;
        let tables = query(
            "select table_name from information_schema.tables
            where table_schema = 'public' and table_type = 'BASE TABLE' order by 1"
                .to_owned(),
        )
        .await;
        let rows = tables.split_whitespace().map(|table| {
            format!(
                "select '{table}', count(*), md5(string_agg(t::text, ';' order by t::text))
                from \"{table}\" t"
            )
        });
        let mut stored = query(rows.collect::<Vec<_>>().join(" union all ")).await;
        for folder in ["objects", "uploads"] {
            files(&self.server.app.config.data_dir.join(folder), &mut stored);
        }
        stored
    }

    /// A wrong etag is refused, and so is none where one is needed; nothing changes by it.
    async fn stale<R: Step>(&mut self, request: &R) {
        let before = self.stored().await;
        let mut stale = request.clone();
        let Some(etag) = stale.etag() else { return };
        STALE.clone_into(etag);
        let status = refused_with(&self.client, stale.clone(), ErrorReason::EtagMismatch).await;
        assert_eq!(status.code, Code::Aborted, "{}", R::METHOD);
        assert!(status.metadata.contains_key("currentEtag"), "{}", R::METHOD);
        if R::NEEDED {
            stale.etag().unwrap().clear();
            let status = refused_with(&self.client, stale, ErrorReason::EtagRequired).await;
            assert_eq!(status.code, Code::InvalidArgument, "{}", R::METHOD);
        }
        assert_eq!(self.stored().await, before, "{}", R::METHOD);
        self.etags.insert(R::METHOD.to_owned());
    }

    /// All that [`Trial::stale`] asks; then the rehearsal, which answers as the call will and changes
    /// nothing; then the call.
    async fn step<R: Step>(&mut self, mut request: R) -> R::Response {
        self.stale(&request).await;
        let before = self.stored().await;
        let mut rehearsal = request.clone();
        let flag = rehearsal.validate_only().unwrap_or_else(|| panic!("{}", R::METHOD));
        *flag = true;
        *rehearsal.request_id().unwrap() = crate::support::uuid4();
        let shown = self.answer(rehearsal).await;
        assert_eq!(self.stored().await, before, "{} was only rehearsed", R::METHOD);
        self.rehearsed.insert(R::METHOD.to_owned());
        *request.request_id().unwrap() = crate::support::uuid4();
        let answer = self.answer(request).await;
        assert_eq!(plain(&shown), plain(&answer), "{}", R::METHOD);
        assert_ne!(self.stored().await, before, "{} changes something", R::METHOD);
        answer
    }

    async fn answer<R: Step>(&self, request: R) -> R::Response {
        let answer: Result<R::Response, Error> = soon(self.client.call_once(request)).await;
        answer.unwrap_or_else(|error| panic!("{}: {error}", R::METHOD))
    }
}

/// All files below a folder, with their sizes.
fn files(folder: &Path, into: &mut String) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, into);
        } else {
            let size = path.metadata().map_or(0, |file| file.len());
            into.push_str(&format!("{}: {size}\n", path.display()));
        }
    }
}

/// An answer without what is new every time: times and ids that nobody chose.
fn plain(answer: &impl Debug) -> String {
    let text = format!("{answer:?}");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, time)) = rest.split_once("Timestamp {") {
        plain.push_str(before);
        plain.push_str("TIME");
        rest = time.split_once('}').unwrap().1;
    }
    plain.push_str(rest);
    let words =
        plain.split('"').map(|word| if uuid::Uuid::try_parse(word).is_ok() { "UID" } else { word });
    words.collect::<Vec<_>>().join("\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_etag_is_compared_and_every_rehearsal_changes_nothing() {
    let mut trial = Trial::start().await;
    shops_and_files(&mut trial).await;
    papers(&mut trial).await;
    the_road(&mut trial).await;

    let set = FileDescriptorSet::decode(cartage_proto::FILE_DESCRIPTOR_SET).unwrap();
    let message = |name: &str| {
        let mut all = set.file.iter().flat_map(|file| &file.message_type);
        all.find(|it| name.ends_with(&format!(".{}", it.name()))).unwrap()
    };
    let has = |name: &str, field: &str| message(name).field.iter().any(|it| it.name() == field);
    let (mut etags, mut rehearsals) = (BTreeSet::new(), BTreeSet::new());
    for method in set.file.iter().flat_map(|file| &file.service).flat_map(|it| &it.method) {
        let request = method.input_type();
        let name = snake(method.name());
        if has(request, "validate_only") {
            rehearsals.insert(name.clone());
        }
        let brought = method.name().starts_with("Update")
            && message(request).field.iter().any(|it| {
                let resource = it.type_name();
                resource.starts_with(".cartage") && has(resource, "etag")
            });
        if has(request, "etag") || brought {
            etags.insert(name);
        }
    }
    assert!(etags.len() > 15 && rehearsals.len() > 20, "{etags:?} {rehearsals:?}");
    assert_eq!(trial.etags, etags, "a method with an etag has no place here");
    assert_eq!(trial.rehearsed, rehearsals, "a method with a rehearsal has no place here");
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Uploads and connections.
async fn shops_and_files(trial: &mut Trial) {
    let upload = trial
        .step(v1::CreateUploadRequest {
            parent: "accounts/acme".to_owned(),
            upload_id: "file".to_owned(),
            upload: Some(v1::Upload {
                file_name: "products.csv".to_owned(),
                size_bytes: 3,
                ..Default::default()
            }),
            ..Default::default()
        })
        .await;
    let data = b"a,b".to_vec();
    let (offset, crc32c) = (0, crc32c::crc32c(&data));
    let name = upload.name.clone();
    let piece = v1::WriteUploadChunkRequest { name, offset, data: data.into(), crc32c };
    trial.client.call(piece).await.unwrap();
    let upload = v1::GetUploadRequest { name: upload.name };
    let upload = trial.client.call(upload).await.unwrap();
    let (name, etag) = (upload.name, upload.etag);
    trial.step(v1::DeleteUploadRequest { name, etag, ..Default::default() }).await;

    let mut made = trial.step(connection("acme", "spare", sandbox())).await;
    made.display_name = "Spare".to_owned();
    let update = v1::UpdateConnectionRequest {
        connection: Some(made),
        update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
        ..Default::default()
    };
    let changed = trial.step(update).await;
    assert_eq!(changed.display_name, "Spare");
    let (name, etag) = (changed.name, changed.etag);
    trial.step(v1::DeleteConnectionRequest { name, etag, ..Default::default() }).await;
}

/// A migration that is given up, with a mapping.
async fn papers(trial: &mut Trial) {
    let paper = paper_migration(&trial.client, "acme", "paper").await;
    let create = v1::CreateMigrationRequest {
        parent: "accounts/acme".to_owned(),
        migration_id: "given-up".to_owned(),
        migration: Some(v1::Migration {
            source_connection: paper.source_connection,
            target_connection: paper.target_connection,
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut made = trial.step(create).await;
    made.display_name = "Never".to_owned();
    let update = v1::UpdateMigrationRequest {
        migration: Some(made),
        update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
        ..Default::default()
    };
    let made = trial.step(update).await;

    let create = v1::CreateMappingRequest {
        parent: made.name.clone(),
        mapping_id: "spare".to_owned(),
        ..Default::default()
    };
    let mut mapping = trial.step(create).await;
    mapping.display_name = "Spare".to_owned();
    let update = v1::UpdateMappingRequest { mapping: Some(mapping), ..Default::default() };
    let mapping = trial.step(update).await;
    let (name, etag) = (mapping.name.clone(), mapping.etag);
    trial.step(v1::PublishMappingRequest { name, etag, ..Default::default() }).await;
    let create = v1::CreateMappingRequest {
        parent: made.name.clone(),
        mapping_id: "unused".to_owned(),
        ..Default::default()
    };
    let mapping = trial.client.call(create).await.unwrap();
    let (name, etag) = (mapping.name, mapping.etag);
    trial.step(v1::DeleteMappingRequest { name, etag, ..Default::default() }).await;

    let link = v1::ImportedRecordLink {
        kind: v1::RecordKind::Order.into(),
        source_id: "1001".to_owned(),
        target_id: "order_1".to_owned(),
        ..Default::default()
    };
    let import = v1::ImportRecordLinksRequest {
        parent: made.name.clone(),
        record_links: vec![link],
        ..Default::default()
    };
    trial.step(import).await;

    let get = v1::GetMigrationRequest { name: made.name.clone() };
    let made = trial.client.call(get).await.unwrap();
    let (name, etag) = (made.name, made.etag);
    let cancelled =
        trial.step(v1::CancelMigrationRequest { name, etag, ..Default::default() }).await;
    let (name, etag) = (cancelled.name, cancelled.etag);
    trial.step(v1::DeleteMigrationRequest { name, etag, ..Default::default() }).await;
}

/// A migration from its first snapshot to its end.
async fn the_road(trial: &mut Trial) {
    let (walk, _files) = Walk::handful(&trial.server, "a,A,,Acme,1\n").await;
    let client = trial.client.clone();
    snapshots_and_audits(trial, &walk).await;

    walk.restore().await;
    let create = v1::CreatePlanRequest {
        parent: walk.migration.clone(),
        plan_id: "plan".to_owned(),
        plan: Some(v1::Plan {
            snapshot: walk.snapshot.name.clone(),
            mapping_revision: walk.revision.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let plan = trial.step(create).await;
    let losses = plan.losses.iter().filter_map(|loss| loss.loss.as_ref());
    let submit = v1::SubmitPlanRequest {
        name: plan.name.clone(),
        acknowledged_loss_ids: losses.map(|loss| loss.id.clone()).collect(),
        etag: plan.etag,
        ..Default::default()
    };
    let plan = trial.step(submit).await;
    let (name, etag) = (plan.name, plan.etag);
    let plan = trial.step(v1::ApprovePlanRequest { name, etag, ..Default::default() }).await;

    let before = walk.before().await;
    let create = v1::CreateRunRequest {
        run_id: "live".to_owned(),
        ..walk.create(live(&plan.name, &before))
    };
    let run = trial.step(create).await;
    let (name, etag) = (run.name.clone(), run.etag);
    trial.step(v1::StartRunRequest { name, etag, ..Default::default() }).await;
    let run = soon(wait::run(&client, &run.name, |_| {})).await.unwrap();
    assert_eq!(run.state(), v1::run::State::Succeeded, "{run:?}");
    let pause = v1::PauseRunRequest { name: run.name.clone(), ..Default::default() };
    trial.stale(&pause).await;
    let verify = v1::CreateVerificationReportRequest {
        parent: run.name.clone(),
        verification_report_id: "report".to_owned(),
        ..Default::default()
    };
    trial.step(verify).await;

    let rehearsal = walk.sandbox().await;
    soon(road::verify_connection(&client, &rehearsal)).await.unwrap();
    let paused = walk.draft(walk.test(&rehearsal)).await;
    let sql = format!("update resource set state = 'PAUSED' where name = '{}'", paused.name);
    trial.server.database.query(&sql).await.unwrap();
    let (name, etag) = (paused.name.clone(), paused.etag);
    trial.step(v1::ResumeRunRequest { name, etag, ..Default::default() }).await;
    soon(wait::run(&client, &paused.name, |_| {})).await.unwrap();
    judged(trial, &walk, &paused.name).await;
    let unwanted = walk.draft(walk.test(&rehearsal)).await;
    let unwanted = scheduled(trial, unwanted).await;
    let (name, etag) = (unwanted.name, unwanted.etag);
    trial.step(v1::CancelRunRequest { name, etag, ..Default::default() }).await;

    let get = v1::GetMigrationRequest { name: walk.migration.clone() };
    let migration = client.call(get).await.unwrap();
    let (name, etag) = (migration.name, migration.etag);
    trial.step(v1::CompleteMigrationRequest { name, etag, ..Default::default() }).await;
}

/// A run that gets a start time, and loses it again.
async fn scheduled(trial: &mut Trial, run: v1::Run) -> v1::Run {
    let start = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    let schedule = v1::ScheduleRunRequest {
        name: run.name,
        etag: run.etag,
        schedule: Some(v1::RunSchedule {
            start: Some(v1::run_schedule::Start::StartTime(start.into())),
            ..Default::default()
        }),
        ..Default::default()
    };
    let run = trial.step(schedule).await;
    let (name, etag) = (run.name, run.etag);
    trial.step(v1::UnscheduleRunRequest { name, etag, ..Default::default() }).await
}

/// What a person decides about a run whose record is taken for undecided.
async fn judged(trial: &mut Trial, walk: &Walk, run: &str) {
    let client = trial.client.clone();
    let sql = format!(
        "update run_record set outcome = 'unknown' where run = '{run}';
        update resource set state = 'AWAITING_ACCEPTANCE', revision = revision + 1 where name = '{run}'"
    );
    trial.server.database.query(&sql).await.unwrap();
    let made = client.call(v1::GetRunRequest { name: run.to_owned() }).await.unwrap();
    let (name, etag) = (made.name, made.etag);
    trial.step(v1::RetryRunRequest { name, etag, ..Default::default() }).await;
    let retried = soon(wait::run(&client, run, |_| {})).await.unwrap();
    assert_eq!(retried.state(), v1::run::State::Succeeded, "{retried:?}");
    trial.server.database.query(&sql).await.unwrap();
    let record = walk.records(run, "outcome = UNKNOWN").await.remove(0);
    let mut resolve = v1::ResolveRunRecordRequest {
        name: record.name,
        reason: "It is not there.".to_owned(),
        ..Default::default()
    };
    resolve.set_resolution(v1::resolve_run_record_request::Resolution::Quarantine);
    trial.step(resolve).await;
    let conflict = format!(
        "insert into record_conflict (account_id, migration, target, kind, source_id, field, run,
            source_digest, target_digest, field_values)
        select account_id, parent, body ->> 'target_connection', 'product', 'p', 'title', name, '0', '0', '0'
        from resource where name = '{run}'"
    );
    trial.server.database.query(&conflict).await.unwrap();
    let mut decide =
        v1::ResolveRecordConflictsRequest { name: run.to_owned(), ..Default::default() };
    decide.set_winner(v1::conflict_policy::Winner::Source);
    trial.step(decide).await;
    let made = client.call(v1::GetRunRequest { name: run.to_owned() }).await.unwrap();
    let (name, etag, reason) = (made.name, made.etag, "It is enough.".to_owned());
    trial.step(v1::AcceptRunRequest { name, etag, reason, ..Default::default() }).await;
}

async fn snapshots_and_audits(trial: &mut Trial, walk: &Walk) {
    let client = trial.client.clone();
    let create = v1::CreateSnapshotRequest {
        parent: walk.source.clone(),
        snapshot_id: "spare".to_owned(),
        ..Default::default()
    };
    let snapshot = trial.step(create).await;
    let snapshot = soon(wait::snapshot(&client, &snapshot.name, |_| {})).await.unwrap();
    let cancel = v1::CancelSnapshotRequest { name: snapshot.name.clone(), ..Default::default() };
    trial.stale(&cancel).await;

    let create = v1::CreateAuditRequest {
        parent: walk.migration.clone(),
        audit_id: "spare".to_owned(),
        audit: Some(v1::Audit { snapshot: snapshot.name.clone(), ..Default::default() }),
        ..Default::default()
    };
    let audit = trial.step(create).await;
    let audit = soon(wait::audit(&client, &audit.name, |_| {})).await.unwrap();
    let cancel = v1::CancelAuditRequest { name: audit.name.clone(), ..Default::default() };
    trial.stale(&cancel).await;
    let (name, etag) = (audit.name, audit.etag);
    trial.step(v1::DeleteAuditRequest { name, etag, ..Default::default() }).await;

    let get = v1::GetSnapshotRequest { name: snapshot.name };
    let snapshot = client.call(get).await.unwrap();
    let (name, etag) = (snapshot.name, snapshot.etag);
    trial.step(v1::DeleteSnapshotRequest { name, etag, ..Default::default() }).await;
}
