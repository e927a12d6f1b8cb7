//! Waits for the end of long work: by its watch where it has one, else by asking again and again.
//!
//! All functions return the resource as it ended, however it ended; [`succeeded`] turns a bad end into an
//! error. The callback hears of progress.

use std::time::Duration;

use cartage_proto::v1;
use tonic::Code;

use crate::{
    Client, Error, Unary, retry,
    watch::{Item, Watch, watch},
};

mod ended;

pub use ended::{Ended, succeeded};

/// What a wait tells meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The newest progress.
    Progress(v1::Progress),
    /// Something an audit found.
    Finding(Box<v1::Finding>),
    /// An event.
    Event(Box<v1::Event>),
}

/// Waits until a connection is verified.
///
/// # Errors
/// [`Error::Status`].
pub async fn connection(client: &Client, name: &str) -> Result<v1::Connection, Error> {
    poll(client, v1::GetConnectionRequest { name: name.to_owned() }, |_| {}).await
}

/// Waits until a restore test has ended.
///
/// # Errors
/// [`Error::Status`].
pub async fn restore_test(client: &Client, name: &str) -> Result<v1::RestoreTest, Error> {
    poll(client, v1::GetRestoreTestRequest { name: name.to_owned() }, |_| {}).await
}

/// Waits until a verification has ended.
///
/// # Errors
/// [`Error::Status`].
pub async fn verification_report(
    client: &Client,
    name: &str,
    mut tell: impl FnMut(Update) + Send,
) -> Result<v1::VerificationReport, Error> {
    let request = v1::GetVerificationReportRequest { name: name.to_owned() };
    poll(client, request, |report: &v1::VerificationReport| tell(Update::Progress(of(report))))
        .await
}

/// Waits until a snapshot is taken.
///
/// # Errors
/// [`Error::Status`].
pub async fn snapshot(
    client: &Client,
    name: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Snapshot, Error> {
    let request = v1::WatchSnapshotRequest { name: name.to_owned(), ..Default::default() };
    let get = v1::GetSnapshotRequest { name: name.to_owned() };
    follow(client, request, get, |event| Update::Event(Box::new(event)), tell).await
}

/// Waits until an audit has ended.
///
/// # Errors
/// [`Error::Status`].
pub async fn audit(
    client: &Client,
    name: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Audit, Error> {
    let request = v1::WatchAuditRequest { name: name.to_owned(), ..Default::default() };
    let get = v1::GetAuditRequest { name: name.to_owned() };
    follow(client, request, get, |finding| Update::Finding(Box::new(finding)), tell).await
}

/// Waits until a run is at rest: it has ended, or is paused or waits for a person, which it does not leave
/// by itself.
///
/// # Errors
/// [`Error::Status`].
pub async fn run(
    client: &Client,
    name: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Run, Error> {
    let request = v1::WatchRunRequest { name: name.to_owned(), ..Default::default() };
    let get = v1::GetRunRequest { name: name.to_owned() };
    follow(client, request, get, |event| Update::Event(Box::new(event)), tell).await
}

/// Asks again and again, less and less often, until the answer is an end.
///
/// # Errors
/// [`Error::Status`].
pub async fn poll<R>(
    client: &Client,
    request: R,
    mut tell: impl FnMut(&R::Response) + Send,
) -> Result<R::Response, Error>
where
    R: Unary,
    R::Response: Ended + Sync,
{
    let rhythm = retry::Policy {
        initial_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(3),
        growth_percent: 150,
        ..Default::default()
    };
    let mut asked = 0;
    loop {
        let resource = client.call(request.clone()).await?;
        if resource.has_ended() {
            return Ok(resource);
        }
        tell(&resource);
        asked += 1;
        tokio::time::sleep(rhythm.ceiling(asked)).await;
    }
}

/// Watches until the resource has ended. What is told last may be older than what is returned.
async fn follow<W, R>(
    client: &Client,
    request: W,
    get: R,
    durable: impl Fn(W::Durable) -> Update + Send,
    mut tell: impl FnMut(Update) + Send,
) -> Result<R::Response, Error>
where
    W: Watch<State = R::Response>,
    R: Unary,
    R::Response: Ended + Sync,
{
    let mut watcher = watch(client, request);
    while let Some(message) = watcher.next().await {
        let turned = match message {
            Ok(message) => match message.item {
                Item::State(state) if state.has_ended() => return Ok(state),
                Item::Durable(item) => {
                    let turned = W::changes_state(&item);
                    tell(durable(item));
                    turned
                }
                Item::Progress(progress) => {
                    tell(Update::Progress(progress));
                    false
                }
                Item::State(_) | Item::Synced { .. } | Item::Restarted { .. } => false,
            },
            Err(error) if is_unimplemented(&error) => break,
            Err(error) => return Err(error),
        };
        if turned {
            let resource = client.call(get.clone()).await?;
            if resource.has_ended() {
                return Ok(resource);
            }
        }
    }
    poll(client, get, |_| {}).await
}

fn is_unimplemented(error: &Error) -> bool {
    error.status().is_some_and(|status| status.code == Code::Unimplemented)
}

/// The progress of a verification in the form of the watches.
fn of(report: &v1::VerificationReport) -> v1::Progress {
    let totals: Option<Vec<i64>> = report.progress.iter().map(|kind| kind.total).collect();
    v1::Progress {
        resource: report.name.clone(),
        state: report.state().as_str_name().to_owned(),
        activity: "verify".to_owned(),
        kinds: report.progress.clone(),
        done: report.progress.iter().map(|kind| kind.done).sum(),
        total: totals.filter(|totals| !totals.is_empty()).map(|totals| totals.iter().sum()),
        ..Default::default()
    }
}
