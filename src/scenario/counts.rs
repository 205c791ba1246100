//! A histogram of outcomes.

use super::Outcome;
use rustc_hash::FxHashMap;

/// How many different outcomes are found by looking at each, before a hash table takes over.
pub(super) const FEW: usize = 8;

/// How often an outcome was counted, and how many others had been seen before it.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    place: usize,
}

/// A histogram. The most frequent outcomes drift to the front, so that counting one is a comparison or two.
pub(super) struct Counts<O> {
    few: Vec<(O, Tally)>,
    many: FxHashMap<O, Tally>,
}

impl<O> Default for Counts<O> {
    fn default() -> Self {
        Self { few: Vec::new(), many: FxHashMap::default() }
    }
}

impl<O: Outcome> Counts<O> {
    /// Counts, and tells whether this outcome is the first of its value.
    #[inline]
    pub(super) fn add(&mut self, outcome: O, count: u64) -> bool {
        if let Some(place) = self.few.iter().position(|(known, _)| *known == outcome) {
            self.few[place].1.count += count;
            if place > 0 && self.few[place].1.count > self.few[place - 1].1.count {
                self.few.swap(place, place - 1);
            }
            return false;
        }
        let distinct = self.distinct();
        if self.few.len() < FEW {
            self.few.push((outcome, Tally { count, place: distinct }));
            return true;
        }
        self.many.entry(outcome).or_insert(Tally { count: 0, place: distinct }).count += count;
        self.distinct() > distinct
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (O, u64)> {
        self.few.into_iter().chain(self.many).map(|(outcome, tally)| (outcome, tally.count))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&O, u64)> {
        let few = self.few.iter().map(|(outcome, tally)| (outcome, tally.count));
        few.chain(self.many.iter().map(|(outcome, tally)| (outcome, tally.count)))
    }

    /// How many different outcomes there are.
    pub(super) fn distinct(&self) -> usize {
        self.few.len() + self.many.len()
    }

    /// The counts of all outcomes, in the order in which these were first seen.
    pub(super) fn in_order(&self) -> Vec<u64> {
        let mut counts = vec![0; self.distinct()];
        for tally in self.few.iter().map(|(_, tally)| tally).chain(self.many.values()) {
            counts[tally.place] = tally.count;
        }
        counts
    }

    fn tallies(&mut self) -> impl Iterator<Item = &mut Tally> {
        self.few.iter_mut().map(|(_, tally)| tally).chain(self.many.values_mut())
    }

    /// Adds to the count of the outcome at this place of that order.
    pub(super) fn add_to(&mut self, place: usize, count: u64) {
        if let Some(tally) = self.tallies().find(|tally| tally.place == place) {
            tally.count += count;
        }
    }

    /// Sets all counts to zero.
    pub(super) fn zero(&mut self) {
        self.tallies().for_each(|tally| tally.count = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn counts_are_those_of_a_plain_map() {
        let mut counts = Counts::default();
        let mut oracle = BTreeMap::new();
        for n in 0_u64..5000 {
            let outcome = (n * n + 7) % 23;
            counts.add(outcome, 1);
            *oracle.entry(outcome).or_insert(0_u64) += 1;
        }
        assert!(oracle.len() > FEW, "the hash table is never reached");
        let counted: BTreeMap<_, _> = counts.iter().map(|(outcome, count)| (*outcome, count)).collect();
        assert_eq!(counted, oracle);
    }

    #[test]
    fn outcomes_keep_their_places() {
        let mut counts = Counts::default();
        for n in (0_u64..5_000).rev() {
            let outcome = n % 23;
            assert_eq!(counts.add(outcome, n % 2), n > 4_976, "{n}");
        }
        // The first was 4,999, which is 8 above a multiple of 23.
        let before = counts.in_order();
        let place = |outcome: u64| usize::try_from((8 + 23 - outcome) % 23).expect("a small number");
        for (outcome, count) in counts.iter() {
            assert_eq!(before[place(*outcome)], count, "{outcome}");
        }
        counts.add_to(place(7), 1_000);
        counts.add_to(place(20), 1_000);
        assert_eq!(
            counts.iter().find(|(outcome, _)| **outcome == 7).map(|(_, n)| n),
            Some(before[1] + 1_000)
        );
        assert_eq!(counts.in_order()[place(20)], before[place(20)] + 1_000);
        counts.zero();
        assert_eq!((counts.distinct(), counts.in_order()), (23, vec![0; 23]));
        assert!(!counts.add(3, 1));
    }
}
