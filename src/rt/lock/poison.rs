//! Poison, as std has it: a lock is poisoned when its guard is dropped by a panic that began after the
//! lock was taken.

use super::is_unwinding;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError};

/// Whether a lock is poisoned. Under a checker this is bookkeeping, not an operation of the design.
#[derive(Default)]
pub(crate) struct Flag(AtomicBool);

/// What a guard remembers from the moment at which it took the lock.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    was_unwinding: bool,
}

impl Flag {
    pub(crate) const fn new() -> Self {
        Flag(AtomicBool::new(false))
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// To be called when the lock has been taken.
    #[inline]
    pub(crate) fn taken(&self) -> Taken {
        Taken { was_unwinding: is_unwinding() }
    }

    /// To be called before the lock is let go of.
    #[inline]
    pub(crate) fn let_go(&self, taken: Taken) {
        if !taken.was_unwinding && is_unwinding() {
            self.set();
        }
    }

    /// `guard` as std wraps it.
    #[inline]
    pub(crate) fn wrap<G>(&self, guard: G) -> LockResult<G> {
        if self.is_set() { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }
}
