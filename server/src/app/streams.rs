//! How many streams are open, of each caller, of each account and in all.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::Config,
    error::{Error, Result},
    reason::Reason,
    token::Caller,
};

/// When a refused watcher may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The streams that are open in this process.
#[derive(Debug)]
pub struct Streams {
    all_max: usize,
    account_max: usize,
    principal_max: usize,
    open: Arc<Mutex<Open>>,
}

/// How many are open.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    accounts: HashMap<String, usize>,
    /// By account and subject: the same subject of another account is somebody else.
    principals: HashMap<(String, String), usize>,
}

/// An open stream; it is counted as long as this value lives.
#[derive(Debug)]
pub struct OpenStream {
    account: String,
    subject: String,
    open: Arc<Mutex<Open>>,
}

impl Streams {
    /// None is open.
    pub fn new(config: &Config) -> Self {
        Self {
            all_max: config.streams_max,
            account_max: config.streams_per_account_max,
            principal_max: config.streams_per_principal_max,
            open: Arc::default(),
        }
    }

    /// Counts one more stream of a caller.
    ///
    /// # Errors
    /// `STREAM_LIMIT` when the caller, their account, or all together have as many as they may.
    pub fn open(&self, caller: &Caller) -> Result<OpenStream> {
        let (account, subject) = (caller.account.clone(), caller.subject.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let principal = (account.clone(), subject.clone());
        let own = open.principals.get(&principal).copied().unwrap_or_default();
        let accounts = open.accounts.get(&account).copied().unwrap_or_default();
        for (limit, whose, count, max) in [
            ("PRINCIPAL", "The caller", own, self.principal_max),
            ("ACCOUNT", "The account", accounts, self.account_max),
            ("SERVER", "The server", open.all, self.all_max),
        ] {
            if count >= max {
                let message = format!("{whose} has {max} streams open, and no more are allowed.");
                return Err(Error::new(Reason::StreamLimit, message)
                    .with("limit", limit)
                    .with("streamsMax", max.to_string())
                    .retry_after(COME_AGAIN));
            }
        }
        open.all = open.all.saturating_add(1);
        *open.accounts.entry(account.clone()).or_default() += 1;
        *open.principals.entry(principal).or_default() += 1;
        Ok(OpenStream { account, subject, open: Arc::clone(&self.open) })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let account = std::mem::take(&mut self.account);
        one_less(&mut open.accounts, &account);
        one_less(&mut open.principals, &(account, std::mem::take(&mut self.subject)));
    }
}

/// Counts one less, and forgets whom nothing is counted of.
fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(account: &str, subject: &str) -> Caller {
        let (account, subject) = (account.to_owned(), subject.to_owned());
        Caller { account, subject, scopes: Vec::new(), expires_at_s: 0 }
    }

    #[test]
    fn nobody_can_take_the_streams_of_the_others() {
        let mut config = Config::new("/nowhere".into());
        config.streams_max = 5;
        config.streams_per_account_max = 3;
        config.streams_per_principal_max = 2;
        let streams = Streams::new(&config);
        let open = |account, subject| streams.open(&caller(account, subject)).unwrap();
        let refused = |account, subject| {
            let error = streams.open(&caller(account, subject)).unwrap_err();
            assert_eq!((error.reason, error.retry_after), (Reason::StreamLimit, Some(COME_AGAIN)));
            error.metadata
        };
        let says =
            |limit: &str, max: &str| [("limit", limit.to_owned()), ("streamsMax", max.to_owned())];
        let first = open("a", "x");
        let second = open("a", "x");
        assert_eq!(refused("a", "x"), says("PRINCIPAL", "2"));
        let _third = open("a", "y");
        assert_eq!(refused("a", "y"), says("ACCOUNT", "3"));
        let fourth = open("b", "x");
        let fifth = open("b", "y");
        assert_eq!(refused("c", "x"), says("SERVER", "5"));
        drop(fourth);
        let _sixth = open("c", "x");
        drop(fifth);
        // The account is full, though the caller has given back one of theirs.
        drop(first);
        let _seventh = open("a", "y");
        assert_eq!(refused("a", "x"), says("ACCOUNT", "3"));
        drop(second);
        let _eighth = open("a", "x");
        let counted = streams.open.lock().unwrap();
        assert_eq!((counted.all, counted.accounts.len(), counted.principals.len()), (4, 2, 3));
    }
}
