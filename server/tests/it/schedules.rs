//! Runs that start by themselves, once, and work within their windows.
//!
//! Nobody waits for the night: where the time must be another one, the schedule is moved in the
//! database by as much.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use cartage_client::{
    Client, paginate, road,
    v1::{
        self, ErrorReason,
        run::{PauseReason, State},
        run_schedule::{Start, WindowEndAction},
        run_window::Weekday,
    },
};
use cartage_postgres::test::TestDatabase;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use cartage_server::{
    config::Config,
    serve::{self, Running},
    token,
};
use chrono::{TimeDelta, Utc};
use futures::TryStreamExt;

use crate::{
    support::{Server, database, folder, products, refused_with, soon, violation},
    walk::{SLOW, Walk, live},
};

pub(crate) const HOUR: u64 = 3_600;

/// What servers share that come and go.
struct Site {
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        Self { database: database().await, folder: tempfile::tempdir().unwrap() }
    }

    async fn serve(&self) -> Running {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database_url: Some(self.database.url.clone()),
            executable: env!("CARGO_BIN_EXE_cartage-server").into(),
            poll: Duration::from_millis(20),
            drain: Duration::from_secs(5),
            ..Config::new(self.folder.path().join("data"))
        };
        serve::start(config).await.unwrap()
    }

    async fn walk(&self, server: &Running, export: &Path) -> Walk {
        Walk::begin_as(client(server).await, export).await
    }
}

async fn client(server: &Running) -> Client {
    let keys = &server.app.keys;
    let token = token::sign(keys, "acme", "tester", "*", Duration::from_secs(HOUR)).unwrap();
    Client::connect(&format!("http://{}", server.address), &token).await.unwrap()
}

fn export() -> tempfile::TempDir {
    folder(&[("products_export.csv", &products("a,A,,Acme,1\nb,B,,Acme,2\n"))])
}

/// A start in so many seconds.
pub(crate) fn in_seconds(seconds: u64) -> v1::RunSchedule {
    let start = SystemTime::now() + Duration::from_secs(seconds);
    v1::RunSchedule { start: Some(Start::StartTime(start.into())), ..Default::default() }
}

pub(crate) fn at_local(time: &str, zone: &str) -> v1::RunSchedule {
    v1::RunSchedule {
        start: Some(Start::LocalStartTime(time.to_owned())),
        time_zone: zone.to_owned(),
        ..Default::default()
    }
}

fn window(start: &str, end: &str) -> v1::RunWindow {
    v1::RunWindow {
        start_time_of_day: start.to_owned(),
        end_time_of_day: end.to_owned(),
        ..Default::default()
    }
}

/// A request that can only be refused for its schedule.
pub(crate) fn request(run: &v1::Run, schedule: v1::RunSchedule) -> v1::ScheduleRunRequest {
    let (name, etag) = (run.name.clone(), run.etag.clone());
    v1::ScheduleRunRequest { name, etag, schedule: Some(schedule), ..Default::default() }
}

async fn get(client: &Client, run: &str) -> v1::Run {
    client.call(v1::GetRunRequest { name: run.to_owned() }).await.unwrap()
}

async fn migration_state(walk: &Walk) -> v1::migration::State {
    let name = walk.migration.clone();
    walk.client.call(v1::GetMigrationRequest { name }).await.unwrap().state()
}

/// The run once it is as wanted.
pub(crate) async fn until(
    client: &Client,
    run: &str,
    wanted: impl Fn(&v1::Run) -> bool,
) -> v1::Run {
    let ended = [State::Succeeded, State::Failed, State::Cancelled];
    let seen = async {
        loop {
            let run = get(client, run).await;
            if wanted(&run) {
                return run;
            }
            assert!(!ended.contains(&run.state()), "it ended otherwise: {run:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(seen).await
}

fn waits_for_window(run: &v1::Run) -> bool {
    run.state() == State::Paused && run.pause_reason() == PauseReason::WindowClosed
}

/// The events of a run: their types, and the states they lead to.
pub(crate) async fn events(walk: &Walk, run: &str) -> Vec<(String, String)> {
    let request = v1::ListEventsRequest { parent: walk.migration.clone(), ..Default::default() };
    let all: Vec<v1::Event> = paginate(&walk.client, request).try_collect().await.unwrap();
    let all = all.into_iter().filter(|event| event.resource == run);
    all.map(|event| (event.r#type, event.state_change.unwrap_or_default().state)).collect()
}

pub(crate) fn count(events: &[(String, String)], state: &str) -> usize {
    events.iter().filter(|(_, to)| to == state).count()
}

/// Moves the start of a run that is scheduled by an interval, and its timer with it.
pub(crate) async fn move_start(database: &TestDatabase, run: &str, by: &str) {
    let sql = format!(
        "update resource set body = jsonb_set(body, '{{schedule,start}}',
            to_jsonb((body #>> '{{schedule,start}}')::timestamptz + interval '{by}'))
        where name = '{run}';
        update job set run_at = run_at + interval '{by}' where resource = '{run}'"
    );
    database.query(&sql).await.unwrap();
}

/// The time of day in UTC, so many minutes from now.
fn minutes_from_now(minutes: i64) -> String {
    (Utc::now() + TimeDelta::minutes(minutes)).format("%H:%M:%S").to_string()
}

/// Gives a run one window, from and to so many minutes from now.
async fn move_window(database: &TestDatabase, run: &str, from: i64, to: i64) {
    let sql = format!(
        "update resource set body = jsonb_set(body, '{{schedule,windows}}',
            '[{{\"start\": \"{}\", \"end\": \"{}\"}}]')
        where name = '{run}'",
        minutes_from_now(from),
        minutes_from_now(to)
    );
    database.query(&sql).await.unwrap();
}

/// Lets the timer of a run ring now.
async fn ring(database: &TestDatabase, run: &str) {
    let sql = format!("update job set run_at = clock_timestamp() where resource = '{run}'");
    database.query(&sql).await.unwrap();
}

async fn timers(database: &TestDatabase) -> String {
    database.query("select count(*) from job").await.unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_one_starts_a_run_and_starts_it_once() {
    let (site, export) = (Site::new().await, export());
    let (first, second) = (site.serve().await, site.serve().await);
    let walk = site.walk(&first, export.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    let scheduled = road::schedule_run(&walk.client, &run.name, in_seconds(2)).await.unwrap();
    assert_eq!(scheduled.state(), State::Scheduled);
    assert!(scheduled.next_start_time.is_some() && scheduled.start_time.is_none());
    assert_eq!(migration_state(&walk).await, v1::migration::State::Scheduled);

    let done = until(&walk.client, &run.name, |run| run.state() == State::Succeeded).await;
    assert_eq!((done.recovery_count, done.next_start_time), (0, None), "{done:?}");
    assert!(done.start_time.unwrap().seconds >= scheduled.next_start_time.unwrap().seconds);
    let seen = events(&walk, &run.name).await;
    for state in ["SCHEDULED", "PENDING", "RUNNING", "SUCCEEDED"] {
        assert_eq!(count(&seen, state), 1, "{state}: {seen:?}");
    }
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 2);
    assert_eq!(migration_state(&walk).await, v1::migration::State::Monitoring);
    assert_eq!(timers(&site.database).await, "0");
    for server in [first, second] {
        server.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_while_no_server_ran_is_caught_up_or_missed_in_plain_sight() {
    let (site, export) = (Site::new().await, export());
    let server = site.serve().await;
    let walk = site.walk(&server, export.path()).await;
    let (plan, before) = walk.ready().await;
    let missed = walk.draft(live(&plan, &before)).await.name;
    road::schedule_run(&walk.client, &missed, in_seconds(3 * HOUR)).await.unwrap();
    let caught = walk.draft(walk.test(&walk.sandbox().await)).await.name;
    road::schedule_run(&walk.client, &caught, in_seconds(3 * HOUR)).await.unwrap();
    server.stop().await.unwrap();
    move_start(&site.database, &missed, "-4 hours -1 minute").await;
    move_start(&site.database, &caught, "-3 hours -50 minutes").await;

    let server = site.serve().await;
    let walk = Walk { client: client(&server).await, ..walk };
    let run = until(&walk.client, &missed, |run| run.state() != State::Scheduled).await;
    assert_eq!((run.state(), run.schedule, run.start_time), (State::Draft, None, None));
    let seen = events(&walk, &missed).await;
    assert_eq!(seen.last(), Some(&("run.schedule_missed".to_owned(), "DRAFT".to_owned())));
    assert_eq!(count(&seen, "PENDING"), 0, "{seen:?}");
    assert_eq!(migration_state(&walk).await, v1::migration::State::Approved);
    until(&walk.client, &caught, |run| run.state() == State::Succeeded).await;
    assert_eq!(timers(&site.database).await, "0");

    // What was missed can be scheduled again, and started by hand.
    road::schedule_run(&walk.client, &missed, in_seconds(HOUR)).await.unwrap();
    let run = v1::UnscheduleRunRequest { name: missed.clone(), ..Default::default() };
    assert_eq!(walk.client.call(run).await.unwrap().state(), State::Draft);
    let run = walk.rest(&get(&walk.client, &missed).await).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_changed_taken_away_and_ends_with_the_run() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let (client, database) = (&walk.client, &server.database);
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await;
    let unschedule = v1::UnscheduleRunRequest { name: run.name.clone(), ..Default::default() };
    let same = client.call(unschedule.clone()).await.unwrap();
    assert_eq!(same.etag, run.etag, "there is nothing to take away");

    let run = road::schedule_run(client, &run.name, in_seconds(HOUR)).await.unwrap();
    let other = walk.draft(live(&plan, &before)).await;
    let status =
        refused_with(client, request(&other, in_seconds(HOUR)), ErrorReason::LiveRunActive).await;
    assert_eq!(status.metadata["run"], run.name);
    let start = v1::StartRunRequest {
        name: run.name.clone(),
        etag: run.etag.clone(),
        ..Default::default()
    };
    let status = refused_with(client, start, ErrorReason::StateConflict).await;
    assert_eq!(status.metadata["currentState"], "SCHEDULED");
    let status = refused_with(
        client,
        v1::ScheduleRunRequest { etag: other.etag.clone(), ..request(&run, in_seconds(HOUR)) },
        ErrorReason::EtagMismatch,
    )
    .await;
    assert_eq!(status.metadata["currentEtag"], run.etag);

    // The same place, another time; the timer goes with it.
    let schedule = v1::RunSchedule {
        windows: vec![v1::RunWindow {
            weekdays: vec![Weekday::Sunday.into(), Weekday::Monday.into(), Weekday::Sunday.into()],
            ..window("00:00", "24:00")
        }],
        window_end_action: WindowEndAction::Continue.into(),
        catch_up_duration: Some(prost_types::Duration { seconds: 90, nanos: 0 }),
        ..at_local(&format!("{}T22:30", next_sunday()), "Europe/Berlin")
    };
    let later = client.call(request(&run, schedule)).await.unwrap();
    assert_eq!(later.state(), State::Scheduled);
    assert_ne!(later.next_start_time, run.next_start_time);
    let shown = later.schedule.unwrap();
    let local = format!("{}T22:30:00", next_sunday());
    assert_eq!(shown.start, Some(Start::LocalStartTime(local)));
    assert_eq!(shown.windows[0].end_time_of_day, "24:00");
    let days = [Weekday::Monday, Weekday::Sunday].map(i32::from);
    assert_eq!(shown.windows[0].weekdays, days);
    assert_eq!(shown.window_end_action(), WindowEndAction::Continue);
    assert_eq!(shown.catch_up_duration.unwrap().seconds, 90);
    let due = database.query("select extract(epoch from run_at)::bigint from job").await.unwrap();
    assert_eq!(due.trim(), later.next_start_time.unwrap().seconds.to_string());

    let draft = client.call(unschedule).await.unwrap();
    assert_eq!((draft.state(), draft.schedule, draft.next_start_time), (State::Draft, None, None));
    assert_eq!(migration_state(&walk).await, v1::migration::State::Approved);
    assert_eq!(timers(database).await, "0");
    let seen: Vec<String> =
        events(&walk, &run.name).await.into_iter().map(|(kind, _)| kind).collect();
    let changed = "run.state_changed";
    assert_eq!(seen, [changed, changed, "run.rescheduled", changed]);

    // Cancelled before it waits, beside one that waits; and while it waits.
    let run = road::schedule_run(client, &run.name, in_seconds(HOUR)).await.unwrap();
    for (name, state) in
        [(other.name, v1::migration::State::Scheduled), (run.name, v1::migration::State::Approved)]
    {
        let cancel = v1::CancelRunRequest { name, ..Default::default() };
        assert_eq!(client.call(cancel).await.unwrap().state(), State::Cancelled);
        assert_eq!(migration_state(&walk).await, state);
    }
    assert_eq!(timers(database).await, "0");
    // The migration takes its runs with it.
    let run = walk.draft(live(&plan, &before)).await;
    road::schedule_run(client, &run.name, in_seconds(HOUR)).await.unwrap();
    let cancel = v1::CancelMigrationRequest { name: walk.migration.clone(), ..Default::default() };
    client.call(cancel).await.unwrap();
    assert_eq!(get(client, &run.name).await.state(), State::Cancelled);
    assert_eq!(timers(database).await, "0");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_schedule_a_migration_is_what_it_was_before() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let (client, database) = (&walk.client, &server.database);
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let migration = async || {
        client.call(v1::GetMigrationRequest { name: walk.migration.clone() }).await.unwrap()
    };
    let second = walk.draft(live(&plan, &before)).await.name;
    let unschedule = v1::UnscheduleRunRequest { name: second.clone(), ..Default::default() };
    road::schedule_run(client, &second, in_seconds(HOUR)).await.unwrap();
    assert_eq!(migration_state(&walk).await, v1::migration::State::Scheduled);
    client.call(unschedule.clone()).await.unwrap();
    assert_eq!(migration_state(&walk).await, v1::migration::State::Monitoring);

    // Missed.
    road::schedule_run(client, &second, in_seconds(HOUR)).await.unwrap();
    move_start(database, &second, "-5 hours").await;
    until(client, &second, |run| run.state() == State::Draft).await;
    assert_eq!(migration_state(&walk).await, v1::migration::State::Monitoring);

    // A run that failed, and its reason.
    walk.shop.set_faults(Faults {
        rules: vec![Rule { fault: Fault::Refuse { status: 422 }, reads: true, ..Rule::default() }],
        ..Faults::default()
    });
    let failed = walk.live(&plan, &before).await;
    walk.shop.set_faults(Faults::default());
    assert_eq!(failed.state(), State::Failed, "{failed:?}");
    let failure = migration().await.failure;
    assert!(failure.is_some());
    road::schedule_run(client, &second, in_seconds(HOUR)).await.unwrap();
    assert_eq!(migration().await.failure, None);
    client.call(unschedule).await.unwrap();
    let migration = migration().await;
    assert_eq!(migration.state(), v1::migration::State::Failed);
    assert_eq!(migration.failure, failure);
}

fn next_sunday() -> chrono::NaiveDate {
    use chrono::Datelike;
    let days = Utc::now().date_naive().iter_days().skip(2);
    days.into_iter().find(|day| day.weekday() == chrono::Weekday::Sun).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_longer_holds_at_the_start_ends_the_run_before_it_writes() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let client = &walk.client;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await.name;
    road::schedule_run(client, &run, in_seconds(HOUR)).await.unwrap();
    client.call(update_credentials(&walk)).await.unwrap();
    move_start(&server.database, &run, "-1 hour -1 minute").await;

    let ended = until(client, &run, |run| run.state() != State::Scheduled).await;
    assert_eq!(ended.state(), State::Failed, "{ended:?}");
    let failure = ended.failure.unwrap();
    assert_eq!(failure.reason(), ErrorReason::PreconditionsUnmet);
    assert!(failure.message.contains("verified"), "{failure:?}");
    let seen = events(&walk, &run).await;
    let states: Vec<&str> = seen.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, ["DRAFT", "SCHEDULED", "PENDING", "FAILED"]);
    assert_eq!(migration_state(&walk).await, v1::migration::State::Failed);
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 0);
    assert_eq!(timers(&server.database).await, "0");

    // What was missing is made good.
    soon(road::verify_connection(client, &walk.target)).await.unwrap();
    client.call(v1::RetryRunRequest { name: run.clone(), ..Default::default() }).await.unwrap();
    until(client, &run, |run| run.state() == State::Succeeded).await;
}

/// A run that the end of its window has paused while it wrote to a slow shop.
async fn caught_by_the_end(server: &Server) -> (Walk, v1::Run, tempfile::TempDir) {
    let (walk, files) = Walk::slow(server, 1_500).await;
    walk.shop.set_faults(Faults::default());
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await.name;
    let schedule = v1::RunSchedule {
        time_zone: "UTC".to_owned(),
        windows: vec![window(&minutes_from_now(-60), &minutes_from_now(60))],
        ..in_seconds(2)
    };
    road::schedule_run(&walk.client, &run, schedule).await.unwrap();
    let path = Some("/admin/products".to_owned());
    let rule = Rule { fault: Fault::Wait { ms: 3_000 }, path, ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    walk.recorded(&run).await;
    move_window(&server.database, &run, 60, 120).await;
    let paused = until(&walk.client, &run, waits_for_window).await;
    walk.shop.set_faults(Faults::default());
    (walk, paused, files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_pauses_at_the_end_of_its_window_and_goes_on_in_the_next_one() {
    let server = Server::start().await;
    let (walk, paused, _files) = caught_by_the_end(&server).await;
    let (client, database, run) = (&walk.client, &server.database, paused.name.clone());
    let opening = paused.next_start_time.unwrap();
    let an_hour = Utc::now().timestamp() + 3_600;
    assert!((an_hour - 120..=an_hour).contains(&opening.seconds), "{opening:?} {an_hour}");
    let done = paused.accounting.unwrap();
    let written = done.outcomes.unwrap().migrated + done.outcomes.unwrap().changed;
    assert!(written > 0 && written < SLOW, "{written}");
    assert_eq!(migration_state(&walk).await, v1::migration::State::Paused);
    assert!(paused.worker.is_none());

    // Outside its window it waits again, whoever sends it on.
    let resume = v1::ResumeRunRequest { name: run.clone(), ..Default::default() };
    client.call(resume.clone()).await.unwrap();
    until(client, &run, waits_for_window).await;
    // The timer rings for nothing where the window is still closed.
    ring(database, &run).await;
    let put_off =
        "select count(*) from job where run_at > clock_timestamp() + interval '50 minutes'
        and lease_until is null";
    soon(async {
        while database.query(put_off).await.unwrap().trim() != "1" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(waits_for_window(&get(client, &run).await));

    move_window(database, &run, -60, 60).await;
    ring(database, &run).await;
    let done = until(client, &run, |run| run.state() == State::Succeeded).await;
    assert_eq!(done.next_start_time, None);
    let seen = events(&walk, &run).await;
    assert_eq!(count(&seen, "PAUSING"), 1, "{seen:?}");
    assert_eq!(count(&seen, "PAUSED"), 2, "{seen:?}");
    assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], SLOW);
    assert_eq!(timers(database).await, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_the_last_word_about_a_run_that_waits_for_its_window() {
    let server = Server::start().await;
    let (walk, paused, _files) = caught_by_the_end(&server).await;
    let (client, database, run) = (&walk.client, &server.database, paused.name);

    let pause = v1::PauseRunRequest { name: run.clone(), ..Default::default() };
    let held = client.call(pause.clone()).await.unwrap();
    assert_eq!((held.state(), held.pause_reason()), (State::Paused, PauseReason::Requested));
    assert_eq!(held.next_start_time, None);
    assert_eq!(timers(database).await, "0", "it does not go on by itself");
    assert_eq!(client.call(pause).await.unwrap().etag, held.etag, "nothing to do");
    let resume = v1::ResumeRunRequest { name: run.clone(), ..Default::default() };
    client.call(resume.clone()).await.unwrap();
    until(client, &run, waits_for_window).await;

    // The window opens, and something is not as it must be.
    let credentials = update_credentials(&walk);
    client.call(credentials).await.unwrap();
    move_window(database, &run, -60, 60).await;
    ring(database, &run).await;
    let unmet = |run: &v1::Run| run.pause_reason() == PauseReason::PreconditionsUnmet;
    let unmet = until(client, &run, unmet).await;
    assert_eq!(unmet.state(), State::Paused);
    assert_eq!(unmet.failure.unwrap().reason(), ErrorReason::PreconditionsUnmet);
    let last = events(&walk, &run).await.pop().unwrap();
    assert_eq!(last.0, "run.pause_reason_changed");
    assert_eq!(timers(database).await, "0");
    soon(road::verify_connection(client, &walk.target)).await.unwrap();

    // Freed from its windows it goes on at any time.
    move_window(database, &run, 60, 120).await;
    client.call(resume.clone()).await.unwrap();
    until(client, &run, waits_for_window).await;
    let unschedule = v1::UnscheduleRunRequest { name: run.clone(), ..Default::default() };
    let freed = client.call(unschedule).await.unwrap();
    assert_eq!((freed.state(), freed.pause_reason()), (State::Paused, PauseReason::Requested));
    assert_eq!((freed.schedule, freed.next_start_time), (None, None));
    assert_eq!(timers(database).await, "0");
    client.call(resume).await.unwrap();
    until(client, &run, |run| run.state() == State::Succeeded).await;
    let unschedule = v1::UnscheduleRunRequest { name: run.clone(), ..Default::default() };
    let status = refused_with(client, unschedule, ErrorReason::StateConflict).await;
    assert_eq!(status.metadata["currentState"], "SUCCEEDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_for_its_window_can_be_cancelled_at_once() {
    let server = Server::start().await;
    let (walk, paused, _files) = caught_by_the_end(&server).await;
    let (client, database, run) = (&walk.client, &server.database, paused.name);
    client.call(v1::CancelRunRequest { name: run.clone(), ..Default::default() }).await.unwrap();
    until(client, &run, |run| run.state() == State::Cancelled).await;
    assert_eq!(migration_state(&walk).await, v1::migration::State::Approved);
    assert_eq!(timers(database).await, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_that_cannot_be_are_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "a,A,,Acme,1\n").await;
    let sandbox = walk.sandbox().await;
    let run = walk.draft(walk.test(&sandbox)).await;
    let with = |change: fn(&mut v1::RunSchedule)| {
        let mut schedule = v1::RunSchedule { time_zone: "UTC".to_owned(), ..in_seconds(HOUR) };
        change(&mut schedule);
        schedule
    };
    let catch_up = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let table = [
        (v1::RunSchedule::default(), "schedule.start", "REQUIRED"),
        // Berlin puts its clocks forward in this night.
        (
            at_local("2027-03-28T02:30", "Europe/Berlin"),
            "schedule.local_start_time",
            "LOCAL_TIME_SKIPPED",
        ),
        (at_local("2027-03-28T02:30", ""), "schedule.time_zone", "REQUIRED"),
        (at_local("2020-01-01T00:00", "UTC"), "schedule.local_start_time", "IN_PAST"),
        (at_local("tomorrow", "UTC"), "schedule.local_start_time", "FORMAT_INVALID"),
        (at_local("2027-03-28T02:30", "Europe/Bonn"), "schedule.time_zone", "FORMAT_INVALID"),
        (in_seconds(0), "schedule.start_time", "IN_PAST"),
        (in_seconds(400 * 24 * HOUR), "schedule.start_time", "OUT_OF_RANGE"),
        (
            v1::RunSchedule { windows: vec![window("22:00", "06:00")], ..in_seconds(HOUR) },
            "schedule.time_zone",
            "REQUIRED",
        ),
        (
            with(|it| it.windows = vec![window("22:00", "26:00")]),
            "schedule.windows[0].end_time_of_day",
            "FORMAT_INVALID",
        ),
        (
            with(|it| it.windows = vec![window("22:00", "22:00")]),
            "schedule.windows[0].end_time_of_day",
            "OUT_OF_RANGE",
        ),
        (
            with(|it| {
                it.windows = vec![v1::RunWindow { weekdays: vec![0], ..window("22:00", "06:00") }]
            }),
            "schedule.windows[0].weekdays",
            "ENUM_VALUE_INVALID",
        ),
        (
            with(|it| it.windows = vec![window("22:00", "06:00"); 51]),
            "schedule.windows",
            "TOO_MANY",
        ),
        (with(|it| it.window_end_action = 9), "schedule.window_end_action", "ENUM_VALUE_INVALID"),
        (
            v1::RunSchedule { catch_up_duration: catch_up(9), ..in_seconds(HOUR) },
            "schedule.catch_up_duration",
            "OUT_OF_RANGE",
        ),
        (
            v1::RunSchedule { catch_up_duration: catch_up(-60), ..in_seconds(HOUR) },
            "schedule.catch_up_duration",
            "OUT_OF_RANGE",
        ),
        (
            v1::RunSchedule {
                windows: vec![window("22:00", "06:00")],
                ..at_local(&format!("{}T12:00", next_sunday()), "Europe/Berlin")
            },
            "schedule.local_start_time",
            "OUTSIDE_WINDOWS",
        ),
    ];
    for (schedule, field, reason) in table {
        let shown = format!("{schedule:?}");
        let asked = request(&run, schedule);
        let status = refused_with(&walk.client, asked, ErrorReason::InvalidFields).await;
        assert_eq!(violation(&status), (field, reason), "{shown}");
    }
    let status = refused_with(
        &walk.client,
        v1::ScheduleRunRequest { schedule: None, ..request(&run, in_seconds(HOUR)) },
        ErrorReason::InvalidFields,
    )
    .await;
    assert_eq!(violation(&status), ("schedule", "REQUIRED"));
    assert_eq!(get(&walk.client, &run.name).await, run);

    // What must hold first is asked for already now; here: that the shop is known to work.
    let target = walk.draft(walk.test(&walk.target)).await;
    let asked = request(&target, in_seconds(HOUR));
    let status = refused_with(&walk.client, asked, ErrorReason::PreconditionsUnmet).await;
    assert_eq!(violation(&status).1, "TARGET_NOT_ISOLATED");
}

/// Gives the target its credentials again: it has to be verified anew before a run may write.
fn update_credentials(walk: &Walk) -> v1::UpdateConnectionRequest {
    let secret = Some(v1::credentials::Secret::ApiKey(walk.shop.api_key().to_owned()));
    v1::UpdateConnectionRequest {
        connection: Some(v1::Connection {
            name: walk.target.clone(),
            credentials: Some(v1::Credentials { secret }),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["credentials".to_owned()] }),
        ..Default::default()
    }
}
