//! A vector whose clones share what they have in common.
//!
//! A graph on the work list differs from the one that it was made from in its last few events, and a program that
//! prepares a lot has thousands that never differ.

use std::ops::Index;
use std::sync::Arc;

/// Elements that are shared, and copied, together.
const CHUNK: usize = 32;

/// A vector of chunks. All but the last hold [`CHUNK`] elements, and none is empty.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T>(Vec<Arc<Vec<T>>>);

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Chunked(Vec::new())
    }
}

impl<T> Chunked<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.last()?.last()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }

    /// The elements from this place on.
    pub(crate) fn iter_from(&self, first: usize) -> impl Iterator<Item = &T> {
        let chunks = self.0.get(first / CHUNK..).unwrap_or_default();
        chunks.iter().flat_map(|chunk| chunk.iter()).skip(first % CHUNK)
    }

    /// How many elements there are before the first that `keep` refuses, all before which it admits and all after
    /// which it refuses.
    pub(crate) fn partition_point(&self, keep: impl Fn(usize, &T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if keep(middle, &self[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl<T: Clone> Chunked<T> {
    pub(crate) fn push(&mut self, element: T) {
        match self.0.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => Arc::make_mut(last).push(element),
            None => self.0.push(Arc::new(vec![element])),
        }
    }

    /// # Panics
    /// If there is no such element.
    pub(crate) fn get_mut(&mut self, at: usize) -> &mut T {
        &mut Arc::make_mut(&mut self.0[at / CHUNK])[at % CHUNK]
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        if length >= self.len() {
            return;
        }
        self.0.truncate(length.div_ceil(CHUNK));
        if let (Some(last), 1..) = (self.0.last_mut(), length % CHUNK) {
            Arc::make_mut(last).truncate(length % CHUNK);
        }
    }
}

impl<T> Index<usize> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Push(u8),
        Set(usize, u8),
        Truncate(usize),
        /// Goes on with a clone, and keeps the original.
        Clone,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            8 => any::<u8>().prop_map(Act::Push),
            2 => (0..200_usize, any::<u8>()).prop_map(|(at, value)| Act::Set(at, value)),
            1 => (0..200_usize).prop_map(Act::Truncate),
            1 => Just(Act::Clone),
        ]
    }

    proptest! {
        #[test]
        fn it_does_what_a_vector_does(acts in prop::collection::vec(act(), 0..300), first in 0..100_usize) {
            let (mut ours, mut plain) = (Chunked::default(), Vec::new());
            let mut kept = Vec::new();
            for act in acts {
                match act {
                    Act::Push(value) => {
                        ours.push(value);
                        plain.push(value);
                    }
                    Act::Set(at, value) if at < plain.len() => {
                        *ours.get_mut(at) = value;
                        plain[at] = value;
                    }
                    Act::Set(..) => {}
                    Act::Truncate(length) => {
                        ours.truncate(length);
                        plain.truncate(length);
                    }
                    Act::Clone => kept.push((ours.clone(), plain.clone())),
                }
                prop_assert_eq!(ours.len(), plain.len());
                prop_assert_eq!(ours.last(), plain.last());
            }
            kept.push((ours, plain));
            for (ours, plain) in kept {
                prop_assert!(ours.iter().eq(&plain) && ours.iter().rev().eq(plain.iter().rev()));
                prop_assert!(ours.iter_from(first).eq(plain.iter().skip(first)));
                prop_assert!((0..plain.len() + 40).all(|at| ours.get(at) == plain.get(at)));
                let half = plain.len() / 2;
                prop_assert_eq!(ours.partition_point(|at, _| at < half), half);
            }
        }
    }
}
