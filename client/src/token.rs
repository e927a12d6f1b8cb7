//! What a token says about itself. Nothing here is verified: only the service can do that.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The account a token is for: its claim `account`, or else `sub`. None when the text is no JSON Web
/// Token, or its claim could not be an account.
#[must_use]
pub fn account(token: &str) -> Option<String> {
    let mut parts = token.trim().split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let account = ["account", "sub"].iter().find_map(|claim| claims.get(claim)?.as_str())?;
    let account = account.strip_prefix("accounts/").unwrap_or(account);
    (!account.is_empty() && !account.contains('/')).then(|| account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_read_from_the_claims() {
        let table = [
            (r#"{"account": "acme", "sub": "ann"}"#, Some("acme")),
            (r#"{"sub": "ann"}"#, Some("ann")),
            (r#"{"account": "accounts/acme"}"#, Some("acme")),
            (r#"{"account": 7, "sub": "ann"}"#, Some("ann")),
            (r#"{"account": "a/b"}"#, None),
            (r#"{"account": ""}"#, None),
            ("[]", None),
            ("no json", None),
        ];
        for (claims, expected) in table {
            let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
            assert_eq!(account(&token).as_deref(), expected, "{claims}");
        }
        for text in ["", "a.b", "a.!.c", "opaque"] {
            assert_eq!(account(text), None, "{text}");
        }
    }
}
