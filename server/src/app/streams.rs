//! How many streams are open, of each account and in all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::Config,
    error::{Error, Result},
    reason::Reason,
};

/// When a refused watcher may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The streams that are open in this process.
#[derive(Debug)]
pub struct Streams {
    all_max: usize,
    account_max: usize,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// An open stream; it is counted as long as this value lives.
#[derive(Debug)]
pub struct OpenStream {
    account: String,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Streams {
    /// None is open.
    pub fn new(config: &Config) -> Self {
        let (all_max, account_max) = (config.streams_max, config.streams_per_account_max);
        Self { all_max, account_max, open: Arc::default() }
    }

    /// Counts one more stream of an account.
    ///
    /// # Errors
    /// `STREAM_LIMIT` when the account, or all together, have as many as they may.
    pub fn open(&self, account: &str) -> Result<OpenStream> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(account).copied().unwrap_or_default();
        let refuse = |whose: &str, max: usize| {
            let message = format!("{whose} has {max} streams open, and no more are allowed.");
            Error::new(Reason::StreamLimit, message)
                .with("streamsMax", max.to_string())
                .retry_after(COME_AGAIN)
        };
        if own >= self.account_max {
            return Err(refuse("The account", self.account_max));
        }
        if open.values().sum::<usize>() >= self.all_max {
            return Err(refuse("The server", self.all_max));
        }
        open.insert(account.to_owned(), own.saturating_add(1));
        Ok(OpenStream { account: account.to_owned(), open: Arc::clone(&self.open) })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_cannot_take_the_streams_of_the_others() {
        let mut config = Config::new("/nowhere".into());
        (config.streams_max, config.streams_per_account_max) = (3, 2);
        let streams = Streams::new(&config);
        let refused = |account: &str| streams.open(account).unwrap_err().metadata;
        let first = streams.open("a").unwrap();
        let _second = streams.open("a").unwrap();
        assert_eq!(refused("a"), [("streamsMax", "2".to_owned())]);
        let third = streams.open("b").unwrap();
        assert_eq!(refused("b"), [("streamsMax", "3".to_owned())]);
        drop(third);
        assert!(streams.open("c").is_ok());
        drop(first);
        assert!(streams.open("a").is_ok());
    }
}
