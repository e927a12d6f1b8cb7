//! Writing records: one file per kind, all on the same step. A step is one external call with its
//! intent before and its result behind it; whether a lost one had its effect is asked of the shop.

mod catalogue;
mod customers;
mod levels;
mod order_plan;
mod orders;
mod products;
mod step;

use cartage_model::Kind;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{client::Client, prepare::Prepared};
use crate::{
    CallJournal, Error, Link, Reference, Refusal, Result, WriteItem, Written, WrittenOutcome,
};

/// Why a record went no further.
#[derive(Debug)]
enum Stop {
    /// The shop will not take it.
    Refused(Refusal),
    /// To be tried again.
    Postponed(String),
    /// Nothing can go on.
    Fatal(Error),
}

impl Stop {
    /// What an error of a read means for a record.
    fn of(error: Error) -> Self {
        match error {
            Error::Transient { .. } | Error::Throttled { .. } | Error::Unreadable { .. } => {
                Self::Postponed(error.to_string())
            }
            other => Self::Fatal(other),
        }
    }
}

/// What the records of one call share.
struct Writer<'a> {
    client: &'a Client,
    prepared: &'a Prepared,
    journal: &'a dyn CallJournal,
}

/// Writes records of one kind.
pub(super) async fn write(
    client: &Client,
    prepared: &Value,
    kind: Kind,
    items: Vec<WriteItem>,
    journal: &dyn CallJournal,
) -> Result<Vec<Written>> {
    let prepared = Prepared::read(prepared)?;
    let writer = Writer { client, prepared: &prepared, journal };
    match kind {
        Kind::Category => writer.categories(&items).await,
        Kind::Product => writer.products(&items).await,
        Kind::Collection => {
            at_once(4, items.iter().map(|item| writer.collection(item)).collect(), &items).await
        }
        Kind::CustomerGroup => {
            at_once(4, items.iter().map(|item| writer.customer_group(item)).collect(), &items).await
        }
        Kind::Customer => writer.customers(&items).await,
        Kind::Order => {
            at_once(8, items.iter().map(|item| writer.order(item)).collect(), &items).await
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
            Ok(items.iter().map(|item| refused(item, refusal.clone())).collect())
        }
    }
}

/// Runs records side by side, in bounds; a fatal error drops the rest where it stands.
async fn at_once(
    width: usize,
    futures: Vec<impl Future<Output = std::result::Result<Vec<Link>, Stop>>>,
    items: &[WriteItem],
) -> Result<Vec<Written>> {
    let numbered = futures
        .into_iter()
        .zip(items)
        .map(|(future, item)| async move { outcome(item, future.await) })
        .collect::<Vec<_>>();
    let mut results = stream::iter(numbered).buffer_unordered(width);
    let mut written = Vec::with_capacity(items.len());
    while let Some(result) = results.next().await {
        written.push(result?);
    }
    Ok(written)
}

fn outcome(item: &WriteItem, result: std::result::Result<Vec<Link>, Stop>) -> Result<Written> {
    let outcome = match result {
        Ok(links) => WrittenOutcome::Created(links),
        Err(Stop::Refused(refusal)) => WrittenOutcome::Refused(refusal),
        Err(Stop::Postponed(why)) => WrittenOutcome::Postponed(why),
        Err(Stop::Fatal(error)) => return Err(error),
    };
    Ok(Written { source_id: item.source_id.clone(), outcome })
}

fn refused(item: &WriteItem, refusal: Refusal) -> Written {
    Written { source_id: item.source_id.clone(), outcome: WrittenOutcome::Refused(refusal) }
}

/// The link of a record's own object.
fn own_link(kind: Kind, item: &WriteItem, target_id: &str) -> Link {
    link(kind, &item.source_id, kind.as_str(), target_id)
}

fn link(kind: Kind, source_id: &str, role: &str, target_id: &str) -> Link {
    let reference = Reference { kind, source_id: source_id.to_owned(), role: role.to_owned() };
    Link { reference, target_id: target_id.to_owned() }
}

/// The target id of something a record refers to.
fn linked<'a>(item: &'a WriteItem, kind: Kind, source_id: &str, role: &str) -> Option<&'a str> {
    let reference = Reference { kind, source_id: source_id.to_owned(), role: role.to_owned() };
    item.links.get(&reference).map(String::as_str)
}
