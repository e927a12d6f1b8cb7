//! Waiting for the end of long work, by watch and by asking.

use cartage_client::{
    Error, road, v1,
    wait::{self, Update},
};
use tonic::Status;
use v1::{restore_test, run::State, watch_run_response::Message as M};

use super::fake::{Fake, ends};

fn run(state: State) -> v1::Run {
    let mut run = v1::Run { name: "r".to_owned(), ..Default::default() };
    run.set_state(state);
    run
}

fn said(message: M) -> v1::WatchRunResponse {
    v1::WatchRunResponse { position: None, message: Some(message) }
}

fn turned() -> v1::WatchRunResponse {
    let state_change = Some(v1::StateChange::default());
    said(M::Event(v1::Event { state_change, ..Default::default() }))
}

#[tokio::test(start_paused = true)]
async fn a_run_is_watched_until_it_rests() {
    let progress = said(M::Progress(v1::Progress { done: 7, ..Default::default() }));
    let going = || said(M::Run(run(State::Running)));
    let table = [
        (vec![going(), progress.clone(), said(M::Run(run(State::Paused)))], vec![], State::Paused),
        (vec![going(), turned()], vec![State::Succeeded], State::Succeeded),
        (vec![going(), turned(), turned()], vec![State::Verifying, State::Failed], State::Failed),
    ];
    for (stream, gets, expected) in table {
        let fake = Fake::default();
        fake.streams::<v1::WatchRunRequest, _>("RunService/WatchRun", [ends(stream)]);
        let gets = gets.into_iter().map(|state| Ok(run(state)));
        fake.answers::<v1::GetRunRequest, _>("RunService/GetRun", gets);
        let mut told = Vec::new();
        let rested = wait::run(&fake.client(), "r", |update| told.push(update)).await.unwrap();
        assert_eq!(rested.state(), expected);
        let progress = told.iter().filter(|update| matches!(update, Update::Progress(_))).count();
        assert_eq!(progress, usize::from(expected == State::Paused));
        assert_eq!(wait::succeeded(rested).is_ok(), expected == State::Succeeded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_the_watch_is_asked() {
    let fake = Fake::default();
    let states = [State::Pending, State::Running, State::Succeeded];
    let gets = states.map(|state| Ok(run(state)));
    let seen = fake.answers::<v1::GetRunRequest, _>("RunService/GetRun", gets);
    let rested = wait::run(&fake.client(), "r", |_| {}).await.unwrap();
    assert_eq!((rested.state(), seen.messages().len()), (State::Succeeded, 3));
}

#[tokio::test(start_paused = true)]
async fn a_restore_test_that_found_damage_is_an_error_that_says_so() {
    let finding = v1::Failure {
        reason: v1::ErrorReason::SnapshotDamaged.into(),
        message: "part 3 differs".to_owned(),
        ..Default::default()
    };
    let mut test =
        v1::RestoreTest { name: "t".to_owned(), finding: Some(finding), ..Default::default() };
    test.set_state(restore_test::State::Succeeded);
    test.set_verdict(restore_test::Verdict::Failed);
    let fake = Fake::default();
    fake.answers::<v1::CreateRestoreTestRequest, _>(
        "SnapshotService/CreateRestoreTest",
        [Err(Status::unavailable("cut")), Ok(v1::RestoreTest::default())],
    );
    fake.answers::<v1::GetRestoreTestRequest, _>("SnapshotService/GetRestoreTest", [Ok(test)]);
    let error = road::test_restore(&fake.client(), "s").await.unwrap_err();
    assert_eq!(error.reason(), Some(v1::ErrorReason::SnapshotDamaged));
    assert!(matches!(error, Error::Ended { .. }));
    assert_eq!(error.to_string(), "t ended in state SUCCEEDED: part 3 differs (SNAPSHOT_DAMAGED)");
}
