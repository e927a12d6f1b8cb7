//! The first law: every record in scope ends in exactly one outcome, and the sums are the
//! snapshot's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It stands in the target as the mapping says.
    Migrated,
    /// It was merged into another record.
    Merged,
    /// It stands in the target with values that had to change.
    Changed,
    /// A rule left it out.
    Excluded,
    /// It could not be handled; the cause is kept.
    Quarantined,
    /// Whether it stands in the target cannot be decided.
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Migrated,
        Self::Merged,
        Self::Changed,
        Self::Excluded,
        Self::Quarantined,
        Self::Unknown,
    ];

    /// Its name in tables and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Migrated => "migrated",
            Self::Merged => "merged",
            Self::Changed => "changed",
            Self::Excluded => "excluded",
            Self::Quarantined => "quarantined",
            Self::Unknown => "unknown",
        }
    }
}

/// The sums of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindAccount {
    /// Records in scope, by the snapshot.
    pub total: i64,
    /// Records by outcome.
    pub outcomes: BTreeMap<Outcome, i64>,
}

impl KindAccount {
    /// Records in scope that have no outcome. Never below zero in a sound run: more outcomes than
    /// records is as wrong as fewer, and is negative here.
    pub fn unaccounted(&self) -> i64 {
        self.total - self.outcomes.values().sum::<i64>()
    }
}

/// The sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounting {
    /// By the name of the kind.
    pub kinds: BTreeMap<String, KindAccount>,
}

/// How the sums stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every record has one outcome and none is undecided.
    Complete,
    /// Every record has one outcome, some are undecided.
    Undecided(i64),
    /// Records without outcome, or outcomes without record.
    Incomplete(i64),
}

impl Accounting {
    /// Whether a run with these sums may be called a success.
    pub fn verdict(&self) -> Verdict {
        let wrong: i64 = self.kinds.values().map(|kind| kind.unaccounted().abs()).sum();
        if wrong > 0 {
            return Verdict::Incomplete(wrong);
        }
        let undecided: i64 =
            self.kinds.values().filter_map(|kind| kind.outcomes.get(&Outcome::Unknown)).sum();
        if undecided > 0 { Verdict::Undecided(undecided) } else { Verdict::Complete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(kinds: &[(i64, &[(Outcome, i64)])]) -> Accounting {
        let kinds = kinds.iter().enumerate().map(|(number, (total, outcomes))| {
            let outcomes = outcomes.iter().copied().collect();
            (format!("kind{number}"), KindAccount { total: *total, outcomes })
        });
        Accounting { kinds: kinds.collect() }
    }

    #[test]
    fn one_record_too_few_or_too_many_is_never_a_success() {
        use Outcome::{Migrated, Quarantined, Unknown};
        assert_eq!(
            account(&[(3, &[(Migrated, 2), (Quarantined, 1)])]).verdict(),
            Verdict::Complete
        );
        assert_eq!(account(&[(3, &[(Migrated, 2)])]).verdict(), Verdict::Incomplete(1));
        // Sums that only balance across kinds do not balance.
        let crossed = account(&[(3, &[(Migrated, 2)]), (3, &[(Migrated, 4)])]);
        assert_eq!(crossed.verdict(), Verdict::Incomplete(2));
        assert_eq!(
            account(&[(2, &[(Migrated, 1), (Unknown, 1)])]).verdict(),
            Verdict::Undecided(1)
        );
        assert_eq!(account(&[]).verdict(), Verdict::Complete);
    }
}
