//! `std::sync::Mutex`, on every engine.

use super::poison::{Flag, Taken};
use super::raw::{Lock, LockGuard};
use super::{LockResult, TryLockError, TryLockResult};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A mutual exclusion lock around a `T`, as [`std::sync::Mutex`].
///
/// Differences: [`Mutex::new`] is not `const`, because a lock belongs to the engine that is running when
/// it is made. When a process dies with a process-shared lock in its hands, the next owner finds it
/// poisoned.
pub struct Mutex<T: ?Sized> {
    raw: Lock,
    poison: Flag,
    data: UnsafeCell<T>,
}

// SAFETY: `raw` gives the data to one thread at a time, so that sharing the mutex sends the data.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// Holds a [`Mutex`]; unlocks it when dropped. As [`std::sync::MutexGuard`], but in a build with `--cfg loom` one that
/// is not used is no warning: loom's is none.
#[cfg_attr(not(loom), must_use = "if unused the Mutex will immediately unlock")]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    lock: &'a Mutex<T>,
    /// Taken by `drop`, and by `exchange`, which forgets the rest.
    raw: ManuallyDrop<LockGuard<'a>>,
    taken: Taken,
    /// Guards must be dropped by the thread that made them.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the data, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`, made for the engine that is running.
    ///
    /// # Panics
    ///
    /// Among processes, if no shared memory is installed or it is full.
    #[track_caller]
    pub fn new(value: T) -> Mutex<T> {
        Mutex { raw: Lock::new(), poison: Flag::default(), data: UnsafeCell::new(value) }
    }

    /// The value, without locking: no other thread can have the mutex.
    ///
    /// # Errors
    ///
    /// The value all the same, if the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let poison = self.poison;
        poison.wrap(self.data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Blocks until the mutex is free, then takes it.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the mutex is poisoned: an owner has panicked, or died.
    ///
    /// # Panics
    ///
    /// Under a checker, if no thread will ever unlock it: that is the deadlock found.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.guard(self.raw.lock())
    }

    /// Takes the mutex if it is free.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it is not free, [`TryLockError::Poisoned`] with the guard if the
    /// mutex is poisoned.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.raw.try_lock() {
            Some(raw) => Ok(self.guard(raw)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    #[inline]
    pub(super) fn guard<'a>(&'a self, raw: LockGuard<'a>) -> LockResult<MutexGuard<'a, T>> {
        if raw.owner_died() {
            self.poison.set();
        }
        self.poison.wrap(MutexGuard {
            lock: self,
            raw: ManuallyDrop::new(raw),
            taken: self.poison.taken(),
            not_send: PhantomData,
        })
    }

    /// Whether an owner has panicked or died. Not synchronised with locking, as in std.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the value to be whole again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: no other thread has the mutex.
    ///
    /// # Errors
    ///
    /// The value all the same, if the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.data.get_mut())
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(poisoned)) => shown.field("data", &&**poisoned.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &"<locked>"),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex and its lock, for a condition variable to trade for another [`Mutex::guard`].
    pub(super) fn part(self) -> (&'a Mutex<T>, LockGuard<'a>) {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: `guard` is never dropped nor used again, so the lock is moved out of it just once.
        let raw = unsafe { ManuallyDrop::take(&mut guard.raw) };
        (guard.lock, raw)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so no thread has a mutable reference but through it.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock, so no thread has a reference but through it.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `drop` runs once, and no thread can use the guard after it.
        let raw = unsafe { ManuallyDrop::take(&mut self.raw) };
        raw.let_go(&self.lock.poison, self.taken);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
