//! Which records something is about.

use cartage_model::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which records something is about; the empty scope is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// The kinds, in loading order; all when empty.
    pub kinds: Vec<Kind>,
    /// What narrows single kinds, by kind, at most one each.
    pub filters: Vec<KindFilter>,
}

/// Which records of one kind are in scope: those for which all that is set holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindFilter {
    /// The kind it narrows.
    pub kind: Kind,
    /// Only records created in the source at this instant or later.
    pub created_after: Option<DateTime<Utc>>,
    /// Only records created in the source before this instant.
    pub created_before: Option<DateTime<Utc>>,
    /// Only these, sorted; all when empty.
    pub source_ids: Vec<String>,
    /// At most this many, the first ones in the order of the snapshot; 0 is all.
    pub max_records: u64,
}

impl Scope {
    /// Whether a kind is in scope.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// What narrows a kind.
    pub fn filter(&self, kind: Kind) -> Option<&KindFilter> {
        self.filters.iter().find(|filter| filter.kind == kind)
    }

    /// Whether everything in this scope is in the other one too, as far as the two say it
    /// themselves: which records are the first ones is known in the same order only.
    pub fn is_within(&self, other: &Self) -> bool {
        let kinds = self.kinds.iter().all(|kind| other.has(*kind));
        let whole = !self.kinds.is_empty() || other.kinds.is_empty();
        let filters = other.filters.iter().filter(|wide| self.has(wide.kind));
        let narrower =
            |wide: &KindFilter| self.filter(wide.kind).is_some_and(|filter| filter.is_within(wide));
        kinds && whole && filters.into_iter().all(narrower)
    }
}

impl KindFilter {
    fn is_within(&self, wide: &Self) -> bool {
        let after =
            wide.created_after.is_none_or(|from| self.created_after.is_some_and(|own| own >= from));
        let before = wide
            .created_before
            .is_none_or(|until| self.created_before.is_some_and(|own| own <= until));
        let ids = wide.source_ids.is_empty()
            || (!self.source_ids.is_empty()
                && self.source_ids.iter().all(|id| wide.source_ids.contains(id)));
        // The first n of fewer records need not be among the first n of more.
        let count = wide.max_records == 0
            || (self.max_records > 0
                && self.max_records <= wide.max_records
                && self.created_after == wide.created_after
                && self.created_before == wide.created_before
                && self.source_ids == wide.source_ids);
        after && before && ids && count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(source_ids: &[&str], max_records: u64) -> KindFilter {
        KindFilter {
            kind: Kind::Order,
            created_after: None,
            created_before: None,
            source_ids: source_ids.iter().map(|id| (*id).to_owned()).collect(),
            max_records,
        }
    }

    fn scope(kinds: &[Kind], filters: &[KindFilter]) -> Scope {
        Scope { kinds: kinds.to_vec(), filters: filters.to_vec() }
    }

    #[test]
    fn a_scope_is_within_another_when_each_of_its_records_is() {
        let all = Scope::default();
        let orders = scope(&[Kind::Order], &[]);
        let some = scope(&[Kind::Order], &[filter(&["1", "2"], 0)]);
        let one = scope(&[Kind::Order], &[filter(&["1"], 0)]);
        let first = scope(&[], &[filter(&[], 10)]);
        for (narrow, wide, expected) in [
            (&all, &all, true),
            (&orders, &all, true),
            (&all, &orders, false),
            (&some, &orders, true),
            (&orders, &some, false),
            (&one, &some, true),
            (&some, &one, false),
            (&first, &all, true),
            (&all, &first, false),
            (&one, &first, false),
            (&scope(&[Kind::Product], &[]), &first, true),
            (&scope(&[], &[filter(&[], 5)]), &first, true),
        ] {
            assert_eq!(narrow.is_within(wide), expected, "{narrow:?} in {wide:?}");
        }
    }
}
