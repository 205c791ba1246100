//! From a seed to a generated program, and on to what shrinking made of it, as data.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Operations that each of the prefix, the suffix and a parallel part may have at most.
pub const MOST_OPERATIONS: usize = 8;

/// Parallel parts that a program may have at most: as many actors as every engine runs.
pub const MOST_PARTS: usize = 4;

/// How large programs are, at the most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) parts: RangeInclusive<usize>,
    pub(crate) operations: usize,
    pub(crate) prefix: usize,
    pub(crate) suffix: usize,
}

impl Size {
    /// A single actor, and as much to do as there may be.
    pub(crate) const OF_SCOUTS: Size =
        Size { parts: 1..=1, operations: MOST_OPERATIONS, prefix: MOST_OPERATIONS, suffix: MOST_OPERATIONS };

    /// The size of small programs: they are worth more where everything of one is explored, or nothing is known.
    pub(crate) fn small(&self) -> Size {
        Size {
            parts: (*self.parts.start()).min(2)..=(*self.parts.end()).min(3),
            operations: self.operations.min(2),
            prefix: self.prefix.min(2),
            suffix: self.suffix.min(1),
        }
    }

    /// The size of a program when so much is done of the whole: they grow from the smallest to the largest.
    pub(crate) fn grown(&self, done: u64, whole: u64) -> Size {
        let share = |most: usize, least: usize| {
            let sizes = (most + 1).saturating_sub(least) as u64;
            // Less than a usize, for a part of one.
            least + usize::try_from(sizes * done.min(whole) / whole.max(1)).unwrap_or(0)
        };
        let (fewest, most) = (*self.parts.start(), *self.parts.end());
        Size {
            parts: fewest..=share(most, fewest).min(most),
            operations: share(self.operations, 1).min(self.operations),
            prefix: share(self.prefix, 1).min(self.prefix),
            suffix: share(self.suffix, 1).min(self.suffix),
        }
    }
}

/// How a program is made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recipe {
    pub(crate) seed: u64,
    pub(crate) size: Size,
    pub(crate) prefix: Vec<Step>,
    pub(crate) parts: Vec<Vec<Step>>,
    pub(crate) suffix: Vec<Step>,
    /// CRC-32 of the program as Rust.
    pub(crate) digest: u32,
}

impl Recipe {
    /// Whether no program is larger than there may be.
    pub(crate) fn is_bounded(&self) -> bool {
        let Size { parts, operations, prefix, suffix } = &self.size;
        let fits = |steps: &Vec<Step>| steps.len() <= MOST_OPERATIONS;
        (1..=MOST_PARTS).contains(parts.end())
            && parts.start() <= parts.end()
            && [operations, prefix, suffix].into_iter().all(|number| *number <= MOST_OPERATIONS)
            && self.parts.len() <= MOST_PARTS
            && [&self.prefix, &self.suffix].into_iter().chain(&self.parts).all(fits)
    }
}

/// One operation of a recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Its number among those that are drawn.
    pub(crate) number: u16,
    /// How many times its tree was told to move, and for each time a bit, the lowest of a byte first: to
    /// something simpler, or back towards what was more complicated.
    moves: u16,
    simpler: Vec<u8>,
}

impl Step {
    pub(crate) fn new(number: usize, moves: &[bool]) -> Self {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        // A program has a few dozen operations, and a tree a few hundred moves at the most.
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        Self {
            number: short(number),
            moves: short(moves.len()),
            simpler: moves.chunks(8).map(byte).collect(),
        }
    }

    pub(crate) fn moves(&self) -> impl Iterator<Item = bool> + '_ {
        let bits = self.simpler.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        bits.take(usize::from(self.moves))
    }
}
