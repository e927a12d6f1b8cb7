//! The budgets of the shops this process works with, kept in the database for all processes.
//!
//! Whoever calls a shop of an account shares one budget with all others who call it, in this process
//! through the same [`Budget`], with other processes through its row.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cartage_connectors::budget::{Budget, Grant, Ledger, LedgerError, Report, State, Wish, notes};

use crate::{error::Result, store::Store};

/// How many budgets are held before those that nobody uses are let go.
const BUDGETS_MAX: usize = 256;

/// The budgets of this process.
#[derive(Debug, Default)]
pub struct Budgets {
    held: Mutex<HashMap<(String, String), Arc<Budget>>>,
}

impl Budgets {
    /// The budget of an account's shop at an address.
    pub fn of(&self, store: &Store, account: &str, base_url: &str) -> Arc<Budget> {
        let shop = base_url.trim().trim_end_matches('/').to_lowercase();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= BUDGETS_MAX {
            held.retain(|_, budget| Arc::strong_count(budget) > 1);
        }
        let key = (account.to_owned(), shop);
        let budget = held.entry(key).or_insert_with_key(|(account, shop)| {
            let kept = Kept { store: store.clone(), account: account.clone(), shop: shop.clone() };
            Arc::new(Budget::new(Box::new(kept)))
        });
        Arc::clone(budget)
    }
}

/// The state of a shop's budget in its row.
struct Kept {
    store: Store,
    account: String,
    shop: String,
}

impl Kept {
    async fn exchange(&self, reports: &[Report], wish: Wish) -> Result<Grant> {
        let mut tx = self.store.begin(&self.account).await?;
        let (body, now) = tx.rate_budget_lock(&self.shop).await?;
        // What cannot be read was written by another version: it is learned anew.
        let mut state: State = serde_json::from_value(body).unwrap_or_default();
        let grant = state.exchange(now, &notes(reports, now), wish);
        tx.rate_budget_put(&self.shop, &serde_json::to_value(&state)?).await?;
        tx.commit().await?;
        Ok(grant)
    }
}

#[async_trait]
impl Ledger for Kept {
    async fn exchange(
        &self,
        reports: &[Report],
        wish: Wish,
    ) -> std::result::Result<Grant, LedgerError> {
        let exchanged = Self::exchange(self, reports, wish).await;
        exchanged.map_err(|error| LedgerError(error.message))
    }
}
