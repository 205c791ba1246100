//! Exploring anew where loom's own search has a gap, and a lock for models in which somebody only tries.
//!
//! loom 0.7.2 takes a thread that is about to *try* a lock for one that waits for it: as soon as another
//! thread takes the lock, the trying one is blocked, which hides every failing attempt and reports
//! deadlocks that are none. And a release is no scheduling point of loom's, so an attempt never finds a
//! lock held by a thread that does nothing else meanwhile.
//!
//! Limit: as with loom's own, a reader is ordered after the readers before it, which the language does not
//! promise.
//!
//! This lock has neither fault, at the price of one more scheduling point per critical section. A model
//! that never tries a lock does not pay: its locks are loom's own until the first attempt, which
//! [`demand`]s that the exploration begin anew with locks of this kind.

use super::AtomicUsize;
use super::every;
use super::parking::Queue;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

thread_local! {
    static WANTED: Cell<bool> = const { Cell::new(false) };
    static DEMANDED: Cell<bool> = const { Cell::new(false) };
}

/// The payload of the panic that ends an exploration because it must be exact.
pub(crate) struct NeedsExactness;

/// Whether this exploration is to be exact, at the price of more scheduling points.
pub(crate) fn wanted() -> bool {
    WANTED.get() || every::on()
}

/// Ends the exploration, for the engine to begin it anew and exactly. Returns only to a thread that unwinds
/// already.
pub(super) fn demand() {
    DEMANDED.set(true);
    if !std::thread::panicking() {
        resume_unwind(Box::new(NeedsExactness));
    }
}

/// Runs an exploration as loom does it and, if that turns out to leave gaps, `again` and the exploration
/// once more, exactly.
pub(crate) fn as_exactly_as_needed<R>(mut explore: impl FnMut() -> R, again: impl FnOnce()) -> R {
    WANTED.set(false);
    DEMANDED.set(false);
    let explored = explore();
    if !DEMANDED.replace(false) {
        return explored;
    }
    again();
    super::forget_deferred();
    WANTED.set(true);
    let explored = explore();
    WANTED.set(false);
    explored
}

/// Runs something of an exploration that was exact, or was not.
pub(crate) fn as_exactly_as<R>(exact: bool, run: impl FnOnce() -> R) -> R {
    let before = WANTED.replace(exact);
    DEMANDED.set(false);
    let result = run();
    WANTED.set(before);
    result
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Alone,
    Together,
}

/// Holders of a lock that is held alone.
const ALONE: usize = usize::MAX;

/// A lock that threads can wait for or try.
pub(crate) struct Exact {
    /// The holders: the scheduling point of everything that happens to the lock, and the carrier of its
    /// edges.
    gate: AtomicUsize,
    /// The same, to look at without a scheduling point.
    holders: Cell<usize>,
    waiters: Queue,
}

// SAFETY: model threads are coroutines of one operating-system thread. Whoever comes first passes `gate`,
// which panics on another.
unsafe impl Send for Exact {}
// SAFETY: as for `Send`.
unsafe impl Sync for Exact {}

impl Exact {
    #[track_caller]
    pub(super) fn new() -> Self {
        Self { gate: AtomicUsize::new(0), holders: Cell::new(0), waiters: Queue::default() }
    }

    /// Takes the lock if that is possible now. An attempt that fails orders nothing.
    #[track_caller]
    pub(super) fn try_acquire(self: &Arc<Self>, mode: Mode) -> Option<ExactGuard> {
        let mut found = match mode {
            Mode::Alone => 0,
            Mode::Together => Some(self.holders.get()).filter(|&holders| holders != ALONE).unwrap_or(0),
        };
        loop {
            let next = match mode {
                Mode::Alone => ALONE,
                Mode::Together => found + 1,
            };
            match self.gate.compare_exchange(found, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    self.holders.set(next);
                    return Some(ExactGuard { lock: Arc::clone(self), mode });
                }
                Err(holders) if mode == Mode::Together && holders != ALONE => found = holders,
                Err(_) => return None,
            }
        }
    }

    /// Waits until the lock can be taken, and takes it.
    #[track_caller]
    pub(super) fn acquire(self: &Arc<Self>, mode: Mode) -> ExactGuard {
        loop {
            if let Some(guard) = self.try_acquire(mode) {
                return guard;
            }
            let waiter = self.waiters.join();
            if waiter.park() {
                waiter.give_back();
            }
        }
    }
}

/// Holds an [`Exact`] lock. Must not be dropped by a panic: see [`super::deferred`].
pub(super) struct ExactGuard {
    lock: Arc<Exact>,
    mode: Mode,
}

impl Drop for ExactGuard {
    /// Gives the lock back, and lets all who wait try again.
    fn drop(&mut self) {
        let Exact { gate, holders, waiters } = &*self.lock;
        let before = match self.mode {
            Mode::Alone => gate.swap(0, Ordering::Release),
            Mode::Together => gate.fetch_sub(1, Ordering::Release),
        };
        holders.set(if before == ALONE { 0 } else { before - 1 });
        waiters.wake(usize::MAX);
    }
}
