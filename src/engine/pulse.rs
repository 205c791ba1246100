//! What a worker leaves in shared memory for its supervisor: how far it is, who waits, what it panicked of last.
//!
//! It lives in a mapping that outlives the worker, so it can be read after an abort or a segmentation
//! fault. Plain atomics throughout: any process may read it at any moment, and a value may be stale but
//! never torn.

use crate::panics::Cause;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Actors that have slots of their own; further actors run, but are not watched one by one.
pub(crate) const SLOTS: usize = 16;

/// A worker's vital signs. Zeroed memory is a valid pulse of a worker that has done nothing.
#[repr(C)]
pub(crate) struct Pulse {
    executions: AtomicU64,
    actors: AtomicU32,
    waiting: [AtomicU32; SLOTS],
    pids: [AtomicU32; SLOTS],
    /// While a program is shrunk, programs tried and one more (the high half) and operations left.
    shrinking: AtomicU64,
    /// Of the last panic: 1 for a deadlock, 2 for any other, 0 if there was none.
    last_panic: AtomicU32,
}

/// How far shrinking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shrinking {
    /// Programs tried.
    pub(crate) tried: u32,
    /// Operations of the smallest program so far.
    pub(crate) operations: u32,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            executions: AtomicU64::new(0),
            actors: AtomicU32::new(0),
            waiting: [const { AtomicU32::new(0) }; SLOTS],
            pids: [const { AtomicU32::new(0) }; SLOTS],
            shrinking: AtomicU64::new(0),
            last_panic: AtomicU32::new(0),
        }
    }
}

impl Pulse {
    /// Adds ended executions.
    pub(crate) fn advance(&self, executions: u64) {
        self.executions.fetch_add(executions, Ordering::Relaxed);
    }

    /// Takes back executions that were added and will be executed again.
    pub(crate) fn retreat(&self, executions: u64) {
        self.executions.fetch_sub(executions, Ordering::Relaxed);
    }

    /// Executions ended so far; a supervisor takes a long standstill for a hang.
    pub(crate) fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// Says how many actors have slots from now on: 0 while nobody is to be watched.
    pub(crate) fn watch_actors(&self, actors: usize) {
        self.actors.store(u32::try_from(actors.min(SLOTS)).unwrap_or(0), Ordering::Relaxed);
    }

    /// The flag that an actor raises while it waits for another, for
    /// [`crate::context::install_waiting_flag`]. `None` beyond the last slot.
    pub(crate) fn waiting_flag(&'static self, actor: usize) -> Option<&'static AtomicU32> {
        self.waiting.get(actor)
    }

    /// Notes that an actor is a process of its own, or (0) no more.
    pub(crate) fn set_pid(&self, actor: usize, pid: u32) {
        if let Some(slot) = self.pids.get(actor) {
            slot.store(pid, Ordering::Relaxed);
        }
    }

    /// The processes that actors run in, if they have processes of their own.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.iter().map(|pid| pid.load(Ordering::Relaxed)).filter(|&pid| pid != 0).collect()
    }

    /// The actors that wait for another, by their place in the design, and how many are watched.
    pub(crate) fn waiting(&self) -> (Vec<usize>, usize) {
        let actors = self.actors.load(Ordering::Relaxed) as usize;
        let waits = |&actor: &usize| self.waiting[actor].load(Ordering::Relaxed) != 0;
        ((0..actors).filter(waits).collect(), actors)
    }

    /// Notes that a program is being shrunk: how many were tried, and how many operations are left.
    pub(crate) fn note_shrinking(&self, tried: u64, operations: usize) {
        let tried = tried.min(u64::from(u32::MAX) - 1);
        let operations = u32::try_from(operations).unwrap_or(u32::MAX);
        self.shrinking.store((tried + 1) << 32 | u64::from(operations), Ordering::Relaxed);
    }

    /// Notes that nothing is being shrunk any more.
    pub(crate) fn note_shrunk(&self) {
        self.shrinking.store(0, Ordering::Relaxed);
    }

    /// How far shrinking is, if a program is being shrunk.
    pub(crate) fn shrinking(&self) -> Option<Shrinking> {
        let word = self.shrinking.load(Ordering::Relaxed);
        let tried = u32::try_from(word >> 32).unwrap_or(u32::MAX).checked_sub(1)?;
        let operations = u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Some(Shrinking { tried, operations })
    }

    /// Notes what a panic was about; a later call replaces an earlier one.
    pub(crate) fn note_panic(&self, cause: Cause) {
        let code = match cause {
            Cause::Deadlock => 1,
            Cause::Other => 2,
        };
        self.last_panic.store(code, Ordering::Release);
    }

    /// What the last panic was about, if there was one.
    pub(crate) fn last_panic(&self) -> Option<Cause> {
        match self.last_panic.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Cause::Deadlock),
            _ => Some(Cause::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_is_told_while_it_lasts() {
        let pulse = Pulse::default();
        assert_eq!(pulse.shrinking(), None);
        for (tried, operations) in [(0, 9), (1, 8), (400, 0)] {
            pulse.note_shrinking(tried, operations);
            let told = pulse.shrinking().expect("shrinking");
            assert_eq!((u64::from(told.tried), told.operations as usize), (tried, operations));
        }
        pulse.note_shrunk();
        assert_eq!(pulse.shrinking(), None);
    }

    #[test]
    fn the_last_panic_is_the_one_that_is_known() {
        let pulse = Pulse::default();
        assert_eq!(pulse.last_panic(), None);
        for cause in [Cause::Deadlock, Cause::Other, Cause::Deadlock] {
            pulse.note_panic(cause);
            assert_eq!(pulse.last_panic(), Some(cause));
        }
    }
}
