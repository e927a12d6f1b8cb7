//! The parts of the road that read shops: connections, snapshots, audits.

use cartage_proto::v1::{self, connection::Config};

use super::{Options, under_way};
use crate::{
    Client, Error,
    wait::{self, Ended as _, Update},
};

/// Verifies a connection and waits for the result.
///
/// # Errors
/// [`Error::Ended`] when it cannot be used, [`Error::Status`].
pub async fn verify_connection(client: &Client, name: &str) -> Result<v1::Connection, Error> {
    let request = v1::VerifyConnectionRequest { name: name.to_owned(), ..Default::default() };
    client.call(request).await?;
    wait::succeeded(wait::connection(client, name).await?)
}

/// Creates and verifies a sandbox of the platform of another connection.
///
/// # Errors
/// As [`verify_connection`].
pub async fn create_sandbox(
    client: &Client,
    account: &str,
    like: &str,
) -> Result<v1::Connection, Error> {
    let model = client.call(v1::GetConnectionRequest { name: like.to_owned() }).await?;
    let platform = match model.config {
        Some(Config::Sandbox(sandbox)) => sandbox.platform,
        _ => model.platform,
    };
    let config = Config::Sandbox(v1::SandboxConfig { platform, ..Default::default() });
    let connection = v1::Connection {
        display_name: "rehearsal".to_owned(),
        config: Some(config),
        ..Default::default()
    };
    let request = v1::CreateConnectionRequest {
        parent: account.to_owned(),
        connection: Some(connection),
        ..Default::default()
    };
    let sandbox = client.call(request).await?;
    verify_connection(client, &sandbox.name).await
}

/// Creates the migration of these options.
///
/// # Errors
/// [`Error::Status`].
pub async fn create_migration(client: &Client, options: &Options) -> Result<v1::Migration, Error> {
    let migration = v1::Migration {
        display_name: options.display_name.clone(),
        source_connection: options.source.clone(),
        target_connection: options.target.clone(),
        scope: options.scope.clone(),
        ..Default::default()
    };
    let request = v1::CreateMigrationRequest {
        parent: options.account.clone(),
        migration_id: options.migration_id.clone(),
        migration: Some(migration),
        ..Default::default()
    };
    client.call(request).await
}

/// Takes a snapshot and waits until it is complete.
///
/// # Errors
/// [`Error::Ended`] when it failed or was cancelled, [`Error::Status`].
pub async fn take_snapshot(
    client: &Client,
    connection: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Snapshot, Error> {
    let request = v1::CreateSnapshotRequest { parent: connection.to_owned(), ..Default::default() };
    let snapshot = client.call(request).await?;
    wait::succeeded(wait::snapshot(client, &snapshot.name, tell).await?)
}

/// Tests the restore of a snapshot and waits for the result.
///
/// # Errors
/// [`Error::Ended`] when the test failed or found damage, [`Error::Status`].
pub async fn test_restore(client: &Client, snapshot: &str) -> Result<v1::RestoreTest, Error> {
    let request =
        v1::CreateRestoreTestRequest { parent: snapshot.to_owned(), ..Default::default() };
    let name = match client.call(request).await {
        Ok(test) => test.name,
        // Somebody began one before, perhaps we ourselves: it will show the same.
        Err(error) => under_way(error)?,
    };
    let mut test = wait::restore_test(client, &name).await?;
    if test.is_success() && test.verdict() == v1::restore_test::Verdict::Passed {
        return Ok(test);
    }
    test.failure = test.failure.or(test.finding.take());
    Err(test.into_error())
}

/// Audits a snapshot with all rules and waits until they are through.
///
/// # Errors
/// [`Error::Ended`] when it failed or was cancelled, [`Error::Status`].
pub async fn audit_snapshot(
    client: &Client,
    migration: &str,
    snapshot: &str,
    tell: impl FnMut(Update) + Send,
) -> Result<v1::Audit, Error> {
    let request = v1::CreateAuditRequest {
        parent: migration.to_owned(),
        audit: Some(v1::Audit { snapshot: snapshot.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let audit = client.call(request).await?;
    wait::succeeded(wait::audit(client, &audit.name, tell).await?)
}
