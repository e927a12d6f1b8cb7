//! `SnapshotService`: immutable copies of shops, and the proof that they can be restored.

mod encode;
mod records;
mod watch;

use cartage_proto::v1::{self, snapshot_service_server::SnapshotService};
use chrono::{DateTime, Utc};
use tonic::{Request, Response, Status};

use super::{Api, convert, filter, own_name, page::Page, watch::Stream};
use crate::{
    app::{
        restore_test::{self, RestoreTest},
        snapshot::{self, Snapshot, SnapshotState},
    },
    begin,
    error::{Error, Result},
    name::{Name, chosen_id},
    store::{
        event::NewEvent,
        resource::{Cut, Resource, State},
    },
    token::Caller,
};

#[tonic::async_trait]
impl SnapshotService for Api {
    type WatchSnapshotStream = Stream<v1::WatchSnapshotResponse>;

    async fn create_snapshot(
        &self,
        request: Request<v1::CreateSnapshotRequest>,
    ) -> Result<Response<v1::Snapshot>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "connections", "parent")?;
        let mut change = begin!(self, &caller, "CreateSnapshot", &request);
        let id = chosen_id(&request.snapshot_id, "snapshot_id", "s")?;
        let asked = request.snapshot.unwrap_or_default();
        let kinds = convert::kinds(&asked.kinds, "snapshot.kinds")?;
        let (tx, display_name) = (&mut change.tx, asked.display_name.as_str());
        let snapshot = snapshot::create(tx, &parent, &id, display_name, kinds).await?;
        change.event(parent.stream(), NewEvent::about(&snapshot, "created", None));
        let response = encode::snapshot(&snapshot, None);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_snapshot(
        &self,
        request: Request<v1::GetSnapshotRequest>,
    ) -> Result<Response<v1::Snapshot>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "snapshots", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let snapshot = tx.resource_get::<Snapshot>(&name).await?;
        let progress = tx.progress_get(&name).await?;
        Ok(Response::new(encode::snapshot(&snapshot, progress.as_ref())))
    }

    async fn list_snapshots(
        &self,
        request: Request<v1::ListSnapshotsRequest>,
    ) -> Result<Response<v1::ListSnapshotsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let (parent, all) = list_parent(&caller, &request.parent)?;
        let states = state_filter(&request.filter)?;
        let arguments = format!("{}\n{}", request.parent, request.filter);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListSnapshots", &arguments, size, token, 1_000)?;
        let after: Option<(DateTime<Utc>, String)> = page.after(&self.app.keys)?;
        let cut = Cut { limit: page.size + 1, after, states, ..Cut::default() };
        let mut tx = self.app.store.begin(&caller.account).await?;
        let rows = if all {
            tx.resource_list_all::<Snapshot>(&cut).await?
        } else {
            tx.resource_get::<crate::app::connection::Connection>(&parent).await?;
            tx.resource_list::<Snapshot>(&parent, &cut).await?
        };
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            // Only those under way have progress that their counts do not say.
            let progress = match row.state {
                SnapshotState::Succeeded | SnapshotState::Pending => None,
                _ => tx.progress_get(&row.name).await?,
            };
            found.push((row.place(), encode::snapshot(row, progress.as_ref())));
        }
        let (snapshots, next_page_token) =
            page.fill(&self.app.keys, found, |(place, _)| place.clone(), |(_, it)| it)?;
        Ok(Response::new(v1::ListSnapshotsResponse { snapshots, next_page_token }))
    }

    async fn delete_snapshot(
        &self,
        request: Request<v1::DeleteSnapshotRequest>,
    ) -> Result<Response<()>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "snapshots", "name")?;
        let mut change = begin!(self, &caller, "DeleteSnapshot", &request);
        let deleted = snapshot::delete(&mut change.tx, &name, &request.etag).await?;
        let event = NewEvent { state: None, ..NewEvent::about(&deleted, "deleted", None) };
        change.event(name.stream(), event);
        change.finish(self, &()).await?;
        if !request.validate_only {
            let folder = snapshot::folder(&deleted);
            // The key is gone with the commit; bytes that stay behind can be read by nobody.
            if let Err(error) = snapshot::delete_bytes(&self.app, &folder, None).await {
                tracing::warn!(snapshot = %name, error = %error.chain(), "Bytes stay behind.");
            }
        }
        Ok(Response::new(()))
    }

    async fn cancel_snapshot(
        &self,
        request: Request<v1::CancelSnapshotRequest>,
    ) -> Result<Response<v1::Snapshot>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "snapshots", "name")?;
        let mut change = begin!(self, &caller, "CancelSnapshot", &request);
        let (snapshot, before) = snapshot::cancel(&mut change.tx, &name, &request.etag).await?;
        if before != snapshot.state {
            let event = NewEvent::about(&snapshot, "state_changed", Some(before));
            change.event(name.stream(), event);
        }
        let progress = change.tx.progress_get(&name).await?;
        let response = encode::snapshot(&snapshot, progress.as_ref());
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn watch_snapshot(
        &self,
        request: Request<v1::WatchSnapshotRequest>,
    ) -> Result<Response<Self::WatchSnapshotStream>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.watch_one_snapshot(&caller, request).await?))
    }

    async fn list_snapshot_records(
        &self,
        request: Request<v1::ListSnapshotRecordsRequest>,
    ) -> Result<Response<v1::ListSnapshotRecordsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.snapshot_records(&caller, request).await?))
    }

    async fn create_restore_test(
        &self,
        request: Request<v1::CreateRestoreTestRequest>,
    ) -> Result<Response<v1::RestoreTest>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "snapshots", "parent")?;
        let mut change = begin!(self, &caller, "CreateRestoreTest", &request);
        let id = chosen_id(&request.restore_test_id, "restore_test_id", "r")?;
        let test = restore_test::create(&mut change.tx, &parent, &id).await?;
        change.event(parent.stream(), NewEvent::about(&test, "created", None));
        let response = encode::restore_test(&test);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_restore_test(
        &self,
        request: Request<v1::GetRestoreTestRequest>,
    ) -> Result<Response<v1::RestoreTest>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "restoreTests", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        Ok(Response::new(encode::restore_test(&tx.resource_get::<RestoreTest>(&name).await?)))
    }

    async fn list_restore_tests(
        &self,
        request: Request<v1::ListRestoreTestsRequest>,
    ) -> Result<Response<v1::ListRestoreTestsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "snapshots", "parent")?;
        let (size, token) = (request.page_size, request.page_token.as_str());
        let arguments = parent.as_str();
        let page = Page::new(&caller.account, "ListRestoreTests", arguments, size, token, 1_000)?;
        let after: Option<(DateTime<Utc>, String)> = page.after(&self.app.keys)?;
        let cut = Cut { limit: page.size + 1, after, ..Cut::default() };
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Snapshot>(&parent).await?;
        let rows = tx.resource_list::<RestoreTest>(&parent, &cut).await?;
        let (restore_tests, next_page_token) =
            page.fill(&self.app.keys, rows, Resource::place, |row| encode::restore_test(&row))?;
        Ok(Response::new(v1::ListRestoreTestsResponse { restore_tests, next_page_token }))
    }
}

/// The connection whose snapshots are listed, and whether those of all connections are meant: the
/// connection `-`.
fn list_parent(caller: &Caller, text: &str) -> Result<(Name, bool)> {
    if text == format!("accounts/{}/connections/-", caller.account) {
        return Ok((Name::account(&caller.account), true));
    }
    if text.ends_with("/connections/-") {
        return Err(Error::denied("access", text));
    }
    Ok((own_name(caller, text, "connections", "parent")?, false))
}

/// The states a filter asks for; none are all.
fn state_filter(text: &str) -> Result<Vec<String>> {
    let terms = filter::parse(text, &["state"])?;
    let Some(word) = terms.get("state") else { return Ok(Vec::new()) };
    match SnapshotState::parse(word) {
        Some(state) => Ok(vec![state.as_str().to_owned()]),
        None => Err(filter_value("state", word)),
    }
}

/// A value of a filter that the field cannot have.
pub(super) fn filter_value(field: &str, value: &str) -> Error {
    let message = format!("{field} cannot be {value:?}.");
    let mut error =
        Error::new(crate::reason::Reason::FilterInvalid, message.clone()).with("position", "0");
    error.violations.push(crate::error::Violation {
        field: "filter".to_owned(),
        reason: "TYPE_MISMATCH",
        description: message,
    });
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_of_a_list_may_be_all_of_the_own_account_only() {
        let caller = Caller {
            account: "agency".to_owned(),
            subject: "me".to_owned(),
            scopes: vec!["*".to_owned()],
            expires_at_s: 0,
        };
        let (name, all) = list_parent(&caller, "accounts/agency/connections/-").unwrap();
        assert!(all && name.as_str() == "accounts/agency");
        assert!(!list_parent(&caller, "accounts/agency/connections/shop").unwrap().1);
        for foreign in ["accounts/other/connections/-", "accounts/other/connections/shop"] {
            let error = list_parent(&caller, foreign).unwrap_err();
            assert_eq!(error.reason, crate::reason::Reason::AccessDenied, "{foreign}");
        }
    }

    #[test]
    fn a_filter_names_states_that_there_are() {
        assert_eq!(state_filter("state = SUCCEEDED").unwrap(), ["SUCCEEDED"]);
        assert!(state_filter("").unwrap().is_empty());
        for wrong in ["state = DONE", "size = 3"] {
            let error = state_filter(wrong).unwrap_err();
            assert_eq!(error.reason, crate::reason::Reason::FilterInvalid, "{wrong}");
        }
    }
}
