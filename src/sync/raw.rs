//! Locks without data, on whichever arm the context calls for: what the rest of the facade is built on.
//!
//! Poison is not known here, but for one case: a process-shared lock whose owner died says so.

use crate::arm::{self, loom, process, shuttle};
use crate::context::{self, Context};
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

/// Whether the actor that asks is unwinding from a panic of its own.
#[inline]
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && is_unwinding_slowly()
}

#[cold]
fn is_unwinding_slowly() -> bool {
    match context::current() {
        Context::Real | Context::Process => true,
        Context::Loom => loom::is_unwinding(),
        Context::Shuttle => shuttle::is_unwinding(),
    }
}

#[cold]
#[track_caller]
fn mixed() -> ! {
    panic!("a Condvar was used with a Mutex that was made for another engine");
}

/// A mutex.
pub(crate) enum Lock {
    Real(std::sync::Mutex<()>),
    Loom(Box<loom::RawMutex>),
    Shuttle(Box<shuttle::RawMutex>),
    Process(process::RawMutex),
}

/// Holds a [`Lock`].
pub(crate) enum LockGuard<'a> {
    Real(std::sync::MutexGuard<'a, ()>),
    Loom(loom::RawGuard<'a>),
    Shuttle(shuttle::RawGuard<'a>),
    Process(process::RawGuard<'a>),
}

impl Lock {
    /// An unlocked mutex for the current context.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match arm::made_for() {
            Context::Real => Lock::Real(std::sync::Mutex::new(())),
            Context::Loom => Lock::Loom(Box::new(loom::RawMutex::new())),
            Context::Shuttle => Lock::Shuttle(Box::new(shuttle::RawMutex::new())),
            Context::Process => Lock::Process(process::RawMutex::new()),
        }
    }

    /// A mutex that excludes, but orders no memory that a checker knows of. (Under loom, who had to wait
    /// for it is ordered after who let go of it.)
    #[track_caller]
    #[expect(dead_code, reason = "for the channels, which tell the edges themselves")]
    pub(crate) fn new_untraced() -> Self {
        match arm::made_for() {
            Context::Loom => Lock::Loom(Box::new(loom::RawMutex::new_untraced())),
            Context::Shuttle => Lock::Shuttle(Box::new(shuttle::RawMutex::new_untraced())),
            Context::Real | Context::Process => Lock::new(),
        }
    }

    /// Blocks until the mutex is free, then takes it.
    #[inline]
    #[track_caller]
    pub(crate) fn lock(&self) -> LockGuard<'_> {
        match self {
            Lock::Real(mutex) => LockGuard::Real(match mutex.try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    context::waiting(|| mutex.lock().unwrap_or_else(PoisonError::into_inner))
                }
            }),
            checked => checked.lock_checked(),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lock_checked(&self) -> LockGuard<'_> {
        match self {
            Lock::Real(mutex) => LockGuard::Real(mutex.lock().unwrap_or_else(PoisonError::into_inner)),
            Lock::Loom(mutex) => LockGuard::Loom(mutex.lock()),
            Lock::Shuttle(mutex) => LockGuard::Shuttle(mutex.lock()),
            Lock::Process(mutex) => LockGuard::Process(mutex.lock()),
        }
    }

    /// Takes the mutex if it is free.
    #[inline]
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_>> {
        match self {
            Lock::Real(mutex) => match mutex.try_lock() {
                Ok(guard) => Some(LockGuard::Real(guard)),
                Err(TryLockError::Poisoned(poisoned)) => Some(LockGuard::Real(poisoned.into_inner())),
                Err(TryLockError::WouldBlock) => None,
            },
            Lock::Loom(mutex) => mutex.try_lock().map(LockGuard::Loom),
            Lock::Shuttle(mutex) => mutex.try_lock().map(LockGuard::Shuttle),
            Lock::Process(mutex) => mutex.try_lock().map(LockGuard::Process),
        }
    }
}

impl LockGuard<'_> {
    /// Whether the lock came from a process that died with it.
    #[inline]
    pub(crate) fn owner_died(&self) -> bool {
        match self {
            LockGuard::Process(guard) => guard.owner_died(),
            _ => false,
        }
    }
}

/// A reader-writer lock.
pub(crate) enum Shared {
    Real(std::sync::RwLock<()>),
    Loom(Box<loom::RawRwLock>),
    Shuttle(Box<shuttle::RawRwLock>),
    Process(process::RawRwLock),
}

/// Holds a [`Shared`], for reading or for writing.
pub(crate) enum SharedGuard<'a> {
    Read(#[expect(dead_code, reason = "held for its drop")] std::sync::RwLockReadGuard<'a, ()>),
    Write(#[expect(dead_code, reason = "held for its drop")] std::sync::RwLockWriteGuard<'a, ()>),
    Loom(#[expect(dead_code, reason = "held for its drop")] loom::RawRwGuard<'a>),
    Shuttle(#[expect(dead_code, reason = "held for its drop")] shuttle::RawRwGuard<'a>),
    Process(process::RawRwGuard<'a>),
}

/// The lock function of one mode, for every arm: first without blocking, then with.
macro_rules! shared_mode {
    ($lock:ident, $try_lock:ident, $variant:ident) => {
        #[inline]
        #[track_caller]
        pub(crate) fn $lock(&self) -> SharedGuard<'_> {
            match self {
                Shared::Real(lock) => SharedGuard::$variant(match lock.$try_lock() {
                    Ok(guard) => guard,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => {
                        context::waiting(|| lock.$lock().unwrap_or_else(PoisonError::into_inner))
                    }
                }),
                Shared::Loom(lock) => SharedGuard::Loom(lock.$lock()),
                Shared::Shuttle(lock) => SharedGuard::Shuttle(lock.$lock()),
                Shared::Process(lock) => SharedGuard::Process(lock.$lock()),
            }
        }

        #[inline]
        #[track_caller]
        pub(crate) fn $try_lock(&self) -> Option<SharedGuard<'_>> {
            match self {
                Shared::Real(lock) => match lock.$try_lock() {
                    Ok(guard) => Some(SharedGuard::$variant(guard)),
                    Err(TryLockError::Poisoned(poisoned)) => {
                        Some(SharedGuard::$variant(poisoned.into_inner()))
                    }
                    Err(TryLockError::WouldBlock) => None,
                },
                Shared::Loom(lock) => lock.$try_lock().map(SharedGuard::Loom),
                Shared::Shuttle(lock) => lock.$try_lock().map(SharedGuard::Shuttle),
                Shared::Process(lock) => lock.$try_lock().map(SharedGuard::Process),
            }
        }
    };
}

impl Shared {
    /// An unlocked lock for the current context.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match arm::made_for() {
            Context::Real => Shared::Real(std::sync::RwLock::new(())),
            Context::Loom => Shared::Loom(Box::new(loom::RawRwLock::new())),
            Context::Shuttle => Shared::Shuttle(Box::new(shuttle::RawRwLock::new())),
            Context::Process => Shared::Process(process::RawRwLock::new()),
        }
    }

    shared_mode!(read, try_read, Read);
    shared_mode!(write, try_write, Write);
}

impl SharedGuard<'_> {
    /// Whether the lock came from a writing process that died with it.
    #[inline]
    pub(crate) fn owner_died(&self) -> bool {
        match self {
            SharedGuard::Process(guard) => guard.owner_died(),
            _ => false,
        }
    }
}

/// A condition variable.
pub(crate) enum Signal {
    Real(std::sync::Condvar),
    Loom(Box<loom::RawCondvar>),
    Shuttle(Box<shuttle::RawCondvar>),
    Process(process::RawCondvar),
}

impl Signal {
    /// A condition variable for the current context, that nobody waits for.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match arm::made_for() {
            Context::Real => Signal::Real(std::sync::Condvar::new()),
            Context::Loom => Signal::Loom(Box::new(loom::RawCondvar::new())),
            Context::Shuttle => Signal::Shuttle(Box::new(shuttle::RawCondvar::new())),
            Context::Process => Signal::Process(process::RawCondvar::new()),
        }
    }

    /// Lets go of the lock, waits for a notification, and takes the lock again.
    ///
    /// # Panics
    ///
    /// If the lock was made for another engine.
    #[track_caller]
    pub(crate) fn wait<'a>(&self, guard: LockGuard<'a>) -> LockGuard<'a> {
        match (self, guard) {
            (Signal::Real(condvar), LockGuard::Real(guard)) => LockGuard::Real(context::waiting(|| {
                condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
            })),
            (Signal::Loom(condvar), LockGuard::Loom(guard)) => LockGuard::Loom(condvar.wait(guard)),
            (Signal::Shuttle(condvar), LockGuard::Shuttle(guard)) => LockGuard::Shuttle(condvar.wait(guard)),
            (Signal::Process(condvar), LockGuard::Process(guard)) => LockGuard::Process(condvar.wait(guard)),
            _ => mixed(),
        }
    }

    /// As [`Signal::wait`], for at most `timeout`; whether it timed out.
    ///
    /// # Panics
    ///
    /// As [`Signal::wait`].
    #[track_caller]
    pub(crate) fn wait_timeout<'a>(&self, guard: LockGuard<'a>, timeout: Duration) -> (LockGuard<'a>, bool) {
        match (self, guard) {
            (Signal::Real(condvar), LockGuard::Real(guard)) => {
                let waited = condvar.wait_timeout(guard, timeout);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (LockGuard::Real(guard), result.timed_out())
            }
            (Signal::Loom(condvar), LockGuard::Loom(guard)) => {
                let (guard, timed_out) = condvar.wait_timeout(guard, timeout);
                (LockGuard::Loom(guard), timed_out)
            }
            (Signal::Shuttle(condvar), LockGuard::Shuttle(guard)) => {
                let (guard, timed_out) = condvar.wait_timeout(guard, timeout);
                (LockGuard::Shuttle(guard), timed_out)
            }
            (Signal::Process(condvar), LockGuard::Process(guard)) => {
                let (guard, timed_out) = condvar.wait_timeout(guard, timeout);
                (LockGuard::Process(guard), timed_out)
            }
            _ => mixed(),
        }
    }

    /// Wakes one waiter, if there is one.
    #[track_caller]
    pub(crate) fn notify_one(&self) {
        match self {
            Signal::Real(condvar) => condvar.notify_one(),
            Signal::Loom(condvar) => condvar.notify_one(),
            Signal::Shuttle(condvar) => condvar.notify_one(),
            Signal::Process(condvar) => condvar.notify_one(),
        }
    }

    /// Wakes all waiters.
    #[track_caller]
    pub(crate) fn notify_all(&self) {
        match self {
            Signal::Real(condvar) => condvar.notify_all(),
            Signal::Loom(condvar) => condvar.notify_all(),
            Signal::Shuttle(condvar) => condvar.notify_all(),
            Signal::Process(condvar) => condvar.notify_all(),
        }
    }
}
