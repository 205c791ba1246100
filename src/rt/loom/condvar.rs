//! The condition variable, over loom's `park`.

use super::parking::Queue;
use super::{AtomicUsize, RawGuard, enter};
use std::sync::atomic::Ordering;

/// A condition variable that wakes its waiters in the order in which they came.
pub(crate) struct RawCondvar {
    /// Makes waits and notifications depend on each other, which is what loom explores by, and orders no
    /// memory.
    gate: AtomicUsize,
    waiters: Queue,
}

impl RawCondvar {
    pub(crate) fn new() -> Self {
        RawCondvar { gate: AtomicUsize::new(0), waiters: Queue::default() }
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Panics
    ///
    /// If the model is dead: no thread is left to notify.
    #[track_caller]
    pub(crate) fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a> {
        assert!(enter(), "waiting on a Condvar while the loom model is taken apart");
        self.gate.fetch_add(1, Ordering::Relaxed);
        let lock = guard.lock();
        let waiter = self.waiters.join();
        drop(guard);
        let foreign_token = waiter.park();
        let guard = lock.lock();
        if foreign_token {
            waiter.give_back();
        }
        guard
    }

    #[track_caller]
    pub(crate) fn notify_one(&self) {
        self.notify(1);
    }

    #[track_caller]
    pub(crate) fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    #[track_caller]
    fn notify(&self, count: usize) {
        if enter() {
            self.gate.fetch_add(1, Ordering::Relaxed);
            self.waiters.wake(count);
        }
    }
}
