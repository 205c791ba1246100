//! The reader-writer lock.

use super::{ALONE, Aside, Bound, Held, Modelled, unlock};
use crate::base::event::EventKind;
use crate::rt::context::{self, Context};
use crate::rt::runtime::Runtime;
use crate::rt::statics::made::{Made, Part};
use crate::rt::{self, Checker, process, trace};
use std::sync::{PoisonError, TryLockError};

/// A reader-writer lock of a runtime's, without data or poison. Whether a writer that waits keeps new readers out is a
/// choice, as it is in std.
pub(crate) trait RawRwLock: 'static {
    /// Holds the lock, for reading or for writing, unless the execution was over when it was taken.
    type Guard<'a>
    where
        Self: 'a;

    #[track_caller]
    fn read(&self) -> Self::Guard<'_>;

    #[track_caller]
    fn write(&self) -> Self::Guard<'_>;

    #[track_caller]
    fn try_read(&self) -> Option<Self::Guard<'_>>;

    #[track_caller]
    fn try_write(&self) -> Option<Self::Guard<'_>>;
}

one_of! {
    /// A reader-writer lock of a runtime's.
    RwLock
}

one_of! {
    /// Holds a [`RwLock`].
    guard RwGuard is RawRwGuard
}

/// A reader-writer lock.
pub(crate) enum Shared {
    Real(std::sync::RwLock<()>),
    Modelled(Bound<Modelled<RwLock>>),
    Process(process::RawRwLock),
    /// As [`Lock::Made`](super::Lock::Made).
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
            Shared::Modelled(lock) => lock.holders.are_there(),
            Shared::Process(_) => true,
        }
    }

    fn end(self) {}
}

/// Holds a [`Shared`], for reading or for writing; laid out as [`LockGuard`](super::LockGuard) is.
#[derive(Default)]
pub(crate) struct SharedGuard<'a> {
    read: Option<std::sync::RwLockReadGuard<'a, ()>>,
    write: Option<std::sync::RwLockWriteGuard<'a, ()>>,
    other: Option<Aside<OtherSharedGuard<'a>>>,
}

/// Holds a [`Shared`] that is not the real one.
enum OtherSharedGuard<'a> {
    Modelled(Held<'a, RwGuard<'a>>),
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

/// To lock together with other readers.
const TOGETHER: (EventKind, bool) = (EventKind::LockShared, false);

/// The lock functions of one mode: one that blocks, and one that does not.
macro_rules! shared_mode {
    ($lock:ident, $try_lock:ident, $other:ident, $try_other:ident, $mode:expr) => {
        #[inline(always)]
        #[track_caller]
        pub(crate) fn $lock(&self) -> SharedGuard<'_> {
            match self {
                Shared::Real(lock) | Shared::Made { real: lock, .. } => {
                    SharedGuard::$lock(match lock.$try_lock() {
                        Ok(guard) => guard,
                        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                        Err(TryLockError::WouldBlock) => {
                            rt::give_up_if_over();
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
            Aside::new(match self {
                Shared::Real(_) | Shared::Made { .. } => {
                    unreachable!("real locks are locked where they are asked")
                }
                Shared::Modelled(lock) => {
                    OtherSharedGuard::Modelled(block!(lock, stringify!($lock), $mode, raw => raw.$lock()))
                }
                Shared::Process(lock) => OtherSharedGuard::Process(lock.$lock()),
            })
        }

        #[inline]
        #[track_caller]
        pub(crate) fn $try_lock(&self) -> Option<SharedGuard<'_>> {
            match self {
                Shared::Real(lock) | Shared::Made { real: lock, .. } => match lock.$try_lock() {
                    Ok(guard) => Some(SharedGuard::$lock(guard)),
                    Err(TryLockError::Poisoned(poisoned)) => Some(SharedGuard::$lock(poisoned.into_inner())),
                    Err(TryLockError::WouldBlock) => None,
                },
                other => other.$try_other().map(SharedGuard::other),
            }
        }

        #[cold]
        #[inline(never)]
        #[track_caller]
        fn $try_other(&self) -> Option<Aside<OtherSharedGuard<'_>>> {
            let guard = match self {
                Shared::Real(_) | Shared::Made { .. } => {
                    unreachable!("real locks are tried where they are asked")
                }
                Shared::Modelled(lock) => {
                    OtherSharedGuard::Modelled(attempt!(lock, stringify!($try_lock), $mode, raw => raw.$try_lock())?)
                }
                Shared::Process(lock) => OtherSharedGuard::Process(lock.$try_lock()?),
            };
            Some(Aside::new(guard))
        }
    };
}

impl RwLock {
    #[track_caller]
    fn new(checker: Checker) -> Self {
        make!(checker, RwLock, R => R::rwlock())
    }

    #[track_caller]
    fn read(&self) -> RwGuard<'_> {
        each_into!(RwLock, self, RwGuard, lock => lock.read())
    }

    #[track_caller]
    fn write(&self) -> RwGuard<'_> {
        each_into!(RwLock, self, RwGuard, lock => lock.write())
    }

    #[track_caller]
    fn try_read(&self) -> Option<RwGuard<'_>> {
        Some(each_into!(RwLock, self, RwGuard, lock => lock.try_read()?))
    }

    #[track_caller]
    fn try_write(&self) -> Option<RwGuard<'_>> {
        Some(each_into!(RwLock, self, RwGuard, lock => lock.try_write()?))
    }
}

impl Shared {
    /// An unlocked lock for the current context.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match (rt::checker(), context::current()) {
            (Some(checker), _) => {
                let lock = Modelled::new(checker, RwLock::new(checker));
                trace::made("RwLock", lock.key(), None);
                Shared::Modelled(lock)
            }
            (None, Context::Process) => Shared::Process(process::RawRwLock::new()),
            (None, _) => Shared::Real(std::sync::RwLock::new(())),
        }
    }

    /// As [`Lock::const_new`](super::Lock::const_new).
    pub(crate) const fn const_new<O, T>() -> Self {
        Shared::Made { made: Made::new::<O, T>(), real: std::sync::RwLock::new(()) }
    }

    /// As [`Lock::first`](super::Lock::first).
    pub(crate) fn first() -> Self {
        let Some(checker) = rt::checker() else { return Shared::Real(std::sync::RwLock::new(())) };
        let lock = Modelled::new(checker, make!(checker, RwLock, R => R::first([0; 2], R::rwlock)));
        trace::made_unplaced("RwLock", lock.key());
        Shared::Modelled(lock)
    }

    shared_mode!(read, try_read, read_other, try_read_other, TOGETHER);
    shared_mode!(write, try_write, write_other, try_write_other, ALONE);
}

impl SharedGuard<'_> {
    /// Unlocks. In registers up to here, as [`LockGuard::let_go`](super::LockGuard::let_go) is.
    #[inline(always)]
    pub(crate) fn let_go(self) {
        #[inline(never)]
        fn let_go_of_real<G>(guard: G) {
            drop(guard);
        }
        #[cold]
        #[inline(never)]
        fn other(guard: Aside<OtherSharedGuard<'_>>) {
            match guard.into_inner() {
                OtherSharedGuard::Modelled(held) => unlock(held),
                OtherSharedGuard::Process(guard) => drop(guard),
            }
        }
        match (self.read, self.write, self.other) {
            (Some(guard), ..) => let_go_of_real(guard),
            (None, Some(guard), _) => let_go_of_real(guard),
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
