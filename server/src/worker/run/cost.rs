//! What records of each kind cost in time: measured by each run that loads, kept in it, and expected of
//! the next one, so that it can say from its first minute on how long kinds take that it has not begun.

use std::collections::BTreeMap;

use super::super::{Work, records::Way};
use crate::{
    app::run::{self, Run},
    error::Result,
    name::Name,
    store::{
        Tx,
        resource::{Cut, Resource},
    },
};

/// How many runs are looked at.
const RUNS_MAX: i64 = 100;

/// What a record of each kind is expected to cost beside one of another kind: what runs of the same
/// sort took before, at best into the same shop; of kinds that none had, what connectors usually say.
pub(super) async fn expected(
    tx: &mut Tx,
    run: &Resource<Run>,
    way: &Way,
) -> Result<BTreeMap<String, f64>> {
    let cut = Cut { limit: RUNS_MAX, ..Cut::default() };
    let runs = tx.resource_list::<Run>(&run::migration_of(&run.name), &cut).await?;
    let alike = |it: &&Resource<Run>| {
        !it.body.seconds_per_record.is_empty()
            && it.body.kind.updates() == run.body.kind.updates()
            && it.name != run.name
    };
    let same_shop = |it: &&Resource<Run>| it.body.target_connection == run.body.target_connection;
    let before = runs.iter().filter(alike).find(same_shop).or_else(|| runs.iter().find(alike));
    let usual = way
        .kinds()
        .into_iter()
        .map(|kind| (kind.as_str().to_owned(), f64::from(way.target.usual_calls(kind).max(1))));
    Ok(joined(before.map(|it| &it.body.seconds_per_record), usual.collect()))
}

/// What was measured, and for the rest what is usual, brought to the same measure.
#[expect(clippy::float_arithmetic, reason = "estimates are no money")]
fn joined(
    measured: Option<&BTreeMap<String, f64>>,
    usual: BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let none = BTreeMap::new();
    let measured = measured.unwrap_or(&none);
    let both = || usual.iter().filter_map(|(kind, usual)| Some((measured.get(kind)?, usual)));
    let seconds: f64 = both().map(|(measured, _)| measured).sum();
    let weights: f64 = both().map(|(_, usual)| usual).sum();
    let scale = if weights > 0.0 && seconds > 0.0 { seconds / weights } else { 1.0 };
    let of = |(kind, usual): (String, f64)| {
        let cost = measured.get(&kind).copied().unwrap_or(usual * scale);
        (kind, cost)
    };
    usual.into_iter().map(of).collect()
}

/// Keeps what a run measured.
pub(super) async fn keep(work: &Work, run: &Name, measured: BTreeMap<String, f64>) -> Result<()> {
    if measured.is_empty() {
        return Ok(());
    }
    let mut tx = work.begin().await?;
    let mut held = tx.resource_lock::<Run>(run).await?;
    held.body.seconds_per_record.extend(measured);
    tx.resource_update(&mut held).await?;
    work.commit(tx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_expected_in_the_measure_of_what_was() {
        let costs = |of: &[(&str, f64)]| -> BTreeMap<String, f64> {
            of.iter().map(|(kind, cost)| ((*kind).to_owned(), *cost)).collect()
        };
        let usual = costs(&[("customer", 2.0), ("order", 6.0), ("product", 1.0)]);
        assert_eq!(joined(None, usual.clone()), usual);
        let measured = costs(&[("customer", 0.25), ("product", 0.5), ("review", 9.0)]);
        let expected = costs(&[("customer", 0.25), ("order", 1.5), ("product", 0.5)]);
        assert_eq!(joined(Some(&measured), usual), expected);
    }
}
