//! Pages of resources that fit a condition, newest first.

use chrono::{DateTime, Utc};
use prost::Message;

use super::{Api, page::Page};
use crate::{
    error::Result,
    name::Name,
    store::resource::{Body, Cut, Resource},
};

/// How many rows are read at once while looking for those that fit.
const BATCH: i64 = 200;

impl Api {
    /// A page of the resources of a type below a parent for which a condition holds.
    pub(super) async fn page_where<B: Body, M: Message>(
        &self,
        parent: &Name,
        page: &Page,
        deleted: bool,
        fits: impl Fn(&Resource<B>) -> bool + Send,
        encode: impl Fn(&Resource<B>) -> M,
    ) -> Result<(Vec<M>, String)> {
        let position = |row: &Resource<B>| (row.create_time, row.name.as_str().to_owned());
        let mut after: Option<(DateTime<Utc>, String)> = page.after(&self.app.keys)?;
        let wanted = usize::try_from(page.size).unwrap_or_default().saturating_add(1);
        let limit = BATCH.max(page.size.saturating_add(1));
        let mut rows = Vec::new();
        let mut tx = self.app.store.begin(parent.account_id()).await?;
        while rows.len() < wanted {
            let cut = Cut { limit, after: after.take(), deleted, ..Cut::default() };
            let read = tx.resource_list::<B>(parent, &cut).await?;
            let more = i64::try_from(read.len()).unwrap_or_default() == limit;
            after = read.last().map(position);
            rows.extend(read.into_iter().filter(&fits));
            if !more {
                break;
            }
        }
        rows.truncate(wanted);
        page.fill(&self.app.keys, rows, position, |row| encode(&row))
    }
}
