//! What the search remembers: distinct model states, and the situations that it has been in.
//!
//! Entries lie in blocks and are found through an open-addressing index that grows a little with each
//! addition, so that the bytes they take are known at every moment, a bound on them is a bound, and no single
//! addition takes long. Entries are compared in full: equal hashes alone never make two of them one.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Entries moved to a larger index with each addition.
const MOVED_AT_ONCE: usize = 8;

/// Entries of a block, as a power of two.
const BLOCK: u32 = 12;

/// Values of a fixed number of words each, in blocks that never move.
pub(super) struct Blocks<T> {
    width: usize,
    blocks: Vec<Vec<T>>,
    length: usize,
}

impl<T: Copy> Blocks<T> {
    pub(super) fn new(width: usize) -> Self {
        Self { width, blocks: Vec::new(), length: 0 }
    }

    pub(super) fn push(&mut self, words: impl Iterator<Item = T>) {
        let (block, within) = (self.length >> BLOCK, self.length & ((1 << BLOCK) - 1));
        if within == 0 {
            // The first block grows as it must, since most tables are small.
            let capacity = if block == 0 { 0 } else { self.width << BLOCK };
            self.blocks.push(Vec::with_capacity(capacity));
        }
        self.blocks[block].extend(words);
        self.length += 1;
    }

    pub(super) fn get(&self, entry: usize) -> &[T] {
        let within = (entry & ((1 << BLOCK) - 1)) * self.width;
        &self.blocks[entry >> BLOCK][within..within + self.width]
    }

    pub(super) fn bytes(&self) -> usize {
        let first = self.blocks.first().map_or(0, Vec::capacity);
        let more = self.blocks.len().saturating_sub(1) * (self.width << BLOCK);
        (first + more) * size_of::<T>() + self.blocks.capacity() * size_of::<Vec<T>>()
    }
}

/// Places of entries by their hash. A slot holds the number of an entry and one more, or 0.
pub(super) struct Index {
    slots: Vec<u32>,
    /// The index before it grew, while entries from `moved` on are still to be found there.
    old: Vec<u32>,
    moved: usize,
    old_length: usize,
    hashes: Blocks<u64>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 16], old: Vec::new(), moved: 0, old_length: 0, hashes: Blocks::new(1) }
    }

    pub(super) fn bytes(&self) -> usize {
        (self.slots.len() + self.old.len()) * size_of::<u32>() + self.hashes.bytes()
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.length
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= (u32::MAX - 64) as usize
    }

    fn find_in(&self, slots: &[u32], hash: u64, is_it: &impl Fn(usize) -> bool) -> Result<usize, usize> {
        let mask = slots.len() - 1;
        let mut slot = home(hash, mask);
        loop {
            match slots[slot] {
                0 => return Err(slot),
                entry => {
                    let entry = entry as usize - 1;
                    if self.hashes.get(entry)[0] == hash && is_it(entry) {
                        return Ok(entry);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The entry of this hash that `is_it` accepts, or else a new place at the end for one.
    pub(super) fn find_or_add(&mut self, hash: u64, is_it: impl Fn(usize) -> bool) -> (usize, bool) {
        let slot = match self.find_in(&self.slots, hash, &is_it) {
            Ok(entry) => return (entry, false),
            Err(slot) => slot,
        };
        if !self.old.is_empty()
            && let Ok(entry) = self.find_in(&self.old, hash, &is_it)
        {
            return (entry, false);
        }
        let entry = self.hashes.length;
        self.hashes.push(std::iter::once(hash));
        self.slots[slot] = numbered(entry);
        self.move_some();
        if self.hashes.length * 4 > self.slots.len() * 3 {
            let larger = vec![0; self.slots.len() * 2];
            self.old = std::mem::replace(&mut self.slots, larger);
            (self.moved, self.old_length) = (0, self.hashes.length);
            self.move_some();
        }
        (entry, true)
    }

    fn move_some(&mut self) {
        if self.old.is_empty() {
            return;
        }
        let end = (self.moved + MOVED_AT_ONCE).min(self.old_length);
        let mask = self.slots.len() - 1;
        for entry in self.moved..end {
            let mut slot = home(self.hashes.get(entry)[0], mask);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = numbered(entry);
        }
        self.moved = end;
        if end == self.old_length {
            self.old = Vec::new();
        }
    }
}

fn numbered(entry: usize) -> u32 {
    u32::try_from(entry + 1).expect("full tables end a search before this")
}

fn home(hash: u64, mask: usize) -> usize {
    // The high bits of a multiplicative hash are the better ones.
    let spread = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize;
    spread & mask
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
    blocks: Vec<Vec<M>>,
    weight: usize,
}

impl<M: Eq + Hash> States<M> {
    pub(super) fn new() -> Self {
        Self { index: Index::new(), blocks: Vec::new(), weight: 0 }
    }

    /// The number of a state; `weigh` tells its bytes if it is new.
    pub(super) fn number(&mut self, state: M, weigh: impl FnOnce(&M) -> usize) -> StateId {
        let blocks = &self.blocks;
        let at = |entry: usize| &blocks[entry >> BLOCK][entry & ((1 << BLOCK) - 1)];
        let (entry, new) = self.index.find_or_add(hash_of(&state), |entry| *at(entry) == state);
        if new {
            self.weight += weigh(&state).max(size_of::<M>());
            if entry & ((1 << BLOCK) - 1) == 0 {
                self.blocks.push(Vec::with_capacity(if entry == 0 { 0 } else { 1 << BLOCK }));
            }
            self.blocks[entry >> BLOCK].push(state);
        }
        numbered(entry) - 1
    }

    pub(super) fn get(&self, id: StateId) -> &M {
        &self.blocks[(id >> BLOCK) as usize][(id & ((1 << BLOCK) - 1)) as usize]
    }

    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.weight
    }

    /// Whether there are as many as can be numbered.
    pub(super) fn is_full(&self) -> bool {
        self.index.len() >= (u32::MAX - 64) as usize
    }
}

/// How many pending operations of each class are placed: pairs of a class and a number above 0, by class.
pub(super) type Uses = Box<[(u32, u32)]>;

/// Whether nothing more is used in one than in the other.
pub(super) fn uses_no_more(one: &[(u32, u32)], other: &[(u32, u32)]) -> bool {
    let mut rest = other.iter();
    one.iter().all(|(class, count)| rest.any(|(theirs, most)| theirs == class && most >= count))
}

/// The situations that a search has been in: operations placed of each chain, a state, and the pending
/// operations that were used up. To have used fewer is to be able to do all that one could with more, so of
/// two situations that are otherwise the same, the one that used more is no new one.
pub(super) struct Situations {
    index: Index,
    entries: Blocks<u32>,
    /// What was used the first time, as numbers of [`Uses`].
    first: Blocks<u32>,
    /// What was used other times.
    more: FxHashMap<u32, Vec<u32>>,
    more_bytes: usize,
}

impl Situations {
    /// Of so many words each.
    pub(super) fn new(width: usize) -> Self {
        let (entries, first) = (Blocks::new(width), Blocks::new(1));
        Self { index: Index::new(), entries, first, more: FxHashMap::default(), more_bytes: 0 }
    }

    /// Adds a situation, given as operations placed and state, and tells whether it is new.
    pub(super) fn insert(
        &mut self,
        done: &[u32],
        state: StateId,
        hash: u64,
        used: u32,
        uses: &States<Uses>,
    ) -> bool {
        let entries = &self.entries;
        let last = done.len();
        let is_it = |entry: usize| {
            let words = entries.get(entry);
            words[last] == state && words[..last] == *done
        };
        let (entry, new) = self.index.find_or_add(hash, is_it);
        if new {
            self.entries.push(done.iter().copied().chain([state]));
            self.first.push(std::iter::once(used));
            return true;
        }
        let first = self.first.get(entry)[0];
        if first == used || uses_no_more(uses.get(first), uses.get(used)) {
            return false;
        }
        let more = self.more.entry(numbered(entry)).or_default();
        if more.iter().any(|&other| other == used || uses_no_more(uses.get(other), uses.get(used))) {
            return false;
        }
        let before = more.capacity();
        more.push(used);
        self.more_bytes += (more.capacity() - before) * size_of::<u32>();
        true
    }

    pub(super) fn bytes(&self) -> usize {
        let more = self.more.capacity() * 2 * size_of::<(u32, Vec<u32>)>() + self.more_bytes;
        self.index.bytes() + self.entries.bytes() + self.first.bytes() + more
    }

    pub(super) fn is_full(&self) -> bool {
        self.index.len() >= (u32::MAX - 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Situations, States, Uses, hash_of, uses_no_more};
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
        let mut uses: States<Uses> = States::new();
        let none = uses.number(Box::new([]), |_| 0);
        let (mut situations, mut oracle) = (Situations::new(4), HashSet::new());
        for n in 0_u32..50_000 {
            let list = [n.wrapping_mul(n) % 97, n % 113, n % 7];
            let state = n % 5;
            let hash = hash_of(&(list, state));
            assert_eq!(situations.insert(&list, state, hash, none, &uses), oracle.insert((list, state)));
        }
        assert_eq!(situations.index.len(), oracle.len());
        assert!(oracle.len() > 20_000 && situations.bytes() >= oracle.len() * 20);
    }

    #[test]
    fn a_situation_that_used_more_is_not_new() {
        let mut uses: States<Uses> = States::new();
        let mut number = |list: &[(u32, u32)]| uses.number(list.into(), |_| 0);
        let [none, one, other, both, twice] =
            [&[][..], &[(1, 1)], &[(3, 1)], &[(1, 1), (3, 1)], &[(1, 2)]].map(&mut number);
        let mut situations = Situations::new(2);
        let mut new = |used| situations.insert(&[7], 0, 9, used, &uses);
        assert_eq!(
            [one, both, twice, other, both, none, one].map(&mut new),
            [true, false, false, true, false, true, false]
        );
        assert!(uses_no_more(&[], &[(1, 1)]) && !uses_no_more(&[(1, 1)], &[]));
        assert!(!uses_no_more(&[(1, 2)], &[(1, 1), (2, 5)]));
    }
}
