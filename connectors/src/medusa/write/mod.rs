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

use std::sync::{Mutex, PoisonError};

use cartage_model::Kind;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::{client::Client, prepare::Prepared};
use crate::{
    CallJournal, Error, Link, PARTIAL, Reference, Refusal, Result, WriteItem, Written,
    WrittenOutcome,
};

/// So many records may each have their own trouble with a shop that answers: faults of the shop
/// for all of more records are those of a shop that is away.
const OWN_TROUBLE_MAX: usize = 3;

/// Why a record went no further.
#[derive(Clone, Debug)]
enum Stop {
    /// The shop will not take it, and nothing of it stands there.
    Refused(Refusal),
    /// It is refused, but this object of it stands in the shop, where it is known which.
    Stands(Refusal, Option<String>),
    /// To be tried again.
    Postponed(String),
    /// To be tried again, for the shop gave no answer or one of a fault of its own.
    Away(Error),
    /// Nothing can go on.
    Fatal(Error),
}

impl Stop {
    /// What an error means for a record. What the shop has not, or will not tell, is a matter of
    /// that record alone.
    fn of(error: Error) -> Self {
        match error {
            Error::Transient { .. } | Error::Throttled { .. } => Self::Away(error),
            Error::Unreadable { .. } | Error::Missing { .. } | Error::Rejected { .. } => {
                Self::Postponed(error.to_string())
            }
            other => Self::Fatal(other),
        }
    }
}

/// How one record ended: what is told of it, and the error of a shop that seems to be away.
struct Ended {
    written: Written,
    away: Option<Error>,
}

/// What the records of one call share.
struct Writer<'a> {
    client: &'a Client,
    prepared: &'a Prepared,
    journal: &'a dyn CallJournal,
    /// Set when the shop answers nothing at all, so that further records are not tried.
    gone: Mutex<Option<Error>>,
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
    let writer = Writer { client, prepared: &prepared, journal, gone: Mutex::default() };
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
    /// Runs records side by side, in bounds; a fatal error drops the rest where it stands.
    async fn at_once(
        &self,
        width: usize,
        futures: Vec<impl Future<Output = std::result::Result<Vec<Link>, Stop>>>,
        items: &[WriteItem],
    ) -> Result<Vec<Ended>> {
        let numbered = futures
            .into_iter()
            .zip(items)
            .map(|(future, item)| async move {
                let result = match self.gone() {
                    Some(error) => Err(Stop::Away(error)),
                    None => future.await,
                };
                self.notice(&result).await;
                ended(item, result)
            })
            .collect::<Vec<_>>();
        let mut results = stream::iter(numbered).buffer_unordered(width);
        let mut all = Vec::with_capacity(items.len());
        while let Some(result) = results.next().await {
            all.push(result?);
        }
        Ok(all)
    }

    /// The error of a shop that answers nothing at all.
    fn gone(&self) -> Option<Error> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the shop for something it always has when a record could not reach it.
    async fn notice<T>(&self, result: &std::result::Result<T, Stop>) {
        if !matches!(result, Err(Stop::Away(_))) || self.gone().is_some() {
            return;
        }
        let asked = self.client.get("/admin/stores", &[("limit", "1".to_owned())]).await;
        if let Err(error @ (Error::Transient { .. } | Error::Throttled { .. })) = asked {
            *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// What is told of the records. When none of them came to an end because the shop is away, it
    /// is the shop's matter and not theirs: their tries must not be used up by it.
    async fn whole(&self, all: Vec<Ended>) -> Result<Vec<Written>> {
        if let Some(first) = all.first()
            && let Some(error) = &first.away
            && all.iter().all(|one| one.away.is_some())
        {
            self.notice::<()>(&Err(Stop::Away(error.clone()))).await;
            if let Some(error) = self.gone() {
                return Err(error);
            }
            if all.len() > OWN_TROUBLE_MAX {
                return Err(error.clone());
            }
        }
        Ok(all.into_iter().map(|one| one.written).collect())
    }
}

fn ended(item: &WriteItem, result: std::result::Result<Vec<Link>, Stop>) -> Result<Ended> {
    let mut partial = Vec::new();
    let mut away = None;
    let outcome = match result {
        Ok(links) => WrittenOutcome::Created(links),
        Err(Stop::Refused(refusal)) => WrittenOutcome::Refused(refusal),
        Err(Stop::Stands(refusal, id)) => {
            partial.extend(id.map(|id| link(item.mapped.kind, &item.source_id, PARTIAL, &id)));
            WrittenOutcome::Refused(refusal)
        }
        Err(Stop::Postponed(why)) => WrittenOutcome::Postponed(why),
        Err(Stop::Away(error)) => {
            let why = error.to_string();
            let outcome = match &error {
                Error::Throttled { retry_after, .. } => {
                    WrittenOutcome::Deferred { why, retry_after: *retry_after }
                }
                _ => WrittenOutcome::Postponed(why),
            };
            away = Some(error);
            outcome
        }
        Err(Stop::Fatal(error)) => return Err(error),
    };
    let written = Written { source_id: item.source_id.clone(), outcome, partial };
    Ok(Ended { written, away })
}

/// The same end for all records, because not even the first question was answered.
fn ended_alike(items: &[WriteItem], stop: &Stop) -> Result<Vec<Ended>> {
    items.iter().map(|item| ended(item, Err(stop.clone()))).collect()
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
