//! `MigrationService`: the whole undertaking of moving one shop.

mod scope;

use cartage_engine::migration::MigrationState;
use cartage_proto::v1::{self, migration_service_server::MigrationService};
use serde::{Deserialize, Serialize};
use tonic::{Request, Response, Status};

use super::{Api, change::Change, convert, filter, own_name, page::Page};
use crate::{
    app::migration::{self, Edit, Migration, Phase, View},
    begin,
    error::{Error, Result, Violation},
    name::{Name, chosen_id},
    reason::Reason,
    store::{
        event::NewEvent,
        resource::{Cut, Resource},
    },
    token::Caller,
};
pub use scope::{decode_scope, encode_scope};

/// The fields a list can be narrowed by.
const FILTER_FIELDS: [&str; 4] = ["state", "phase", "source_connection", "target_connection"];
/// The most migrations of an account that are put in order.
const SORTED_MAX: i64 = 10_000;
/// The longest reason of a cancellation, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

#[tonic::async_trait]
impl MigrationService for Api {
    async fn create_migration(
        &self,
        request: Request<v1::CreateMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        let body = decode(&caller, request.migration.clone().unwrap_or_default())?;
        let mut change = begin!(self, &caller, "CreateMigration", &request);
        let id = chosen_id(&request.migration_id, "migration_id", "m")?;
        let name = parent.child("migrations", &id);
        let made = migration::create(&mut change.tx, &name, &body).await?;
        let event = NewEvent {
            event_type: "migration.created".to_owned(),
            resource: name.to_string(),
            state: Some(made.state.as_str().to_owned()),
            ..NewEvent::default()
        };
        self.answer(change, made, vec![event]).await
    }

    async fn get_migration(
        &self,
        request: Request<v1::GetMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "migrations", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let found = tx.resource_get::<Migration>(&name).await?;
        Ok(Response::new(encode(&migration::view(&mut tx, found).await?)))
    }

    async fn list_migrations(
        &self,
        request: Request<v1::ListMigrationsRequest>,
    ) -> Result<Response<v1::ListMigrationsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        Ok(Response::new(self.migrations(&caller, &parent, &request).await?))
    }

    async fn update_migration(
        &self,
        request: Request<v1::UpdateMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let asked = request.migration.clone().unwrap_or_default();
        let name = own_name(&caller, &asked.name, "migrations", "migration.name")?;
        let paths = request.update_mask.clone().map(|mask| mask.paths).unwrap_or_default();
        let edit = edit(&asked, &paths)?;
        let mut change = begin!(self, &caller, "UpdateMigration", &request);
        let (made, events) = migration::update(&mut change.tx, &name, &asked.etag, edit).await?;
        self.answer(change, made, events).await
    }

    async fn delete_migration(
        &self,
        request: Request<v1::DeleteMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "migrations", "name")?;
        let mut change = begin!(self, &caller, "DeleteMigration", &request);
        let (made, events) =
            migration::delete(&mut change.tx, &name, &request.etag, request.force).await?;
        self.answer(change, made, events).await
    }

    async fn cancel_migration(
        &self,
        request: Request<v1::CancelMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "migrations", "name")?;
        if request.reason.chars().count() > REASON_CHARACTERS_MAX {
            let message = "A reason has at most 500 characters.";
            return Err(Error::field("reason", "TOO_LONG", message).into());
        }
        let mut change = begin!(self, &caller, "CancelMigration", &request);
        let (made, mut events) = migration::cancel(&mut change.tx, &name, &request.etag).await?;
        for event in events.iter_mut().filter(|event| event.resource == name.as_str()) {
            if !request.reason.is_empty() {
                event.attributes.insert("reason".to_owned(), request.reason.clone());
            }
        }
        self.answer(change, made, events).await
    }

    async fn complete_migration(
        &self,
        request: Request<v1::CompleteMigrationRequest>,
    ) -> Result<Response<v1::Migration>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "migrations", "name")?;
        let mut change = begin!(self, &caller, "CompleteMigration", &request);
        let (made, events) = migration::complete(&mut change.tx, &name, &request.etag).await?;
        self.answer(change, made, events).await
    }
}

/// Behind which migration a page begins: the value it is ordered by, and its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Position(String, String);

impl Api {
    async fn answer(
        &self,
        mut change: Box<Change>,
        made: Resource<Migration>,
        events: Vec<NewEvent>,
    ) -> Result<Response<v1::Migration>, Status> {
        let stream = made.name.stream();
        for event in events {
            change.event(stream.clone(), event);
        }
        let response = encode(&migration::view(&mut change.tx, made).await?);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    /// An account has some hundreds of migrations at most: they are put in order here.
    async fn migrations(
        &self,
        caller: &Caller,
        parent: &Name,
        request: &v1::ListMigrationsRequest,
    ) -> Result<v1::ListMigrationsResponse> {
        let wanted = filter::parse(&request.filter, &FILTER_FIELDS)?;
        let (order, descending) = order_by(&request.order_by)?;
        let arguments =
            format!("{}\n{}\n{}", request.filter, request.order_by, request.show_deleted);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListMigrations", &arguments, size, token, 1_000)?;
        let after: Option<Position> = page.after(&self.app.keys)?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let cut = Cut { limit: SORTED_MAX, deleted: request.show_deleted, ..Cut::default() };
        let mut rows = tx.resource_list::<Migration>(parent, &cut).await?;
        rows.retain(|row| {
            let body = &row.body;
            [
                ("state", row.state.as_str()),
                ("source_connection", &body.source_connection),
                ("target_connection", &body.target_connection),
            ]
            .into_iter()
            .all(|(field, value)| wanted.get(field).is_none_or(|text| text == value))
        });
        let position = |row: &Resource<Migration>| {
            // RFC 3339 in UTC with all digits sorts like the time itself.
            let time = |time: chrono::DateTime<chrono::Utc>| {
                time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
            };
            let key = match order {
                Order::CreateTime => time(row.create_time),
                Order::UpdateTime => time(row.update_time),
                Order::DisplayName => row.body.display_name.clone(),
            };
            Position(key, row.name.to_string())
        };
        rows.sort_by_cached_key(position);
        if descending {
            rows.reverse();
        }
        if let Some(after) = after {
            rows.retain(|row| {
                let own = position(row);
                if descending { own < after } else { own > after }
            });
        }
        let mut found = Vec::new();
        let enough = usize::try_from(page.size).unwrap_or_default().saturating_add(1);
        for row in rows {
            let place = position(&row);
            let view = encode(&migration::view(&mut tx, row).await?);
            let phase = view.phase().as_str_name().trim_start_matches("PHASE_");
            if wanted.get("phase").is_none_or(|text| text == phase) {
                found.push((place, view));
            }
            if found.len() == enough {
                break;
            }
        }
        let (migrations, next_page_token) =
            page.fill(&self.app.keys, found, |(place, _)| place.clone(), |(_, it)| it)?;
        Ok(v1::ListMigrationsResponse { migrations, next_page_token })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    CreateTime,
    UpdateTime,
    DisplayName,
}

/// By what a list is ordered, and whether downwards.
fn order_by(text: &str) -> Result<(Order, bool)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let order = match words.first() {
        None => return Ok((Order::CreateTime, true)),
        Some(&"create_time") => Some(Order::CreateTime),
        Some(&"update_time") => Some(Order::UpdateTime),
        Some(&"display_name") => Some(Order::DisplayName),
        Some(_) => None,
    };
    match (order, words.get(1..).unwrap_or_default()) {
        (Some(order), []) => Ok((order, false)),
        (Some(order), ["desc"]) => Ok((order, true)),
        _ => {
            let message = "Order by create_time, update_time or display_name, with desc if wanted.";
            let mut error = Error::new(Reason::FilterInvalid, message).with("position", "0");
            error.violations.push(Violation {
                field: "order_by".to_owned(),
                reason: "SYNTAX",
                description: message.to_owned(),
            });
            Err(error)
        }
    }
}

fn decode(caller: &Caller, asked: v1::Migration) -> Result<Migration> {
    let connection = |text: &str, field: &str| {
        own_name(caller, text, "connections", field).map(|it| it.to_string())
    };
    let scope = asked.scope.as_ref().map(|scope| decode_scope(scope, "migration.scope"));
    Ok(Migration {
        source_connection: connection(&asked.source_connection, "migration.source_connection")?,
        target_connection: connection(&asked.target_connection, "migration.target_connection")?,
        scope: scope.transpose()?.unwrap_or_default(),
        display_name: asked.display_name,
        ..Migration::default()
    })
}

fn edit(asked: &v1::Migration, paths: &[String]) -> Result<Edit> {
    let mut edit = Edit::default();
    let scope = || match &asked.scope {
        Some(scope) => decode_scope(scope, "migration.scope"),
        None => Ok(Default::default()),
    };
    if paths.is_empty() {
        edit.display_name = Some(asked.display_name.clone()).filter(|text| !text.is_empty());
        edit.scope = asked.scope.is_some().then(scope).transpose()?;
    }
    for (index, path) in paths.iter().enumerate() {
        match path.as_str() {
            "*" => {
                edit.display_name = Some(asked.display_name.clone());
                edit.scope = Some(scope()?);
            }
            "display_name" => edit.display_name = Some(asked.display_name.clone()),
            "scope" => edit.scope = Some(scope()?),
            "name"
            | "uid"
            | "source_connection"
            | "target_connection"
            | "state"
            | "phase"
            | "latest_snapshot"
            | "latest_mapping_revision"
            | "current_plan"
            | "current_run"
            | "record_counts"
            | "linked_counts"
            | "delete_time"
            | "purge_time"
            | "failure"
            | "etag"
            | "create_time"
            | "update_time" => {
                let message = "This field cannot be changed.";
                return Err(Error::field(&format!("migration.{path}"), "FIELD_IMMUTABLE", message));
            }
            _ => {
                let field = format!("update_mask.paths[{index}]");
                return Err(Error::field(&field, "UNKNOWN_FIELD", "There is no such field."));
            }
        }
    }
    Ok(edit)
}

fn encode(view: &View) -> v1::Migration {
    let migration = &view.migration;
    let body = &migration.body;
    v1::Migration {
        name: migration.name.to_string(),
        uid: migration.uid.to_string(),
        display_name: body.display_name.clone(),
        source_connection: body.source_connection.clone(),
        target_connection: body.target_connection.clone(),
        scope: (body.scope != migration::Scope::default()).then(|| encode_scope(&body.scope)),
        state: encode_state(migration.state).into(),
        phase: encode_phase(view.phase).into(),
        latest_snapshot: view.latest_snapshot.clone(),
        latest_mapping_revision: body.latest_mapping_revision.clone(),
        current_plan: body.current_plan.clone(),
        current_run: view.current_run.clone(),
        record_counts: view
            .record_counts
            .iter()
            .map(|(kind, count)| v1::KindCount {
                kind: convert::record_kind(*kind).into(),
                count: *count,
            })
            .collect(),
        linked_counts: view
            .linked_counts
            .iter()
            .map(|(kind, count)| v1::KindCount {
                kind: convert::record_kind_of(kind),
                count: *count,
            })
            .collect(),
        delete_time: migration.delete_time.map(convert::timestamp),
        purge_time: body.purge_time.map(convert::timestamp),
        failure: body.failure.as_ref().map(convert::failure),
        etag: migration.etag(),
        create_time: Some(convert::timestamp(migration.create_time)),
        update_time: Some(convert::timestamp(migration.update_time)),
    }
}

const fn encode_phase(phase: Phase) -> v1::migration::Phase {
    match phase {
        Phase::Discovery => v1::migration::Phase::Discovery,
        Phase::Audit => v1::migration::Phase::Audit,
        Phase::Planning => v1::migration::Phase::Planning,
        Phase::Mapping => v1::migration::Phase::Mapping,
        Phase::Testing => v1::migration::Phase::Testing,
        Phase::Execution => v1::migration::Phase::Execution,
        Phase::Monitoring => v1::migration::Phase::Monitoring,
    }
}

fn encode_state(state: MigrationState) -> v1::migration::State {
    v1::migration::State::from_str_name(state.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_in_the_contract() {
        for state in MigrationState::ALL {
            assert_ne!(encode_state(state), v1::migration::State::Unspecified, "{state:?}");
        }
    }

    #[test]
    fn a_list_is_ordered_by_what_the_contract_names() {
        assert_eq!(order_by("").unwrap(), (Order::CreateTime, true));
        assert_eq!(order_by("display_name").unwrap(), (Order::DisplayName, false));
        assert_eq!(order_by(" update_time  desc").unwrap(), (Order::UpdateTime, true));
        for bad in ["name", "create_time up", "create_time desc desc"] {
            assert_eq!(order_by(bad).unwrap_err().reason, Reason::FilterInvalid, "{bad}");
        }
    }

    #[test]
    fn a_mask_changes_what_it_names() {
        let asked = v1::Migration { display_name: "n".to_owned(), ..Default::default() };
        let paths = |path: &str| [path.to_owned()];
        assert!(edit(&asked, &[]).is_ok_and(|it| it.display_name.is_some() && it.scope.is_none()));
        assert!(edit(&asked, &paths("scope")).is_ok_and(|it| it.scope.is_some()));
        assert!(edit(&asked, &paths("*")).is_ok_and(|it| it.scope.is_some()));
        let reason = |path| edit(&asked, &paths(path)).unwrap_err().violations[0].reason;
        assert_eq!(reason("source_connection"), "FIELD_IMMUTABLE");
        assert_eq!(reason("nothing"), "UNKNOWN_FIELD");
    }
}
