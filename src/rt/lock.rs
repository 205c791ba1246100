//! Locks without data: what the facade's are built on. The real one, one that processes share, or a runtime's.
//!
//! Poison is not known here, but for one case: a process-shared lock whose owner died says so.

mod condvar;
mod holders;
pub(crate) mod poison;
#[macro_use]
mod steps;
mod shared;

use super::runtime::Runtime;
use super::statics::made::{Made, Part};
use super::trace::{self, Key};
use super::{Checker, Here, process};
use crate::base::event::EventKind;
use crate::rt::context::{self, Context};
use crate::rt::thread_bound::ThreadBound;
pub(crate) use condvar::{RawCondvar, Signal};
use holders::{Holders, Holding};
use poison::{Flag, Taken};
pub(crate) use shared::{RawRwLock, Shared, SharedGuard};
use std::mem::ManuallyDrop;
use std::sync::{PoisonError, TryLockError};

/// A mutex of a runtime's, without data or poison. Its operations block where they have to, and are scheduling points.
pub(crate) trait RawMutex: 'static {
    /// Holds the mutex, unless the execution was over when it was taken.
    type Guard<'a>
    where
        Self: 'a;

    #[track_caller]
    fn lock(&self) -> Self::Guard<'_>;

    #[track_caller]
    fn try_lock(&self, here: Here) -> Option<Self::Guard<'_>>;

    /// The mutex that is held.
    fn locked<'a>(guard: &Self::Guard<'a>) -> &'a Self
    where
        Self: 'a;
}

one_of! {
    /// A mutex of a runtime's.
    Mutex
}

one_of! {
    /// Holds a [`Mutex`].
    guard MutexGuard is RawGuard
}

/// Whether the actor that asks is unwinding from a panic of its own.
#[inline]
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && is_unwinding_slowly()
}

#[cold]
fn is_unwinding_slowly() -> bool {
    super::running().is_none_or(|checker| with_runtime!(checker, R => R::is_unwinding()))
}

#[cold]
#[track_caller]
fn mixed() -> ! {
    panic!("a Condvar was used with a Mutex that was made for another engine");
}

/// A guard that is not the real one: one pointer, dropped out of line, so that it costs a real lock next to nothing
/// that it could have been one.
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

/// An object of a runtime's where it stays.
type Bound<T> = Box<ThreadBound<T>>;

/// A lock of a runtime's, and the guards of it that are alive.
pub(crate) struct Modelled<L> {
    raw: L,
    holders: Holders,
}

impl<L> Modelled<L> {
    fn new(checker: Checker, raw: L) -> Bound<Self> {
        Box::new(ThreadBound::new(checker, Self { raw, holders: Holders::default() }))
    }

    /// What the trace knows the lock by.
    fn key(&self) -> Key {
        Key::at(&self.raw)
    }

    fn hold<G>(&self, alone: bool, guard: G) -> Held<'_, G> {
        Held { holding: self.holders.hold(alone), guard, key: self.key() }
    }
}

/// A guard of a runtime's. It is no longer alive when the runtime hears that the lock is free: others may run then.
struct Held<'a, G> {
    holding: Holding<'a>,
    guard: G,
    /// What the trace knows the lock by.
    key: Key,
}

impl<'a, G> Held<'a, G> {
    /// Lends the guard to `exchange`, which gives it up and comes back with another.
    fn exchange<R>(self, exchange: impl FnOnce(G) -> (G, R)) -> (Self, R) {
        let Held { holding, guard, key } = self;
        let (holders, alone) = holding.give_up();
        let (guard, result) = exchange(guard);
        (Held { holding: holders.hold(alone), guard, key }, result)
    }
}

/// A mutex.
pub(crate) enum Lock {
    Real(std::sync::Mutex<()>),
    Modelled(Bound<Modelled<Mutex>>),
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
            Lock::Modelled(mutex) => mutex.holders.are_there(),
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
    Modelled(Held<'a, MutexGuard<'a>>),
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

/// To lock alone.
const ALONE: (EventKind, bool) = (EventKind::Lock, true);

impl Mutex {
    #[track_caller]
    fn new(checker: Checker) -> Self {
        make!(checker, Mutex, R => R::mutex())
    }

    #[track_caller]
    fn lock(&self) -> MutexGuard<'_> {
        each_into!(Mutex, self, MutexGuard, mutex => mutex.lock())
    }

    #[track_caller]
    fn try_lock(&self, here: Here) -> Option<MutexGuard<'_>> {
        Some(each_into!(Mutex, self, MutexGuard, mutex => mutex.try_lock(here)?))
    }
}

impl Lock {
    /// An unlocked mutex for the current context.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match (super::checker(), context::current()) {
            (Some(checker), _) => {
                let mutex = Modelled::new(checker, Mutex::new(checker));
                trace::made("Mutex", mutex.key(), None);
                Lock::Modelled(mutex)
            }
            (None, Context::Process) => Lock::Process(process::RawMutex::new()),
            (None, _) => Lock::Real(std::sync::Mutex::new(())),
        }
    }

    /// Of an `O` around a `T`, for the engine that uses it first.
    pub(crate) const fn const_new<O, T>() -> Self {
        Lock::Made { made: Made::new::<O, T>(), real: std::sync::Mutex::new(()) }
    }

    /// An unlocked mutex that is there from the beginning of the execution.
    pub(crate) fn first() -> Self {
        let Some(checker) = super::checker() else { return Lock::Real(std::sync::Mutex::new(())) };
        let mutex = Modelled::new(checker, make!(checker, Mutex, R => R::first([0; 2], R::mutex)));
        trace::made_unplaced("Mutex", mutex.key());
        Lock::Modelled(mutex)
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
                    super::give_up_if_over();
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
        Aside::new(match self {
            Lock::Real(_) | Lock::Made { .. } => unreachable!("real mutexes are locked by `lock`"),
            Lock::Modelled(mutex) => OtherGuard::Modelled(block!(mutex, "lock", ALONE, raw => raw.lock())),
            Lock::Process(mutex) => OtherGuard::Process(mutex.lock()),
        })
    }

    /// Takes the mutex if it is free.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_>> {
        match self {
            Lock::Real(mutex) | Lock::Made { real: mutex, .. } => match mutex.try_lock() {
                Ok(guard) => Some(LockGuard::real(guard)),
                Err(TryLockError::Poisoned(poisoned)) => Some(LockGuard::real(poisoned.into_inner())),
                Err(TryLockError::WouldBlock) => None,
            },
            other => other.try_lock_other(super::here()).map(LockGuard::other),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn try_lock_other(&self, here: Here) -> Option<Aside<OtherGuard<'_>>> {
        let guard = match self {
            Lock::Real(_) | Lock::Made { .. } => unreachable!("real mutexes are tried by `try_lock`"),
            Lock::Modelled(mutex) => {
                OtherGuard::Modelled(attempt!(mutex, "try_lock", ALONE, raw => raw.try_lock(here))?)
            }
            Lock::Process(mutex) => OtherGuard::Process(mutex.try_lock()?),
        };
        Some(Aside::new(guard))
    }
}

impl LockGuard<'_> {
    /// Unlocks, and poisons before that if the owner unwinds. Guards travel in registers up to here: a
    /// guard whose drop is not inlined is kept in memory, which costs more than the lock itself.
    #[inline(always)]
    pub(crate) fn let_go(self, poison: &Flag, taken: Taken) {
        #[inline(never)]
        fn real(guard: std::sync::MutexGuard<'_, ()>, poison: &Flag, taken: Taken) {
            poison.let_go(taken);
            drop(guard);
        }
        #[cold]
        #[inline(never)]
        fn other(guard: Aside<OtherGuard<'_>>, poison: &Flag, taken: Taken) {
            poison.let_go(taken);
            match guard.into_inner() {
                OtherGuard::Modelled(held) => unlock(held),
                OtherGuard::Process(guard) => drop(guard),
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

/// Lets go of a lock of a runtime's.
fn unlock<G>(held: Held<'_, G>) {
    let key = held.key;
    drop(held);
    trace::note_unplaced("unlock", EventKind::Unlock, key);
}
