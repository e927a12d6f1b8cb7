//! Runs that are paused, resumed, cancelled and rolled back while their worker stands at a named
//! place, and then goes on or dies. R16.
//!
//! By default each order of calls meets a few places, chosen by a seed; `CARTAGE_TEST_ALL=1` has all
//! of them meet, and `CARTAGE_TEST_SEED` chooses others.

use std::time::Duration;

use cartage_client::{
    Client, Error, road,
    v1::{self, ErrorReason, run::State},
    wait,
};
use cartage_engine::run::{RunEvent, RunState};
use cartage_postgres::test::TestDatabase;
use cartage_sandbox::medusa::{Fault, Faults, Rule};
use cartage_server::failpoint::Place;
use nix::sys::signal::Signal;
use rand::{SeedableRng, rngs::StdRng, seq::index};
use tonic::Code;

use crate::{
    invariants::{self, Evidence, TakenBack},
    processes::{Deployment, Life},
    shop::{Contents, contents},
    support::{database, folder, products, soon},
    walk::{Walk, live},
};

/// How many products a run of these tests writes.
const PRODUCTS: usize = 4;
/// How long the shop takes for each call, so that a pause comes before the end.
const CALL_MS: u64 = 30;
/// How many places each order of calls meets where not all are asked for.
const PLACES: usize = 3;

/// A call that wants something of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    Pause,
    Resume,
    Cancel,
    RollBack,
}

impl Control {
    const fn event(self) -> RunEvent {
        match self {
            Self::Pause => RunEvent::Pause,
            Self::Resume => RunEvent::Resume,
            Self::Cancel => RunEvent::Cancel,
            Self::RollBack => RunEvent::RollBack,
        }
    }

    /// Makes the call, once; gives the run that was asked for.
    async fn ask(self, client: &Client, run: &v1::Run) -> Result<v1::Run, Error> {
        let (name, etag) = (run.name.clone(), run.etag.clone());
        match self {
            Self::Pause => {
                client.call_once(v1::PauseRunRequest { name, etag, ..Default::default() }).await
            }
            Self::Resume => {
                client.call_once(v1::ResumeRunRequest { name, etag, ..Default::default() }).await
            }
            Self::Cancel => {
                client.call_once(v1::CancelRunRequest { name, etag, ..Default::default() }).await
            }
            Self::RollBack => {
                road::start_rollback(client, &name).await?;
                get(client, &name).await
            }
        }
    }
}

/// What becomes of the worker that stands still.
#[derive(Clone, Copy, Debug)]
enum Then {
    GoesOn,
    Dies,
}

async fn get(client: &Client, run: &str) -> Result<v1::Run, Error> {
    client.call_once(v1::GetRunRequest { name: run.to_owned() }).await
}

fn state(run: &v1::Run) -> RunState {
    RunState::parse(run.state().as_str_name().trim_start_matches("STATE_")).unwrap()
}

/// The products of one part of the export.
fn part(part: usize) -> v1::Scope {
    let product = v1::RecordKind::Product.into();
    let source_ids = (0..PRODUCTS).map(|n| format!("p{part}-{n}")).collect();
    let filter = v1::KindFilter { kind: product, source_ids, ..Default::default() };
    v1::Scope { kinds: vec![product], filters: vec![filter] }
}

/// A deployment whose calls are served by one process, and whose work is done by others.
struct Stage {
    database: TestDatabase,
    deployment: Deployment,
    api: Life,
    client: Client,
    walk: Walk,
    plan: String,
    before: String,
    next: usize,
    _files: tempfile::TempDir,
}

impl Stage {
    async fn set(cases: usize) -> Self {
        let database = database().await;
        let deployment = Deployment::new(Some(&database.url));
        let api = deployment.start_as(&["--role", "api"], None).await;
        let worker = deployment.start_as(&["--role", "worker"], None).await;
        let rows = (0..=cases).flat_map(|part| (0..PRODUCTS).map(move |n| (part, n)));
        let rows: String =
            rows.map(|(part, n)| format!("p{part}-{n},Product {part} {n},,Acme,{n}\n")).collect();
        let files = folder(&[("products_export.csv", &products(&rows))]);
        let walk = Walk::begin_as(deployment.client(&api).await, files.path()).await;
        let (plan, before) = walk.ready().await;
        // The one that stands: what is taken back later is never all there is.
        let scope = Some(part(0));
        let first = walk.draft(v1::Run { scope, ..live(&plan, &before) }).await;
        assert_eq!(walk.rest(&first).await.state(), State::Succeeded);
        worker.stop().await;
        let rule = Rule { fault: Fault::Wait { ms: CALL_MS }, ..Rule::default() };
        walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
        let client = deployment.impatient(&api).await;
        Self { database, deployment, api, client, walk, plan, before, next: 1, _files: files }
    }

    async fn worker(&self, failpoint: Option<&str>) -> Life {
        self.deployment.start_as(&["--role", "worker"], failpoint).await
    }

    /// One run whose worker stops at a place; gives it as it is there, and the worker.
    async fn held_at(&mut self, place: Place) -> (v1::Run, Life) {
        let scope = Some(part(self.next));
        self.next += 1;
        let run = self.walk.draft(v1::Run { scope, ..live(&self.plan, &self.before) }).await.name;
        self.hold_at(place, &run).await
    }

    /// Starts a run whose worker stops at a place.
    async fn hold_at(&self, place: Place, run: &str) -> (v1::Run, Life) {
        let mut worker = self.worker(Some(&format!("{}:1:stop", place.as_str()))).await;
        road::start_run(&self.client, run).await.unwrap();
        if place == Place::PauseBetween {
            let running = async {
                while get(&self.client, run).await.unwrap().state() != State::Running {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            soon(running).await;
            Control::Pause.ask(&self.client, &get(&self.client, run).await.unwrap()).await.unwrap();
        }
        worker.stands_still().await;
        (get(&self.client, run).await.unwrap(), worker)
    }

    /// Makes a call, which must do what the table of states says. While the worker stands in the midst
    /// of a transaction that holds the run, nobody else can change it, and is told so; false then, and
    /// where the run went on in between.
    async fn ask(&self, control: Control, run: &str) -> bool {
        let held = get(&self.client, run).await.unwrap();
        let answer = soon(control.ask(&self.client, &held)).await;
        let context = format!("{control:?} of {:?}: {answer:?}", held.state());
        match (state(&held).next(control.event()), answer) {
            (_, Err(Error::Status(status))) if status.code == Code::Aborted => {
                let told = [ErrorReason::Contention, ErrorReason::EtagMismatch];
                assert!(status.reason.is_some_and(|it| told.contains(&it)), "{context}");
                return false;
            }
            (Ok(Some(RunState::RollingBack)), Ok(run)) => {
                let goes = [RunState::RollingBack, RunState::RolledBack];
                assert!(goes.contains(&state(&run)), "{context}");
            }
            (Ok(Some(next)), Ok(run)) => assert_eq!(state(&run), next, "{context}"),
            (Ok(None), Ok(run)) => {
                assert_eq!((run.state(), run.etag), (held.state(), held.etag), "{context}");
            }
            (Err(_), Err(Error::Status(status))) => {
                let told = match control {
                    // It is refused before it begins, for the run goes on writing.
                    Control::RollBack => [ErrorReason::StateConflict, ErrorReason::LiveRunActive],
                    _ => [ErrorReason::StateConflict; 2],
                };
                assert!(status.reason.is_some_and(|it| told.contains(&it)), "{context}");
                assert_eq!(status.code, Code::FailedPrecondition, "{context}");
            }
            _ => panic!("{context}"),
        }
        true
    }

    /// Lets the worker go on or kills it; gives the worker that is there then.
    async fn then(&self, then: Then, worker: Life) -> Life {
        match then {
            Then::GoesOn => {
                worker.signal(Signal::SIGCONT);
                worker
            }
            Then::Dies => {
                worker.kill().await;
                self.worker(None).await
            }
        }
    }

    /// The run when it has come to rest, as far as that is its own doing.
    async fn rest(&self, run: &str) -> v1::Run {
        let rest = async {
            loop {
                let now = get(&self.client, run).await.unwrap();
                if !state(&now).is_active() || now.state() == State::RollingBack {
                    return now;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(rest).await
    }

    /// Sends a run on from where it rests until it has ended. One that is taken back has, or waits as
    /// the run does that takes it back.
    async fn to_the_end(&self, run: &str) -> v1::Run {
        loop {
            let now = self.rest(run).await;
            match now.state() {
                State::Paused => assert!(self.ask(Control::Resume, run).await),
                State::Succeeded | State::Cancelled | State::RolledBack | State::RollingBack => {
                    return now;
                }
                _ => panic!("{now:?}"),
            }
        }
    }

    /// Waits for the run that takes another one back. Where the worker died amid a call, the shop is
    /// asked for the object that this may have made: a person is not needed for it.
    async fn assert_taken_back(&self, run: &str, context: &str) {
        let taker = get(&self.client, run).await.unwrap().rolled_back_by;
        let taken = soon(wait::run(&self.client, &taker, |_| {})).await.unwrap();
        assert_eq!(taken.state(), State::Succeeded, "{context}: {taken:?}");
    }

    async fn hold(&self, taken_back: Option<TakenBack>) {
        let evidence = Evidence {
            shop: Some(self.walk.shop.state("cartage_key")),
            lease: Some(Duration::from_secs(2)),
            taken_back,
            ..Evidence::default()
        };
        invariants::hold(&self.database.url, &evidence).await;
    }

    async fn contents(&self) -> Contents {
        contents(&self.walk.shop).await
    }

    /// One run that is held at a place, asked for these things there, and followed to its end.
    async fn play(&mut self, place: Place, controls: &[Control], then: Then) {
        let before = self.contents().await;
        let (held, worker) = self.held_at(place).await;
        let run = held.name;
        let mut left = controls;
        while let [next, rest @ ..] = left {
            if !self.ask(*next, &run).await {
                break;
            }
            left = rest;
        }
        let worker = self.then(then, worker).await;
        // What could not be said before.
        for control in left {
            soon(async { while !self.ask(*control, &run).await {} }).await;
        }
        let ended = self.to_the_end(&run).await;
        let context = format!("{place:?} {controls:?} {then:?}: {ended:?}");
        if ended.state() == State::Succeeded {
            let outcomes = ended.accounting.as_ref().unwrap().outcomes.unwrap();
            assert_eq!(outcomes.migrated + outcomes.changed, PRODUCTS as i64, "{context}");
        }
        self.hold(None).await;
        if controls.contains(&Control::RollBack) {
            // What was refused while it wrote is possible now.
            if !matches!(ended.state(), State::RollingBack | State::RolledBack) {
                assert!(self.ask(Control::RollBack, &run).await, "{context}");
            }
            self.assert_taken_back(&run, &context).await;
            let after = self.contents().await;
            assert_eq!(self.to_the_end(&run).await.state(), State::RolledBack, "{context}");
            self.hold(Some(TakenBack { before, after, ..TakenBack::default() })).await;
        }
        worker.stop().await;
    }

    /// The rollback of a run, held at a place, asked for these things there, and followed to its end.
    async fn play_back(&mut self, place: Place, controls: &[Control], then: Then) {
        let before = self.contents().await;
        let worker = self.worker(None).await;
        let scope = Some(part(self.next));
        self.next += 1;
        let run = self.walk.draft(v1::Run { scope, ..live(&self.plan, &self.before) }).await;
        let run = self.walk.rest(&run).await;
        assert_eq!(run.state(), State::Succeeded, "{run:?}");
        worker.stop().await;
        let amid = self.contents().await;
        let draft = v1::Run {
            kind: v1::RunKind::Rollback.into(),
            rollback_run: run.name.clone(),
            ..Default::default()
        };
        let rollback = self.walk.draft(draft).await.name;
        let (_, worker) = self.hold_at(place, &rollback).await;
        let mut left = controls;
        while let [next, rest @ ..] = left {
            if !self.ask(*next, &rollback).await {
                break;
            }
            left = rest;
        }
        let worker = self.then(then, worker).await;
        for control in left {
            soon(async { while !self.ask(*control, &rollback).await {} }).await;
        }
        let ended = self.to_the_end(&rollback).await;
        let context = format!("rollback, {place:?} {controls:?} {then:?}: {ended:?}");
        let taken = get(&self.client, &run.name).await.unwrap();
        match ended.state() {
            State::Succeeded => assert_eq!(taken.state(), State::RolledBack, "{context}"),
            State::Cancelled => {
                assert_eq!(taken.state(), State::Failed, "{context}");
                let reason = taken.failure.unwrap().reason();
                assert_eq!(reason, ErrorReason::RollbackIncomplete, "{context}");
                self.hold(None).await;
                let again = road::start_rollback(&self.client, &run.name).await.unwrap();
                let again = soon(wait::run(&self.client, &again.name, |_| {})).await.unwrap();
                assert_eq!(again.state(), State::Succeeded, "{context}: {again:?}");
            }
            _ => panic!("{context}"),
        }
        let after = self.contents().await;
        self.hold(Some(TakenBack { before, amid, after, ..TakenBack::default() })).await;
        worker.stop().await;
    }
}

/// The places that an order of calls meets, and what becomes of the worker there.
fn cases(
    orders: &[&'static [Control]],
    places: &[Place],
) -> Vec<(Place, &'static [Control], Then)> {
    let all = std::env::var("CARTAGE_TEST_ALL").is_ok();
    let seed = std::env::var("CARTAGE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut chance = StdRng::seed_from_u64(seed.unwrap_or(16));
    let mut cases = Vec::new();
    for (number, order) in orders.iter().copied().enumerate() {
        if all {
            let both = |place: &Place| [(*place, order, Then::GoesOn), (*place, order, Then::Dies)];
            cases.extend(places.iter().flat_map(both));
            continue;
        }
        for (turn, place) in index::sample(&mut chance, places.len(), PLACES).iter().enumerate() {
            let then = if (number + turn) % 2 == 0 { Then::GoesOn } else { Then::Dies };
            cases.push((places[place], order, then));
        }
    }
    cases
}

/// R16: the calls that stop a run and send it on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_can_be_paused_and_resumed_wherever_its_worker_stands() {
    use Control::{Pause, Resume};
    let orders: [&[Control]; 3] = [&[Pause], &[Resume], &[Pause, Resume, Pause]];
    let cases = cases(&orders, Place::ALL);
    let mut stage = Stage::set(cases.len()).await;
    for (place, controls, then) in cases {
        println!("{place:?} {controls:?} {then:?}");
        stage.play(place, controls, then).await;
    }
    stage.api.stop().await;
}

/// R16: the calls that end a run, and those that come too late then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_can_be_cancelled_wherever_its_worker_stands() {
    use Control::{Cancel, Pause, Resume};
    let orders: [&[Control]; 3] = [&[Cancel], &[Pause, Cancel], &[Cancel, Pause, Resume]];
    let cases = cases(&orders, Place::ALL);
    let mut stage = Stage::set(cases.len()).await;
    for (place, controls, then) in cases {
        println!("{place:?} {controls:?} {then:?}");
        stage.play(place, controls, then).await;
    }
    stage.api.stop().await;
}

/// R16: a run that writes is not taken back, and one that was stopped is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_can_be_taken_back_once_it_was_stopped_wherever_its_worker_stood() {
    use Control::{Cancel, Pause, RollBack};
    let orders: [&[Control]; 3] = [&[RollBack], &[Pause, RollBack], &[Cancel, RollBack]];
    let cases = cases(&orders, Place::ALL);
    let mut stage = Stage::set(cases.len()).await;
    for (place, controls, then) in cases {
        println!("{place:?} {controls:?} {then:?}");
        stage.play(place, controls, then).await;
    }
    stage.api.stop().await;
}

/// R16: the same of the run that takes another one back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_can_be_stopped_and_gone_on_with_wherever_its_worker_stands() {
    use Control::{Cancel, Pause, Resume};
    let orders: [&[Control]; 3] = [&[Pause], &[Cancel], &[Pause, Resume]];
    let cases = cases(&orders, Place::ALL);
    let mut stage = Stage::set(cases.len()).await;
    for (place, controls, then) in cases {
        println!("{place:?} {controls:?} {then:?}");
        stage.play_back(place, controls, then).await;
    }
    stage.api.stop().await;
}
