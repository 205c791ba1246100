//! A value behind a lock, with a condition to wait for: what the facade builds its own objects on.
//!
//! One per object and context: loom's lock and condvar inside loom, shuttle's inside shuttle, the
//! process-shared ones for processes, std's elsewhere.
//!
//! Under shuttle the lock gives *no* happens-before edges: an object that is built on a monitor states the edges
//! that the object promises, and no others, with [`crate::rt::trace`]. Limits: under loom the lock
//! orders everything that passes through it, which is more than some objects promise, so loom can miss
//! a race that such an edge hides; nothing is poisoned, so critical sections must not panic.

use crate::context::Context;
use crate::rt::{self, trace};
use crate::thread::model;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// A value that one thread at a time enters.
pub(crate) struct Monitor<T> {
    raw: Raw,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only reached through a `Guard`, and `raw` admits one at a time; so sharing a monitor
// hands the value from thread to thread, which `T: Send` allows.
unsafe impl<T: Send> Sync for Monitor<T> {}
// SAFETY: the raw locks of loom and shuttle name objects of the execution on this operating-system
// thread and live no longer than it; the others are `Send` anyway.
unsafe impl<T: Send> Send for Monitor<T> {}

enum Raw {
    Real { mutex: std::sync::Mutex<()>, condvar: std::sync::Condvar },
    Loom { mutex: rt::loom::RawMutex, condvar: rt::loom::RawCondvar },
    Shuttle(rt::shuttle::RawMonitor),
    Rc11(rt::rc11::Monitor),
    Process { mutex: rt::process::RawMutex, condvar: rt::process::RawCondvar },
}

enum RawGuard<'a> {
    Real(std::sync::MutexGuard<'a, ()>),
    Loom(rt::loom::RawGuard<'a>),
    Shuttle,
    Rc11,
    Process(rt::process::RawGuard<'a>),
}

impl Raw {
    fn new(context: Context) -> Self {
        match context {
            Context::Real => {
                Raw::Real { mutex: std::sync::Mutex::new(()), condvar: std::sync::Condvar::new() }
            }
            Context::Loom => {
                Raw::Loom { mutex: rt::loom::RawMutex::never_tried(), condvar: rt::loom::RawCondvar::new() }
            }
            Context::Shuttle => Raw::Shuttle(rt::shuttle::RawMonitor::new()),
            Context::Rc11 => Raw::Rc11(rt::rc11::Monitor::new()),
            Context::Process => {
                Raw::Process { mutex: rt::process::RawMutex::new(), condvar: rt::process::RawCondvar::new() }
            }
        }
    }

    fn lock(&self) -> RawGuard<'_> {
        match self {
            Raw::Real { mutex, .. } => RawGuard::Real(mutex.lock().unwrap_or_else(PoisonError::into_inner)),
            Raw::Loom { mutex, .. } => {
                model::settled();
                RawGuard::Loom(mutex.lock())
            }
            Raw::Shuttle(monitor) => {
                monitor.enter();
                RawGuard::Shuttle
            }
            Raw::Rc11(monitor) => {
                monitor.enter();
                RawGuard::Rc11
            }
            Raw::Process { mutex, .. } => RawGuard::Process(mutex.lock()),
        }
    }

    fn wait<'a>(&'a self, guard: RawGuard<'a>, changed: bool) -> RawGuard<'a> {
        match (self, guard) {
            (Raw::Real { condvar, .. }, RawGuard::Real(guard)) => {
                rt::rc11::give_up_if_over();
                RawGuard::Real(condvar.wait(guard).unwrap_or_else(PoisonError::into_inner))
            }
            (Raw::Loom { condvar, .. }, RawGuard::Loom(guard)) => RawGuard::Loom(condvar.wait(guard)),
            (Raw::Shuttle(monitor), RawGuard::Shuttle) => {
                monitor.wait();
                RawGuard::Shuttle
            }
            (Raw::Rc11(monitor), RawGuard::Rc11) => {
                monitor.wait(changed);
                RawGuard::Rc11
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
        Self { raw: Raw::new(rt::made_for()), value: UnsafeCell::new(value) }
    }

    /// Waits until no other thread is inside, then enters.
    pub(crate) fn enter(&self) -> Guard<'_, T> {
        crate::context::count_operation();
        Guard { monitor: self, raw: Some(self.raw.lock()), changed: false }
    }

    /// Wakes all that wait. The thread that changed something others wait for calls this, inside or just after
    /// having left.
    pub(crate) fn notify_all(&self) {
        match &self.raw {
            Raw::Real { condvar, .. } => condvar.notify_all(),
            Raw::Loom { condvar, .. } => condvar.notify_all(),
            Raw::Shuttle(monitor) => monitor.notify(),
            // A waiter waits for a change.
            Raw::Rc11(_) => {}
            Raw::Process { condvar, .. } => condvar.notify_all(),
        }
    }

    /// Wakes one that waits: for monitors where at most one thread can.
    pub(crate) fn notify_one(&self) {
        match &self.raw {
            Raw::Real { condvar, .. } => condvar.notify_one(),
            Raw::Loom { condvar, .. } => condvar.notify_one(),
            Raw::Shuttle(monitor) => monitor.notify(),
            // A waiter waits for a change.
            Raw::Rc11(_) => {}
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
        if let (Some(RawGuard::Shuttle), false) = (&self.raw, self.changed) {
            trace::came_to(trace::Effect::Read);
        }
        if let (Some(RawGuard::Rc11), Raw::Rc11(monitor)) = (&self.raw, &self.monitor.raw) {
            monitor.leave();
        }
    }
}
