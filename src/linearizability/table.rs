//! What the search remembers: distinct model states, and the situations that it has been in.
//!
//! Both keep their entries side by side in one vector each and find them through an open-addressing index,
//! so that the bytes they take are known at every moment, and a bound on them is a bound. Entries are
//! compared in full: equal hashes alone never make two situations one.

use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

const EMPTY: u32 = u32::MAX;

/// Places of entries by their hash.
struct Index {
    slots: Vec<u32>,
    hashes: Vec<u64>,
}

impl Index {
    fn new() -> Self {
        Self { slots: vec![EMPTY; 16], hashes: Vec::new() }
    }

    fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>() + self.hashes.capacity() * size_of::<u64>()
    }

    /// The entry of this hash that `is_it` accepts, or else a new place at the end for one.
    fn find_or_add(&mut self, hash: u64, is_it: impl Fn(usize) -> bool) -> (usize, bool) {
        let mask = self.slots.len() - 1;
        // The high bits of FxHash are the better ones.
        let mut slot = Self::home(hash, mask);
        loop {
            match self.slots[slot] {
                EMPTY => break,
                entry => {
                    let entry = entry as usize;
                    if self.hashes[entry] == hash && is_it(entry) {
                        return (entry, false);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
        let entry = self.hashes.len();
        self.hashes.push(hash);
        self.slots[slot] = u32::try_from(entry).unwrap_or(EMPTY);
        if self.hashes.len() * 4 > self.slots.len() * 3 {
            self.grow();
        }
        (entry, true)
    }

    fn home(hash: u64, mask: usize) -> usize {
        let spread = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize;
        spread & mask
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(length, EMPTY);
        for (entry, hash) in self.hashes.iter().enumerate() {
            let mut slot = Self::home(*hash, length - 1);
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & (length - 1);
            }
            self.slots[slot] = u32::try_from(entry).unwrap_or(EMPTY);
        }
    }
}

fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A state by number: equal states have equal numbers.
pub(super) type StateId = u32;

/// Every distinct state met so far.
pub(super) struct States<M> {
    index: Index,
    states: Vec<M>,
    weight: usize,
}

impl<M: Eq + Hash> States<M> {
    pub(super) fn new() -> Self {
        Self { index: Index::new(), states: Vec::new(), weight: 0 }
    }

    /// The number of a state; `weigh` tells its bytes if it is new.
    pub(super) fn number(&mut self, state: M, weigh: impl FnOnce(&M) -> usize) -> StateId {
        let states = &self.states;
        let (entry, new) = self.index.find_or_add(hash_of(&state), |entry| states[entry] == state);
        if new {
            self.weight += weigh(&state).max(size_of::<M>());
            self.states.push(state);
        }
        u32::try_from(entry).unwrap_or(EMPTY)
    }

    pub(super) fn get(&self, id: StateId) -> &M {
        &self.states[id as usize]
    }

    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.weight
    }

    /// Whether there are as many as can be numbered.
    pub(super) fn is_full(&self) -> bool {
        self.states.len() >= (EMPTY - 1) as usize
    }
}

/// A set of lists of numbers, all of one length.
pub(super) struct Situations {
    index: Index,
    width: usize,
    entries: Vec<u32>,
}

impl Situations {
    pub(super) fn new(width: usize) -> Self {
        Self { index: Index::new(), width, entries: Vec::new() }
    }

    /// Adds a list, and tells whether it is new.
    pub(super) fn insert(&mut self, list: &[u32]) -> bool {
        let (entries, width) = (&self.entries, self.width);
        let is_it = |entry: usize| entries[entry * width..(entry + 1) * width] == *list;
        let (_, new) = self.index.find_or_add(hash_of(list), is_it);
        if new {
            self.entries.extend_from_slice(list);
        }
        new
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.index.hashes.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.entries.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Situations, States};
    use std::collections::{HashMap, HashSet};
    use std::hash::{Hash, Hasher};

    /// Hashes all alike: equality alone tells values apart.
    #[derive(PartialEq, Eq, Debug)]
    struct Alike(u32);

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0_u32.hash(state);
        }
    }

    #[test]
    fn states_of_one_hash_stay_apart() {
        let mut states = States::new();
        let numbers: HashMap<u32, u32> = (0..200).map(|n| (n, states.number(Alike(n), |_| 0))).collect();
        for (n, number) in &numbers {
            assert_eq!(states.number(Alike(*n), |_| 0), *number);
            assert_eq!(states.get(*number), &Alike(*n));
        }
        assert_eq!(numbers.values().collect::<HashSet<_>>().len(), 200);
    }

    #[test]
    fn situations_are_those_of_a_plain_set() {
        let (mut situations, mut oracle) = (Situations::new(3), HashSet::new());
        for n in 0_u32..5000 {
            let list = [n * n % 17, n % 13, n % 7];
            assert_eq!(situations.insert(&list), oracle.insert(list));
        }
        assert_eq!(situations.len(), oracle.len());
        assert!(situations.bytes() >= oracle.len() * 12);
    }
}
