//! Expected against actual, with the ledger between: every record is equal, or stands in the
//! ledger with a reason.

use std::collections::{BTreeMap, BTreeSet};

use cartage_client::v1::{Effect, Outcome, RunRecord};

use super::facts::{Facts, Id, Kind, Records};

/// The ledger of a run by record.
pub(crate) type Ledger = BTreeMap<Id, RunRecord>;

/// What is wrong with one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The record.
    pub(crate) id: Id,
    /// The field, or what else is wrong.
    pub(crate) field: String,
    /// What ought to be there.
    pub(crate) expected: String,
    /// What is there.
    pub(crate) actual: String,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// Records per kind: all, equal, in the ledger with a reason.
    pub(crate) counts: BTreeMap<Kind, Counts>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
}

/// Records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// In the source.
    pub(crate) records: usize,
    /// Equal in every fact.
    pub(crate) equal: usize,
    /// Changed or held back, as the ledger says.
    pub(crate) in_ledger: usize,
    /// Facts compared.
    pub(crate) facts: usize,
}

/// Compares all records.
pub(crate) fn compare(expected: &Records, actual: &Records, ledger: &Ledger) -> Comparison {
    let mut result = Comparison::default();
    for (id, facts) in expected {
        let counts = result.counts.entry(id.0).or_default();
        counts.records += 1;
        counts.facts += facts.0.len();
        let (standing, problems) = record(id, facts, actual.get(id), ledger.get(id));
        match standing {
            Standing::Equal => counts.equal += 1,
            Standing::InLedger => counts.in_ledger += 1,
            Standing::Wrong => {}
        }
        result.problems.extend(problems);
    }
    let strangers: BTreeSet<&Id> = ledger.keys().chain(actual.keys()).collect();
    for id in strangers.into_iter().filter(|id| !expected.contains_key(*id)) {
        result.problems.push(problem(id, "record", "none in the source", "there is one"));
    }
    result
}

/// How a record stands.
enum Standing {
    Equal,
    InLedger,
    Wrong,
}

fn record(
    id: &Id,
    expected: &Facts,
    actual: Option<&Facts>,
    line: Option<&RunRecord>,
) -> (Standing, Vec<Problem>) {
    let Some(line) = line else {
        return (Standing::Wrong, vec![problem(id, "ledger", "a line", "none")]);
    };
    match (line.outcome(), actual) {
        (Outcome::Migrated, Some(actual)) => {
            let problems = differences(id, expected, actual);
            let is_equal = problems.is_empty();
            (if is_equal { Standing::Equal } else { Standing::Wrong }, problems)
        }
        (Outcome::Changed, Some(actual)) => {
            let all = differences(id, expected, actual);
            let is_equal = all.is_empty();
            let rest: Vec<Problem> =
                all.into_iter().filter(|problem| !explains(line, &problem.field)).collect();
            match (is_equal, rest.is_empty()) {
                (true, _) => (Standing::Equal, rest),
                (false, true) => (Standing::InLedger, rest),
                (false, false) => (Standing::Wrong, rest),
            }
        }
        (Outcome::Merged | Outcome::Excluded | Outcome::Quarantined, None) => {
            let failure = line.failure.as_ref().map_or("", |failure| failure.message.as_str());
            let has_reason = [line.reason.as_str(), &line.excluded_by, &line.merged_into, failure]
                .iter()
                .any(|text| !text.is_empty());
            match has_reason {
                true => (Standing::InLedger, Vec::new()),
                false => (Standing::Wrong, vec![problem(id, "ledger", "a reason", "none")]),
            }
        }
        (outcome, actual) => {
            let said = outcome.as_str_name();
            let there = if actual.is_some() { "it is in the shop" } else { "it is not there" };
            (Standing::Wrong, vec![problem(id, "outcome", there, said)])
        }
    }
}

/// Whether the ledger names a field, or what it is a part of, as changed.
fn explains(line: &RunRecord, field: &str) -> bool {
    line.changes.iter().any(|change| {
        !change.reason.is_empty()
            && field
                .strip_prefix(change.field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// All facts that are not the same on both sides.
fn differences(id: &Id, expected: &Facts, actual: &Facts) -> Vec<Problem> {
    let fields: BTreeSet<&String> = expected.0.keys().chain(actual.0.keys()).collect();
    fields
        .into_iter()
        .filter_map(|field| {
            let [wanted, found] = [expected, actual].map(|side| side.get(field).unwrap_or(""));
            (wanted != found).then(|| problem(id, field, wanted, found))
        })
        .collect()
}

fn problem(id: &Id, field: &str, expected: &str, actual: &str) -> Problem {
    Problem {
        id: id.clone(),
        field: field.to_owned(),
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    }
}

/// Lines of the ledger of a second run that say anything but that nothing was to do.
pub(crate) fn touched(ledger: &Ledger) -> Vec<String> {
    ledger
        .iter()
        .filter(|(_, line)| !matches!(line.effect(), Effect::Unchanged | Effect::None))
        .map(|((kind, id), line)| format!("{kind} {id}: {}", line.effect().as_str_name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use cartage_client::v1::FieldChange;

    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        let pairs = pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Facts(pairs.collect())
    }

    fn line(outcome: Outcome, changed: &[&str]) -> RunRecord {
        let changes = changed.iter().map(|field| FieldChange {
            field: (*field).to_owned(),
            reason: "rounded".to_owned(),
            ..Default::default()
        });
        let mut line = RunRecord { changes: changes.collect(), ..Default::default() };
        line.set_outcome(outcome);
        line
    }

    /// Fields that are found wrong in one product.
    fn check(expected: &Facts, actual: Option<&Facts>, line: Option<RunRecord>) -> Vec<String> {
        let id = (Kind::Product, "p".to_owned());
        let expected = Records::from([(id.clone(), expected.clone())]);
        let actual = actual.map(|facts| (id.clone(), facts.clone())).into_iter().collect();
        let ledger = line.map(|line| (id, line)).into_iter().collect();
        let result = compare(&expected, &actual, &ledger);
        result.problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_record_is_equal_or_the_ledger_explains_it() {
        let wanted = facts(&[("title", "A"), ("variants[0].weight_g", "1.23456")]);
        let rounded = facts(&[("title", "A"), ("variants[0].weight_g", "1.2346")]);
        let weight = ["variants[0].weight_g"];
        let none: [String; 0] = [];
        assert_eq!(check(&wanted, Some(&wanted), Some(line(Outcome::Migrated, &[]))), none);
        assert_eq!(check(&wanted, Some(&rounded), Some(line(Outcome::Migrated, &[]))), weight);
        assert_eq!(check(&wanted, Some(&rounded), Some(line(Outcome::Changed, &[]))), weight);
        assert_eq!(check(&wanted, Some(&rounded), Some(line(Outcome::Changed, &weight))), none);
        assert_eq!(
            check(&wanted, Some(&rounded), Some(line(Outcome::Changed, &["variants[0].w"]))),
            weight
        );
        assert_eq!(check(&wanted, Some(&wanted), None), ["ledger"]);
        assert_eq!(check(&wanted, None, Some(line(Outcome::Migrated, &[]))), ["outcome"]);
        assert_eq!(check(&wanted, None, Some(line(Outcome::Quarantined, &[]))), ["ledger"]);
    }

    #[test]
    fn more_in_the_shop_than_in_the_source_is_wrong_too() {
        let wanted = facts(&[("title", "A")]);
        let more = facts(&[("title", "A"), ("subtitle", "B")]);
        let migrated = || Some(line(Outcome::Migrated, &[]));
        assert_eq!(check(&wanted, Some(&more), migrated()), ["subtitle"]);
        let id = (Kind::Order, "o".to_owned());
        let stranger = Records::from([(id, wanted)]);
        assert_eq!(compare(&Records::new(), &stranger, &Ledger::new()).problems.len(), 1);
    }
}
