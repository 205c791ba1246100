//! A monitor: loom's lock and the condition variable on it.

use super::{RawCondvar, RawGuard, RawMutex};
use crate::rt::lock::{RawCondvar as _, RawMutex as _};
use crate::rt::model;
use crate::rt::monitor::RawMonitor;

/// The lock and condition of a monitor.
pub(crate) struct LoomMonitor {
    mutex: RawMutex,
    condvar: RawCondvar,
}

impl LoomMonitor {
    pub(crate) fn new() -> Self {
        LoomMonitor { mutex: RawMutex::never_tried(), condvar: RawCondvar::new() }
    }
}

impl RawMonitor for LoomMonitor {
    type Guard<'a> = RawGuard<'a>;

    fn enter(&self) -> RawGuard<'_> {
        model::settled();
        self.mutex.lock()
    }

    fn leave(guard: RawGuard<'_>, _changed: bool) {
        drop(guard);
    }

    fn wait<'a>(&'a self, guard: RawGuard<'a>, _changed: bool) -> RawGuard<'a> {
        self.condvar.wait(guard)
    }

    fn notify_all(&self) {
        self.condvar.notify_all();
    }

    fn notify_one(&self) {
        self.condvar.notify_one();
    }
}
