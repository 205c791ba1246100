//! Binary relations over at most 64 events as bit matrices, with the operators that the papers use.

/// A set of events, one bit each.
pub(crate) type Set = u64;

/// A relation: row `a` holds every `b` with `(a, b)` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    size: usize,
    rows: [Set; 64],
}

/// The events of a set, in ascending order.
pub(crate) fn members(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let least = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(least)
    })
}

impl Relation {
    /// The empty relation over `size` events.
    ///
    /// # Panics
    /// If there are more than 64 of them.
    pub(crate) fn empty(size: usize) -> Self {
        assert!(size <= 64, "{size} events are too many for the oracle");
        Relation { size, rows: [0; 64] }
    }

    fn by_row(size: usize, row: impl Fn(usize) -> Set) -> Self {
        let mut relation = Self::empty(size);
        for (a, to) in relation.rows[..size].iter_mut().enumerate() {
            *to = row(a);
        }
        relation
    }

    /// `[set]`: each of its members with itself.
    pub(crate) fn identity(size: usize, set: Set) -> Self {
        Self::by_row(size, |a| set & 1 << a)
    }

    /// Every pair of which `holds` is true.
    pub(crate) fn where_(size: usize, holds: impl Fn(usize, usize) -> bool) -> Self {
        Self::by_row(size, |a| (0..size).fold(0, |row, b| row | u64::from(holds(a, b)) << b))
    }

    pub(crate) fn add(&mut self, a: usize, b: usize) {
        self.rows[a] |= 1 << b;
    }

    pub(crate) fn has(&self, a: usize, b: usize) -> bool {
        self.rows[a] >> b & 1 == 1
    }

    /// `self ∪ other`
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self::by_row(self.size, |a| self.rows[a] | other.rows[a])
    }

    /// `self ∩ other`
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self::by_row(self.size, |a| self.rows[a] & other.rows[a])
    }

    /// `self \ other`
    pub(crate) fn minus(&self, other: &Self) -> Self {
        Self::by_row(self.size, |a| self.rows[a] & !other.rows[a])
    }

    /// `self ; other`
    pub(crate) fn then(&self, other: &Self) -> Self {
        Self::by_row(self.size, |a| members(self.rows[a]).fold(0, |row, middle| row | other.rows[middle]))
    }

    /// `self⁻¹`
    pub(crate) fn inverse(&self) -> Self {
        Self::where_(self.size, |a, b| self.has(b, a))
    }

    /// `self?`
    pub(crate) fn maybe(&self) -> Self {
        Self::by_row(self.size, |a| self.rows[a] | 1 << a)
    }

    /// `self⁺`
    pub(crate) fn plus(&self) -> Self {
        let mut closed = self.clone();
        for middle in 0..self.size {
            let reached = closed.rows[middle];
            for row in &mut closed.rows[..self.size] {
                if *row >> middle & 1 == 1 {
                    *row |= reached;
                }
            }
        }
        closed
    }

    /// `[from] ; self ; [to]`
    pub(crate) fn between(&self, from: Set, to: Set) -> Self {
        Self::by_row(self.size, |a| if from >> a & 1 == 1 { self.rows[a] & to } else { 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(|row| *row == 0)
    }

    pub(crate) fn is_irreflexive(&self) -> bool {
        (0..self.size).all(|a| !self.has(a, a))
    }

    pub(crate) fn is_acyclic(&self) -> bool {
        self.plus().is_irreflexive()
    }
}
