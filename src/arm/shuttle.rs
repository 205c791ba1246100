//! shuttle's primitives, as the facade wants them.
//!
//! Scheduling is shuttle's; happens-before is ours, because shuttle orders every operation with every
//! other on the same object. Each type comes in an untraced variant, for locks inside of something
//! bigger whose edges are told elsewhere.
//!
//! Limit: there are no spurious wakeups. Time stands still, so no arm but the real ones has timed waits.

use super::shuttle_block::{Bell, Gate};
use super::trace::{self, Kind, ObjectId};
use super::unwinding;
use shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The running task, counted from 0 (the main task of the execution).
///
/// # Panics
/// If there is no execution.
pub(crate) fn me() -> usize {
    running().unwrap_or_else(|| shuttle::current::me().into())
}

/// The running task, if there is an execution. shuttle is asked only where our own book-keeping may be
/// wrong: while an execution is taken apart, and outside of those that [`trace::begin`] has begun.
pub(crate) fn running() -> Option<usize> {
    match trace::current() {
        Some(task) if !std::thread::panicking() => Some(task),
        _ => shuttle::current::try_get_current_task().map(usize::from),
    }
}

/// Notes that `task` runs again after `switched`, an operation that may have let others run.
fn came_back<R>(task: usize, switched: R) -> R {
    trace::proceed(task);
    switched
}

/// Whether an execution is there to talk to.
pub(crate) fn alive() -> bool {
    running().is_some()
}

/// Whether the running task is unwinding. An execution that is gone unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(|| me() as u64))
}

/// A scheduling point: any task may run before this returns.
pub(crate) fn switch() {
    shuttle_engine::runtime::thread::switch();
}

/// Tells the scheduler what the running task does next, and which task that is. `None` if there is no
/// execution any more.
fn announce(object: ObjectId, kind: Kind) -> Option<usize> {
    let task = running()?;
    unwinding::is(|| task as u64);
    trace::announce(task, object, kind);
    Some(task)
}

/// A scheduling point before an operation of the facade's own. False if there is no execution any more,
/// and the operation should not be traced.
pub(crate) fn before(object: ObjectId, kind: Kind) -> bool {
    let Some(task) = announce(object, kind) else { return false };
    switch();
    trace::proceed(task);
    true
}

/// As [`before`], for an atomic or a fence: an operation of the design itself.
pub(crate) fn before_atomic(object: ObjectId, kind: Kind) -> bool {
    crate::context::count_operation();
    before(object, kind)
}

/// Where the happens-before edges of a lock go.
#[derive(Clone, Copy)]
struct Edges {
    object: ObjectId,
    traced: bool,
}

impl Edges {
    fn new(traced: bool) -> Self {
        Edges { object: trace::new_object(), traced }
    }

    fn acquire(self) {
        if self.traced {
            trace::acquire(self.object);
        }
    }

    fn release(self) {
        if self.traced {
            trace::release(self.object);
        }
    }
}

/// A mutex without data or poison.
pub(crate) struct RawMutex {
    gate: Gate,
    edges: Edges,
}

/// Holds a [`RawMutex`].
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    /// False if there was no execution any more in which to take the mutex.
    held: bool,
}

impl RawMutex {
    pub(crate) fn new() -> Self {
        RawMutex { gate: Gate::default(), edges: Edges::new(true) }
    }

    /// A mutex that excludes, and orders no memory.
    pub(crate) fn new_untraced() -> Self {
        RawMutex { gate: Gate::default(), edges: Edges::new(false) }
    }

    fn guard(&self) -> RawGuard<'_> {
        self.edges.acquire();
        RawGuard { lock: self, held: true }
    }

    /// Blocks until the mutex is free, then takes it.
    ///
    /// # Panics
    ///
    /// With shuttle's deadlock message if this task holds the mutex already.
    pub(crate) fn lock(&self) -> RawGuard<'_> {
        let Some(task) = announce(self.edges.object, Kind::Lock) else {
            return RawGuard { lock: self, held: false };
        };
        self.gate.lock(task);
        trace::proceed(task);
        self.guard()
    }

    /// Takes the mutex if it is free.
    pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
        let Some(task) = announce(self.edges.object, Kind::TryLock) else {
            return Some(RawGuard { lock: self, held: false });
        };
        let taken = self.gate.try_lock(task);
        trace::proceed(task);
        taken.then(|| self.guard())
    }
}

impl<'a> RawGuard<'a> {
    /// The mutex that is held.
    pub(crate) fn lock(&self) -> &'a RawMutex {
        self.lock
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        if let Some(task) = announce(self.lock.edges.object, Kind::Unlock) {
            self.lock.edges.release();
            self.lock.gate.unlock();
            trace::proceed(task);
        }
    }
}

/// A reader-writer lock without data or poison.
pub(crate) struct RawRwLock {
    inner: RwLock<()>,
    /// What writers have done: known to whoever locks next.
    written: Edges,
    /// What readers have done: known to the next writer only.
    read: Edges,
}

enum RwHeld<'a> {
    Read(RwLockReadGuard<'a, ()>),
    Write(RwLockWriteGuard<'a, ()>),
    Nothing,
}

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: RwHeld<'a>,
}

impl RawRwLock {
    pub(crate) fn new() -> Self {
        RawRwLock { inner: RwLock::new(()), written: Edges::new(true), read: Edges::new(true) }
    }

    fn guard<'a>(&'a self, held: RwHeld<'a>) -> RawRwGuard<'a> {
        match held {
            RwHeld::Read(_) => self.written.acquire(),
            RwHeld::Write(_) => {
                self.written.acquire();
                self.read.acquire();
            }
            RwHeld::Nothing => {}
        }
        RawRwGuard { lock: self, held }
    }

    pub(crate) fn read(&self) -> RawRwGuard<'_> {
        let Some(task) = announce(self.written.object, Kind::ReadLock) else {
            return self.guard(RwHeld::Nothing);
        };
        let guard = came_back(task, self.inner.read());
        self.guard(RwHeld::Read(guard.unwrap_or_else(|poisoned| poisoned.into_inner())))
    }

    pub(crate) fn try_read(&self) -> Option<RawRwGuard<'_>> {
        use std::sync::TryLockError;
        let Some(task) = announce(self.written.object, Kind::TryReadLock) else {
            return Some(self.guard(RwHeld::Nothing));
        };
        match came_back(task, self.inner.try_read()) {
            Ok(guard) => Some(self.guard(RwHeld::Read(guard))),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.guard(RwHeld::Read(poisoned.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn write(&self) -> RawRwGuard<'_> {
        let Some(task) = announce(self.written.object, Kind::Lock) else {
            return self.guard(RwHeld::Nothing);
        };
        let guard = came_back(task, self.inner.write());
        self.guard(RwHeld::Write(guard.unwrap_or_else(|poisoned| poisoned.into_inner())))
    }

    pub(crate) fn try_write(&self) -> Option<RawRwGuard<'_>> {
        use std::sync::TryLockError;
        let Some(task) = announce(self.written.object, Kind::TryLock) else {
            return Some(self.guard(RwHeld::Nothing));
        };
        match came_back(task, self.inner.try_write()) {
            Ok(guard) => Some(self.guard(RwHeld::Write(guard))),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.guard(RwHeld::Write(poisoned.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<'a> RawRwGuard<'a> {
    /// The lock that is held.
    pub(crate) fn lock(&self) -> &'a RawRwLock {
        self.lock
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        let lock = self.lock;
        match std::mem::replace(&mut self.held, RwHeld::Nothing) {
            RwHeld::Nothing => {}
            RwHeld::Read(guard) => {
                if let Some(task) = announce(lock.written.object, Kind::ReadUnlock) {
                    lock.read.release();
                    drop(guard);
                    trace::proceed(task);
                } else {
                    std::mem::forget(guard);
                }
            }
            RwHeld::Write(guard) => {
                if let Some(task) = announce(lock.written.object, Kind::Unlock) {
                    lock.written.release();
                    drop(guard);
                    trace::proceed(task);
                } else {
                    std::mem::forget(guard);
                }
            }
        }
    }
}

/// A condition variable. It orders nothing: the mutex does.
pub(crate) struct RawCondvar {
    bell: Bell,
    object: ObjectId,
}

impl RawCondvar {
    pub(crate) fn new() -> Self {
        RawCondvar { bell: Bell::default(), object: trace::new_object() }
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Panics
    ///
    /// If the execution is over: nobody is left to notify.
    pub(crate) fn wait<'a>(&self, mut guard: RawGuard<'a>) -> RawGuard<'a> {
        let lock = guard.lock;
        let (Some(task), true) = (announce(self.object, Kind::Wait), std::mem::take(&mut guard.held)) else {
            panic!("waiting on a Condvar while the shuttle execution is taken apart");
        };
        lock.edges.release();
        self.bell.wait(&lock.gate, task);
        trace::proceed(task);
        lock.guard()
    }

    pub(crate) fn notify_one(&self) {
        if let Some(task) = announce(self.object, Kind::Notify) {
            self.bell.notify_one();
            trace::proceed(task);
        }
    }

    pub(crate) fn notify_all(&self) {
        if let Some(task) = announce(self.object, Kind::Notify) {
            self.bell.notify_all();
            trace::proceed(task);
        }
    }
}
