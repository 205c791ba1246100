//! What the real engines have in common: actors that walk many fresh states side by side.
//!
//! A sample on real hardware shows a race only if the actors reach the same state within nanoseconds of
//! each other, so nothing is started or ended per sample: long-lived actors walk an array of states, meet
//! at a [`Barrier`] per array, keep pace in between ([`Pace`]), and a [`Tuner`] finds out at run time how
//! long the array and how tight the pace must be to see most.
//!
//! Everything that actors touch together can live in memory that processes share: plain atomics, no
//! pointers, process-shared futexes. Limit: this is Linux's futex and Linux's affinity.

mod barrier;
mod batch_config;
mod cores;
mod memory;
mod quiet;
mod walk;

pub(crate) use barrier::{Barrier, Broken, Patience};
pub(crate) use batch_config::{BatchConfig, LONGEST_STRIDE, Leg, Tuner};
pub(crate) use cores::Cores;
pub(crate) use memory::{Mapping, Sharing};
pub(crate) use quiet::{silence, words_of};
pub(crate) use walk::{MOST_ACTORS, Pace, Plot, Walker};

use super::Budget;
use crate::scenario::program::Layouts;

/// The longest array of states that fits into a fair part of a worker's memory, at least 1.
pub(crate) fn capacity(layouts: &Layouts, actors: usize, budget: &Budget) -> usize {
    let bytes_each = layouts.state.size() + actors * layouts.returned.size();
    let fair_bytes = usize::try_from(budget.memory_mib / 8).map_or(usize::MAX, |mib| mib << 20);
    (fair_bytes / bytes_each.max(1)).clamp(1, LONGEST_STRIDE)
}
