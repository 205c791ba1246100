//! A robust, process-shared mutex.
//!
//! Limit: it is never destroyed, only forgotten with its arena; on Linux a mutex owns nothing.

use super::{arena::room_for, broken};
use crate::rt::context;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The mutex itself, at the same address in every process.
pub(super) struct Robust(UnsafeCell<libc::pthread_mutex_t>);

/// What [`Robust::lock`] found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Cleanly,
    /// The process or thread that held it died with it.
    FromTheDead,
}

impl Robust {
    /// Makes an unlocked mutex in `place`.
    ///
    /// # Safety
    ///
    /// `place` is valid for writes, and no other process uses it yet.
    pub(super) unsafe fn make(place: *mut Robust) {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are made before they are used and destroyed after; `place` is ours by
        // the caller's promise, and `Robust` is laid out as the mutex in it.
        unsafe {
            check("pthread_mutexattr_init", libc::pthread_mutexattr_init(attributes));
            check(
                "pthread_mutexattr_setpshared",
                libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED),
            );
            check(
                "pthread_mutexattr_setrobust",
                libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST),
            );
            check(
                "pthread_mutex_init",
                libc::pthread_mutex_init(UnsafeCell::raw_get(&raw const (*place).0), attributes),
            );
            libc::pthread_mutexattr_destroy(attributes);
        }
    }

    pub(super) fn as_ptr(&self) -> *mut libc::pthread_mutex_t {
        self.0.get()
    }

    /// What the return value of a locking function says; `None` if the mutex is busy.
    pub(super) fn taken(&self, code: i32) -> Option<Taken> {
        match code {
            0 => Some(Taken::Cleanly),
            libc::EBUSY => None,
            libc::EOWNERDEAD => {
                // SAFETY: made by `make`, and held by this thread since the call that said so.
                check("pthread_mutex_consistent", unsafe { libc::pthread_mutex_consistent(self.as_ptr()) });
                Some(Taken::FromTheDead)
            }
            error => broken("locking a process-shared mutex", error),
        }
    }

    pub(super) fn try_lock(&self) -> Option<Taken> {
        // SAFETY: made by `make`.
        self.taken(unsafe { libc::pthread_mutex_trylock(self.as_ptr()) })
    }

    pub(super) fn lock(&self) -> Taken {
        if let Some(taken) = self.try_lock() {
            return taken;
        }
        context::waiting(|| {
            // SAFETY: made by `make`.
            let code = unsafe { libc::pthread_mutex_lock(self.as_ptr()) };
            self.taken(code).unwrap_or_else(|| broken("pthread_mutex_lock", code))
        })
    }

    /// # Safety
    ///
    /// The calling thread holds the mutex.
    pub(super) unsafe fn unlock(&self) {
        // SAFETY: made by `make`; held, by the caller's promise.
        check("pthread_mutex_unlock", unsafe { libc::pthread_mutex_unlock(self.as_ptr()) });
    }
}

#[track_caller]
pub(super) fn check(what: &str, code: i32) {
    if code != 0 {
        broken(what, code);
    }
}

/// A mutex without data or poison, shared by processes.
pub(crate) struct RawMutex(NonNull<Robust>);

// SAFETY: the mutex is at a fixed address and made to be used by any thread of any process.
unsafe impl Send for RawMutex {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawMutex {}

/// Holds a [`RawMutex`].
pub(crate) struct RawGuard<'a> {
    lock: &'a RawMutex,
    taken: Taken,
    /// Robust mutexes must be unlocked by the thread that locked them.
    not_send: PhantomData<*const ()>,
}

impl RawMutex {
    /// # Panics
    ///
    /// If no arena is installed, or the installed one is full.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let place = room_for::<Robust>();
        // SAFETY: fresh room in the arena.
        unsafe { Robust::make(place.as_ptr()) };
        RawMutex(place)
    }

    pub(super) fn robust(&self) -> &Robust {
        // SAFETY: made in `new`. The process that installed the arena promised that it stays mapped while `self`
        // is in use.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn guard(&self, taken: Taken) -> RawGuard<'_> {
        RawGuard { lock: self, taken, not_send: PhantomData }
    }

    pub(crate) fn lock(&self) -> RawGuard<'_> {
        self.guard(self.robust().lock())
    }

    pub(crate) fn try_lock(&self) -> Option<RawGuard<'_>> {
        self.robust().try_lock().map(|taken| self.guard(taken))
    }
}

impl<'a> RawGuard<'a> {
    /// Whether the lock came from an owner that died with it.
    pub(crate) fn owner_died(&self) -> bool {
        self.taken == Taken::FromTheDead
    }

    /// The lock that this guard holds, which stays locked: the caller unlocks it.
    pub(super) fn into_lock(self) -> &'a RawMutex {
        let lock = self.lock;
        std::mem::forget(self);
        lock
    }
}

impl Drop for RawGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: taken by this thread when the guard was made; guards cannot be sent.
        unsafe { self.lock.robust().unlock() };
    }
}
