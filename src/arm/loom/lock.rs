//! The mutex and the reader-writer lock.

use super::deferred::{Held, let_go, take_back};
use super::parking::Queue;
use super::{AtomicUsize, alive, enter};
use loom::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A mutex without data or poison.
pub(crate) enum RawMutex {
    Traced(Arc<loom::sync::Mutex<()>>),
    Untraced(Untraced),
}

/// A mutex that excludes, and orders no memory: loom's own always does.
///
/// Limit: who had to wait for it is ordered after who let go of it, because loom's `unpark` orders. Who
/// finds it free is not.
pub(crate) struct Untraced {
    gate: AtomicUsize,
    held: Cell<bool>,
    waiters: Queue,
}

// SAFETY: model threads are coroutines of one operating-system thread. Whoever locks first passes
// `gate`, which panics on another.
unsafe impl Send for Untraced {}
// SAFETY: as for `Send`.
unsafe impl Sync for Untraced {}

impl Untraced {
    #[track_caller]
    fn pass_gate(&self) {
        self.gate.fetch_add(1, Ordering::Relaxed);
    }

    #[track_caller]
    fn lock(&self) {
        self.pass_gate();
        while self.held.get() {
            let waiter = self.waiters.join();
            if waiter.park() {
                waiter.give_back();
            }
            self.pass_gate();
        }
        self.held.set(true);
    }

    #[track_caller]
    fn try_lock(&self) -> bool {
        self.pass_gate();
        !self.held.replace(true)
    }

    fn unlock(&self) {
        self.held.set(false);
        if alive() {
            self.waiters.wake(usize::MAX);
        }
    }
}

/// Holds a [`RawMutex`]. Holds nothing where the model is dead.
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    held: Option<HeldMutex>,
}

enum HeldMutex {
    Traced(Held),
    Untraced,
}

impl RawMutex {
    #[track_caller]
    pub(crate) fn new() -> Self {
        RawMutex::Traced(Arc::new(loom::sync::Mutex::new(())))
    }

    /// A mutex that excludes, and orders no memory.
    #[track_caller]
    pub(crate) fn new_untraced() -> Self {
        RawMutex::Untraced(Untraced {
            gate: AtomicUsize::new(0),
            held: Cell::new(false),
            waiters: Queue::default(),
        })
    }

    fn guard(&self, held: Option<HeldMutex>) -> RawGuard<'_> {
        RawGuard { lock: self, held }
    }

    /// Blocks until the mutex is free, then takes it.
    #[track_caller]
    pub(crate) fn lock(&self) -> RawGuard<'_> {
        if !enter() {
            return self.guard(None);
        }
        self.guard(Some(match self {
            RawMutex::Untraced(mutex) => {
                mutex.lock();
                HeldMutex::Untraced
            }
            RawMutex::Traced(mutex) => HeldMutex::Traced(match take_back(address(mutex)) {
                Some(held) => held,
                None => hold(mutex, mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())),
            }),
        }))
    }

    /// Takes the mutex if it is free.
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
        if !enter() {
            return Some(self.guard(None));
        }
        let held = match self {
            RawMutex::Untraced(mutex) => mutex.try_lock().then_some(HeldMutex::Untraced)?,
            RawMutex::Traced(mutex) => HeldMutex::Traced(match take_back(address(mutex)) {
                Some(held) => held,
                None => hold(mutex, mutex.try_lock().ok()?),
            }),
        };
        Some(self.guard(Some(held)))
    }
}

fn address<T>(lock: &Arc<T>) -> *const () {
    Arc::as_ptr(lock).cast()
}

fn hold(mutex: &Arc<loom::sync::Mutex<()>>, guard: MutexGuard<'_, ()>) -> Held {
    // SAFETY: only the lifetime changes. The mutex that the guard borrows lives in the `Arc` beside it,
    // which `Held` drops after the guard.
    let guard = unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
    Held::Mutex(guard, Arc::clone(mutex))
}

impl<'a> RawGuard<'a> {
    /// The mutex that is held.
    pub(super) fn lock(&self) -> &'a RawMutex {
        self.lock
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        match (self.lock, self.held.take()) {
            (RawMutex::Traced(mutex), Some(HeldMutex::Traced(held))) => {
                let_go(address(mutex), held);
            }
            (RawMutex::Untraced(mutex), Some(_)) => mutex.unlock(),
            _ => {}
        }
    }
}

/// A reader-writer lock without data or poison.
pub(crate) struct RawRwLock(Arc<loom::sync::RwLock<()>>);

/// Holds a [`RawRwLock`], for reading or for writing.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: Option<Held>,
}

impl RawRwLock {
    pub(crate) fn new() -> Self {
        RawRwLock(Arc::new(loom::sync::RwLock::new(())))
    }

    fn reader(&self, guard: RwLockReadGuard<'_, ()>) -> RawRwGuard<'_> {
        // SAFETY: only the lifetime changes. The lock that the guard borrows lives in the `Arc` beside
        // it, which `Held` drops after the guard.
        let guard =
            unsafe { std::mem::transmute::<RwLockReadGuard<'_, ()>, RwLockReadGuard<'static, ()>>(guard) };
        self.guard(Held::Read(guard, Arc::clone(&self.0)))
    }

    fn writer(&self, guard: RwLockWriteGuard<'_, ()>) -> RawRwGuard<'_> {
        // SAFETY: as in `reader`.
        let guard =
            unsafe { std::mem::transmute::<RwLockWriteGuard<'_, ()>, RwLockWriteGuard<'static, ()>>(guard) };
        self.guard(Held::Write(guard, Arc::clone(&self.0)))
    }

    fn guard(&self, held: Held) -> RawRwGuard<'_> {
        RawRwGuard { lock: self, held: Some(held) }
    }

    /// A guard that holds nothing, or one that this thread let go of while unwinding.
    fn without_loom(&self) -> Option<RawRwGuard<'_>> {
        if !enter() {
            return Some(RawRwGuard { lock: self, held: None });
        }
        take_back(address(&self.0)).map(|held| self.guard(held))
    }

    #[track_caller]
    pub(crate) fn read(&self) -> RawRwGuard<'_> {
        self.without_loom().unwrap_or_else(|| {
            let guard = self.0.read();
            self.reader(guard.unwrap_or_else(|poisoned| poisoned.into_inner()))
        })
    }

    #[track_caller]
    pub(crate) fn try_read(&self) -> Option<RawRwGuard<'_>> {
        self.without_loom().or_else(|| self.0.try_read().ok().map(|guard| self.reader(guard)))
    }

    #[track_caller]
    pub(crate) fn write(&self) -> RawRwGuard<'_> {
        self.without_loom().unwrap_or_else(|| {
            let guard = self.0.write();
            self.writer(guard.unwrap_or_else(|poisoned| poisoned.into_inner()))
        })
    }

    #[track_caller]
    pub(crate) fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.without_loom().or_else(|| self.0.try_write().ok().map(|guard| self.writer(guard)))
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let_go(address(&self.lock.0), held);
        }
    }
}
