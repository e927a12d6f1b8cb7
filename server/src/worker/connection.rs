//! Verifies connections: queue `connection.verify`.

use cartage_connectors::{Check, Source, Target};
use cartage_model::Kind;
use chrono::Utc;

use super::Work;
use crate::{
    app::{
        App,
        connection::{
            self, CheckResult, Connection, ConnectionConfig, ConnectionState, Verification,
        },
    },
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::{event::NewEvent, resource::Resource},
};

/// What a verification found besides the checks.
#[derive(Default)]
struct Found {
    verification: Verification,
    currency: String,
    error: Option<Error>,
}

/// Checks a shop and stores what was found. What the shop does wrong is a result, not an error of
/// this work: nobody would learn of it while the work is tried again.
pub async fn verify(work: &Work) -> Result<()> {
    let name = work.claim.resource.clone();
    let (connection, _) = connection::with_secret(&work.app, &work.claim.account, &name).await?;
    let Some(begun) = connection.body.verification.clone() else {
        return end(work, &name, None).await;
    };
    let mut found = Found { verification: begun, ..Found::default() };
    if let Err(error) = look(&work.app, &connection, &mut found).await {
        if matches!(
            error.reason,
            Reason::StorageUnavailable | Reason::StorageFull | Reason::Contention
        ) {
            return Err(error);
        }
        found.verification.checks.push(failed_check(&error));
        found.error = Some(error);
    }
    work.go_on()?;
    end(work, &name, Some(found)).await
}

async fn look(app: &App, connection: &Resource<Connection>, found: &mut Found) -> Result<()> {
    let account = connection.name.account_id();
    match &connection.body.config {
        ConnectionConfig::ShopifyCsv(csv) => {
            let settings = connection::csv_settings(&connection.body)?;
            let (shop, _files) = connection::open_csv(app, account, csv, settings).await?;
            take(Source::check(&shop).await?, found);
            count(&shop, found).await?;
            found.currency.clone_from(&csv.default_currency);
            if found.currency.is_empty() {
                let named = connection::currency_of_orders(&shop).await?;
                // Only products are priced without a currency; nobody may guess it.
                if named.is_none() && shop.kinds().contains(&Kind::Product) {
                    return Err(Error::field(
                        "connection.shopify_csv.default_currency_code",
                        "REQUIRED",
                        "No order says a currency; name the shop's own.",
                    ));
                }
                found.currency = named.unwrap_or_else(|| "XXX".to_owned());
            }
            Ok(())
        }
        ConnectionConfig::Medusa { base_url, .. } => {
            let (_, secret) = connection::with_secret(app, account, &connection.name).await?;
            let shop = connection::medusa_shop(app, account, base_url, secret).await?;
            take(Target::check(&shop).await?, found);
            if found.verification.checks.iter().all(|check| check.passed) {
                count(&shop, found).await?;
            }
            Ok(())
        }
        ConnectionConfig::Sandbox { .. } => {
            found.verification.checks.push(CheckResult {
                id: "reachable".to_owned(),
                passed: true,
                message: "Each TEST run gets a simulated shop of its own.".to_owned(),
                failure: None,
            });
            Ok(())
        }
    }
}

fn take(check: Check, found: &mut Found) {
    found.verification.platform_version = check.shop.unwrap_or_default();
    found.verification.checks.extend(check.items.into_iter().map(|item| {
        let failure = (!item.passed).then(|| {
            let reason = match item.name.as_str() {
                "credentials" => Reason::CredentialsRejected,
                _ => Reason::UpstreamIncompatible,
            };
            Error::new(reason, item.message.clone()).to_failure()
        });
        CheckResult { id: item.name, passed: item.passed, message: item.message, failure }
    }));
}

async fn count(shop: &dyn Source, found: &mut Found) -> Result<()> {
    for kind in shop.kinds() {
        if let Some(count) = shop.count(kind).await? {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            found.verification.record_counts.insert(kind.as_str().to_owned(), count);
        }
    }
    Ok(())
}

fn failed_check(error: &Error) -> CheckResult {
    let id = match error.reason {
        Reason::UpstreamUnavailable | Reason::UpstreamThrottled => "reachable",
        Reason::CredentialsRejected => "authenticated",
        Reason::UpstreamIncompatible => "version",
        Reason::InvalidFields => "settings",
        _ => "files",
    };
    CheckResult {
        id: id.to_owned(),
        passed: false,
        message: error.message.clone(),
        failure: Some(error.to_failure()),
    }
}

/// Stores what was found, unless the connection was changed meanwhile.
async fn end(work: &Work, name: &Name, found: Option<Found>) -> Result<()> {
    let mut tx = work.begin().await?;
    let mut connection = tx.resource_lock::<Connection>(name).await?;
    let mut events = Vec::new();
    if connection.state == ConnectionState::Verifying
        && let Some(mut found) = found
    {
        let begun = connection.body.verification.as_ref().map(|it| it.start_time);
        if begun != Some(found.verification.start_time) {
            // Changed and asked for again under our hands: what we saw is of the old settings.
            return Err(Error::new(Reason::Contention, "The connection changed meanwhile."));
        }
        found.verification.end_time = Some(Utc::now());
        let bad = found.verification.checks.iter().find(|check| !check.passed);
        connection.body.failure = bad.and_then(|check| check.failure.clone());
        connection.state =
            if bad.is_some() { ConnectionState::Failed } else { ConnectionState::Active };
        connection.body.verification = Some(found.verification);
        connection.body.currency = found.currency;
        tx.resource_update(&mut connection).await?;
        events.push(connection::state_event(&connection, ConnectionState::Verifying));
        if connection.state == ConnectionState::Active {
            events.push(NewEvent {
                event_type: "connection.verified".to_owned(),
                resource: name.to_string(),
                actor: "system".to_owned(),
                ..NewEvent::default()
            });
        }
    }
    tx.job_done(&work.claim).await?;
    for event in &events {
        tx.event_append(&name.stream(), event).await?;
    }
    work.commit(tx).await
}
