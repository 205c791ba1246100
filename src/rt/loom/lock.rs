//! The mutex and the reader-writer lock.

use super::deferred::{Held, let_go, take_back};
use super::enter;
use super::workarounds::{self, Exact, Mode};
use crate::rt::{Here, lock};
use loom::sync::MutexGuard;
use std::rc::Rc;

/// A mutex without data or poison.
pub(crate) enum RawMutex {
    Loom(Rc<loom::sync::Mutex<()>>),
    Exact(Rc<Exact>),
}

/// Holds a [`RawMutex`]. Holds nothing where the model is dead.
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    held: Option<Held>,
}

impl RawMutex {
    #[track_caller]
    pub(crate) fn new() -> Self {
        if workarounds::wanted() {
            RawMutex::Exact(Rc::new(Exact::new()))
        } else {
            RawMutex::Loom(Rc::new(loom::sync::Mutex::new(())))
        }
    }

    /// A mutex that is never tried, only waited for: loom's own in an exact exploration too. It can be made
    /// late, since loom asks of no thread that locks it to have happened after the thread that made it.
    pub(crate) fn never_tried() -> Self {
        RawMutex::Loom(Rc::new(loom::sync::Mutex::new(())))
    }

    fn address(&self) -> *const () {
        match self {
            RawMutex::Loom(lock) => address(lock),
            RawMutex::Exact(lock) => address(lock),
        }
    }
}

impl lock::RawMutex for RawMutex {
    type Guard<'a> = RawGuard<'a>;

    fn lock(&self) -> RawGuard<'_> {
        if !enter() {
            return RawGuard { lock: self, held: None };
        }
        let held = take_back(self.address()).unwrap_or_else(|| match self {
            RawMutex::Loom(lock) => mutex(lock, lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())),
            RawMutex::Exact(lock) => Held::Exact(lock.acquire(Mode::Alone)),
        });
        RawGuard { lock: self, held: Some(held) }
    }

    fn try_lock(&self, _here: Here) -> Option<RawGuard<'_>> {
        if !enter() {
            return Some(RawGuard { lock: self, held: None });
        }
        let held = match (take_back(self.address()), self) {
            (Some(held), _) => held,
            (None, RawMutex::Loom(lock)) => {
                workarounds::demand();
                mutex(lock, lock.try_lock().ok()?)
            }
            (None, RawMutex::Exact(lock)) => Held::Exact(lock.try_acquire(Mode::Alone)?),
        };
        Some(RawGuard { lock: self, held: Some(held) })
    }

    fn locked<'a>(guard: &RawGuard<'a>) -> &'a Self
    where
        Self: 'a,
    {
        guard.lock
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let_go(self.lock.address(), held);
        }
    }
}

/// A reader-writer lock without data or poison. loom's own admits readers while a writer waits.
pub(crate) struct RawRwLock {
    lock: Rc<Exact>,
}

/// Holds a [`RawRwLock`], for reading or for writing. Holds nothing where the model is dead.
pub(crate) struct RawRwGuard<'a> {
    lock: &'a RawRwLock,
    held: Option<Held>,
}

impl RawRwLock {
    #[track_caller]
    pub(crate) fn new() -> Self {
        RawRwLock { lock: Rc::new(Exact::new()) }
    }

    fn address(&self) -> *const () {
        address(&self.lock)
    }

    #[track_caller]
    fn take(&self, mode: Mode) -> RawRwGuard<'_> {
        if !enter() {
            return RawRwGuard { lock: self, held: None };
        }
        let held = take_back(self.address()).unwrap_or_else(|| Held::Exact(self.lock.acquire(mode)));
        RawRwGuard { lock: self, held: Some(held) }
    }

    #[track_caller]
    fn try_take(&self, mode: Mode) -> Option<RawRwGuard<'_>> {
        if !enter() {
            return Some(RawRwGuard { lock: self, held: None });
        }
        let held = match take_back(self.address()) {
            Some(held) => held,
            None => Held::Exact(self.lock.try_acquire(mode)?),
        };
        Some(RawRwGuard { lock: self, held: Some(held) })
    }
}

impl lock::RawRwLock for RawRwLock {
    type Guard<'a> = RawRwGuard<'a>;

    fn read(&self) -> RawRwGuard<'_> {
        self.take(Mode::Together)
    }

    fn write(&self) -> RawRwGuard<'_> {
        self.take(Mode::Alone)
    }

    fn try_read(&self) -> Option<RawRwGuard<'_>> {
        self.try_take(Mode::Together)
    }

    fn try_write(&self) -> Option<RawRwGuard<'_>> {
        self.try_take(Mode::Alone)
    }
}

impl Drop for RawRwGuard<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let_go(self.lock.address(), held);
        }
    }
}

fn address<T>(lock: &Rc<T>) -> *const () {
    Rc::as_ptr(lock).cast()
}

fn mutex(lock: &Rc<loom::sync::Mutex<()>>, guard: MutexGuard<'_, ()>) -> Held {
    // SAFETY: only the lifetime changes. The mutex that the guard borrows lives in the `Rc` beside it,
    // which `Held` drops after the guard.
    let guard = unsafe { std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
    Held::Mutex(guard, Rc::clone(lock))
}
