//! A value behind a lock, with a condition to wait for: what the facade builds its own objects on.
//!
//! One per object: std's, one that processes share, or a runtime's.
//!
//! Under a runtime the lock gives *no* happens-before edges: an object that is built on a monitor states the edges
//! that the object promises, and no others, with [`crate::rt::past`]. Limits: under loom the lock
//! orders everything that passes through it, which is more than some objects promise, so loom can miss
//! a race that such an edge hides; nothing is poisoned, so critical sections must not panic.

use super::runtime::Runtime;
use super::{Checker, process};
use crate::rt::context::{self, Context};
use crate::rt::thread_bound::ThreadBound;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// The lock and condition of a monitor, in one. What a thread does inside is one step.
pub(crate) trait RawMonitor {
    /// Is inside.
    type Guard<'a>
    where
        Self: 'a;

    /// Waits until no other thread is inside, then enters.
    fn enter(&self) -> Self::Guard<'_>;

    /// Leaves. Whether this thread may have changed the value.
    fn leave(guard: Self::Guard<'_>, changed: bool);

    /// Leaves, waits to be notified, enters again. May return without a notification.
    ///
    /// # Panics
    /// If the execution is over: no thread is left to notify.
    fn wait<'a>(&'a self, guard: Self::Guard<'a>, changed: bool) -> Self::Guard<'a>;

    /// Wakes all that wait.
    fn notify_all(&self);

    /// Wakes one that waits, where at most one can.
    fn notify_one(&self);
}

one_of! {
    /// The lock and condition of a monitor of a runtime's.
    MonitorLock
}

one_of! {
    /// Is inside of a [`MonitorLock`].
    guard MonitorGuard of MonitorLock: RawMonitor
}

/// A value that one thread at a time enters.
pub(crate) struct Monitor<T> {
    raw: Raw,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only reached through a `Guard`, and `raw` admits one at a time; so sharing a monitor
// hands the value from thread to thread, which `T: Send` allows.
unsafe impl<T: Send> Sync for Monitor<T> {}
// SAFETY: the value goes with the monitor, and locks may be sent: those of runtimes are bound to their thread.
unsafe impl<T: Send> Send for Monitor<T> {}

enum Raw {
    Real { mutex: std::sync::Mutex<()>, condvar: std::sync::Condvar },
    Modelled(ThreadBound<MonitorLock>),
    Process { mutex: process::RawMutex, condvar: process::RawCondvar },
}

enum RawGuard<'a> {
    Real(std::sync::MutexGuard<'a, ()>),
    Modelled(MonitorGuard<'a>),
    Process(process::RawGuard<'a>),
}

impl MonitorLock {
    fn new(checker: Checker) -> Self {
        make!(checker, MonitorLock, R => R::monitor())
    }

    fn enter(&self) -> MonitorGuard<'_> {
        each_into!(MonitorLock, self, MonitorGuard, monitor => monitor.enter())
    }

    fn wait<'a>(&'a self, guard: MonitorGuard<'a>, changed: bool) -> MonitorGuard<'a> {
        each_pair!(
            (MonitorLock, self), (MonitorGuard, guard), (monitor, guard) => MonitorGuard,
            monitor.wait(guard, changed), else unreachable!("a guard belongs to the monitor that gave it")
        )
    }
}

impl Raw {
    fn new() -> Self {
        match (super::checker(), context::current()) {
            (Some(checker), _) => Raw::Modelled(ThreadBound::new(checker, MonitorLock::new(checker))),
            (None, Context::Process) => {
                Raw::Process { mutex: process::RawMutex::new(), condvar: process::RawCondvar::new() }
            }
            (None, _) => Raw::Real { mutex: std::sync::Mutex::new(()), condvar: std::sync::Condvar::new() },
        }
    }

    fn lock(&self) -> RawGuard<'_> {
        match self {
            Raw::Real { mutex, .. } => RawGuard::Real(mutex.lock().unwrap_or_else(PoisonError::into_inner)),
            Raw::Modelled(monitor) => RawGuard::Modelled(monitor.enter()),
            Raw::Process { mutex, .. } => RawGuard::Process(mutex.lock()),
        }
    }

    fn wait<'a>(&'a self, guard: RawGuard<'a>, changed: bool) -> RawGuard<'a> {
        match (self, guard) {
            (Raw::Real { condvar, .. }, RawGuard::Real(guard)) => {
                super::give_up_if_over();
                RawGuard::Real(condvar.wait(guard).unwrap_or_else(PoisonError::into_inner))
            }
            (Raw::Modelled(monitor), RawGuard::Modelled(guard)) => {
                RawGuard::Modelled(monitor.wait(guard, changed))
            }
            (Raw::Process { condvar, .. }, RawGuard::Process(guard)) => {
                RawGuard::Process(condvar.wait(guard))
            }
            _ => unreachable!("a guard belongs to the monitor that gave it"),
        }
    }
}

impl<T> Monitor<T> {
    /// A real one.
    pub(crate) const fn real(value: T) -> Self {
        let raw = Raw::Real { mutex: std::sync::Mutex::new(()), condvar: std::sync::Condvar::new() };
        Self { raw, value: UnsafeCell::new(value) }
    }

    /// A monitor for the current context.
    pub(crate) fn new(value: T) -> Self {
        Self { raw: Raw::new(), value: UnsafeCell::new(value) }
    }

    /// As [`Monitor::new`], of an object that may be used first by a thread that has not learnt of its making. A runtime
    /// that calls that a race is told that the thread which makes it comes first.
    pub(crate) fn used_before_known(value: T) -> Self {
        let monitor = Self::new(value);
        if super::remembers_makers() {
            drop(monitor.enter());
        }
        monitor
    }

    /// Whether this is a thread that may enter: for destructors, which leave the monitor alone where it is not. See
    /// [`ThreadBound::is_here`].
    pub(crate) fn is_here(&self) -> bool {
        match &self.raw {
            Raw::Real { .. } | Raw::Process { .. } => true,
            Raw::Modelled(monitor) => monitor.is_here(),
        }
    }

    /// Waits until no other thread is inside, then enters.
    pub(crate) fn enter(&self) -> Guard<'_, T> {
        context::count_operation();
        Guard { monitor: self, raw: Some(self.raw.lock()), changed: false }
    }

    /// Wakes all that wait. The thread that changed something others wait for calls this, inside or just after
    /// having left.
    pub(crate) fn notify_all(&self) {
        match &self.raw {
            Raw::Real { condvar, .. } => condvar.notify_all(),
            Raw::Modelled(monitor) => each!(MonitorLock, &**monitor, monitor => monitor.notify_all()),
            Raw::Process { condvar, .. } => condvar.notify_all(),
        }
    }

    /// Wakes one that waits: for monitors where at most one thread can.
    pub(crate) fn notify_one(&self) {
        match &self.raw {
            Raw::Real { condvar, .. } => condvar.notify_one(),
            Raw::Modelled(monitor) => each!(MonitorLock, &**monitor, monitor => monitor.notify_one()),
            Raw::Process { condvar, .. } => condvar.notify_one(),
        }
    }
}

/// One thread inside a monitor; leaves it when dropped.
pub(crate) struct Guard<'a, T> {
    monitor: &'a Monitor<T>,
    raw: Option<RawGuard<'a>>,
    /// Whether this thread may have changed the value since it last entered.
    changed: bool,
}

impl<T> Guard<'_, T> {
    /// Leaves, waits to be notified, enters again. May return without a notification.
    pub(crate) fn wait(&mut self) {
        if let Some(raw) = self.raw.take() {
            self.raw = Some(self.monitor.raw.wait(raw, self.changed));
            self.changed = false;
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the raw guard is held for as long as `self` can be borrowed, and excludes all others.
        unsafe { &*self.monitor.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        // SAFETY: as in `deref`; `&mut self` makes this the only reference through this guard.
        unsafe { &mut *self.monitor.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if let Some(RawGuard::Modelled(guard)) = self.raw.take() {
            with_each!(MonitorGuard, guard, R, guard => {
                <<R as Runtime>::MonitorLock as RawMonitor>::leave(guard, self.changed);
            });
        }
    }
}
