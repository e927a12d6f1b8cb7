//! Writing records: one file per kind, all on the same step. A step is one external call with its
//! intent before and its result behind it; whether a lost one had its effect is asked of the shop.

mod catalogue;
mod customers;
mod levels;
mod order_plan;
mod orders;
mod products;
mod step;
mod take_back;

use cartage_model::Kind;
use serde_json::Value;

use super::{
    client::Client,
    prepare::Prepared,
    work::{self, Ended, Stop, Writer, link},
};
use crate::{CallJournal, Link, Refusal, Result, WriteItem, Written, WrittenOutcome};

pub(super) use products::variant;

/// Writes records of one kind.
pub(super) async fn write(
    client: &Client,
    prepared: &Value,
    kind: Kind,
    items: Vec<WriteItem>,
    journal: &dyn CallJournal,
) -> Result<Vec<Written>> {
    let prepared = Prepared::read(prepared)?;
    let writer = Writer::new(client, &prepared, journal);
    let ended = match kind {
        Kind::Category => writer.categories(&items).await,
        Kind::Product => writer.products(&items).await,
        Kind::Collection => {
            let futures = items.iter().map(|item| writer.collection(item)).collect();
            writer.at_once(4, futures, &items).await
        }
        Kind::CustomerGroup => {
            let futures = items.iter().map(|item| writer.customer_group(item)).collect();
            writer.at_once(4, futures, &items).await
        }
        Kind::Customer => writer.customers(&items).await,
        Kind::Order => {
            let futures = items.iter().map(|item| writer.order(item)).collect();
            writer.at_once(8, futures, &items).await
        }
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => {
            let refusal = Refusal {
                reason: "CAPABILITY_UNSUPPORTED".to_owned(),
                field: None,
                message: format!("Medusa takes no records of kind {kind}"),
            };
            items.iter().map(|item| ended(item, Err(Stop::Refused(refusal.clone())))).collect()
        }
    };
    writer.whole(ended?).await
}

impl Writer<'_> {
    /// Runs records side by side, in bounds.
    async fn at_once(
        &self,
        width: usize,
        futures: Vec<impl Future<Output = std::result::Result<Vec<Link>, Stop>>>,
        items: &[WriteItem],
    ) -> Result<Vec<Ended>> {
        let records = futures.into_iter().zip(items).map(|(future, item)| {
            let future = async move { future.await.map(WrittenOutcome::Created) };
            (item.mapped.kind, item.source_id.as_str(), future)
        });
        self.side_by_side(width, records.collect()).await
    }
}

fn ended(item: &WriteItem, result: std::result::Result<Vec<Link>, Stop>) -> Result<Ended> {
    work::ended(item.mapped.kind, &item.source_id, result.map(WrittenOutcome::Created))
}

/// The same end for all records, because not even the first question was answered.
fn ended_alike(items: &[WriteItem], stop: &Stop) -> Result<Vec<Ended>> {
    items.iter().map(|item| ended(item, Err(stop.clone()))).collect()
}

/// The link of a record's own object.
fn own_link(kind: Kind, item: &WriteItem, target_id: &str) -> Link {
    link(kind, &item.source_id, kind.as_str(), target_id)
}

/// The target id of something a record refers to.
fn linked<'a>(item: &'a WriteItem, kind: Kind, source_id: &str, role: &str) -> Option<&'a str> {
    work::linked(&item.links, kind, source_id, role)
}
