//! Configurations that a just-in-time search has been in, without those that another one makes superfluous.
//!
//! Limit: configurations of one moment and state are looked through one after another.

use super::just_in_time::Chains;
use super::table::{Blocks, Index, States, Uses, uses_no_more};

/// What a configuration has besides its moment and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Debts {
    /// Chains whose operation in flight has changed the state.
    pub(super) used: Chains,
    /// Chains whose operation in flight has yet to be placed.
    pub(super) owed: Chains,
    /// The pending operations that were used, as a number of [`Uses`].
    pub(super) pending: u32,
}

impl Debts {
    /// Whether all that can be done with the other can be done with this one.
    fn covers(&self, other: &Debts, uses: &States<Uses>) -> bool {
        self.used & !other.used == 0
            && self.owed & !other.owed == 0
            && (self.pending == other.pending
                || uses_no_more(uses.get(self.pending), uses.get(other.pending)))
    }
}

/// For every moment and state, the debts of which none covers another.
pub(super) struct Antichains {
    index: Index,
    keys: Blocks<u64>,
    lists: Vec<Vec<Debts>>,
    bytes: usize,
}

impl Antichains {
    pub(super) fn new() -> Self {
        Self { index: Index::new(), keys: Blocks::new(1), lists: Vec::new(), bytes: 0 }
    }

    /// Adds a configuration, and tells whether it is not covered by one that was added before.
    pub(super) fn insert(&mut self, moment: u32, state: u32, debts: Debts, uses: &States<Uses>) -> bool {
        let key = (u64::from(moment) << 32) | u64::from(state);
        let keys = &self.keys;
        let mixed = key.wrapping_mul(0xff51_afd7_ed55_8ccd);
        let (list, new) = self.index.find_or_add(mixed ^ (mixed >> 33), |entry| keys.get(entry)[0] == key);
        if new {
            self.keys.push(std::iter::once(key));
            self.lists.push(Vec::new());
        }
        let list = &mut self.lists[list];
        if list.iter().any(|known| known.covers(&debts, uses)) {
            return false;
        }
        let before = list.capacity();
        list.retain(|known| !debts.covers(known, uses));
        list.push(debts);
        self.bytes += (list.capacity() - before) * size_of::<Debts>();
        true
    }

    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.keys.bytes() + self.lists.capacity() * size_of::<Vec<Debts>>() + self.bytes
    }

    pub(super) fn is_full(&self) -> bool {
        self.index.is_full()
    }
}
