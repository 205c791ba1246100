//! An estimate of the memory that a value takes, for states whose model does not tell.
//!
//! Limits: it goes by what `Hash` reads, and knows nothing of spare capacity but that it doubles at most.

use std::hash::{Hash, Hasher};

/// Counts what it is given, and makes no hash of it.
#[derive(Default)]
struct Counter {
    bytes: usize,
    writes: usize,
}

impl Hasher for Counter {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.writes += 1;
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The size of the type, and of what it owns if it can own anything.
pub(super) fn estimated<T: Hash>(value: &T) -> usize {
    if !std::mem::needs_drop::<T>() {
        return size_of::<T>();
    }
    let mut counter = Counter::default();
    value.hash(&mut counter);
    size_of::<T>() + 2 * counter.bytes + 8 * counter.writes
}

#[cfg(test)]
mod tests {
    use super::estimated;
    use std::collections::{BTreeMap, VecDeque};

    #[test]
    fn what_is_owned_is_counted_from_above() {
        assert_eq!(estimated(&[0_u64; 100]), 800);
        let numbers: Vec<u32> = (0..1000).collect();
        assert!((4000..=9000).contains(&estimated(&numbers)), "{}", estimated(&numbers));
        let words: VecDeque<String> = (0..100).map(|n| format!("{n:>32}")).collect();
        assert!(estimated(&words) >= 100 * (32 + 24 + 16), "{}", estimated(&words));
        let map: BTreeMap<u16, u16> = (0..1000).map(|n| (n, n)).collect();
        assert!(estimated(&map) >= 10_000, "{}", estimated(&map));
    }
}
