//! Locks without data, on whichever arm the context calls for: what the rest of the facade is built on.
//!
//! Poison is not known here, but for one case: a process-shared lock whose owner died says so.

use super::poison::{Flag, Taken};
use crate::arm::{self, loom, process, shuttle};
use crate::context::{self, Context};
use std::mem::ManuallyDrop;
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

/// A guard of an engine that checks, or of processes: one pointer, dropped out of line, so that it costs
/// a real lock next to nothing that it could have been one.
struct Aside<G>(ManuallyDrop<Box<G>>);

impl<G> Aside<G> {
    fn new(guard: G) -> Self {
        Aside(ManuallyDrop::new(Box::new(guard)))
    }

    fn into_inner(self) -> G {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped nor used again, so the box is taken out of it just once.
        *unsafe { ManuallyDrop::take(&mut this.0) }
    }

    #[cold]
    #[inline(never)]
    fn drop_guard(&mut self) {
        // SAFETY: called by `drop` alone, after which nobody can use the box.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

impl<G> Drop for Aside<G> {
    #[inline]
    fn drop(&mut self) {
        self.drop_guard();
    }
}

/// A mutex.
pub(crate) enum Lock {
    Real(std::sync::Mutex<()>),
    Loom(Box<loom::RawMutex>),
    Shuttle(Box<shuttle::RawMutex>),
    Process(process::RawMutex),
}

/// Holds a [`Lock`]. Two scalars rather than an enum, so that a real lock and unlock stay in registers.
pub(crate) struct LockGuard<'a> {
    real: Option<std::sync::MutexGuard<'a, ()>>,
    other: Option<Aside<OtherGuard<'a>>>,
}

/// Holds a [`Lock`] that is not the real one.
enum OtherGuard<'a> {
    Loom(loom::RawGuard<'a>),
    Shuttle(shuttle::RawGuard<'a>),
    Process(process::RawGuard<'a>),
}

impl<'a> LockGuard<'a> {
    #[inline]
    fn real(guard: std::sync::MutexGuard<'a, ()>) -> Self {
        LockGuard { real: Some(guard), other: None }
    }

    #[inline]
    fn other(guard: Aside<OtherGuard<'a>>) -> Self {
        LockGuard { real: None, other: Some(guard) }
    }
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

    /// Blocks until the mutex is free, then takes it.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn lock(&self) -> LockGuard<'_> {
        match self {
            Lock::Real(mutex) => LockGuard::real(match mutex.try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    context::waiting(|| mutex.lock().unwrap_or_else(PoisonError::into_inner))
                }
            }),
            other => LockGuard::other(other.lock_other()),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn lock_other(&self) -> Aside<OtherGuard<'_>> {
        context::count_operation();
        Aside::new(match self {
            Lock::Real(_) => unreachable!("real mutexes are locked by `lock`"),
            Lock::Loom(mutex) => OtherGuard::Loom(mutex.lock()),
            Lock::Shuttle(mutex) => OtherGuard::Shuttle(mutex.lock()),
            Lock::Process(mutex) => OtherGuard::Process(mutex.lock()),
        })
    }

    /// Takes the mutex if it is free.
    #[inline]
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_>> {
        let other = match self {
            Lock::Real(mutex) => {
                return match mutex.try_lock() {
                    Ok(guard) => Some(LockGuard::real(guard)),
                    Err(TryLockError::Poisoned(poisoned)) => Some(LockGuard::real(poisoned.into_inner())),
                    Err(TryLockError::WouldBlock) => None,
                };
            }
            Lock::Loom(mutex) => OtherGuard::Loom(seen(mutex.try_lock())?),
            Lock::Shuttle(mutex) => OtherGuard::Shuttle(seen(mutex.try_lock())?),
            Lock::Process(mutex) => OtherGuard::Process(mutex.try_lock()?),
        };
        Some(LockGuard::other(Aside::new(other)))
    }
}

impl LockGuard<'_> {
    /// Unlocks, and poisons before that if the owner unwinds. Guards travel in registers up to here: a
    /// guard whose drop is not inlined is kept in memory, which costs more than the lock itself.
    #[inline(always)]
    pub(super) fn let_go(self, poison: &Flag, taken: Taken) {
        #[inline(never)]
        fn real(guard: std::sync::MutexGuard<'_, ()>, poison: &Flag, taken: Taken) {
            poison.let_go(taken);
            drop(guard);
        }
        #[cold]
        #[inline(never)]
        fn other(guard: Aside<OtherGuard<'_>>, poison: &Flag, taken: Taken) {
            poison.let_go(taken);
            drop(guard);
        }
        match (self.real, self.other) {
            (Some(guard), _) => real(guard, poison, taken),
            (None, Some(guard)) => other(guard, poison, taken),
            (None, None) => {}
        }
    }

    /// Whether the lock came from a process that died with it.
    #[inline]
    pub(crate) fn owner_died(&self) -> bool {
        match self.other.as_ref().map(|other| &**other.0) {
            Some(OtherGuard::Process(guard)) => guard.owner_died(),
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

/// Holds a [`Shared`], for reading or for writing; laid out as [`LockGuard`] is.
#[derive(Default)]
pub(crate) struct SharedGuard<'a> {
    read: Option<std::sync::RwLockReadGuard<'a, ()>>,
    write: Option<std::sync::RwLockWriteGuard<'a, ()>>,
    other: Option<Aside<OtherSharedGuard<'a>>>,
}

/// Holds a [`Shared`] that is not the real one.
enum OtherSharedGuard<'a> {
    Loom(#[expect(dead_code, reason = "held for its drop")] loom::RawRwGuard<'a>),
    Shuttle(#[expect(dead_code, reason = "held for its drop")] shuttle::RawRwGuard<'a>),
    Process(process::RawRwGuard<'a>),
}

impl<'a> SharedGuard<'a> {
    #[inline]
    fn read(guard: std::sync::RwLockReadGuard<'a, ()>) -> Self {
        SharedGuard { read: Some(guard), ..SharedGuard::default() }
    }

    #[inline]
    fn write(guard: std::sync::RwLockWriteGuard<'a, ()>) -> Self {
        SharedGuard { write: Some(guard), ..SharedGuard::default() }
    }

    #[inline]
    fn other(guard: Aside<OtherSharedGuard<'a>>) -> Self {
        SharedGuard { other: Some(guard), ..SharedGuard::default() }
    }
}

/// Counts an operation that a checker has just seen.
fn seen<T>(found: T) -> T {
    context::count_operation();
    found
}

/// The lock functions of one mode, for every arm: one that blocks, and one that does not.
macro_rules! shared_mode {
    ($lock:ident, $try_lock:ident, $other:ident) => {
        #[inline(always)]
        #[track_caller]
        pub(crate) fn $lock(&self) -> SharedGuard<'_> {
            match self {
                Shared::Real(lock) => SharedGuard::$lock(match lock.$try_lock() {
                    Ok(guard) => guard,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => {
                        context::waiting(|| lock.$lock().unwrap_or_else(PoisonError::into_inner))
                    }
                }),
                other => SharedGuard::other(other.$other()),
            }
        }

        #[cold]
        #[inline(never)]
        #[track_caller]
        fn $other(&self) -> Aside<OtherSharedGuard<'_>> {
            context::count_operation();
            Aside::new(match self {
                Shared::Real(_) => unreachable!("real locks are locked where they are asked"),
                Shared::Loom(lock) => OtherSharedGuard::Loom(lock.$lock()),
                Shared::Shuttle(lock) => OtherSharedGuard::Shuttle(lock.$lock()),
                Shared::Process(lock) => OtherSharedGuard::Process(lock.$lock()),
            })
        }

        #[inline]
        #[track_caller]
        pub(crate) fn $try_lock(&self) -> Option<SharedGuard<'_>> {
            Some(SharedGuard::other(Aside::new(match self {
                Shared::Real(lock) => {
                    return match lock.$try_lock() {
                        Ok(guard) => Some(SharedGuard::$lock(guard)),
                        Err(TryLockError::Poisoned(poisoned)) => {
                            Some(SharedGuard::$lock(poisoned.into_inner()))
                        }
                        Err(TryLockError::WouldBlock) => None,
                    };
                }
                Shared::Loom(lock) => OtherSharedGuard::Loom(seen(lock.$try_lock())?),
                Shared::Shuttle(lock) => OtherSharedGuard::Shuttle(seen(lock.$try_lock())?),
                Shared::Process(lock) => OtherSharedGuard::Process(lock.$try_lock()?),
            })))
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

    shared_mode!(read, try_read, read_other);
    shared_mode!(write, try_write, write_other);
}

impl SharedGuard<'_> {
    /// Unlocks. In registers up to here, as [`LockGuard::let_go`] is.
    #[inline(always)]
    pub(super) fn let_go(self) {
        #[inline(never)]
        fn unlock<G>(guard: G) {
            drop(guard);
        }
        match (self.read, self.write) {
            (Some(guard), _) => unlock(guard),
            (None, Some(guard)) => unlock(guard),
            (None, None) => {}
        }
    }

    /// Whether the lock came from a writing process that died with it.
    #[inline]
    pub(crate) fn owner_died(&self) -> bool {
        match self.other.as_ref().map(|other| &**other.0) {
            Some(OtherSharedGuard::Process(guard)) => guard.owner_died(),
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
        let LockGuard { real, other } = guard;
        let other = match (self, real, other.map(Aside::into_inner)) {
            (Signal::Real(condvar), Some(guard), _) => {
                return LockGuard::real(context::waiting(|| {
                    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
                }));
            }
            (Signal::Loom(condvar), _, Some(OtherGuard::Loom(guard))) => {
                OtherGuard::Loom(condvar.wait(guard))
            }
            (Signal::Shuttle(condvar), _, Some(OtherGuard::Shuttle(guard))) => {
                OtherGuard::Shuttle(condvar.wait(guard))
            }
            (Signal::Process(condvar), _, Some(OtherGuard::Process(guard))) => {
                OtherGuard::Process(condvar.wait(guard))
            }
            _ => mixed(),
        };
        LockGuard::other(Aside::new(other))
    }

    /// As [`Signal::wait`], for at most `timeout`; whether it timed out. Under loom it never does.
    ///
    /// # Panics
    ///
    /// As [`Signal::wait`].
    #[track_caller]
    pub(crate) fn wait_timeout<'a>(&self, guard: LockGuard<'a>, timeout: Duration) -> (LockGuard<'a>, bool) {
        let LockGuard { real, other } = guard;
        match (self, real, other.map(Aside::into_inner)) {
            (Signal::Real(condvar), Some(guard), _) => {
                let waited = condvar.wait_timeout(guard, timeout);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (LockGuard::real(guard), result.timed_out())
            }
            (Signal::Shuttle(condvar), _, Some(OtherGuard::Shuttle(guard))) => {
                let (guard, timed_out) = condvar.wait_timeout(guard);
                (LockGuard::other(Aside::new(OtherGuard::Shuttle(guard))), timed_out)
            }
            (Signal::Process(condvar), _, Some(OtherGuard::Process(guard))) => {
                let (guard, timed_out) = condvar.wait_timeout(guard, timeout);
                let guard = LockGuard::other(Aside::new(OtherGuard::Process(guard)));
                (guard, timed_out)
            }
            (signal, real, other) => {
                context::note_artefact(context::Artefact::NoTimeouts);
                let other = other.map(Aside::new);
                (signal.wait(LockGuard { real, other }), false)
            }
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
