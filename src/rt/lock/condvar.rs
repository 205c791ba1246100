//! The condition variable.

use super::{Aside, Bound, Held, LockGuard, MutexGuard, OtherGuard, RawMutex, mixed};
use crate::base::event::EventKind;
use crate::rt::context::{self, Context};
use crate::rt::runtime::Runtime;
use crate::rt::statics;
use crate::rt::statics::made::{Made, Part, Serving};
use crate::rt::thread_bound::ThreadBound;
use crate::rt::trace::{self, Key};
use crate::rt::{self, Checker, process, spurious};
use std::sync::PoisonError;
use std::time::Duration;

/// A condition variable of a runtime's, for its mutexes. It orders nothing: the mutex does.
pub(crate) trait RawCondvar<M: RawMutex>: 'static {
    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Panics
    /// If the execution is over: no thread is left to notify.
    #[track_caller]
    fn wait<'a>(&self, guard: M::Guard<'a>) -> M::Guard<'a>
    where
        M: 'a;

    /// As [`RawCondvar::wait`], but the time may be over at any moment; whether it was.
    ///
    /// # Panics
    /// As [`RawCondvar::wait`].
    #[track_caller]
    fn wait_timeout<'a>(&self, guard: M::Guard<'a>) -> (M::Guard<'a>, bool)
    where
        M: 'a;

    #[track_caller]
    fn notify_one(&self);

    #[track_caller]
    fn notify_all(&self);
}

one_of! {
    /// A condition variable of a runtime's.
    Condvar
}

impl Condvar {
    fn key(&self) -> Key {
        Key::at(self)
    }

    #[track_caller]
    fn wait<'a>(&self, guard: MutexGuard<'a>) -> MutexGuard<'a> {
        each_pair!(
            (Condvar, self), (MutexGuard, guard), (condvar, guard) => MutexGuard, condvar.wait(guard), else mixed()
        )
    }

    #[track_caller]
    fn wait_timeout<'a>(&self, guard: MutexGuard<'a>) -> (MutexGuard<'a>, bool) {
        let timed_out;
        let guard = each_pair!(
            (Condvar, self), (MutexGuard, guard), (condvar, guard) => MutexGuard, {
                let (guard, over) = condvar.wait_timeout(guard);
                timed_out = over;
                guard
            }, else mixed()
        );
        (guard, timed_out)
    }
}

impl<'a> MutexGuard<'a> {
    /// Lets go of the lock and takes it again.
    #[track_caller]
    fn again(self) -> Self {
        with_each_into!(MutexGuard, self, MutexGuard, R, guard => {
            let lock = <<R as Runtime>::Mutex as RawMutex>::locked(&guard);
            drop(guard);
            lock.lock()
        })
    }
}

/// A condition variable.
pub(crate) enum Signal {
    Real(std::sync::Condvar),
    Modelled(Bound<Condvar>),
    Process(process::RawCondvar),
    /// What a const fn has made: the real one, and who serves it.
    Made {
        made: Made<Signal>,
        real: std::sync::Condvar,
    },
}

impl Part for Signal {
    const NAMED: bool = true;
    const LENDS: bool = false;
}

impl statics::Held for Signal {
    fn outlive(self: Box<Self>) {}
}

impl Signal {
    /// A condition variable for the current context, that no thread waits for.
    #[track_caller]
    pub(crate) fn new() -> Self {
        match (rt::checker(), context::current()) {
            (Some(checker), _) => {
                let condvar = Box::new(ThreadBound::new(checker, Self::modelled(checker)));
                trace::made("Condvar", condvar.key(), None);
                Signal::Modelled(condvar)
            }
            (None, Context::Process) => Signal::Process(process::RawCondvar::new()),
            (None, _) => Signal::Real(std::sync::Condvar::new()),
        }
    }

    #[track_caller]
    fn modelled(checker: Checker) -> Condvar {
        make!(checker, Condvar, R => R::condvar())
    }

    /// For the engine that uses it first.
    pub(crate) const fn const_new() -> Self {
        Signal::Made { made: Made::new::<Signal, ()>(), real: std::sync::Condvar::new() }
    }

    /// A condition variable that is there from the beginning of the execution.
    fn first() -> Self {
        let Some(checker) = rt::checker() else { return Signal::Real(std::sync::Condvar::new()) };
        let condvar = make!(checker, Condvar, R => R::first([0; 2], R::condvar));
        let condvar = Box::new(ThreadBound::new(checker, condvar));
        trace::made_unplaced("Condvar", condvar.key());
        Signal::Modelled(condvar)
    }

    /// The condition variable that serves.
    #[inline]
    #[track_caller]
    fn serving(&self) -> &Self {
        match self {
            Signal::Made { made, .. } => self.serving_made(made),
            signal => signal,
        }
    }

    #[cold]
    #[track_caller]
    fn serving_made<'a>(&'a self, made: &'a Made<Signal>) -> &'a Self {
        made.whole(self, "Condvar", Signal::first)
    }

    /// Whether a checker has it, in which time stands still.
    pub(crate) fn is_model(&self) -> bool {
        match self {
            Signal::Modelled(_) => true,
            Signal::Real(_) | Signal::Process(_) => false,
            Signal::Made { made, .. } => !matches!(made.served(), Serving::Real),
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
        match (self.serving(), real, other.map(Aside::into_inner)) {
            (Signal::Real(condvar) | Signal::Made { real: condvar, .. }, Some(guard), _) => {
                rt::give_up_if_over();
                LockGuard::real(context::waiting(|| {
                    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
                }))
            }
            (Signal::Modelled(condvar), _, Some(OtherGuard::Modelled(held))) => {
                condvar.wait_recorded("wait", held, |condvar, guard| (condvar.wait(guard), false)).0
            }
            (Signal::Process(condvar), _, Some(OtherGuard::Process(guard))) => {
                LockGuard::other(Aside::new(OtherGuard::Process(condvar.wait(guard))))
            }
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
        let LockGuard { real, other } = guard;
        match (self.serving(), real, other.map(Aside::into_inner)) {
            // Made by a destructor of an execution that is over, in which no time passes.
            (Signal::Real(_) | Signal::Made { .. }, Some(guard), _) if rt::time_is_over() => {
                (LockGuard::real(guard), true)
            }
            (Signal::Real(condvar) | Signal::Made { real: condvar, .. }, Some(guard), _) => {
                let waited = condvar.wait_timeout(guard, timeout);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (LockGuard::real(guard), result.timed_out())
            }
            (Signal::Modelled(condvar), _, Some(OtherGuard::Modelled(held))) => {
                condvar.wait_recorded("wait_timeout", held, Condvar::wait_timeout)
            }
            (Signal::Process(condvar), _, Some(OtherGuard::Process(guard))) => {
                let (guard, timed_out) = condvar.wait_timeout(guard, timeout);
                (LockGuard::other(Aside::new(OtherGuard::Process(guard))), timed_out)
            }
            _ => mixed(),
        }
    }

    /// Wakes one waiter, if there is one.
    #[track_caller]
    pub(crate) fn notify_one(&self) {
        match self.serving() {
            Signal::Real(condvar) | Signal::Made { real: condvar, .. } => condvar.notify_one(),
            Signal::Modelled(modelled) => {
                each!(Condvar, &***modelled, condvar => condvar.notify_one());
                trace::note("notify_one", EventKind::Other, modelled.key());
            }
            Signal::Process(condvar) => condvar.notify_one(),
        }
    }

    /// Wakes all waiters.
    #[track_caller]
    pub(crate) fn notify_all(&self) {
        match self.serving() {
            Signal::Real(condvar) | Signal::Made { real: condvar, .. } => condvar.notify_all(),
            Signal::Modelled(modelled) => {
                each!(Condvar, &***modelled, condvar => condvar.notify_all());
                trace::note("notify_all", EventKind::Other, modelled.key());
            }
            Signal::Process(condvar) => condvar.notify_all(),
        }
    }
}

impl Condvar {
    /// A wait by this name, which may end at once and for no reason.
    #[track_caller]
    fn wait_recorded<'a>(
        &self,
        name: &'static str,
        held: Held<'a, MutexGuard<'a>>,
        wait: impl FnOnce(&Self, MutexGuard<'a>) -> (MutexGuard<'a>, bool),
    ) -> (LockGuard<'a>, bool) {
        let mutex = held.key;
        trace::note(name, EventKind::Unlock, mutex);
        trace::begins(name, EventKind::Other, self.key());
        let ((held, timed_out), how) = if spurious::comes() {
            let again = held.exchange(|guard| (guard.again(), false));
            (again, "woken spuriously, lock")
        } else {
            let waited = held.exchange(|guard| wait(self, guard));
            let how = if waited.1 { "wait timed out, lock" } else { "woken, lock" };
            (waited, how)
        };
        trace::note(how, EventKind::Lock, mutex);
        (LockGuard::other(Aside::new(OtherGuard::Modelled(held))), timed_out)
    }
}
