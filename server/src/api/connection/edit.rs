//! What an update of a connection changes: its mask against the fields there are.

use cartage_proto::v1;
use prost_types::FieldMask;

use super::{config, secret};
use crate::{
    app::connection::{ConnectionConfig, Edit, Secret, ShopifyCsvConfig},
    error::{Error, Result},
    token::Caller,
};

/// Every path of a mask, in the order in which they are applied.
const PATHS: [&str; 9] = [
    "display_name",
    "credentials",
    "shopify_csv.path",
    "shopify_csv.upload",
    "shopify_csv.additional_uploads",
    "shopify_csv.time_zone",
    "shopify_csv.default_currency_code",
    "medusa.base_url",
    "medusa.test_shop",
];
/// Fields that exist and cannot be changed.
const IMMUTABLE: [&str; 14] = [
    "name",
    "uid",
    "platform",
    "config",
    "sandbox",
    "sandbox.platform",
    "sandbox.base_url",
    "credential_fingerprint",
    "credential_update_time",
    "roles",
    "state",
    "verification",
    "failure",
    "etag",
];

/// The changes of a request.
///
/// # Errors
/// `INVALID_FIELDS` for a path that is not there or cannot change.
pub(super) fn decode(
    caller: &Caller,
    mut asked: v1::Connection,
    mask: Option<&FieldMask>,
) -> Result<Vec<Edit>> {
    let key = secret(asked.credentials.take());
    let display_name = std::mem::take(&mut asked.display_name);
    let sent = asked.config.is_some();
    let config = asked.config.take().map(|it| config(caller, Some(it))).transpose()?;
    let paths = mask.map_or_else(Vec::new, |mask| mask.paths.clone());
    let all = paths.iter().any(|path| path == "*");
    if !all {
        check(&paths)?;
    }
    let chosen = |path: &str| {
        let kind = path.split_once('.').map_or(path, |(kind, _)| kind);
        paths.iter().any(|own| {
            own == path || own == kind || own == "credentials.api_key" && path == "credentials"
        })
    };
    let mut edits = Vec::new();
    for path in PATHS {
        let value = value(path, &display_name, key.as_ref(), config.as_ref());
        let set = value.as_ref().is_some_and(is_set);
        // `*` leaves alone what a secret nobody reads back would have to be sent for.
        let taken = match (all, paths.is_empty()) {
            (true, _) => set || path != "credentials",
            (false, true) => set,
            (false, false) => chosen(path),
        };
        if taken && let Some(edit) = value {
            edits.push(edit);
        } else if !all && !paths.is_empty() && chosen(path) && path.contains('.') {
            let message = if sent { "This is another kind of config." } else { "It was not sent." };
            return Err(Error::field(&format!("connection.{path}"), "REQUIRED", message));
        }
    }
    Ok(edits)
}

fn check(paths: &[String]) -> Result<()> {
    for (index, path) in paths.iter().enumerate() {
        let known = PATHS.contains(&path.as_str())
            || matches!(path.as_str(), "credentials.api_key" | "shopify_csv" | "medusa");
        if known {
            continue;
        }
        if IMMUTABLE.contains(&path.as_str()) {
            let message = "This field cannot be changed.";
            return Err(Error::field(&format!("connection.{path}"), "FIELD_IMMUTABLE", message));
        }
        let message = "There is no such field.";
        return Err(Error::field(&format!("update_mask.paths[{index}]"), "UNKNOWN_FIELD", message));
    }
    Ok(())
}

fn value(
    path: &str,
    display_name: &str,
    key: Option<&Secret>,
    config: Option<&ConnectionConfig>,
) -> Option<Edit> {
    Some(match (path, config) {
        ("display_name", _) => Edit::DisplayName(display_name.to_owned()),
        ("credentials", _) => Edit::ApiKey(key.cloned()),
        (path, Some(ConnectionConfig::ShopifyCsv(csv))) => return csv_value(path, csv),
        ("medusa.base_url", Some(ConnectionConfig::Medusa { base_url, .. })) => {
            Edit::MedusaBaseUrl(base_url.clone())
        }
        ("medusa.test_shop", Some(ConnectionConfig::Medusa { test_shop, .. })) => {
            Edit::MedusaTestShop(*test_shop)
        }
        _ => return None,
    })
}

fn csv_value(path: &str, csv: &ShopifyCsvConfig) -> Option<Edit> {
    Some(match path {
        "shopify_csv.path" => Edit::CsvPath(csv.path.clone()),
        "shopify_csv.upload" => Edit::CsvUpload(csv.upload.clone()),
        "shopify_csv.additional_uploads" => {
            Edit::CsvAdditionalUploads(csv.additional_uploads.clone())
        }
        "shopify_csv.time_zone" => Edit::CsvTimeZone(csv.time_zone.clone()),
        "shopify_csv.default_currency_code" => {
            Edit::CsvDefaultCurrency(csv.default_currency.clone())
        }
        _ => return None,
    })
}

/// Whether a field was sent with another value than the empty one.
fn is_set(edit: &Edit) -> bool {
    match edit {
        Edit::DisplayName(text)
        | Edit::CsvPath(text)
        | Edit::CsvUpload(text)
        | Edit::CsvTimeZone(text)
        | Edit::CsvDefaultCurrency(text)
        | Edit::MedusaBaseUrl(text) => !text.is_empty(),
        Edit::ApiKey(key) => key.is_some(),
        Edit::CsvAdditionalUploads(list) => !list.is_empty(),
        Edit::MedusaTestShop(flag) => *flag,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::own_upload, *};

    fn caller() -> Caller {
        Caller {
            account: "a".to_owned(),
            subject: "s".to_owned(),
            scopes: Vec::new(),
            expires_at_s: 0,
        }
    }

    fn edits(config: Option<v1::connection::Config>, paths: &[&str]) -> Result<Vec<Edit>> {
        let asked = v1::Connection { config, display_name: "n".to_owned(), ..Default::default() };
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        decode(&caller(), asked, Some(&FieldMask { paths }))
    }

    fn medusa(test_shop: bool) -> Option<v1::connection::Config> {
        let base_url = "https://shop.example.com/".to_owned();
        Some(v1::connection::Config::Medusa(v1::MedusaConfig { base_url, test_shop }))
    }

    #[test]
    fn a_mask_chooses_fields_and_refuses_what_cannot_change() {
        let only = edits(medusa(false), &["medusa.test_shop"]).unwrap();
        assert!(matches!(only.as_slice(), [Edit::MedusaTestShop(false)]));
        let whole = edits(medusa(true), &["medusa"]).unwrap();
        assert_eq!(whole.len(), 2);
        let set = edits(medusa(false), &[]).unwrap();
        assert!(
            matches!(set.as_slice(), [Edit::DisplayName(_), Edit::MedusaBaseUrl(url)] if !url.ends_with('/'))
        );
        assert!(edits(None, &["credentials"]).is_ok_and(|it| matches!(it[0], Edit::ApiKey(None))));
        for (path, field, reason) in [
            ("nothing", "update_mask.paths[0]", "UNKNOWN_FIELD"),
            ("platform", "connection.platform", "FIELD_IMMUTABLE"),
            ("sandbox.platform", "connection.sandbox.platform", "FIELD_IMMUTABLE"),
            ("shopify_csv.path", "connection.shopify_csv.path", "REQUIRED"),
        ] {
            let error = edits(medusa(true), &[path]).err().unwrap();
            assert_eq!(
                (error.violations[0].field.as_str(), error.violations[0].reason),
                (field, reason)
            );
        }
    }

    #[test]
    fn an_upload_of_another_account_is_denied() {
        let source = v1::shopify_csv_config::Source::Upload("accounts/b/uploads/u".to_owned());
        let csv = v1::ShopifyCsvConfig { source: Some(source), ..Default::default() };
        let config = Some(v1::connection::Config::ShopifyCsv(csv));
        let error = edits(config, &["shopify_csv.upload"]).err().unwrap();
        assert_eq!(error.reason.as_str(), "ACCESS_DENIED");
        assert!(own_upload(&caller(), "accounts/a/uploads/u", "upload").is_ok());
    }
}
