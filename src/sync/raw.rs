//! Locks without data, on the runtime that the context calls for: what the rest of the facade is built on.
//!
//! Poison is not known here, but for one case: a process-shared lock whose owner died says so.

use super::poison::{Flag, Taken};
mod holders;
mod signal;

use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::rt::journal::{self, Key};
use crate::rt::{self, loom, process, rc11, shuttle};
use std::mem::ManuallyDrop;
use std::sync::{PoisonError, TryLockError};

pub(crate) use signal::Signal;

use super::statics::made::{Made, Part};

use holders::{Holders, Holding};

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
        Context::Rc11 => rc11::is_unwinding(),
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
        // SAFETY: called by `drop` alone, after which no thread can use the box.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

impl<G> Drop for Aside<G> {
    #[inline]
    fn drop(&mut self) {
        self.drop_guard();
    }
}

/// A lock of a checker's, and the guards of it that are alive.
pub(crate) struct Modelled<L> {
    raw: L,
    holders: Holders,
}

impl<L> Modelled<L> {
    fn new(raw: L) -> Self {
        Self { raw, holders: Holders::default() }
    }
}

/// A mutex.
pub(crate) enum Lock {
    Real(std::sync::Mutex<()>),
    Loom(Box<Modelled<loom::RawMutex>>),
    Shuttle(Box<Modelled<shuttle::RawMutex>>),
    Rc11(Box<Modelled<rc11::RawMutex>>),
    Process(process::RawMutex),
    /// What a const fn has made: the real one, and who serves it.
    Made {
        made: Made<Lock>,
        real: std::sync::Mutex<()>,
    },
}

impl Part for Lock {
    const NAMED: bool = true;
    const LENDS: bool = false;

    fn is_held(&self) -> bool {
        match self {
            Lock::Real(mutex) | Lock::Made { real: mutex, .. } => {
                matches!(mutex.try_lock(), Err(TryLockError::WouldBlock))
            }
            Lock::Loom(mutex) => mutex.holders.are_there(),
            Lock::Shuttle(mutex) => mutex.holders.are_there(),
            Lock::Rc11(mutex) => mutex.holders.are_there(),
            Lock::Process(_) => true,
        }
    }

    fn end(self) {}
}

/// Holds a [`Lock`]. Two scalars rather than an enum, so that a real lock and unlock stay in registers.
pub(crate) struct LockGuard<'a> {
    real: Option<std::sync::MutexGuard<'a, ()>>,
    other: Option<Aside<OtherGuard<'a>>>,
}

/// Holds a [`Lock`] that is not the real one.
enum OtherGuard<'a> {
    Loom(Held<'a, loom::RawGuard<'a>>),
    Shuttle(Held<'a, shuttle::RawGuard<'a>>),
    Rc11(Held<'a, rc11::RawGuard<'a>>),
    Process(process::RawGuard<'a>),
}

/// A guard of a checker's. It is no longer alive when the checker hears that the lock is free: others may run then.
struct Held<'a, G> {
    holding: Holding<'a>,
    guard: G,
}

impl<'a, G> Held<'a, G> {
    /// Lends the guard to `exchange`, which gives it up and comes back with another.
    fn exchange<R>(self, exchange: impl FnOnce(G) -> (G, R)) -> (Self, R) {
        let Held { holding, guard } = self;
        let (holders, alone) = holding.give_up();
        let (guard, result) = exchange(guard);
        (Held { holding: holders.hold(alone), guard }, result)
    }
}

impl<L> Modelled<L> {
    fn hold<G>(&self, alone: bool, guard: G) -> Held<'_, G> {
        Held { holding: self.holders.hold(alone), guard }
    }
}

impl OtherGuard<'_> {
    /// As [`Lock::key`], of the lock that is held.
    fn key(&self) -> Option<Key> {
        match self {
            OtherGuard::Loom(held) if journal::on() => Some(Key::at(held.guard.lock())),
            OtherGuard::Shuttle(held) if journal::on() => Some(Key::at(held.guard.lock())),
            OtherGuard::Rc11(held) if journal::on() => Some(Key::at(held.guard.lock())),
            _ => None,
        }
    }
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
        let lock = match rt::made_for() {
            Context::Real => Lock::Real(std::sync::Mutex::new(())),
            Context::Loom => Lock::Loom(Box::new(Modelled::new(loom::RawMutex::new()))),
            Context::Shuttle => Lock::Shuttle(Box::new(Modelled::new(shuttle::RawMutex::new()))),
            Context::Rc11 => Lock::Rc11(Box::new(Modelled::new(rc11::RawMutex::new()))),
            Context::Process => Lock::Process(process::RawMutex::new()),
        };
        if let Some(key) = lock.key() {
            journal::made("Mutex", key, None);
        }
        lock
    }

    /// Of an `O` around a `T`, for the engine that uses it first.
    pub(crate) const fn const_new<O, T>() -> Self {
        Lock::Made { made: Made::new::<O, T>(), real: std::sync::Mutex::new(()) }
    }

    /// An unlocked mutex that is there from the beginning of the execution.
    pub(crate) fn first() -> Self {
        let lock = match rt::made_for() {
            Context::Real | Context::Process => Lock::Real(std::sync::Mutex::new(())),
            Context::Loom => Lock::Loom(Box::new(Modelled::new(loom::first::take(0, loom::RawMutex::new)))),
            Context::Shuttle => Lock::Shuttle(Box::new(Modelled::new(shuttle::RawMutex::new()))),
            Context::Rc11 => Lock::Rc11(Box::new(Modelled::new(rc11::RawMutex::new()))),
        };
        if let Some(key) = lock.key() {
            journal::made_unplaced("Mutex", key);
        }
        lock
    }

    /// What the journal knows the lock by, where there is one.
    #[inline]
    fn key(&self) -> Option<Key> {
        match self {
            Lock::Loom(mutex) if journal::on() => Some(Key::at(&mutex.raw)),
            Lock::Shuttle(mutex) if journal::on() => Some(Key::at(&mutex.raw)),
            Lock::Rc11(mutex) if journal::on() => Some(Key::at(&mutex.raw)),
            _ => None,
        }
    }

    /// Blocks until the mutex is free, then takes it.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn lock(&self) -> LockGuard<'_> {
        match self {
            Lock::Real(mutex) | Lock::Made { real: mutex, .. } => LockGuard::real(match mutex.try_lock() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    rc11::give_up_if_over();
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
        if let Some(key) = self.key() {
            journal::begins("lock", EventKind::Lock, key);
        }
        let guard = match self {
            Lock::Real(_) | Lock::Made { .. } => unreachable!("real mutexes are locked by `lock`"),
            Lock::Loom(mutex) => OtherGuard::Loom(mutex.hold(true, mutex.raw.lock())),
            Lock::Shuttle(mutex) => OtherGuard::Shuttle(mutex.hold(true, mutex.raw.lock())),
            Lock::Rc11(mutex) => OtherGuard::Rc11(mutex.hold(true, mutex.raw.lock())),
            Lock::Process(mutex) => OtherGuard::Process(mutex.lock()),
        };
        if let Some(key) = self.key() {
            journal::note("lock", EventKind::Lock, key);
        }
        Aside::new(guard)
    }

    /// Takes the mutex if it is free.
    #[inline]
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_>> {
        let other = match self {
            Lock::Real(mutex) | Lock::Made { real: mutex, .. } => {
                return match mutex.try_lock() {
                    Ok(guard) => Some(LockGuard::real(guard)),
                    Err(TryLockError::Poisoned(poisoned)) => Some(LockGuard::real(poisoned.into_inner())),
                    Err(TryLockError::WouldBlock) => None,
                };
            }
            Lock::Loom(mutex) => {
                seen(mutex.raw.try_lock()).map(|guard| OtherGuard::Loom(mutex.hold(true, guard)))
            }
            Lock::Shuttle(mutex) => {
                seen(mutex.raw.try_lock()).map(|guard| OtherGuard::Shuttle(mutex.hold(true, guard)))
            }
            Lock::Rc11(mutex) => {
                seen(mutex.raw.try_lock(rc11::here())).map(|guard| OtherGuard::Rc11(mutex.hold(true, guard)))
            }
            Lock::Process(mutex) => mutex.try_lock().map(OtherGuard::Process),
        };
        if let Some(key) = self.key() {
            let deed = if other.is_some() { EventKind::Lock } else { EventKind::TryFailed };
            journal::note("try_lock", deed, key);
        }
        Some(LockGuard::other(Aside::new(other?)))
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
            let key = guard.0.key();
            drop(guard);
            if let Some(key) = key {
                journal::note_unplaced("unlock", EventKind::Unlock, key);
            }
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
    Loom(Box<Modelled<loom::RawRwLock>>),
    Shuttle(Box<Modelled<shuttle::RawRwLock>>),
    Rc11(Box<Modelled<rc11::RawRwLock>>),
    Process(process::RawRwLock),
    /// As [`Lock::Made`].
    Made {
        made: Made<Shared>,
        real: std::sync::RwLock<()>,
    },
}

impl Part for Shared {
    const NAMED: bool = true;
    const LENDS: bool = false;

    fn is_held(&self) -> bool {
        match self {
            Shared::Real(lock) | Shared::Made { real: lock, .. } => {
                matches!(lock.try_write(), Err(TryLockError::WouldBlock))
            }
            Shared::Loom(lock) => lock.holders.are_there(),
            Shared::Shuttle(lock) => lock.holders.are_there(),
            Shared::Rc11(lock) => lock.holders.are_there(),
            Shared::Process(_) => true,
        }
    }

    fn end(self) {}
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
    Loom(Held<'a, loom::RawRwGuard<'a>>),
    Shuttle(Held<'a, shuttle::RawRwGuard<'a>>),
    Rc11(Held<'a, rc11::RawRwGuard<'a>>),
    Process(process::RawRwGuard<'a>),
}

impl OtherSharedGuard<'_> {
    /// As [`Lock::key`], of the lock that is held.
    fn key(&self) -> Option<Key> {
        match self {
            OtherSharedGuard::Loom(held) if journal::on() => Some(Key::at(held.guard.lock())),
            OtherSharedGuard::Shuttle(held) if journal::on() => Some(Key::at(held.guard.lock())),
            OtherSharedGuard::Rc11(held) if journal::on() => Some(Key::at(held.guard.lock())),
            _ => None,
        }
    }
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

/// The lock functions of one mode, for every runtime: one that blocks, and one that does not.
macro_rules! shared_mode {
    ($lock:ident, $try_lock:ident, $other:ident, $deed:expr, $alone:expr) => {
        #[inline(always)]
        #[track_caller]
        pub(crate) fn $lock(&self) -> SharedGuard<'_> {
            match self {
                Shared::Real(lock) | Shared::Made { real: lock, .. } => {
                    SharedGuard::$lock(match lock.$try_lock() {
                        Ok(guard) => guard,
                        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                        Err(TryLockError::WouldBlock) => {
                            rc11::give_up_if_over();
                            context::waiting(|| lock.$lock().unwrap_or_else(PoisonError::into_inner))
                        }
                    })
                }
                other => SharedGuard::other(other.$other()),
            }
        }

        #[cold]
        #[inline(never)]
        #[track_caller]
        fn $other(&self) -> Aside<OtherSharedGuard<'_>> {
            context::count_operation();
            if let Some(key) = self.key() {
                journal::begins(stringify!($lock), $deed, key);
            }
            let guard = match self {
                Shared::Real(_) | Shared::Made { .. } => {
                    unreachable!("real locks are locked where they are asked")
                }
                Shared::Loom(lock) => OtherSharedGuard::Loom(lock.hold($alone, lock.raw.$lock())),
                Shared::Shuttle(lock) => OtherSharedGuard::Shuttle(lock.hold($alone, lock.raw.$lock())),
                Shared::Rc11(lock) => OtherSharedGuard::Rc11(lock.hold($alone, lock.raw.$lock())),
                Shared::Process(lock) => OtherSharedGuard::Process(lock.$lock()),
            };
            if let Some(key) = self.key() {
                journal::note(stringify!($lock), $deed, key);
            }
            Aside::new(guard)
        }

        #[inline]
        #[track_caller]
        pub(crate) fn $try_lock(&self) -> Option<SharedGuard<'_>> {
            let other =
                match self {
                    Shared::Real(lock) | Shared::Made { real: lock, .. } => {
                        return match lock.$try_lock() {
                            Ok(guard) => Some(SharedGuard::$lock(guard)),
                            Err(TryLockError::Poisoned(poisoned)) => {
                                Some(SharedGuard::$lock(poisoned.into_inner()))
                            }
                            Err(TryLockError::WouldBlock) => None,
                        };
                    }
                    Shared::Loom(lock) => seen(lock.raw.$try_lock())
                        .map(|guard| OtherSharedGuard::Loom(lock.hold($alone, guard))),
                    Shared::Shuttle(lock) => seen(lock.raw.$try_lock())
                        .map(|guard| OtherSharedGuard::Shuttle(lock.hold($alone, guard))),
                    Shared::Rc11(lock) => seen(lock.raw.$try_lock())
                        .map(|guard| OtherSharedGuard::Rc11(lock.hold($alone, guard))),
                    Shared::Process(lock) => lock.$try_lock().map(OtherSharedGuard::Process),
                };
            if let Some(key) = self.key() {
                let deed = if other.is_some() { $deed } else { EventKind::TryFailed };
                journal::note(stringify!($try_lock), deed, key);
            }
            Some(SharedGuard::other(Aside::new(other?)))
        }
    };
}

impl Shared {
    /// An unlocked lock for the current context.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let lock = match rt::made_for() {
            Context::Real => Shared::Real(std::sync::RwLock::new(())),
            Context::Loom => Shared::Loom(Box::new(Modelled::new(loom::RawRwLock::new()))),
            Context::Shuttle => Shared::Shuttle(Box::new(Modelled::new(shuttle::RawRwLock::new()))),
            Context::Rc11 => Shared::Rc11(Box::new(Modelled::new(rc11::RawRwLock::new()))),
            Context::Process => Shared::Process(process::RawRwLock::new()),
        };
        if let Some(key) = lock.key() {
            journal::made("RwLock", key, None);
        }
        lock
    }

    /// As [`Lock::const_new`].
    pub(crate) const fn const_new<O, T>() -> Self {
        Shared::Made { made: Made::new::<O, T>(), real: std::sync::RwLock::new(()) }
    }

    /// As [`Lock::first`].
    pub(crate) fn first() -> Self {
        let lock = match rt::made_for() {
            Context::Real | Context::Process => Shared::Real(std::sync::RwLock::new(())),
            Context::Loom => {
                Shared::Loom(Box::new(Modelled::new(loom::first::take(0, loom::RawRwLock::new))))
            }
            Context::Shuttle => Shared::Shuttle(Box::new(Modelled::new(shuttle::RawRwLock::new()))),
            Context::Rc11 => Shared::Rc11(Box::new(Modelled::new(rc11::RawRwLock::new()))),
        };
        if let Some(key) = lock.key() {
            journal::made_unplaced("RwLock", key);
        }
        lock
    }

    /// As [`Lock::key`].
    #[inline]
    fn key(&self) -> Option<Key> {
        match self {
            Shared::Loom(lock) if journal::on() => Some(Key::at(&lock.raw)),
            Shared::Shuttle(lock) if journal::on() => Some(Key::at(&lock.raw)),
            Shared::Rc11(lock) if journal::on() => Some(Key::at(&lock.raw)),
            _ => None,
        }
    }

    shared_mode!(read, try_read, read_other, EventKind::LockShared, false);
    shared_mode!(write, try_write, write_other, EventKind::Lock, true);
}

impl SharedGuard<'_> {
    /// Unlocks. In registers up to here, as [`LockGuard::let_go`] is.
    #[inline(always)]
    pub(super) fn let_go(self) {
        #[inline(never)]
        fn unlock<G>(guard: G) {
            drop(guard);
        }
        #[cold]
        #[inline(never)]
        fn other(guard: Aside<OtherSharedGuard<'_>>) {
            let key = guard.0.key();
            drop(guard);
            if let Some(key) = key {
                journal::note_unplaced("unlock", EventKind::Unlock, key);
            }
        }
        match (self.read, self.write, self.other) {
            (Some(guard), ..) => unlock(guard),
            (None, Some(guard), _) => unlock(guard),
            (None, None, Some(guard)) => other(guard),
            (None, None, None) => {}
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
