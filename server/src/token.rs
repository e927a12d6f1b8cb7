//! Access tokens of the local deployment: JSON Web Tokens signed with Ed25519.
//!
//! Foreign issuers come later: [`Verifier`] asks for the key of an issuer, of which there is one.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    keys::Keys,
    reason::Reason,
};

/// Who signs the tokens of a local deployment.
pub const ISSUER: &str = "cartage-local";
/// For whom tokens are.
pub const AUDIENCE: &str = "cartage";
/// The type of an access token (RFC 9068).
const TYPE: &str = "at+jwt";
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it.
    pub iss: String,
    /// For whom it is.
    pub aud: String,
    /// Who calls.
    pub sub: String,
    /// In which account.
    pub account: String,
    /// What the caller may, separated by spaces; `*` is everything.
    pub scope: String,
    /// Until when, in seconds since 1970.
    pub exp: i64,
    /// From when on.
    pub nbf: i64,
    /// Since when.
    pub iat: i64,
}

/// Who calls, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: String,
    /// The caller.
    pub subject: String,
    /// What they may.
    pub scopes: Vec<String>,
    /// Until when, in seconds since 1970.
    pub expires_at_s: i64,
}

impl Caller {
    /// Whether the caller has a scope.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == "*" || own == scope)
    }
}

/// Signs a token.
pub fn sign(
    keys: &Keys,
    account: &str,
    subject: &str,
    scope: &str,
    life: Duration,
) -> Result<String> {
    if !crate::name::is_id(account) {
        return Err(Error::field(
            "account",
            "FORMAT_INVALID",
            "An account is an id of lower-case letters, digits and hyphens.",
        ));
    }
    let now = chrono::Utc::now().timestamp();
    let life = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: subject.to_owned(),
        account: account.to_owned(),
        scope: scope.to_owned(),
        exp: now.saturating_add(life),
        nbf: now,
        iat: now,
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    encode(&header, &claims, &EncodingKey::from_ed_der(&keys.signing_pkcs8))
        .map_err(Error::internal)
}

/// Checks tokens.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    /// A verifier of the deployment's own tokens.
    pub fn new(keys: &Keys) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // Without this list a token that has neither issuer nor audience is accepted.
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY.as_secs();
        Self { key: DecodingKey::from_ed_der(&keys.verifying), validation }
    }

    /// The caller of an `authorization` header.
    ///
    /// # Errors
    /// `TOKEN_MISSING`, `TOKEN_EXPIRED`, `TOKEN_INVALID`.
    pub fn caller(&self, header: Option<&str>) -> Result<Caller> {
        let token = header
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| {
                Error::new(
                    Reason::TokenMissing,
                    "This call needs a token in the header \"authorization: Bearer …\".",
                )
            })?;
        let data = decode::<Claims>(token, &self.key, &self.validation).map_err(|error| {
            if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::ExpiredSignature) {
                Error::new(Reason::TokenExpired, "The token has expired.")
            } else {
                Error::new(Reason::TokenInvalid, "The token is not valid.").caused_by(error)
            }
        })?;
        if !data.header.typ.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(TYPE)) {
            return Err(Error::new(Reason::TokenInvalid, "The token is not an access token."));
        }
        if !crate::name::is_id(&data.claims.account) {
            return Err(Error::new(Reason::TokenInvalid, "The token names no account."));
        }
        Ok(Caller {
            account: data.claims.account,
            subject: data.claims.sub,
            scopes: data.claims.scope.split_whitespace().map(str::to_owned).collect(),
            expires_at_s: data.claims.exp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_access_token_of_ours_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        let foreign = Keys::open(other.path()).unwrap();
        let verifier = Verifier::new(&keys);
        let hour = Duration::from_secs(3_600);
        let good = sign(&keys, "agency", "me", "runs.read runs.write", hour).unwrap();
        let caller = verifier.caller(Some(&format!("Bearer {good}"))).unwrap();
        assert_eq!((caller.account.as_str(), caller.subject.as_str()), ("agency", "me"));
        assert!(caller.has("runs.write") && !caller.has("plans.approve"));

        let reason = |header: Option<&str>| verifier.caller(header).unwrap_err().reason;
        assert_eq!(reason(None), Reason::TokenMissing);
        assert_eq!(reason(Some("Basic abc")), Reason::TokenMissing);
        assert_eq!(reason(Some("Bearer abc")), Reason::TokenInvalid);
        let by_another = sign(&foreign, "agency", "me", "*", hour).unwrap();
        assert_eq!(reason(Some(&format!("Bearer {by_another}"))), Reason::TokenInvalid);

        let now = chrono::Utc::now().timestamp();
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "me", "account": "agency", "scope": "*",
            "exp": now + 60, "nbf": now, "iat": now,
        });
        let key = EncodingKey::from_ed_der(&keys.signing_pkcs8);
        let token = |claims: &serde_json::Value, typ: &str| {
            let mut header = Header::new(Algorithm::EdDSA);
            header.typ = Some(typ.to_owned());
            format!("Bearer {}", encode(&header, claims, &key).unwrap())
        };
        assert!(verifier.caller(Some(&token(&claims, TYPE))).is_ok());
        assert_eq!(reason(Some(&token(&claims, "JWT"))), Reason::TokenInvalid);
        let changed = |field: &str, value: serde_json::Value| {
            let mut changed = claims.clone();
            changed[field] = value;
            token(&changed, TYPE)
        };
        assert_eq!(reason(Some(&changed("exp", (now - 31).into()))), Reason::TokenExpired);
        for (field, value) in [
            ("iss", "somebody".into()),
            ("aud", "somebody".into()),
            ("nbf", (now + 120).into()),
            ("account", "Not An Id".into()),
        ] {
            assert_eq!(reason(Some(&changed(field, value))), Reason::TokenInvalid, "{field}");
        }
        for field in ["iss", "aud", "sub", "exp", "nbf", "account"] {
            let mut without = claims.clone();
            without.as_object_mut().unwrap().remove(field);
            assert_eq!(reason(Some(&token(&without, TYPE))), Reason::TokenInvalid, "{field}");
        }
        let unsigned = good.rsplit_once('.').unwrap().0;
        assert_eq!(reason(Some(&format!("Bearer {unsigned}."))), Reason::TokenInvalid);
    }
}
