//! Page tokens: sealed, bound to the caller's account, the method and the other arguments.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{Error, Result},
    keys::Keys,
    reason::Reason,
};

/// The page size where none is asked for.
const SIZE_DEFAULT: i64 = 50;

/// What a list was asked for.
#[derive(Clone, Debug)]
pub struct Page {
    binding: String,
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
        Ok(Self {
            binding: format!("page\n{account}\n{method}\n{arguments}"),
            size,
            token: token.to_owned(),
        })
    }

    /// Where the page begins; none for the first.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` when the token is none of ours for these arguments.
    pub fn after<C: DeserializeOwned>(&self, keys: &Keys) -> Result<Option<C>> {
        if self.token.is_empty() {
            return Ok(None);
        }
        URL_SAFE_NO_PAD
            .decode(&self.token)
            .ok()
            .and_then(|sealed| keys.open_sealed(&sealed, &self.binding))
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .map(Some)
            .ok_or_else(|| {
                let mut error = Error::new(
                    Reason::PageTokenInvalid,
                    "The page token is not valid for this list; begin at the first page.",
                );
                error.violations.push(crate::error::Violation {
                    field: "page_token".to_owned(),
                    reason: "FORMAT_INVALID",
                    description: "Use the token of the previous page with the same other fields."
                        .to_owned(),
                });
                error
            })
    }

    /// Cuts rows, of which one more than the page's size was read, to the page, and gives the
    /// token of the next one; empty at the end.
    pub fn cut<T, C: Serialize>(
        &self,
        keys: &Keys,
        rows: &mut Vec<T>,
        position: impl Fn(&T) -> C,
    ) -> Result<String> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return Ok(String::new());
        }
        rows.truncate(size);
        rows.last().map_or_else(
            || Ok(String::new()),
            |last| {
                let plain = serde_json::to_vec(&position(last))?;
                Ok(URL_SAFE_NO_PAD.encode(keys.seal(&plain, &self.binding)?))
            },
        )
    }
}
