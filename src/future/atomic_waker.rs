//! A waker that one task leaves for others to find.

use crate::sync::Mutex;
use std::fmt;
use std::sync::PoisonError;
use std::task::Waker;

/// Where a task leaves its waker, and others wake it: loom's type of this name.
///
/// A [`register`](AtomicWaker::register) that meets a [`wake`](AtomicWaker::wake) under way waits for it.
pub struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    /// Without a waker.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        AtomicWaker(Mutex::new(None))
    }

    /// Leaves a waker, in place of the one before.
    #[track_caller]
    pub fn register(&self, waker: Waker) {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(waker);
        drop(before);
    }

    /// As [`register`](AtomicWaker::register), of a clone.
    #[track_caller]
    pub fn register_by_ref(&self, waker: &Waker) {
        self.register(waker.clone());
    }

    /// Wakes by the waker that was left last, if it has not been taken.
    #[track_caller]
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// Takes the waker that was left last.
    #[track_caller]
    pub fn take_waker(&self) -> Option<Waker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Default for AtomicWaker {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AtomicWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicWaker").finish_non_exhaustive()
    }
}
