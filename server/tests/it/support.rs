//! What the tests share: a server in this process with a database of its own, clients with any
//! rights, tiny exports, and connections to shops.

use std::{fmt::Debug, path::Path, sync::Arc, time::Duration};

use cartage_client::{
    Client, Error, StatusError, Unary,
    v1::{self, ErrorReason, connection::Config as Shop, shopify_csv_config::Source},
};
use cartage_postgres::test::{TestDatabase, database_from_template};
use cartage_sandbox::{
    medusa::{self, Medusa},
    shopify_export,
};
use cartage_server::{
    app::App,
    config::Config,
    serve::{self, Running},
    store::Store,
    token,
};

/// The longest any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(300);

/// A server in this process.
pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) uri: String,
    pub(crate) database: TestDatabase,
    running: Running,
    /// Last, so that it goes when nobody writes into it any more.
    _folder: tempfile::TempDir,
}

impl Server {
    /// A server with short waits on an empty, migrated database.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(database().await, adjust).await
    }

    /// The same on a database that is there already.
    pub(crate) async fn start_on(database: TestDatabase, adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            database_url: Some(database.url.clone()),
            executable: env!("CARGO_BIN_EXE_cartage-server").into(),
            lease: Duration::from_secs(6),
            poll: Duration::from_millis(50),
            drain: Duration::from_secs(5),
            ..Config::new(folder.path().join("data"))
        };
        adjust(&mut config);
        let running = serve::start(config).await.unwrap();
        let (app, uri) = (Arc::clone(&running.app), format!("http://{}", running.address));
        Self { app, uri, database, running, _folder: folder }
    }

    /// A token of an account with these scopes, separated by spaces.
    pub(crate) fn token(&self, account: &str, scopes: &str) -> String {
        token::sign(&self.app.keys, account, "tester", scopes, Duration::from_secs(3_600)).unwrap()
    }

    /// A client that may do everything in an account.
    pub(crate) async fn client(&self, account: &str) -> Client {
        self.client_with(account, "*").await
    }

    /// A client with these scopes.
    pub(crate) async fn client_with(&self, account: &str, scopes: &str) -> Client {
        Client::connect(&self.uri, &self.token(account, scopes)).await.unwrap()
    }

    /// A bare channel to the server.
    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        tonic::transport::Endpoint::new(self.uri.clone()).unwrap().connect().await.unwrap()
    }

    /// Stops it in good order.
    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// An empty, migrated database.
pub(crate) async fn database() -> TestDatabase {
    let migrated = |url: String| async move {
        let store = Store::open(&url).await?;
        store.close().await;
        Ok::<_, cartage_server::error::Error>(())
    };
    database_from_template("server", migrated).await.unwrap()
}

/// The result, or a failed test when it takes too long.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// What a call that must fail is refused with.
pub(crate) async fn refusal<R: Unary>(client: &Client, request: R) -> StatusError
where
    R::Response: Debug,
{
    refused(soon(client.call_once(request)).await)
}

/// The status of a result that must be an error.
pub(crate) fn refused<T: Debug>(result: Result<T, Error>) -> StatusError {
    match result {
        Err(Error::Status(status)) => *status,
        other => panic!("a status was expected: {other:?}"),
    }
}

/// A call must be refused with this reason; gives what else was said.
pub(crate) async fn refused_with<R: Unary>(
    client: &Client,
    request: R,
    reason: ErrorReason,
) -> StatusError
where
    R::Response: Debug,
{
    let status = refusal(client, request).await;
    assert_eq!(status.reason, Some(reason), "{status}");
    status
}

/// The one violation of a status: its subject and its reason.
pub(crate) fn violation(status: &StatusError) -> (&str, &str) {
    match status.violations.as_slice() {
        [one] => (&one.subject, &one.reason),
        other => panic!("one violation was expected: {other:?}"),
    }
}

/// A random UUID of version 4.
pub(crate) fn uuid4() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The columns of [`products`].
pub(crate) const PRODUCT_COLUMNS: &str = "Handle,Title,Body (HTML),Vendor,Variant Price\n";

/// A product export with these rows.
pub(crate) fn products(rows: &str) -> Vec<u8> {
    format!("{PRODUCT_COLUMNS}{rows}").into_bytes()
}

/// A made-up export with faults; the manifest says which.
pub(crate) fn small_shop() -> (tempfile::TempDir, shopify_export::Manifest) {
    shop_of(100)
}

/// The same with so many products, customers and orders.
pub(crate) fn shop_of(count: usize) -> (tempfile::TempDir, shopify_export::Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let settings = shopify_export::Settings {
        seed: 11,
        products: count,
        customers: count,
        orders: count,
        ..shopify_export::Settings::default()
    };
    let manifest = shopify_export::generate(&settings, &folder.path().join("export")).unwrap();
    (folder, manifest)
}

/// The request for a connection.
pub(crate) fn connection(account: &str, id: &str, config: Shop) -> v1::CreateConnectionRequest {
    v1::CreateConnectionRequest {
        parent: format!("accounts/{account}"),
        connection_id: id.to_owned(),
        connection: Some(v1::Connection { config: Some(config), ..Default::default() }),
        ..Default::default()
    }
}

/// The config of exports somewhere.
pub(crate) fn csv(source: Source) -> Shop {
    Shop::ShopifyCsv(v1::ShopifyCsvConfig {
        source: Some(source),
        time_zone: "Europe/Berlin".to_owned(),
        default_currency_code: "EUR".to_owned(),
        ..Default::default()
    })
}

/// The config of exports in a folder.
pub(crate) fn csv_at(folder: &Path) -> Shop {
    csv(Source::Path(folder.display().to_string()))
}

/// The config of an isolated Medusa.
pub(crate) fn sandbox() -> Shop {
    let platform = "platforms/medusa".to_owned();
    Shop::Sandbox(v1::SandboxConfig { platform, ..Default::default() })
}

/// Creates a connection and gives its name.
pub(crate) async fn connect(client: &Client, account: &str, id: &str, config: Shop) -> String {
    client.call(connection(account, id, config)).await.unwrap().name
}

/// A simulated Medusa.
pub(crate) async fn start_medusa() -> Medusa {
    medusa::start(medusa::Options::default()).await.unwrap()
}

/// The request for a connection to a Medusa.
pub(crate) fn medusa_connection(
    account: &str,
    id: &str,
    shop: &Medusa,
) -> v1::CreateConnectionRequest {
    let config = v1::MedusaConfig { base_url: shop.url(), test_shop: false };
    let mut request = connection(account, id, Shop::Medusa(config));
    let secret = Some(v1::credentials::Secret::ApiKey(shop.api_key().to_owned()));
    request.connection.get_or_insert_default().credentials = Some(v1::Credentials { secret });
    request
}

/// A migration between two sandboxes that nobody needs to verify: for tests of the contract alone.
pub(crate) async fn paper_migration(client: &Client, account: &str, id: &str) -> v1::Migration {
    let source =
        connect(client, account, &format!("{id}-old"), csv_at(Path::new("/srv/exports"))).await;
    let target = connect(client, account, &format!("{id}-new"), sandbox()).await;
    let request = v1::CreateMigrationRequest {
        parent: format!("accounts/{account}"),
        migration_id: id.to_owned(),
        migration: Some(v1::Migration {
            source_connection: source,
            target_connection: target,
            ..Default::default()
        }),
        ..Default::default()
    };
    client.call(request).await.unwrap()
}
