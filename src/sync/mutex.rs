//! `std::sync::Mutex`, on every engine.

use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::rt::lock::poison::{Flag, Taken};
use crate::rt::lock::{Lock, LockGuard};
use crate::rt::statics::made::{self, Anew, Made, Serving};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A mutual exclusion lock around a `T`, as [`std::sync::Mutex`].
///
/// Differences: [`Mutex::new`] is not `const`, because a lock belongs to the engine that is running when
/// it is made; [`Mutex::const_new`] is, for a `static`. When a process dies with a process-shared lock in its hands, the next owner finds it
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
    #[cfg(not(feature = "const-new"))]
    #[track_caller]
    pub fn new(value: T) -> Mutex<T> {
        Mutex::made_here(value)
    }

    /// As [`Mutex::const_new`]: the feature `const-new` is on.
    #[cfg(feature = "const-new")]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex::const_new(value)
    }

    /// An unlocked mutex around `value`, for a `static`: it begins anew in each execution under a checker, with the
    /// value that it has when the program begins. Its creation is no access, and happens before everything.
    ///
    /// It serves one process: a state that several share needs [`Mutex::new`].
    pub const fn const_new(value: T) -> Mutex<T> {
        Mutex { raw: Lock::const_new::<Mutex<T>, T>(), poison: Flag::new(), data: UnsafeCell::new(value) }
    }

    #[track_caller]
    pub(crate) fn made_here(value: T) -> Mutex<T> {
        Mutex { raw: Lock::new(), poison: Flag::default(), data: UnsafeCell::new(value) }
    }

    /// The value, without locking: no other thread can have the mutex.
    ///
    /// # Errors
    ///
    /// The value all the same, if the mutex is poisoned.
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
        let Mutex { poison, data, .. } = this;
        poison.wrap(data.into_inner())
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
        let (mutex, raw) = self.serving();
        mutex.guard(raw.lock())
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
        let (mutex, raw) = self.serving();
        match raw.try_lock() {
            Some(raw) => Ok(mutex.guard(raw)?),
            None => Err(TryLockError::WouldBlock),
        }
    }

    /// The lock that serves, and what is behind it.
    #[inline(always)]
    #[track_caller]
    fn serving(&self) -> (&Self, &Lock) {
        match &self.raw {
            Lock::Made { made, .. } => self.serving_made(made),
            raw => (self, raw),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn serving_made<'a>(&'a self, made: &'a Made<Lock>) -> (&'a Self, &'a Lock) {
        let serving = made.serving_alone(std::ptr::from_ref(self).cast(), "Mutex", Lock::first);
        made::around(self, serving, Lock::first, Self::raw_of).unwrap_or((self, &self.raw))
    }

    /// Where the raw lock lies.
    fn raw_of(this: *mut Self) -> *mut Lock {
        // SAFETY: only a place within the lock, of which nothing is read.
        unsafe { &raw mut (*this).raw }
    }

    /// What an execution has in the place of this lock, which is a `static`, where no other thread has it.
    fn anew(&mut self) -> Option<(&Self, &Anew<Lock>)> {
        let object = std::ptr::from_ref(self).cast();
        let Lock::Made { made, .. } = &mut self.raw else { return None };
        let Serving::Static(original) = made.settled_exclusively(object) else { return None };
        let serving = Serving::Static(original);
        let (copy, _) = made::around(&*self, serving, Lock::first, Self::raw_of)?;
        // SAFETY: it lives until the execution ends.
        Some((copy, unsafe { original.existing()?.as_ref() }))
    }

    /// The flag of the lock that serves, if it was ever used.
    fn poison(&self) -> Option<&Flag> {
        let Lock::Made { made, .. } = &self.raw else { return Some(&self.poison) };
        let Serving::Static(original) = made.served() else { return Some(&self.poison) };
        let anew = original.existing::<Anew<Lock>>()?;
        // SAFETY: it lives until the execution ends, and the flag is not kept.
        Some(unsafe { &(*anew.as_ref().object(std::ptr::from_ref(self))).poison })
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
        self.poison().is_some_and(Flag::is_set)
    }

    /// Declares the value to be whole again.
    #[inline]
    pub fn clear_poison(&self) {
        if let Some(poison) = self.poison() {
            poison.clear();
        }
    }

    /// The value, without locking: no other thread has the mutex.
    ///
    /// # Errors
    ///
    /// The value all the same, if the mutex is poisoned.
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

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::made_here(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::made_here(value)
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
