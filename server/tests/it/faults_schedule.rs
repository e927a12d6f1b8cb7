//! Starts that were to come while no server ran, and servers that all want to make them: each is made
//! once, or missed in plain sight, once. R28.

use std::time::Duration;

use cartage_client::{
    road,
    v1::{self, run::State},
};
use cartage_server::failpoint::Place;
use chrono::{DateTime, Days, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::{Europe::Berlin, Tz};

use crate::{
    invariants::{self, Evidence},
    processes::{Deployment, Life, death_at},
    schedules::{HOUR, at_local, count, events, in_seconds, move_start, request, until},
    support::{Server, database, folder, products, soon},
    walk::{Walk, live},
};

/// How many parts the export has, each for a run of its own.
const PARTS: usize = 8;

fn export() -> tempfile::TempDir {
    let rows: String = (0..PARTS).map(|n| format!("p{n},Product {n},,Acme,1\n")).collect();
    folder(&[("products_export.csv", &products(&rows))])
}

fn part(part: usize) -> Option<v1::Scope> {
    let product = v1::RecordKind::Product.into();
    let source_ids = vec![format!("p{part}")];
    let filter = v1::KindFilter { kind: product, source_ids, ..Default::default() };
    Some(v1::Scope { kinds: vec![product], filters: vec![filter] })
}

async fn hold(url: &str, walk: &Walk) {
    let shop = Some(walk.shop.state("cartage_key"));
    let lease = Some(Duration::from_secs(2));
    invariants::hold(url, &Evidence { shop, lease, ..Evidence::default() }).await;
}

/// Two servers that start at the same moment.
async fn both(deployment: &Deployment) -> [Life; 2] {
    let (one, other) = tokio::join!(deployment.start(None), deployment.start(None));
    [one, other]
}

/// R28: a start during a downtime, two servers that come back together, and one before them that dies
/// amid the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fell_into_a_downtime_is_made_once_whoever_comes_back() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let files = export();
    let mut lives = both(&deployment).await;
    let mut walk = Walk::begin_as(deployment.client(&lives[0]).await, files.path()).await;
    let (plan, before) = walk.ready().await;
    let deaths = [
        None,
        Some((Place::ClaimAfterCommit, 1)),
        Some((Place::EventBeforeCommit, 1)),
        Some((Place::LedgerBeforeCommit, 1)),
        None,
    ];
    for (number, death) in deaths.into_iter().enumerate() {
        let run = v1::Run { scope: part(number), ..live(&plan, &before) };
        let run = walk.draft(run).await.name;
        road::schedule_run(&walk.client, &run, in_seconds(3 * HOUR)).await.unwrap();
        for life in lives {
            life.kill().await;
        }
        move_start(&database, &run, "-3 hours -1 minute").await;
        if let Some((place, visit)) = death {
            let mut doomed = deployment.start(Some(&death_at(place, visit))).await;
            assert!(!doomed.end().await.success(), "{place:?}");
        }
        lives = both(&deployment).await;
        walk.client = deployment.client(&lives[number % 2]).await;
        let done = until(&walk.client, &run, |run| run.state() == State::Succeeded).await;
        let seen = events(&walk, &run).await;
        for state in ["SCHEDULED", "PENDING", "RUNNING", "VERIFYING", "SUCCEEDED"] {
            assert_eq!(count(&seen, state), 1, "{death:?}, {state}: {seen:?}");
        }
        assert!(!seen.iter().any(|(kind, _)| kind == "run.schedule_missed"), "{seen:?}");
        assert_eq!(done.accounting.unwrap().unaccounted, 0);
        assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], number + 1);
        hold(&database.url, &walk).await;
    }
    for life in lives {
        life.stop().await;
    }
}

/// R28: the downtime lasted too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_is_missed_is_told_once_by_servers_that_come_back_together() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let files = export();
    let mut lives = both(&deployment).await;
    let mut walk = Walk::begin_as(deployment.client(&lives[0]).await, files.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.draft(live(&plan, &before)).await.name;
    for (round, death) in [None, Some(Place::ClaimAfterCommit), Some(Place::EventBeforeCommit)]
        .into_iter()
        .enumerate()
    {
        road::schedule_run(&walk.client, &run, in_seconds(3 * HOUR)).await.unwrap();
        for life in lives {
            life.kill().await;
        }
        // An hour later is still in time where nothing else is said.
        move_start(&database, &run, "-4 hours -1 minute").await;
        if let Some(place) = death {
            let mut doomed = deployment.start(Some(&death_at(place, 1))).await;
            assert!(!doomed.end().await.success(), "{place:?}");
        }
        lives = both(&deployment).await;
        walk.client = deployment.client(&lives[0]).await;
        let missed = until(&walk.client, &run, |run| run.state() != State::Scheduled).await;
        assert_eq!((missed.state(), missed.start_time), (State::Draft, None), "{missed:?}");
        let seen = events(&walk, &run).await;
        let told = seen.iter().filter(|(kind, _)| kind == "run.schedule_missed").count();
        assert_eq!((told, count(&seen, "PENDING")), (round + 1, 0), "{seen:?}");
        assert_eq!(walk.shop.state("cartage_key")["counts"]["products"], 0);
        hold(&database.url, &walk).await;
    }
    for life in lives {
        life.stop().await;
    }
}

/// R28: many starts at the same moment, and two servers that are both awake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_makes_each_of_many_starts() {
    let database = database().await;
    let deployment = Deployment::new(Some(&database.url));
    let files = export();
    let lives = both(&deployment).await;
    let walk = Walk::begin_as(deployment.client(&lives[0]).await, files.path()).await;
    let rehearsal = walk.sandbox().await;
    let mut runs = Vec::new();
    for number in 0..PARTS {
        let run = v1::Run { scope: part(number), ..walk.test(&rehearsal) };
        runs.push(walk.draft(run).await.name);
    }
    for run in &runs {
        road::schedule_run(&walk.client, run, in_seconds(HOUR)).await.unwrap();
    }
    for run in &runs {
        move_start(&database, run, "-1 hour").await;
    }
    for run in &runs {
        let done = until(&walk.client, run, |run| run.state() == State::Succeeded).await;
        assert_eq!(done.recovery_count, 0, "{done:?}");
        let seen = events(&walk, run).await;
        for state in ["PENDING", "RUNNING", "SUCCEEDED"] {
            assert_eq!(count(&seen, state), 1, "{state}: {seen:?}");
        }
    }
    invariants::hold(&database.url, &Evidence::default()).await;
    for life in lives {
        life.stop().await;
    }
}

/// The next day from tomorrow on at which the clocks of a zone are changed by so many hours.
fn change(zone: Tz, hours: i64) -> chrono::NaiveDate {
    let offset = |day: chrono::NaiveDate, hour| {
        let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        zone.from_local_datetime(&day.and_time(time)).unwrap().offset().fix().local_minus_utc()
    };
    let changed =
        |day: &chrono::NaiveDate| i64::from(offset(*day, 12) - offset(*day, 0)) == hours * 3_600;
    let days = (Utc::now().date_naive() + Days::new(1)).iter_days().take(365);
    days.into_iter().find(changed).unwrap()
}

/// R28: a start by the clock on the wall, when that is put forward or back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_by_local_time_is_the_first_of_two_and_comes_once_when_clocks_change() {
    let server = Server::start().await;
    let files = export();
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let (forward, back) = (change(Berlin, 1), change(Berlin, -1));
    let next = |run: &v1::Run| {
        let start = run.next_start_time.unwrap();
        DateTime::<Utc>::from_timestamp(start.seconds, 0).unwrap()
    };
    // The hour from two to three is left out, or comes twice.
    let run = walk.draft(v1::Run { scope: part(0), ..live(&plan, &before) }).await;
    let skipped = request(&run, at_local(&format!("{forward}T02:30"), "Europe/Berlin"));
    let status = crate::support::refusal(&walk.client, skipped).await;
    assert_eq!(crate::support::violation(&status).1, "LOCAL_TIME_SKIPPED");
    let mut run = run;
    for (local, utc) in [
        (format!("{forward}T01:59"), format!("{forward}T00:59:00Z")),
        (format!("{forward}T03:00"), format!("{forward}T01:00:00Z")),
        (format!("{back}T03:00"), format!("{back}T02:00:00Z")),
        (format!("{back}T02:30"), format!("{back}T00:30:00Z")),
    ] {
        run = walk.client.call(request(&run, at_local(&local, "Europe/Berlin"))).await.unwrap();
        assert_eq!(next(&run), utc.parse::<DateTime<Utc>>().unwrap(), "{local}");
    }
    // That moment comes, and an hour later the same time of day comes again.
    let seconds = (next(&run) - Utc::now()).num_seconds();
    move_start(&server.database, &run.name, &format!("-{seconds} seconds")).await;
    until(&walk.client, &run.name, |run| run.state() == State::Succeeded).await;
    let seen = events(&walk, &run.name).await;
    assert_eq!((count(&seen, "PENDING"), count(&seen, "SUCCEEDED")), (1, 1), "{seen:?}");
    let jobs = server.database.query("select count(*) from job").await.unwrap();
    assert_eq!(jobs.trim(), "0", "nothing is to come");
    hold(&server.database.url, &walk).await;
    soon(server.stop()).await;
}
