//! Which record carries which fault, decided before the first record is made.

use super::faults::{Fault, Kind};
use super::random::{Dice, Stream};
use super::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// A fault in one record, and the other record it needs (whose SKU, e-mail or number it repeats).
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    pub(super) partner: Option<usize>,
}

/// Every planted fault, by kind and index of the record.
pub(super) struct Plan {
    planned: BTreeMap<(Kind, usize), Planned>,
    partners: BTreeSet<(Kind, usize)>,
}

impl Plan {
    /// Spreads the faults over the shop's records, at most one in each; a partner has none.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut plan = Plan { planned: BTreeMap::new(), partners: BTreeSet::new() };
        let mut dice = Dice::new(settings.seed, Stream::Plan, 0);
        for fault in Fault::ALL.iter().copied() {
            if settings.faults || fault.harmless() {
                plan.plant(fault, settings.records(fault.kind()), &mut dice);
            }
        }
        plan
    }

    fn plant(&mut self, fault: Fault, records: usize, dice: &mut Dice) {
        for _ in 0..fault.count_in(records) {
            let Some(first) = self.free(fault.kind(), records, None, dice) else { return };
            if !needs_partner(fault) {
                self.put(fault, first, None);
                continue;
            }
            let Some(second) = self.free(fault.kind(), records, Some(first), dice) else { return };
            // The partner is the one that stands first in its file; orders are listed newest first.
            let (low, high) = (first.min(second), first.max(second));
            match fault.kind() {
                Kind::Order => self.put(fault, low, Some(high)),
                _ => self.put(fault, high, Some(low)),
            }
        }
    }

    fn put(&mut self, fault: Fault, index: usize, partner: Option<usize>) {
        self.planned.insert((fault.kind(), index), Planned { fault, partner });
        self.partners.extend(partner.map(|partner| (fault.kind(), partner)));
    }

    /// A record without a fault, not next to `apart_from` (neighbours of one number would be read
    /// as one order).
    fn free(
        &self,
        kind: Kind,
        records: usize,
        apart_from: Option<usize>,
        dice: &mut Dice,
    ) -> Option<usize> {
        let start = dice.below(records);
        (0..records).map(|step| (start + step) % records).find(|index| {
            self.is_untouched(kind, *index)
                && apart_from.is_none_or(|other| other.abs_diff(*index) > 1)
        })
    }

    fn is_untouched(&self, kind: Kind, index: usize) -> bool {
        !self.planned.contains_key(&(kind, index)) && !self.partners.contains(&(kind, index))
    }

    /// What is wrong with a record.
    pub(super) fn of(&self, kind: Kind, index: usize) -> Option<Planned> {
        self.planned.get(&(kind, index)).copied()
    }

    /// Whether a record can be referred to: nothing, or nothing that matters, is wrong with it.
    pub(super) fn is_sound(&self, kind: Kind, index: usize) -> bool {
        self.of(kind, index).is_none_or(|planned| planned.fault.harmless())
    }
}

fn needs_partner(fault: Fault) -> bool {
    matches!(fault, Fault::DuplicateSku | Fault::DuplicateEmail | Fault::DuplicateNumber)
}

impl Settings {
    fn records(&self, kind: Kind) -> usize {
        match kind {
            Kind::Product => self.products,
            Kind::Customer => self.customers,
            Kind::Order => self.orders,
            Kind::Collection => 0,
        }
    }
}
