//! How many guards of a lock are alive, whatever a checker says of the lock.
//!
//! A lock hands out `&mut` to what it protects, so two live guards are undefined behaviour, and a checker's word is
//! not enough: once an execution has failed, its threads unwind while others are still suspended with their guards,
//! and no lock is taken any more. A destructor that locks then gets a guard only where no other one is alive.
//! Where one is, it can neither get it nor wait nor, within a destructor, panic: the process ends, and the failure
//! that began it is what its supervisor reports.

use crate::rt::running;
use crate::rt::runtime::Runtime;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The guards of one lock that are alive.
#[derive(Default)]
pub(super) struct Holders(AtomicUsize);

/// As many as one that excludes all others.
const ALONE: usize = usize::MAX;

/// One guard that is alive.
pub(super) struct Holding<'a> {
    holders: &'a Holders,
    alone: bool,
}

impl Holders {
    /// A guard of the lock comes to life.
    ///
    /// # Panics
    /// If another one excludes it, and the caller does not unwind: then the checker is at fault.
    pub(super) fn hold(&self, alone: bool) -> Holding<'_> {
        if !self.admits(alone) {
            refuse(|| self.admits(alone));
        }
        let holders = self.0.load(Ordering::Relaxed);
        self.0.store(if alone { ALONE } else { holders + 1 }, Ordering::Relaxed);
        Holding { holders: self, alone }
    }

    /// Whether any guard is alive.
    pub(super) fn are_there(&self) -> bool {
        !self.admits(true)
    }

    fn admits(&self, alone: bool) -> bool {
        let holders = self.0.load(Ordering::Relaxed);
        if alone { holders == 0 } else { holders < ALONE - 1 }
    }
}

impl<'a> Holding<'a> {
    /// The guard is no longer alive. What its successor needs.
    pub(super) fn give_up(self) -> (&'a Holders, bool) {
        (self.holders, self.alone)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let after = if self.alone { 0 } else { self.holders.0.load(Ordering::Relaxed).saturating_sub(1) };
        self.holders.0.store(after, Ordering::Relaxed);
    }
}

/// Returns if the threads of the execution that has failed can be made to give the lock back.
#[cold]
fn refuse(admits: impl Fn() -> bool) {
    if std::thread::panicking() {
        let down = |checker| with_runtime!(checker, R => R::take_others_down());
        if running().is_some_and(down) && admits() {
            return;
        }
        eprintln!("a destructor locks what another thread holds for good: the execution has failed");
        std::process::abort();
    }
    panic!("a checker has given a lock to two threads at once");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(holders: &Holders, alone: bool) -> bool {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(holders.hold(alone)))).is_err()
    }

    #[test]
    fn one_guard_alone_or_many_that_share() {
        let holders = Holders::default();
        let alone = holders.hold(true);
        assert!(refused(&holders, true) && refused(&holders, false));
        drop(alone);
        let shared = [holders.hold(false), holders.hold(false)];
        assert!(refused(&holders, true) && !refused(&holders, false));
        drop(shared);
        assert!(!refused(&holders, true));
    }
}
