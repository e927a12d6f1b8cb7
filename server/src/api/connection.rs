//! `ConnectionService`: shops that can be read or written.

mod edit;

use cartage_proto::v1::{self, connection_service_server::ConnectionService};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Api, convert, filter, own_name, page::Page};
use crate::{
    app::{
        connection::{
            self, CheckResult, Connection, ConnectionConfig, ConnectionState, Role, Secret,
            ShopifyCsvConfig, Verification,
        },
        snapshot,
    },
    begin,
    error::{Error, Result},
    name::chosen_id,
    store::{
        event::NewEvent,
        resource::{Resource, State},
    },
    token::Caller,
};

/// The fields a list can be narrowed by.
const FILTER_FIELDS: [&str; 2] = ["platform", "state"];

#[tonic::async_trait]
impl ConnectionService for Api {
    async fn create_connection(
        &self,
        request: Request<v1::CreateConnectionRequest>,
    ) -> Result<Response<v1::Connection>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        let mut asked = request.connection.clone().unwrap_or_default();
        let secret = secret(asked.credentials.take());
        let config = config(&caller, asked.config)?;
        let mut change = begin!(self, &caller, "CreateConnection", &request);
        let id = chosen_id(&request.connection_id, "connection_id", "c")?;
        let name = parent.child("connections", &id);
        let body = Connection { display_name: asked.display_name, config, ..Default::default() };
        let made = connection::create(&self.app, &mut change.tx, &name, body, secret).await?;
        change.event(
            name.stream(),
            NewEvent {
                event_type: "connection.created".to_owned(),
                resource: name.to_string(),
                state: Some(made.state.as_str().to_owned()),
                ..NewEvent::default()
            },
        );
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_connection(
        &self,
        request: Request<v1::GetConnectionRequest>,
    ) -> Result<Response<v1::Connection>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "connections", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        Ok(Response::new(encode(&tx.resource_get::<Connection>(&name).await?)))
    }

    async fn list_connections(
        &self,
        request: Request<v1::ListConnectionsRequest>,
    ) -> Result<Response<v1::ListConnectionsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        let wanted = filter::parse(&request.filter, &FILTER_FIELDS)?;
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page =
            Page::new(&caller.account, "ListConnections", &request.filter, size, token, 1_000)?;
        let fits = |it: &Resource<Connection>| {
            let platform = format!("platforms/{}", it.body.platform);
            wanted.get("platform").is_none_or(|text| *text == platform)
                && wanted.get("state").is_none_or(|text| text == it.state.as_str())
        };
        let (connections, next_page_token) =
            self.page_where(&parent, &page, false, fits, encode).await?;
        Ok(Response::new(v1::ListConnectionsResponse { connections, next_page_token }))
    }

    async fn update_connection(
        &self,
        request: Request<v1::UpdateConnectionRequest>,
    ) -> Result<Response<v1::Connection>, Status> {
        let (caller, request) = self.enter(request)?;
        let asked = request.connection.clone().unwrap_or_default();
        let name = own_name(&caller, &asked.name, "connections", "connection.name")?;
        let etag = asked.etag.clone();
        let edits = edit::decode(&caller, asked, request.update_mask.as_ref())?;
        let mut change = begin!(self, &caller, "UpdateConnection", &request);
        let (made, before) =
            connection::update(&self.app, &mut change.tx, &name, &etag, edits).await?;
        if made.state != before {
            change.event(name.stream(), connection::state_event(&made, before));
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn delete_connection(
        &self,
        request: Request<v1::DeleteConnectionRequest>,
    ) -> Result<Response<()>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "connections", "name")?;
        let rehearsal = request.validate_only;
        let mut change = begin!(self, &caller, "DeleteConnection", &request);
        let gone = connection::delete(&mut change.tx, &name, &request.etag, request.force).await?;
        change.event(
            name.stream(),
            NewEvent {
                event_type: "connection.deleted".to_owned(),
                resource: name.to_string(),
                ..NewEvent::default()
            },
        );
        change.finish(self, &()).await?;
        for it in gone.iter().filter(|_| !rehearsal) {
            // Their keys are destroyed: what stays can be read by nobody and only takes room.
            if let Err(error) = snapshot::delete_bytes(&self.app, &snapshot::folder(it), None).await
            {
                tracing::warn!(snapshot = %it.name, error = %error.chain(), "Bytes were left.");
            }
        }
        Ok(Response::new(()))
    }

    async fn verify_connection(
        &self,
        request: Request<v1::VerifyConnectionRequest>,
    ) -> Result<Response<v1::Connection>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "connections", "name")?;
        let mut change = begin!(self, &caller, "VerifyConnection", &request);
        let (made, before) = connection::verify(&mut change.tx, &name).await?;
        if made.state != before {
            change.event(name.stream(), connection::state_event(&made, before));
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }
}

fn secret(credentials: Option<v1::Credentials>) -> Option<Secret> {
    let v1::credentials::Secret::ApiKey(key) = credentials?.secret?;
    Some(Zeroizing::new(key))
}

/// The config of a request; names in it must be of the caller's account.
fn config(caller: &Caller, asked: Option<v1::connection::Config>) -> Result<ConnectionConfig> {
    use v1::connection::Config;
    Ok(match asked {
        None => {
            let message = "Say which platform it is and how to reach it.";
            return Err(Error::field("connection.config", "REQUIRED", message));
        }
        Some(Config::ShopifyCsv(csv)) => {
            let (path, upload) = match csv.source {
                Some(v1::shopify_csv_config::Source::Path(path)) => (path, String::new()),
                Some(v1::shopify_csv_config::Source::Upload(name)) => {
                    (String::new(), own_upload(caller, &name, "connection.shopify_csv.upload")?)
                }
                None => (String::new(), String::new()),
            };
            let field = "connection.shopify_csv.additional_uploads";
            let more = csv.additional_uploads.iter().map(|name| own_upload(caller, name, field));
            ConnectionConfig::ShopifyCsv(ShopifyCsvConfig {
                path,
                upload,
                additional_uploads: more.collect::<Result<_>>()?,
                time_zone: csv.time_zone,
                default_currency: csv.default_currency_code,
            })
        }
        Some(Config::Medusa(it)) => ConnectionConfig::Medusa {
            base_url: it.base_url.trim_end_matches('/').to_owned(),
            test_shop: it.test_shop,
        },
        Some(Config::Sandbox(it)) => ConnectionConfig::Sandbox {
            platform: it.platform.strip_prefix("platforms/").unwrap_or_default().to_owned(),
            base_url: String::new(),
        },
    })
}

fn own_upload(caller: &Caller, text: &str, field: &str) -> Result<String> {
    own_name(caller, text, "uploads", field).map(|name| name.to_string())
}

fn encode(connection: &Resource<Connection>) -> v1::Connection {
    let body = &connection.body;
    v1::Connection {
        name: connection.name.to_string(),
        uid: connection.uid.to_string(),
        display_name: body.display_name.clone(),
        platform: format!("platforms/{}", body.platform),
        config: Some(encode_config(&body.config)),
        credentials: None,
        credential_fingerprint: body.credential_fingerprint.clone(),
        credential_update_time: body.credential_update_time.map(convert::timestamp),
        roles: body.config.roles().iter().map(|role| encode_role(*role).into()).collect(),
        state: encode_state(connection.state).into(),
        verification: body.verification.as_ref().map(encode_verification),
        failure: body.failure.as_ref().map(convert::failure),
        etag: connection.etag(),
        create_time: Some(convert::timestamp(connection.create_time)),
        update_time: Some(convert::timestamp(connection.update_time)),
    }
}

fn encode_config(config: &ConnectionConfig) -> v1::connection::Config {
    use v1::{connection::Config, shopify_csv_config::Source};
    match config {
        ConnectionConfig::ShopifyCsv(it) => Config::ShopifyCsv(v1::ShopifyCsvConfig {
            source: Some(if it.upload.is_empty() {
                Source::Path(it.path.clone())
            } else {
                Source::Upload(it.upload.clone())
            }),
            additional_uploads: it.additional_uploads.clone(),
            time_zone: it.time_zone.clone(),
            default_currency_code: it.default_currency.clone(),
        }),
        ConnectionConfig::Medusa { base_url, test_shop } => {
            Config::Medusa(v1::MedusaConfig { base_url: base_url.clone(), test_shop: *test_shop })
        }
        ConnectionConfig::Sandbox { platform, base_url } => Config::Sandbox(v1::SandboxConfig {
            platform: format!("platforms/{platform}"),
            base_url: base_url.clone(),
        }),
    }
}

/// A role on the wire.
pub(super) const fn encode_role(role: Role) -> v1::ConnectionRole {
    match role {
        Role::Source => v1::ConnectionRole::Source,
        Role::Target => v1::ConnectionRole::Target,
    }
}

const fn encode_state(state: ConnectionState) -> v1::connection::State {
    match state {
        ConnectionState::Pending => v1::connection::State::Pending,
        ConnectionState::Verifying => v1::connection::State::Verifying,
        ConnectionState::Active => v1::connection::State::Active,
        ConnectionState::Degraded => v1::connection::State::Degraded,
        ConnectionState::Failed => v1::connection::State::Failed,
        ConnectionState::Revoked => v1::connection::State::Revoked,
    }
}

fn encode_verification(it: &Verification) -> v1::ConnectionVerification {
    let counts = it.record_counts.iter();
    v1::ConnectionVerification {
        start_time: Some(convert::timestamp(it.start_time)),
        end_time: it.end_time.map(convert::timestamp),
        checks: it.checks.iter().map(encode_check).collect(),
        platform_version: it.platform_version.clone(),
        record_counts: counts
            .map(|(kind, count)| v1::KindCount {
                kind: convert::record_kind_of(kind),
                count: *count,
            })
            .collect(),
        // The connectors of today's platforms have no way to ask for them.
        side_effects: Vec::new(),
    }
}

fn encode_check(check: &CheckResult) -> v1::ConnectionCheck {
    use v1::connection_check::Result as Ended;
    v1::ConnectionCheck {
        id: check.id.clone(),
        result: if check.passed { Ended::Passed } else { Ended::Failed }.into(),
        message: check.message.clone(),
        failure: check.failure.as_ref().map(convert::failure),
    }
}
