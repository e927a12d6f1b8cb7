//! Connections: shops that can be read or written, their secrets and their state.

mod address;
mod config;
mod path;
mod shop;

use std::collections::BTreeMap;

use cartage_engine::run::RunState;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    App, run,
    snapshot::{self, Snapshot},
    upload::{Upload, UploadState},
};
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    states,
    store::{
        Tx,
        event::NewEvent,
        resource::{Body, Cut, Resource},
    },
};
pub use config::{ConnectionConfig, Role, ShopifyCsvConfig};
pub(crate) use shop::{csv_settings, currency_of_orders, medusa_shop, open_csv, with_secret};
pub use shop::{
    open_source, open_target, read_map_of, sandbox_target, source_kinds, target_of_platform,
};

/// The queue of verifying.
pub const QUEUE: &str = "connection.verify";
/// The purpose of a connection's secret.
const CREDENTIALS: &str = "credentials";
/// The longest name for people, in characters.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 200;
/// The longest API key, in bytes.
const API_KEY_BYTES_MAX: usize = 4_096;
/// The states of a snapshot in which it reads its connection.
const SNAPSHOT_ACTIVE: [&str; 3] = ["PENDING", "RUNNING", "CANCELLING"];

/// A connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// A name for people.
    pub display_name: String,
    /// The id of the platform; follows from the config.
    pub platform: String,
    /// How the shop is reached.
    pub config: ConnectionConfig,
    /// The currency of prices whose file names none, as the newest verification found it.
    pub currency: String,
    /// Tells credentials apart without showing them; empty when there are none.
    pub credential_fingerprint: String,
    /// When the credentials last changed.
    pub credential_update_time: Option<DateTime<Utc>>,
    /// The newest verification.
    pub verification: Option<Verification>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verification {
    /// When it began.
    pub start_time: DateTime<Utc>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
    /// The single checks, in order.
    pub checks: Vec<CheckResult>,
    /// The version the shop gives itself.
    pub platform_version: String,
    /// How many records there are, by kind.
    pub record_counts: BTreeMap<String, i64>,
}

/// One check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckResult {
    /// What was checked.
    pub id: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was seen.
    pub message: String,
    /// Why it does not hold.
    pub failure: Option<Failure>,
}

impl Body for Connection {
    const TYPE: &'static str = "connection";
    type State = ConnectionState;
}

states! {
    /// The states of a connection.
    ConnectionState {
        Pending = "PENDING",
        Verifying = "VERIFYING",
        Active = "ACTIVE",
        Degraded = "DEGRADED",
        Failed = "FAILED",
        Revoked = "REVOKED",
    }
}

/// A secret on its way in.
pub type Secret = Zeroizing<String>;

/// One change of a connection.
#[derive(Clone)]
pub enum Edit {
    /// The name for people.
    DisplayName(String),
    /// The secret; none when the caller sent none.
    ApiKey(Option<Secret>),
    /// Where the exports lie on this machine.
    CsvPath(String),
    /// The upload with the exports.
    CsvUpload(String),
    /// Further uploads.
    CsvAdditionalUploads(Vec<String>),
    /// The shop's time zone.
    CsvTimeZone(String),
    /// The shop's currency.
    CsvDefaultCurrency(String),
    /// The root of the server.
    MedusaBaseUrl(String),
    /// Whether TEST runs may write to it.
    MedusaTestShop(bool),
}

/// Creates a connection with its secret.
///
/// # Errors
/// `INVALID_FIELDS`, `RESOURCE_EXISTS`.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    mut body: Connection,
    secret: Option<Secret>,
) -> Result<Resource<Connection>> {
    check_display_name(&body.display_name)?;
    check_config(app, tx, &body.config).await?;
    match (&secret, body.config.has_credentials()) {
        (None, true) => {
            let message = "The shop's admin API needs an API key.";
            return Err(Error::field("connection.credentials.api_key", "REQUIRED", message));
        }
        (Some(_), false) => {
            let message = "This kind of connection takes no credentials.";
            return Err(Error::field("connection.credentials", "FORMAT_INVALID", message));
        }
        _ => {}
    }
    if let Some(secret) = &secret {
        note_secret(app, &mut body, secret)?;
    }
    body.config.platform().clone_into(&mut body.platform);
    let connection = tx.resource_insert(name, ConnectionState::Pending, &body).await?;
    if let Some(secret) = &secret {
        put_secret(app, tx, &connection, secret).await?;
    }
    Ok(connection)
}

/// Changes a connection. Another config or secret must be verified anew. Gives the state before.
///
/// # Errors
/// `INVALID_FIELDS`, `ETAG_MISMATCH`, `OPERATION_IN_PROGRESS` while a run or a snapshot uses it.
pub async fn update(
    app: &App,
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    edits: Vec<Edit>,
) -> Result<(Resource<Connection>, ConnectionState)> {
    let mut connection = tx.resource_lock::<Connection>(name).await?;
    connection.check_etag(etag, false)?;
    let before = connection.state;
    let config = connection.body.config.clone();
    let mut secret = None;
    for edit in edits {
        apply(&mut connection.body, edit, &mut secret)?;
    }
    check_display_name(&connection.body.display_name)?;
    if connection.body.config != config || secret.is_some() {
        check_config(app, tx, &connection.body.config).await?;
        refuse_busy(tx, name).await?;
        connection.state = ConnectionState::Pending;
        connection.body.failure = None;
    }
    if let Some(secret) = &secret {
        note_secret(app, &mut connection.body, secret)?;
        put_secret(app, tx, &connection, secret).await?;
    }
    tx.resource_update(&mut connection).await?;
    Ok((connection, before))
}

/// Deletes a connection with its secret; with `force` its snapshots too.
///
/// The bytes of those snapshots are in the folders that are given, to be removed after the commit.
///
/// # Errors
/// `ETAG_MISMATCH`, `CHILDREN_EXIST` when migrations, or without `force` snapshots, refer to it,
/// `OPERATION_IN_PROGRESS` while a run uses it.
pub async fn delete(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    force: bool,
) -> Result<Vec<Resource<Snapshot>>> {
    let connection = tx.resource_lock::<Connection>(name).await?;
    connection.check_etag(etag, false)?;
    if let Some(user) = tx.resource_referring(name, &["migration"]).await? {
        return Err(Error::new(Reason::ChildrenExist, format!("{name} is used by {user}."))
            .with("resource", name.as_str())
            .with("childType", "migration")
            .with("usedBy", user));
    }
    refuse_used(tx, name).await?;
    let mut snapshots = Vec::new();
    if force {
        let cut = Cut { limit: 10_000, deleted: true, ..Cut::default() };
        for snapshot in tx.resource_list::<Snapshot>(name, &cut).await? {
            snapshots.push(snapshot::delete(tx, &snapshot.name, "").await?);
        }
    }
    tx.resource_delete(name).await?;
    Ok(snapshots)
}

/// Begins a verification; one that is under way stays. Gives the state before.
pub async fn verify(tx: &mut Tx, name: &Name) -> Result<(Resource<Connection>, ConnectionState)> {
    let mut connection = tx.resource_lock::<Connection>(name).await?;
    let before = connection.state;
    if before != ConnectionState::Verifying {
        connection.state = ConnectionState::Verifying;
        connection.body.failure = None;
        connection.body.verification =
            Some(Verification { start_time: Utc::now(), ..Verification::default() });
        tx.resource_update(&mut connection).await?;
        tx.job_put(name, QUEUE).await?;
    }
    Ok((connection, before))
}

/// The event of a change of state.
pub fn state_event(connection: &Resource<Connection>, before: ConnectionState) -> NewEvent {
    NewEvent { failure: connection.body.failure.clone(), ..NewEvent::of_state(connection, before) }
}

/// The secret of a connection, where it has one.
///
/// # Errors
/// `INTERNAL_ERROR` when it cannot be opened with the deployment's key.
pub(super) async fn secret_of(
    app: &App,
    tx: &mut Tx,
    connection: &Resource<Connection>,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let Some(sealed) = tx.secret_get(&connection.name, CREDENTIALS).await? else {
        return Ok(None);
    };
    let opened = app.keys.open_sealed(&sealed, &bound_to(connection));
    opened.map(Some).ok_or_else(|| Error::internal("a credential cannot be opened"))
}

async fn put_secret(
    app: &App,
    tx: &mut Tx,
    connection: &Resource<Connection>,
    secret: &Secret,
) -> Result<()> {
    let sealed = app.keys.seal(secret.as_bytes(), &bound_to(connection))?;
    tx.secret_put(&connection.name, CREDENTIALS, &sealed).await
}

fn bound_to(connection: &Resource<Connection>) -> String {
    format!("{}/{}/{CREDENTIALS}", connection.name.account_id(), connection.uid)
}

/// Notes what may be shown of a secret. The hash has a key, so that it cannot be guessed at.
fn note_secret(app: &App, body: &mut Connection, secret: &Secret) -> Result<()> {
    if secret.trim().is_empty() || secret.len() > API_KEY_BYTES_MAX {
        let message = "An API key has 1 to 4096 bytes.";
        return Err(Error::field("connection.credentials.api_key", "FORMAT_INVALID", message));
    }
    let key = blake3::derive_key("cartage credential fingerprint", &app.keys.signing_pkcs8);
    let hash = blake3::keyed_hash(&key, secret.as_bytes()).to_hex();
    body.credential_fingerprint = hash.chars().take(16).collect();
    body.credential_update_time = Some(Utc::now());
    Ok(())
}

fn apply(body: &mut Connection, edit: Edit, secret: &mut Option<Secret>) -> Result<()> {
    match (edit, &mut body.config) {
        (Edit::DisplayName(text), _) => body.display_name = text,
        (Edit::ApiKey(Some(key)), ConnectionConfig::Medusa { .. }) => *secret = Some(key),
        (Edit::ApiKey(None), ConnectionConfig::Medusa { .. }) => {
            let message = "Credentials can be replaced, not taken away.";
            return Err(Error::field("connection.credentials.api_key", "REQUIRED", message));
        }
        (Edit::ApiKey(None), _) => {}
        (Edit::CsvPath(text), ConnectionConfig::ShopifyCsv(it)) => it.path = text,
        (Edit::CsvUpload(text), ConnectionConfig::ShopifyCsv(it)) => it.upload = text,
        (Edit::CsvAdditionalUploads(list), ConnectionConfig::ShopifyCsv(it)) => {
            it.additional_uploads = list
        }
        (Edit::CsvTimeZone(text), ConnectionConfig::ShopifyCsv(it)) => it.time_zone = text,
        (Edit::CsvDefaultCurrency(text), ConnectionConfig::ShopifyCsv(it)) => {
            it.default_currency = text
        }
        (Edit::MedusaBaseUrl(text), ConnectionConfig::Medusa { base_url, .. }) => *base_url = text,
        (Edit::MedusaTestShop(flag), ConnectionConfig::Medusa { test_shop, .. }) => {
            *test_shop = flag
        }
        (Edit::ApiKey(Some(_)), _) => {
            let message = "This kind of connection takes no credentials.";
            return Err(Error::field("connection.credentials", "FORMAT_INVALID", message));
        }
        _ => {
            let message = "The kind of a connection's config cannot change.";
            return Err(Error::field("connection.config", "FIELD_IMMUTABLE", message));
        }
    }
    Ok(())
}

async fn check_config(app: &App, tx: &mut Tx, config: &ConnectionConfig) -> Result<()> {
    config.check(app.config.local_paths)?;
    if let ConnectionConfig::Medusa { base_url, .. } = config {
        let field = "connection.medusa.base_url";
        address::check(base_url, field, app.config.local_shops).await?;
    }
    if let ConnectionConfig::ShopifyCsv(csv) = config
        && !csv.path.is_empty()
        && let Err(why) = path::resolve(&app.config, &csv.path).await?
    {
        let field = "connection.shopify_csv.path";
        return Err(Error::field(field, "PATH_FORBIDDEN", why));
    }
    for (field, upload) in config.uploads() {
        let ready = match tx.resource_get::<Upload>(&Name::trusted(upload)).await {
            Ok(upload) => upload.state == UploadState::Ready,
            Err(error) if error.reason == Reason::ResourceNotFound => false,
            Err(error) => return Err(error),
        };
        if !ready {
            let message = "There is no such upload, or it is not READY.";
            return Err(Error::field(&field, "REFERENCE_INVALID", message));
        }
    }
    Ok(())
}

/// What reads or writes a shop must find it as it was when it began.
async fn refuse_busy(tx: &mut Tx, name: &Name) -> Result<()> {
    if let Some(snapshot) =
        tx.resource_child_in("snapshot", name, &SNAPSHOT_ACTIVE.map(str::to_owned)).await?
    {
        return Err(Error::in_progress(name.as_str(), &snapshot));
    }
    refuse_used(tx, name).await
}

/// A run goes on in the shop where it began, also after a restart of the server.
async fn refuse_used(tx: &mut Tx, name: &Name) -> Result<()> {
    match tx.connection_active_run(name, &run::states_where(RunState::is_active)).await? {
        Some(run) => Err(Error::in_progress(name.as_str(), &run)),
        None => Ok(()),
    }
}

fn check_display_name(text: &str) -> Result<()> {
    if text.chars().count() <= DISPLAY_NAME_CHARACTERS_MAX {
        return Ok(());
    }
    let message =
        format!("A name for people has at most {DISPLAY_NAME_CHARACTERS_MAX} characters.");
    Err(Error::field("connection.display_name", "TOO_LONG", message))
}
