//! `std::sync::RwLock`, on every engine.

use super::poison::{Flag, Taken};
use super::raw::{Shared, SharedGuard};
use super::{LockResult, TryLockError, TryLockResult};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A lock that many readers or one writer hold, as [`std::sync::RwLock`].
///
/// Differences: [`RwLock::new`] is not `const`, because a lock belongs to the engine that is running
/// when it is made. Under shuttle a second `read` by one task is reported as the deadlock that it may be.
/// Among processes at most 16 readers hold it at once; when a process dies while writing, the next
/// owner finds the lock poisoned. `RwLockWriteGuard::downgrade` is missing.
pub struct RwLock<T: ?Sized> {
    raw: Shared,
    poison: Flag,
    data: UnsafeCell<T>,
}

// SAFETY: sending the lock sends the data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: `raw` gives the data to one writer, which sends it, or to several readers, which share it.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// Holds a [`RwLock`] for reading; unlocks it when dropped. As [`std::sync::RwLockReadGuard`].
#[cfg_attr(not(loom), must_use = "if unused the RwLock will immediately unlock")]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    /// Taken by `drop`.
    raw: ManuallyDrop<SharedGuard<'a>>,
    /// Guards must be dropped by the thread that made them.
    not_send: PhantomData<*const ()>,
}

/// Holds a [`RwLock`] for writing; unlocks it when dropped. As [`std::sync::RwLockWriteGuard`].
#[cfg_attr(not(loom), must_use = "if unused the RwLock will immediately unlock")]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    /// Taken by `drop`.
    raw: ManuallyDrop<SharedGuard<'a>>,
    taken: Taken,
    /// Guards must be dropped by the thread that made them.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the data, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: as for the read guard.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`, made for the engine that is running.
    ///
    /// # Panics
    ///
    /// Among processes, if no shared memory is installed or it is full.
    #[track_caller]
    pub fn new(value: T) -> RwLock<T> {
        RwLock { raw: Shared::new(), poison: Flag::default(), data: UnsafeCell::new(value) }
    }

    /// The value, without locking: no other thread can have the lock.
    ///
    /// # Errors
    ///
    /// The value all the same, if the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let poison = self.poison;
        poison.wrap(self.data.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Blocks until no writer holds the lock, then takes it for reading.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the lock is poisoned: a writer has panicked, or died.
    ///
    /// # Panics
    ///
    /// Under a checker, if that will never be: that is the deadlock found.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.reader(self.raw.read())
    }

    /// Takes the lock for reading if no writer holds it.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if one does, [`TryLockError::Poisoned`] with the guard if the lock is
    /// poisoned.
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        match self.raw.try_read() {
            Some(raw) => Ok(self.reader(raw)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// Blocks until no thread holds the lock, then takes it for writing.
    ///
    /// # Errors
    ///
    /// The guard all the same, if the lock is poisoned: a writer has panicked, or died.
    ///
    /// # Panics
    ///
    /// Under a checker, if that will never be: that is the deadlock found.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.writer(self.raw.write())
    }

    /// Takes the lock for writing if no thread holds it.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if a thread does, [`TryLockError::Poisoned`] with the guard if the
    /// lock is poisoned.
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        match self.raw.try_write() {
            Some(raw) => Ok(self.writer(raw)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    #[inline]
    fn reader<'a>(&'a self, raw: SharedGuard<'a>) -> LockResult<RwLockReadGuard<'a, T>> {
        if raw.owner_died() {
            self.poison.set();
        }
        self.poison.wrap(RwLockReadGuard { lock: self, raw: ManuallyDrop::new(raw), not_send: PhantomData })
    }

    #[inline]
    fn writer<'a>(&'a self, raw: SharedGuard<'a>) -> LockResult<RwLockWriteGuard<'a, T>> {
        if raw.owner_died() {
            self.poison.set();
        }
        self.poison.wrap(RwLockWriteGuard {
            lock: self,
            raw: ManuallyDrop::new(raw),
            taken: self.poison.taken(),
            not_send: PhantomData,
        })
    }

    /// Whether a writer has panicked or died. Not synchronised with locking, as in std.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the value to be whole again.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: no other thread has the lock.
    ///
    /// # Errors
    ///
    /// The value all the same, if the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.data.get_mut())
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(TryLockError::Poisoned(poisoned)) => shown.field("data", &&**poisoned.get_ref()),
            Err(TryLockError::WouldBlock) => shown.field("data", &"<locked>"),
        };
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock for reading, so no thread has a mutable reference.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock for writing, so no thread has a mutable reference but through it.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock for writing, so no thread has a reference but through it.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `drop` runs once, and no thread can use the guard after it.
        unsafe { ManuallyDrop::take(&mut self.raw) }.let_go();
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.poison.let_go(self.taken);
        // SAFETY: as in the read guard.
        unsafe { ManuallyDrop::take(&mut self.raw) }.let_go();
    }
}

/// What both guards show: their data.
macro_rules! show_data {
    ($($guard:ident),*) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

show_data!(RwLockReadGuard, RwLockWriteGuard);
