//! The condition variable, over loom's `park`.

use super::parking::Queue;
use super::{AtomicUsize, RawGuard, RawMutex, enter};
use crate::rt::context;
use crate::rt::lock::{self, RawMutex as _};
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

    #[track_caller]
    fn notify(&self, count: usize) {
        if enter() {
            self.gate.fetch_add(1, Ordering::Relaxed);
            self.waiters.wake(count);
        }
    }
}

impl lock::RawCondvar<RawMutex> for RawCondvar {
    fn wait<'a>(&self, guard: RawGuard<'a>) -> RawGuard<'a>
    where
        RawMutex: 'a,
    {
        assert!(enter(), "waiting on a Condvar while the loom model is taken apart");
        self.gate.fetch_add(1, Ordering::Relaxed);
        let lock = RawMutex::locked(&guard);
        let waiter = self.waiters.join();
        drop(guard);
        let foreign_token = waiter.park();
        let guard = lock.lock();
        if foreign_token {
            waiter.give_back();
        }
        guard
    }

    /// It never times out.
    fn wait_timeout<'a>(&self, guard: RawGuard<'a>) -> (RawGuard<'a>, bool)
    where
        RawMutex: 'a,
    {
        context::note_artefact(context::Artefact::NoTimeouts);
        (self.wait(guard), false)
    }

    fn notify_one(&self) {
        self.notify(1);
    }

    fn notify_all(&self) {
        self.notify(usize::MAX);
    }
}
