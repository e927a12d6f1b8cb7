//! Who may ask: the secret API key as Basic, or the token of an e-mail and password log-in.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::query::{List, Match, Query};
use super::schema::{Shape, Type, check, req, strict};
use super::state::{Kind, Shop};
use super::value::{Row, flag, id, stamp, text};

/// The administrator's e-mail.
pub const ADMIN_EMAIL: &str = "admin@cartage.test";
/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "cartage-admin-1";

/// Tokens given out to log-ins.
#[derive(Debug, Default)]
pub(crate) struct Tokens(HashSet<String>);

impl Tokens {
    /// `POST /auth/user/emailpass`.
    pub(crate) fn log_in(&mut self, body: &Value) -> Answer {
        let given = (body["email"].as_str(), body["password"].as_str());
        if given != (Some(ADMIN_EMAIL), Some(ADMIN_PASSWORD)) {
            return Err(Refusal::bad_login());
        }
        let token = format!("ey{}", uuid::Uuid::new_v4().simple());
        self.0.insert(token.clone());
        Ok(json!({ "token": token }))
    }

    /// Judges an `Authorization` header.
    pub(crate) fn judge(&self, shop: &Shop, header: Option<&str>) -> Answer<()> {
        let known = match header.and_then(|header| header.split_once(' ')) {
            Some(("Bearer", token)) => self.0.contains(token),
            Some(("Basic", encoded)) => {
                let decoded = STANDARD.decode(encoded).unwrap_or_default();
                let decoded = String::from_utf8(decoded).unwrap_or_default();
                let token = decoded.strip_suffix(':').unwrap_or(&decoded);
                let row = shop.find(Kind::ApiKeys, "token", token);
                row.is_some_and(|row| !flag(row, "revoked") && text(row, "type") == "secret")
            }
            _ => false,
        };
        if known { Ok(()) } else { Err(Refusal::unauthorized()) }
    }
}

/// `POST /admin/api-keys`.
pub(crate) fn create_key(shop: &mut Shop, body: &Value) -> Answer {
    const KINDS: Type = Type::OneOf(&["publishable", "secret"]);
    const SHAPE: Shape = strict(&[req("title", Type::Text), req("type", KINDS)]);
    let body = check(&SHAPE, body)?;
    let mut row = Row::new();
    row.insert("id".into(), id("apk").into());
    row.insert("token".into(), new_key().into());
    row.insert("redacted".into(), "sk_***".into());
    row.extend(body);
    for field in ["last_used_at", "created_by", "revoked_by", "revoked_at"] {
        row.insert(field.into(), Value::Null);
    }
    stamp(&mut row);
    shop.insert(Kind::ApiKeys, row.clone());
    Ok(json!({ "api_key": row }))
}

/// `GET /admin/api-keys`: without the tokens of secret keys.
pub(crate) fn list_keys(shop: &Shop, query: &Query) -> Answer {
    static KEYS: List = List {
        strict: true,
        limit: 20,
        filters: &[("id", Match::Value), ("title", Match::Value), ("type", Match::Value)],
    };
    let fields = query.fields(&["*"]);
    let page = query.page(shop, Kind::ApiKeys, &KEYS, |_| true)?;
    let rows = page.rows.iter().map(|row| {
        let mut row = (*row).clone();
        row.shift_remove("token");
        fields.pick(&row)
    });
    Ok(page.reply("api_keys", rows.collect()))
}

/// A new secret key.
pub(crate) fn new_key() -> String {
    let half = || uuid::Uuid::new_v4().simple().to_string();
    format!("sk_{}{}", half(), half())
}
