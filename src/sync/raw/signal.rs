//! A condition variable, on the runtime that the context calls for.

use super::{Aside, LockGuard, OtherGuard, mixed};
use crate::base::event::EventKind;
use crate::context::{self, Context};
use crate::rt::journal::{self, Key};
use crate::rt::{self, loom, process, rc11, shuttle};
use crate::sync::spurious;
use crate::sync::statics::Held;
use crate::sync::statics::made::{Made, Part, Serving};
use std::sync::PoisonError;
use std::time::Duration;

/// A condition variable.
pub(crate) enum Signal {
    Real(std::sync::Condvar),
    Loom(Box<loom::RawCondvar>),
    Shuttle(Box<shuttle::RawCondvar>),
    Rc11(Box<rc11::RawCondvar>),
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

impl Held for Signal {
    fn outlive(self: Box<Self>) {}
}

impl Signal {
    /// A condition variable for the current context, that no thread waits for.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let signal = match rt::made_for() {
            Context::Real => Signal::Real(std::sync::Condvar::new()),
            Context::Loom => Signal::Loom(Box::new(loom::RawCondvar::new())),
            Context::Shuttle => Signal::Shuttle(Box::new(shuttle::RawCondvar::new())),
            Context::Rc11 => Signal::Rc11(Box::new(rc11::RawCondvar::new())),
            Context::Process => Signal::Process(process::RawCondvar::new()),
        };
        if let Some(key) = signal.key() {
            journal::made("Condvar", key, None);
        }
        signal
    }

    /// For the engine that uses it first.
    pub(crate) const fn const_new() -> Self {
        Signal::Made { made: Made::new::<Signal, ()>(), real: std::sync::Condvar::new() }
    }

    /// A condition variable that is there from the beginning of the execution.
    fn first() -> Self {
        let signal = match rt::made_for() {
            Context::Real | Context::Process => Signal::Real(std::sync::Condvar::new()),
            Context::Loom => Signal::Loom(Box::new(loom::first::take(0, loom::RawCondvar::new))),
            Context::Shuttle => Signal::Shuttle(Box::new(shuttle::RawCondvar::new())),
            Context::Rc11 => Signal::Rc11(Box::new(rc11::RawCondvar::new())),
        };
        if let Some(key) = signal.key() {
            journal::made_unplaced("Condvar", key);
        }
        signal
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

    /// What the journal knows the condition variable by, where there is one.
    fn key(&self) -> Option<Key> {
        match self {
            Signal::Loom(condvar) if journal::on() => Some(Key::at(&**condvar)),
            Signal::Shuttle(condvar) if journal::on() => Some(Key::at(&**condvar)),
            Signal::Rc11(condvar) if journal::on() => Some(Key::at(&**condvar)),
            _ => None,
        }
    }

    #[inline]
    #[track_caller]
    fn note(&self, operation: &'static str) {
        if let Some(key) = self.key() {
            journal::note(operation, EventKind::Other, key);
        }
    }

    /// Whether a checker has it, in which time stands still.
    pub(crate) fn is_model(&self) -> bool {
        match self {
            Signal::Loom(_) | Signal::Shuttle(_) | Signal::Rc11(_) => true,
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
        let this = self.serving();
        let LockGuard { real, other } = guard;
        let mutex = other.as_ref().and_then(|other| other.0.key());
        if let (Some(mutex), Some(key)) = (mutex, this.key()) {
            journal::note("wait", EventKind::Unlock, mutex);
            journal::begins("wait", EventKind::Other, key);
        }
        if this.is_model() && spurious::comes() {
            return wake_at_once(other.map(Aside::into_inner), mutex);
        }
        let other = match (this, real, other.map(Aside::into_inner)) {
            (Signal::Real(condvar) | Signal::Made { real: condvar, .. }, Some(guard), _) => {
                rc11::give_up_if_over();
                return LockGuard::real(context::waiting(|| {
                    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
                }));
            }
            (Signal::Loom(condvar), _, Some(OtherGuard::Loom(held))) => {
                OtherGuard::Loom(held.exchange(|guard| (condvar.wait(guard), ())).0)
            }
            (Signal::Shuttle(condvar), _, Some(OtherGuard::Shuttle(held))) => {
                OtherGuard::Shuttle(held.exchange(|guard| (condvar.wait(guard), ())).0)
            }
            (Signal::Rc11(condvar), _, Some(OtherGuard::Rc11(held))) => {
                OtherGuard::Rc11(held.exchange(|guard| (condvar.wait(guard), ())).0)
            }
            (Signal::Process(condvar), _, Some(OtherGuard::Process(guard))) => {
                OtherGuard::Process(condvar.wait(guard))
            }
            _ => mixed(),
        };
        if let Some(mutex) = mutex {
            journal::note("woken, lock", EventKind::Lock, mutex);
        }
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
        match (self.serving(), real, other.map(Aside::into_inner)) {
            // Made by a destructor of an execution that is over, in which no time passes.
            (Signal::Real(_) | Signal::Made { .. }, Some(guard), _)
                if context::current() == Context::Rc11 && !rc11::alive() =>
            {
                (LockGuard::real(guard), true)
            }
            (Signal::Real(condvar) | Signal::Made { real: condvar, .. }, Some(guard), _) => {
                let waited = condvar.wait_timeout(guard, timeout);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (LockGuard::real(guard), result.timed_out())
            }
            (Signal::Shuttle(condvar), _, Some(OtherGuard::Shuttle(held))) => {
                let mutex = Key::at(held.guard.lock());
                journal::note("wait_timeout", EventKind::Unlock, mutex);
                journal::begins("wait_timeout", EventKind::Other, Key::at(&**condvar));
                if spurious::comes() {
                    let guard = wake_at_once(Some(OtherGuard::Shuttle(held)), Some(mutex));
                    return (guard, false);
                }
                let (held, timed_out) = held.exchange(|guard| condvar.wait_timeout(guard));
                let how = if timed_out { "wait timed out, lock" } else { "woken, lock" };
                journal::note(how, EventKind::Lock, mutex);
                (LockGuard::other(Aside::new(OtherGuard::Shuttle(held))), timed_out)
            }
            (Signal::Rc11(condvar), _, Some(OtherGuard::Rc11(held))) => {
                let mutex = Key::at(held.guard.lock());
                journal::note("wait_timeout", EventKind::Unlock, mutex);
                journal::begins("wait_timeout", EventKind::Other, Key::at(&**condvar));
                if spurious::comes() {
                    let guard = wake_at_once(Some(OtherGuard::Rc11(held)), Some(mutex));
                    return (guard, false);
                }
                let (held, timed_out) = held.exchange(|guard| condvar.wait_timeout(guard));
                let how = if timed_out { "wait timed out, lock" } else { "woken, lock" };
                journal::note(how, EventKind::Lock, mutex);
                (LockGuard::other(Aside::new(OtherGuard::Rc11(held))), timed_out)
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
        let this = self.serving();
        match this {
            Signal::Real(condvar) | Signal::Made { real: condvar, .. } => condvar.notify_one(),
            Signal::Loom(condvar) => condvar.notify_one(),
            Signal::Shuttle(condvar) => condvar.notify_one(),
            Signal::Rc11(condvar) => condvar.notify_one(),
            Signal::Process(condvar) => condvar.notify_one(),
        }
        this.note("notify_one");
    }

    /// Wakes all waiters.
    #[track_caller]
    pub(crate) fn notify_all(&self) {
        let this = self.serving();
        match this {
            Signal::Real(condvar) | Signal::Made { real: condvar, .. } => condvar.notify_all(),
            Signal::Loom(condvar) => condvar.notify_all(),
            Signal::Shuttle(condvar) => condvar.notify_all(),
            Signal::Rc11(condvar) => condvar.notify_all(),
            Signal::Process(condvar) => condvar.notify_all(),
        }
        this.note("notify_all");
    }
}

/// Lets go of the lock and takes it again: a wait that ends spuriously.
#[track_caller]
fn wake_at_once<'a>(guard: Option<OtherGuard<'a>>, mutex: Option<Key>) -> LockGuard<'a> {
    let guard = match guard {
        Some(OtherGuard::Loom(held)) => {
            let again = |guard: loom::RawGuard<'a>| {
                let lock = guard.lock();
                drop(guard);
                (lock.lock(), ())
            };
            OtherGuard::Loom(held.exchange(again).0)
        }
        Some(OtherGuard::Shuttle(held)) => {
            let again = |guard: shuttle::RawGuard<'a>| {
                let lock = guard.lock();
                drop(guard);
                (lock.lock(), ())
            };
            OtherGuard::Shuttle(held.exchange(again).0)
        }
        Some(OtherGuard::Rc11(held)) => {
            let again = |guard: rc11::RawGuard<'a>| {
                let lock = guard.lock();
                drop(guard);
                (lock.lock(), ())
            };
            OtherGuard::Rc11(held.exchange(again).0)
        }
        Some(OtherGuard::Process(_)) | None => mixed(),
    };
    if let Some(mutex) = mutex {
        journal::note("woken spuriously, lock", EventKind::Lock, mutex);
    }
    LockGuard::other(Aside::new(guard))
}
