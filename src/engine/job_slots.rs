//! Who of a worker and its helpers may compute at the same time: so many slots, in memory that they share.
//!
//! The supervisor says how many there are, from time to time. An exploration that could use another core looks for a
//! slot that no process holds. Plain atomics: the slot of a process that dies is released by the one that started it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The most slots there can be.
pub(crate) const MOST_SLOTS: usize = 256;

/// The slots of a run. Zeroed memory is a valid value without any.
#[repr(C)]
pub(crate) struct Slots {
    open: AtomicU32,
    /// The holder of each: its family, and its process; 0 if no process holds it.
    holders: [AtomicU64; MOST_SLOTS],
}

/// A process that holds a slot, and the worker that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) family: u32,
    pub(crate) process: u32,
}

impl Holder {
    fn code(self) -> u64 {
        u64::from(self.family) << 32 | u64::from(self.process)
    }
}

impl Slots {
    /// Says how many there are.
    pub(crate) fn open(&self, count: usize) {
        let count = u32::try_from(count.clamp(1, MOST_SLOTS)).unwrap_or(1);
        self.open.store(count, Ordering::Relaxed);
    }

    fn all(&self) -> &[AtomicU64] {
        &self.holders[..(self.open.load(Ordering::Relaxed) as usize).min(MOST_SLOTS)]
    }

    /// Takes a slot that no process holds.
    pub(crate) fn claim(&self, holder: Holder) -> Option<usize> {
        self.all().iter().position(|slot| {
            slot.load(Ordering::Relaxed) == 0
                && slot.compare_exchange(0, holder.code(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    /// The slot that a process holds.
    pub(crate) fn find(&self, holder: Holder) -> Option<usize> {
        self.holders.iter().position(|slot| slot.load(Ordering::Acquire) == holder.code())
    }

    /// Gives a slot that the caller holds to another process.
    pub(crate) fn hand_over(&self, slot: usize, holder: Holder) {
        self.holders[slot].store(holder.code(), Ordering::Release);
    }

    /// As [`Slots::hand_over`], unless that has happened already.
    pub(crate) fn pass(&self, slot: usize, from: Holder, to: Holder) {
        let _passed_before =
            self.holders[slot].compare_exchange(from.code(), to.code(), Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Gives a slot back that the caller holds.
    pub(crate) fn release(&self, slot: usize) {
        self.holders[slot].store(0, Ordering::Release);
    }

    /// Gives back all that a worker's helpers hold, once they are gone; what `holder` holds it keeps.
    pub(crate) fn release_others(&self, holder: Holder) {
        for slot in &self.holders {
            let other = slot.load(Ordering::Relaxed);
            if other >> 32 == u64::from(holder.family) && other != holder.code() {
                let _another = slot.compare_exchange(other, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// How many are held.
    pub(crate) fn held(&self) -> usize {
        self.holders.iter().filter(|slot| slot.load(Ordering::Relaxed) != 0).count()
    }
}

impl Default for Slots {
    fn default() -> Self {
        Slots { open: AtomicU32::new(0), holders: [const { AtomicU64::new(0) }; MOST_SLOTS] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_slots_are_held_than_there_are() {
        let slots = Slots::default();
        let holder = |family, process| Holder { family, process };
        assert_eq!(slots.claim(holder(1, 1)), None);
        slots.open(2);
        assert_eq!(slots.claim(holder(1, 1)), Some(0));
        assert_eq!(slots.claim(holder(1, 2)), Some(1));
        assert_eq!(slots.claim(holder(2, 3)), None);
        slots.release(0);
        assert_eq!(slots.claim(holder(2, 3)), Some(0));
        slots.hand_over(1, holder(1, 1));
        assert_eq!((slots.find(holder(1, 1)), slots.find(holder(1, 2))), (Some(1), None));
        slots.release_others(holder(1, 2));
        assert_eq!((slots.held(), slots.claim(holder(2, 4))), (1, Some(1)));
    }
}
