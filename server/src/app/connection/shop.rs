//! Opens shops: the one place that knows the constructors of the connectors.

use std::collections::BTreeMap;

use cartage_connectors::{
    Source, Target,
    http::HttpSettings,
    medusa::{self, Medusa},
    registry::PlatformId,
    shopify::{Input, Settings, ShopifyCsv},
};
use cartage_model::{Currency, Kind, Record};
use chrono_tz::OffsetComponents;
use secrecy::SecretString;

use super::{Connection, ConnectionConfig, ConnectionState, ShopifyCsvConfig, address, secret_of};
use crate::{
    app::{
        App,
        snapshot::ReadMapOf,
        upload::{self, Unsealed},
    },
    error::{Error, Result},
    name::Name,
    reason::Reason,
    store::resource::{Resource, State},
};

/// The currency while none is known: only for looking whether orders name one.
const UNKNOWN_CURRENCY: &str = "XXX";

/// Opens a shop to read it.
///
/// # Errors
/// `CAPABILITY_UNSUPPORTED` for a platform that is no source, `STATE_CONFLICT` for a connection
/// that was never verified or failed, and what is wrong with files, address or key.
pub async fn open_source(app: &App, account: &str, name: &Name) -> Result<Box<dyn Source>> {
    let (connection, secret) = usable(app, account, name).await?;
    match &connection.body.config {
        ConnectionConfig::ShopifyCsv(csv) => {
            let settings = csv_settings(&connection.body)?;
            let (shop, files) = open_csv(app, account, csv, settings).await?;
            Ok(match files {
                Some(files) => Box::new(files.hold(shop)),
                None => Box::new(shop),
            })
        }
        ConnectionConfig::Medusa { base_url, .. } => {
            Ok(Box::new(medusa_shop(app, account, base_url, secret).await?))
        }
        ConnectionConfig::Sandbox { platform, .. } => Err(unsupported(platform, "source")),
    }
}

/// Opens a shop to write it.
///
/// # Errors
/// `CAPABILITY_UNSUPPORTED` for a platform that is no target and for a sandbox that is not
/// running, `STATE_CONFLICT` for a connection that was never verified or failed, and what is wrong
/// with address or key.
pub async fn open_target(app: &App, account: &str, name: &Name) -> Result<Box<dyn Target>> {
    let (connection, secret) = usable(app, account, name).await?;
    match &connection.body.config {
        ConnectionConfig::Medusa { base_url, .. } => {
            Ok(Box::new(medusa_shop(app, account, base_url, secret).await?))
        }
        ConnectionConfig::Sandbox { platform, .. } => Err(unsupported(platform, "target")),
        ConnectionConfig::ShopifyCsv(_) => {
            Err(unsupported(PlatformId::ShopifyCsv.as_str(), "target"))
        }
    }
}

/// A simulated shop of this server as a target.
///
/// # Errors
/// `INVALID_FIELDS` for an address that is none.
pub fn sandbox_target(base_url: &str, api_key: &str) -> Result<Box<dyn Target>> {
    let mut settings = medusa::Settings::new(base_url, SecretString::from(api_key.to_owned()));
    settings.http = HttpSettings { private_hosts_allowed: true, ..HttpSettings::default() };
    Ok(Box::new(Medusa::connect(settings)?))
}

/// A target that is connected to nothing: for its schema, limits, losses and mapping, and to fit
/// records. `platform` is an id or a resource name.
///
/// # Errors
/// `CAPABILITY_UNSUPPORTED` for a platform that is no target.
pub fn target_of_platform(platform: &str) -> Result<Box<dyn Target>> {
    match platform_of(platform)? {
        // `.invalid` leads nowhere, by RFC 2606.
        PlatformId::Medusa => {
            let key = SecretString::from("unconnected".to_owned());
            Ok(Box::new(Medusa::connect(medusa::Settings::new("https://shop.invalid", key))?))
        }
        PlatformId::ShopifyCsv => Err(unsupported(platform, "target")),
    }
}

/// The kinds of record that can be read from a platform.
///
/// # Errors
/// `CAPABILITY_UNSUPPORTED` for a platform that is not known.
pub fn source_kinds(platform: &str) -> Result<Vec<Kind>> {
    match platform_of(platform)? {
        PlatformId::ShopifyCsv => Ok(vec![
            Kind::Category,
            Kind::Collection,
            Kind::Product,
            Kind::CustomerGroup,
            Kind::Customer,
            Kind::Order,
        ]),
        PlatformId::Medusa => Ok(target_of_platform(platform)?.kinds()),
    }
}

/// How the raw records of a connection are read.
pub fn read_map_of(connection: &Connection) -> ReadMapOf {
    let platform = connection.platform.clone();
    // The very settings the source reads with: a restore test makes the same records from them.
    match csv_settings(connection) {
        Ok(settings) => ReadMapOf {
            platform,
            default_currency: settings.default_currency.as_str().to_owned(),
            assumed_utc_offset_s: settings.assumed_utc_offset_s,
        },
        Err(_) => ReadMapOf { platform, ..ReadMapOf::default() },
    }
}

/// What the exports of a connection do not say themselves.
pub(crate) fn csv_settings(connection: &Connection) -> Result<Settings> {
    let ConnectionConfig::ShopifyCsv(csv) = &connection.config else {
        return Err(unsupported(&connection.platform, "files"));
    };
    let known = [&csv.default_currency, &connection.currency];
    let text = known.into_iter().find(|text| !text.is_empty()).map_or(UNKNOWN_CURRENCY, |it| it);
    let mut settings = Settings::new(Currency::parse(text).map_err(Error::internal)?);
    settings.assumed_utc_offset_s = utc_offset_s(&csv.time_zone);
    Ok(settings)
}

/// Opens exports; uploads are unsealed into files that must be kept as long as the shop.
pub(crate) async fn open_csv(
    app: &App,
    account: &str,
    csv: &ShopifyCsvConfig,
    settings: Settings,
) -> Result<(ShopifyCsv, Option<Unsealed>)> {
    if !csv.path.is_empty() {
        if !app.config.local_paths {
            return Err(Error::new(
                Reason::SourcePathForbidden,
                "This deployment reads no paths; upload the files.",
            ));
        }
        // Asked again: links may have changed since the connection was made.
        let path = super::path::resolve(&app.config, &csv.path).await?;
        let path = path.map_err(|why| Error::new(Reason::SourcePathForbidden, why))?;
        let open = move || {
            let input = if path.is_dir() { Input::Folder(path) } else { Input::Files(vec![path]) };
            ShopifyCsv::open(input, settings)
        };
        return Ok((tokio::task::spawn_blocking(open).await.map_err(Error::internal)??, None));
    }
    let names = std::iter::once(&csv.upload).chain(&csv.additional_uploads);
    let names: Vec<Name> = names.map(Name::trusted).collect();
    let files = upload::unseal(app, account, &names).await?;
    let input = Input::Files(files.paths().to_vec());
    let open = move || ShopifyCsv::open(input, settings);
    Ok((tokio::task::spawn_blocking(open).await.map_err(Error::internal)??, Some(files)))
}

/// The currency that most of the first orders of a shop are in; none without orders.
pub(crate) async fn currency_of_orders(shop: &dyn Source) -> Result<Option<String>> {
    let map = shop.read_map();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for raw in shop.page(Kind::Order, None).await?.records {
        if let Ok(Record::Order(order)) = map.read(&raw) {
            *seen.entry(order.currency.as_str().to_owned()).or_default() += 1;
        }
    }
    seen.remove(UNKNOWN_CURRENCY);
    Ok(seen.into_iter().max_by_key(|(_, count)| *count).map(|(currency, _)| currency))
}

pub(crate) async fn medusa_shop(
    app: &App,
    account: &str,
    base_url: &str,
    secret: Option<SecretString>,
) -> Result<Medusa> {
    let local = app.config.local_shops;
    address::check(base_url, "connection.medusa.base_url", local).await?;
    let secret = secret.ok_or_else(|| {
        Error::new(Reason::CredentialsRejected, "The connection has no API key.")
            .with("platform", PlatformId::Medusa.as_str())
    })?;
    let mut settings = medusa::Settings::new(base_url, secret);
    settings.http = HttpSettings { private_hosts_allowed: local, ..HttpSettings::default() };
    settings.budget = app.budgets.of(&app.store, account, base_url);
    Ok(Medusa::connect(settings)?)
}

/// A connection with its secret, where it was verified.
async fn usable(
    app: &App,
    account: &str,
    name: &Name,
) -> Result<(Resource<Connection>, Option<SecretString>)> {
    let (connection, secret) = with_secret(app, account, name).await?;
    match connection.state {
        // A verification that is under way says nothing against a shop that is in use.
        ConnectionState::Active | ConnectionState::Degraded | ConnectionState::Verifying => {
            Ok((connection, secret))
        }
        state => Err(Error::state(name.as_str(), state.as_str(), &["ACTIVE", "DEGRADED"])),
    }
}

/// A connection with its secret, whatever its state.
pub(crate) async fn with_secret(
    app: &App,
    account: &str,
    name: &Name,
) -> Result<(Resource<Connection>, Option<SecretString>)> {
    let mut tx = app.store.begin(account).await?;
    let connection = tx.resource_get::<Connection>(name).await?;
    let secret = secret_of(app, &mut tx, &connection).await?;
    tx.rollback().await?;
    let secret = secret
        .map(|bytes| std::str::from_utf8(&bytes).map(|text| SecretString::from(text.to_owned())))
        .transpose()
        .map_err(Error::internal)?;
    Ok((connection, secret))
}

fn platform_of(text: &str) -> Result<PlatformId> {
    let id = text.strip_prefix("platforms/").unwrap_or(text);
    id.parse().map_err(|_| unsupported(id, "connector"))
}

fn unsupported(platform: &str, capability: &str) -> Error {
    Error::new(
        Reason::CapabilityUnsupported,
        format!("The platform {platform} cannot be used as {capability} here."),
    )
    .with("platform", platform)
    .with("capability", capability)
}

/// The standard offset of a zone, in seconds east of UTC; exports say the offset with nearly every
/// time, and where they do not nobody can say whether it was summer.
fn utc_offset_s(time_zone: &str) -> i32 {
    use chrono::{Offset, TimeZone};
    let Ok(zone) = time_zone.parse::<chrono_tz::Tz>() else { return 0 };
    let now = zone.offset_from_utc_datetime(&chrono::Utc::now().naive_utc());
    now.fix().local_minus_utc() - i32::try_from(now.dst_offset().num_seconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_that_of_winter() {
        assert_eq!(utc_offset_s("Europe/Berlin"), 3_600);
        assert_eq!(utc_offset_s("America/New_York"), -18_000);
        assert_eq!(utc_offset_s(""), 0);
    }

    #[test]
    fn a_target_can_be_asked_without_a_shop() {
        let target = target_of_platform("platforms/medusa").unwrap();
        assert!(target.kinds().contains(&Kind::Order));
        assert!(target_of_platform("shopify-csv").is_err());
        assert!(source_kinds("medusa").unwrap().contains(&Kind::Product));
    }
}
