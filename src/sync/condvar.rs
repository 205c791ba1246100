//! `std::sync::Condvar`, on every engine.

use super::{LockResult, MutexGuard, PoisonError};
use crate::rt::lock::Signal;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// A condition variable, as [`std::sync::Condvar`].
///
/// Differences: [`Condvar::new`] is not `const`, because a condition variable belongs to the engine that
/// is running when it is made; [`Condvar::const_new`] is, for a `static`. Limits: under loom nothing ever times out, under shuttle at any moment; under
/// neither a wakeup is spurious, unless the design asks for
/// [spurious wakeups](crate::Design::spurious_wakeups). A design that needs what never happens to end is reported as a deadlock.
pub struct Condvar {
    raw: Signal,
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

/// Whether a timed wait ended because its time was over. As [`std::sync::WaitTimeoutResult`].
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition variable that no thread waits for, made for the engine that is running.
    ///
    /// # Panics
    ///
    /// Among processes, if no shared memory is installed or it is full.
    #[cfg(not(feature = "const-new"))]
    #[must_use]
    #[track_caller]
    pub fn new() -> Condvar {
        Condvar::made_here()
    }

    /// As [`Condvar::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar::const_new()
    }

    /// A condition variable that no thread waits for, for a `static`: it begins anew in each execution under a checker.
    ///
    /// It serves one process: a state that several share needs [`Condvar::new`].
    #[must_use]
    pub const fn const_new() -> Condvar {
        Condvar { raw: Signal::const_new() }
    }

    #[track_caller]
    pub(crate) fn made_here() -> Condvar {
        Condvar { raw: Signal::new() }
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the mutex is poisoned by then.
    ///
    /// # Panics
    ///
    /// If the mutex was made for another engine; under a checker, if no thread will ever notify: that is the
    /// deadlock found.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (mutex, raw) = guard.part();
        mutex.guard(self.raw.wait(raw))
    }

    /// Waits while `condition` holds.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    ///
    /// # Panics
    ///
    /// As [`Condvar::wait`].
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`Condvar::wait`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    ///
    /// # Panics
    ///
    /// As [`Condvar::wait`].
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (mutex, raw) = guard.part();
        let (raw, timed_out) = self.raw.wait_timeout(raw, timeout);
        let result = WaitTimeoutResult(timed_out);
        match mutex.guard(raw) {
            Ok(guard) => Ok((guard, result)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), result))),
        }
    }

    /// As [`Condvar::wait_while`], for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    ///
    /// # Panics
    ///
    /// As [`Condvar::wait`].
    #[track_caller]
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = Instant::now();
        loop {
            if !condition(&mut guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let Some(rest) = self.remaining(timeout, start) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            let timed_out;
            (guard, timed_out) = self.wait_timeout(guard, rest)?;
            // Under shuttle the schedule says when the time is over, and no clock does.
            if timed_out.timed_out() && matches!(self.raw, Signal::Modelled(_)) {
                let waits = condition(&mut guard);
                return Ok((guard, WaitTimeoutResult(waits)));
            }
        }
    }

    /// What is left of `timeout`. Under a checker time stands still, whatever the clock says.
    fn remaining(&self, timeout: Duration, start: Instant) -> Option<Duration> {
        if self.raw.is_model() { Some(timeout) } else { timeout.checked_sub(start.elapsed()) }
    }

    /// Wakes one waiter, if there is one.
    #[track_caller]
    pub fn notify_one(&self) {
        self.raw.notify_one();
    }

    /// Wakes all waiters.
    #[track_caller]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Condvar::made_here()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
