//! `std::sync::RwLock`, on every engine.

use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::rt::lock::poison::{Flag, Taken};
use crate::rt::lock::{Shared, SharedGuard};
use crate::rt::statics::made::{self, Anew, Made, Serving};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A lock that many readers or one writer hold, as [`std::sync::RwLock`].
///
/// Differences: [`RwLock::new`] is not `const`, because a lock belongs to the engine that is running
/// when it is made; [`RwLock::const_new`] is, for a `static`. Under shuttle a second `read` by one task is reported as the deadlock that it may be.
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
    #[cfg(not(feature = "const-new"))]
    #[track_caller]
    pub fn new(value: T) -> RwLock<T> {
        RwLock::made_here(value)
    }

    /// As [`RwLock::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    pub const fn new(value: T) -> RwLock<T> {
        RwLock::const_new(value)
    }

    /// An unlocked lock around `value`, for a `static`: it begins anew in each execution under a checker, with the
    /// value that it has when the program begins. Its creation is no access, and happens before everything.
    ///
    /// It serves one process: a state that several share needs [`RwLock::new`].
    pub const fn const_new(value: T) -> RwLock<T> {
        RwLock { raw: Shared::const_new::<RwLock<T>, T>(), poison: Flag::new(), data: UnsafeCell::new(value) }
    }

    #[track_caller]
    pub(crate) fn made_here(value: T) -> RwLock<T> {
        RwLock { raw: Shared::new(), poison: Flag::default(), data: UnsafeCell::new(value) }
    }

    /// The value, without locking: no other thread can have the lock.
    ///
    /// # Errors
    ///
    /// The value all the same, if the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let mut this = self;
        if let Some((copy, _)) = this.anew() {
            let (data, poisoned) = (copy.data.get(), copy.poison.is_set());
            // SAFETY: no other thread has either, and what is put into the copy is never looked at again.
            unsafe { std::ptr::swap(this.data.get(), data) };
            this.poison = Flag::default();
            if poisoned {
                this.poison.set();
            }
        }
        let RwLock { poison, data, .. } = this;
        poison.wrap(data.into_inner())
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
        let (lock, raw) = self.serving();
        lock.reader(raw.read())
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
        let (lock, raw) = self.serving();
        match raw.try_read() {
            Some(raw) => Ok(lock.reader(raw)?),
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
        let (lock, raw) = self.serving();
        lock.writer(raw.write())
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
        let (lock, raw) = self.serving();
        match raw.try_write() {
            Some(raw) => Ok(lock.writer(raw)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// The lock that serves, and what is behind it.
    #[inline(always)]
    #[track_caller]
    fn serving(&self) -> (&Self, &Shared) {
        match &self.raw {
            Shared::Made { made, .. } => self.serving_made(made),
            raw => (self, raw),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn serving_made<'a>(&'a self, made: &'a Made<Shared>) -> (&'a Self, &'a Shared) {
        let serving = made.serving_alone(std::ptr::from_ref(self).cast(), "RwLock", Shared::first);
        made::around(self, serving, Shared::first, Self::raw_of).unwrap_or((self, &self.raw))
    }

    /// Where the raw lock lies.
    fn raw_of(this: *mut Self) -> *mut Shared {
        // SAFETY: only a place within the lock, of which nothing is read.
        unsafe { &raw mut (*this).raw }
    }

    /// What an execution has in the place of this lock, which is a `static`, where no other thread has it.
    fn anew(&mut self) -> Option<(&Self, &Anew<Shared>)> {
        let object = std::ptr::from_ref(self).cast();
        let Shared::Made { made, .. } = &mut self.raw else { return None };
        let Serving::Static(original) = made.settled_exclusively(object) else { return None };
        let serving = Serving::Static(original);
        let (copy, _) = made::around(&*self, serving, Shared::first, Self::raw_of)?;
        // SAFETY: it lives until the execution ends.
        Some((copy, unsafe { original.existing()?.as_ref() }))
    }

    /// The flag of the lock that serves, if it was ever used.
    fn poison(&self) -> Option<&Flag> {
        let Shared::Made { made, .. } = &self.raw else { return Some(&self.poison) };
        let Serving::Static(original) = made.served() else { return Some(&self.poison) };
        let anew = original.existing::<Anew<Shared>>()?;
        // SAFETY: it lives until the execution ends, and the flag is not kept.
        Some(unsafe { &(*anew.as_ref().object(std::ptr::from_ref(self))).poison })
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
        self.poison().is_some_and(Flag::is_set)
    }

    /// Declares the value to be whole again.
    #[inline]
    pub fn clear_poison(&self) {
        if let Some(poison) = self.poison() {
            poison.clear();
        }
    }

    /// The value, without locking: no other thread has the lock.
    ///
    /// # Errors
    ///
    /// The value all the same, if the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        if let Some((copy, anew)) = self.anew() {
            anew.lend();
            let (data, poisoned) = (copy.data.get(), copy.poison.is_set());
            // SAFETY: no other thread has the lock, nor what is there in its place; what was lent stays for good.
            let data = unsafe { &mut *data };
            return if poisoned { Err(PoisonError::new(data)) } else { Ok(data) };
        }
        self.poison.wrap(self.data.get_mut())
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::made_here(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::made_here(value)
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
