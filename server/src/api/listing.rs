//! Pages of resources that fit a condition, newest first.

use chrono::{DateTime, Utc};
use prost::Message;

use super::{Api, page::Page};
use crate::{
    error::Result,
    keys::Keys,
    name::Name,
    store::{
        Tx,
        resource::{Body, Cut, Resource},
    },
};

/// How many rows are read at once while looking for those that fit.
const BATCH: i64 = 200;

/// Resources of a type below a parent for which a condition holds, newest first: those of a page and
/// one more.
pub(super) async fn rows_where<B: Body>(
    tx: &mut Tx,
    parent: &Name,
    page: (&Page, &Keys),
    deleted: bool,
    fits: impl Fn(&Resource<B>) -> bool + Send,
) -> Result<Vec<Resource<B>>> {
    let (page, keys) = page;
    let mut after: Option<(DateTime<Utc>, String)> = page.after(keys)?;
    let wanted = usize::try_from(page.size).unwrap_or_default().saturating_add(1);
    let limit = BATCH.max(page.size.saturating_add(1));
    let mut rows = Vec::new();
    while rows.len() < wanted {
        let cut = Cut { limit, after: after.take(), deleted, ..Cut::default() };
        let read = tx.resource_list::<B>(parent, &cut).await?;
        let more = i64::try_from(read.len()).unwrap_or_default() == limit;
        after = read.last().map(Resource::place);
        rows.extend(read.into_iter().filter(&fits));
        if !more {
            break;
        }
    }
    rows.truncate(wanted);
    Ok(rows)
}

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
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(parent.account_id()).await?;
        let rows = rows_where::<B>(&mut tx, parent, (page, keys), deleted, fits).await?;
        page.fill(keys, rows, Resource::place, |row| encode(&row))
    }
}
