//! Page tokens: sealed for the caller's account, bound to the method and the other arguments, and
//! good for a day. And pages: bound in rows and in bytes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use prost::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::{Error, Result, Violation},
    keys::Keys,
    reason::Reason,
};

/// The page size where none is asked for.
const SIZE_DEFAULT: i64 = 50;
/// How many bytes of rows a page has at most, unless its only row is larger: the rest of the largest
/// answer is for what stands around them.
pub const BYTES_MAX: usize = 3 * 1024 * 1024;
/// What a row costs in its list besides itself.
const ROW_BYTES: usize = 6;
/// How long a token is good for: a list that is walked takes minutes, and a token is no bookmark.
const TOKEN_AGE_MAX: TimeDelta = TimeDelta::days(1);

/// What a token says, sealed.
#[derive(Serialize, Deserialize)]
struct Token<C> {
    /// The method and the other arguments, hashed.
    of: String,
    /// When it was made, in seconds.
    made_s: i64,
    /// Behind which row the page begins.
    after: C,
}

/// What a list was asked for.
#[derive(Clone, Debug)]
pub struct Page {
    account: String,
    of: String,
    /// How many rows at most.
    pub size: i64,
    token: String,
}

impl Page {
    /// Reads the page of a request. `arguments` are all other fields that make the list what it is.
    ///
    /// # Errors
    /// `INVALID_FIELDS` for a negative size.
    pub fn new(
        account: &str,
        method: &str,
        arguments: &str,
        size: i32,
        token: &str,
        size_max: i64,
    ) -> Result<Self> {
        let size = match i64::from(size) {
            negative if negative < 0 => {
                return Err(Error::field("page_size", "NEGATIVE", "A page has at least one row."));
            }
            0 => SIZE_DEFAULT.min(size_max),
            wanted => wanted.min(size_max),
        };
        let of = blake3::hash(format!("{method}\n{arguments}").as_bytes());
        Ok(Self {
            account: account.to_owned(),
            of: of.to_hex().to_string(),
            size,
            token: token.to_owned(),
        })
    }

    /// Where the page begins; none for the first.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` when the token is none of ours for this account, `PAGE_TOKEN_MISMATCH`
    /// when it belongs to a list with other arguments, `PAGE_TOKEN_EXPIRED` after a day.
    pub fn after<C: DeserializeOwned>(&self, keys: &Keys) -> Result<Option<C>> {
        self.after_at(keys, Utc::now())
    }

    fn after_at<C: DeserializeOwned>(&self, keys: &Keys, now: DateTime<Utc>) -> Result<Option<C>> {
        if self.token.is_empty() {
            return Ok(None);
        }
        let invalid =
            || refused(Reason::PageTokenInvalid, "The page token is none that this service made.");
        let sealed = URL_SAFE_NO_PAD.decode(&self.token).map_err(|_| invalid())?;
        let plain = keys.open_sealed(&sealed, &self.bound_to()).ok_or_else(invalid)?;
        let token: Token<serde_json::Value> =
            serde_json::from_slice(&plain).map_err(|_| invalid())?;
        if token.of != self.of {
            let message = "The page token belongs to a list with other arguments.";
            return Err(refused(Reason::PageTokenMismatch, message));
        }
        let age = TimeDelta::seconds(now.timestamp().saturating_sub(token.made_s));
        if age > TOKEN_AGE_MAX {
            return Err(refused(Reason::PageTokenExpired, "The page token is too old."));
        }
        serde_json::from_value(token.after).map(Some).map_err(|_| invalid())
    }

    /// The page of the rows, of which one more than the page's size was read, encoded; and the token
    /// of the next one, empty at the end. Rows that do not fit into one answer begin the next page.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`.
    pub fn fill<T, M: Message, C: Serialize>(
        &self,
        keys: &Keys,
        rows: impl IntoIterator<Item = T>,
        position: impl Fn(&T) -> C,
        mut encode: impl FnMut(T) -> M,
    ) -> Result<(Vec<M>, String)> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let (mut filled, mut bytes, mut last) = (Vec::new(), 0_usize, None);
        for row in rows {
            if filled.len() == size {
                return Ok((filled, self.token_behind(keys, last)?));
            }
            let after = position(&row);
            let row = encode(row);
            bytes = bytes.saturating_add(row.encoded_len()).saturating_add(ROW_BYTES);
            if bytes > BYTES_MAX && !filled.is_empty() {
                return Ok((filled, self.token_behind(keys, last)?));
            }
            filled.push(row);
            last = Some(after);
        }
        Ok((filled, String::new()))
    }

    /// The token of the page behind a row.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`.
    pub fn token_behind<C: Serialize>(&self, keys: &Keys, after: Option<C>) -> Result<String> {
        let token = Token { of: self.of.clone(), made_s: Utc::now().timestamp(), after };
        let sealed = keys.seal(&serde_json::to_vec(&token)?, &self.bound_to())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn bound_to(&self) -> String {
        format!("page\n{}", self.account)
    }
}

fn refused(reason: Reason, message: &str) -> Error {
    let mut error = Error::new(reason, format!("{message} Begin at the first page."));
    error.violations.push(Violation {
        field: "page_token".to_owned(),
        reason: "FORMAT_INVALID",
        description: "Use the token of the previous page with the same other fields.".to_owned(),
    });
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys_of: &str, arguments: &str, token: &str) -> Page {
        Page::new(keys_of, "ListThings", arguments, 3, token, 10).unwrap()
    }

    /// A page of rows of this many bytes each.
    fn filled(page: &Page, keys: &Keys, rows: &[usize]) -> (usize, String) {
        let rows = rows.iter().copied().enumerate();
        let (filled, token) =
            page.fill(keys, rows, |(index, _)| *index, |(_, bytes)| "x".repeat(bytes)).unwrap();
        (filled.len(), token)
    }

    #[test]
    fn a_page_has_a_size_in_rows_and_in_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let first = page("a", "", "");
        assert_eq!(filled(&first, &keys, &[1, 1, 1]), (3, String::new()));
        let (rows, token) = filled(&first, &keys, &[1, 1, 1, 1]);
        assert_eq!(rows, 3);
        assert_eq!(page("a", "", &token).after::<usize>(&keys).unwrap(), Some(2));
        let half = BYTES_MAX / 2;
        let (rows, token) = filled(&first, &keys, &[half - 100, half - 100, 300]);
        assert_eq!(rows, 2, "the third does not fit");
        assert_eq!(page("a", "", &token).after::<usize>(&keys).unwrap(), Some(1));
        let (rows, token) = filled(&first, &keys, &[BYTES_MAX * 2, 1]);
        assert_eq!((rows, token.is_empty()), (1, false), "one goes in any case");
        assert_eq!(filled(&first, &keys, &[BYTES_MAX * 2]), (1, String::new()));
    }

    #[test]
    fn a_token_is_good_for_its_account_its_list_and_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let (_, token) = filled(&page("a", "x", ""), &keys, &[1, 1, 1, 1]);
        let reason = |page: Page, later: TimeDelta| {
            page.after_at::<usize>(&keys, Utc::now() + later).map_err(|error| error.reason)
        };
        let day = TimeDelta::days(1);
        let minute = TimeDelta::minutes(1);
        assert_eq!(reason(page("a", "x", &token), TimeDelta::zero()), Ok(Some(2)));
        assert_eq!(reason(page("a", "x", &token), day - minute), Ok(Some(2)));
        assert_eq!(reason(page("a", "x", &token), day + minute), Err(Reason::PageTokenExpired));
        assert_eq!(reason(page("a", "y", &token), day + minute), Err(Reason::PageTokenMismatch));
        let other = Page::new("a", "ListOthers", "x", 3, &token, 10).unwrap();
        assert_eq!(reason(other, TimeDelta::zero()), Err(Reason::PageTokenMismatch));
        assert_eq!(reason(page("b", "x", &token), day), Err(Reason::PageTokenInvalid));
        let mut bent = token.clone();
        bent.pop();
        assert_eq!(reason(page("a", "x", &bent), day), Err(Reason::PageTokenInvalid));
    }
}
