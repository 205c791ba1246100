//! Threads as others see them, and what a thread does with itself.

use crate::base::event::EventKind;
use crate::rt;
use crate::rt::context;
use crate::rt::model::{self, SharedIdentity};
use crate::rt::spurious;
use crate::rt::trace::{self, Key};
use std::fmt;
use std::io;
use std::num::NonZero;
use std::time::Duration;

/// A handle to a thread.
#[derive(Clone)]
pub struct Thread(Inner);

#[derive(Clone)]
enum Inner {
    Real(std::thread::Thread),
    Model(SharedIdentity),
}

/// A unique identifier of a running thread: unique in the process, or in the execution of a model,
/// where threads are counted in the order of spawning.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(Id);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Id {
    Real(std::thread::ThreadId),
    Model(u64),
}

impl ThreadId {
    /// In the order of spawning, in the execution of a model.
    pub(crate) fn number(self) -> Option<usize> {
        match self.0 {
            Id::Real(_) => None,
            Id::Model(number) => usize::try_from(number).ok(),
        }
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Id::Real(id) => id.fmt(f),
            Id::Model(number) => f.debug_tuple("ThreadId").field(&number).finish(),
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id()).field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Thread {
    pub(super) fn real(thread: std::thread::Thread) -> Self {
        Self(Inner::Real(thread))
    }

    pub(super) fn model(identity: SharedIdentity) -> Self {
        Self(Inner::Model(identity))
    }

    /// The next thread that is spawned runs the same closure as this one: symmetry reduction may exchange the two.
    pub(crate) fn next_is_alike(&self) {
        if let Inner::Model(identity) = &self.0 {
            model::next_is_alike(identity.number);
        }
    }

    /// The thread's identifier.
    pub fn id(&self) -> ThreadId {
        model::tell_apart();
        ThreadId(match &self.0 {
            Inner::Real(thread) => Id::Real(thread.id()),
            Inner::Model(identity) => Id::Model(identity.number),
        })
    }

    /// The thread's name, if it has one. The main thread of a design is called `main`;
    /// that of a [model](crate::model()) has no name, as under loom.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Inner::Real(thread) => thread.name(),
            Inner::Model(identity) if identity.number == 0 && model::main_is_nameless() => None,
            Inner::Model(identity) => identity.name.as_deref(),
        }
    }

    /// Makes the thread's permit available, and wakes it if it parks. What happened before this
    /// happens before the park that takes the permit returns.
    #[track_caller]
    pub fn unpark(&self) {
        match &self.0 {
            Inner::Real(thread) => thread.unpark(),
            Inner::Model(identity) => {
                let identity = identity.clone();
                trace::note("unpark", EventKind::Other, Key::at(&**identity));
                model::when_settled(Box::new(move || identity.permit.release()));
            }
        }
    }
}

/// A handle to the running thread.
pub fn current() -> Thread {
    if context::current().is_model() {
        Thread::model(model::local())
    } else {
        Thread::real(std::thread::current())
    }
}

/// Blocks until the running thread's permit is available, and takes it. For real it may also return
/// spuriously; in a model it does so only if the design asks for spurious wakeups.
#[track_caller]
pub fn park() {
    if context::current().is_model() {
        let identity = model::local();
        if spurious::comes() {
            return trace::note("park, woken spuriously", EventKind::Other, Key::at(&**identity));
        }
        trace::begins("park", EventKind::Other, Key::at(&**identity));
        identity.permit.take();
        trace::note("park", EventKind::Other, Key::at(&**identity));
    } else {
        context::waiting(std::thread::park);
    }
}

/// Blocks until the running thread's permit is available, and takes it, or until `timeout` has
/// elapsed. In a model it yields once, takes the permit if there is one, and returns.
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    if context::current().is_model() {
        let identity = model::local();
        if !identity.permit.try_take() {
            yield_now();
            identity.permit.try_take();
        }
        trace::note("park_timeout", EventKind::Other, Key::at(&**identity));
    } else {
        std::thread::park_timeout(timeout);
    }
}

/// Lets other threads run.
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    match rt::running() {
        None => std::thread::yield_now(),
        Some(checker) => rt::yield_now(checker, rt::here()),
    }
}

/// Puts the running thread to sleep for at least `duration`. In a model time does not pass: it yields.
#[track_caller]
pub fn sleep(duration: Duration) {
    if context::current().is_model() {
        yield_now();
    } else {
        std::thread::sleep(duration);
    }
}

/// Whether the running thread is unwinding. Under a checker also `true` in every other thread that
/// runs while one unwinds, for they share an operating-system thread.
pub fn panicking() -> bool {
    std::thread::panicking()
}

/// How many threads can usefully run at once. In a model always 2, so that what depends on it is the
/// same on every machine.
///
/// # Errors
/// If the operating system does not tell.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    if context::current().is_model() {
        Ok(NonZero::<usize>::MIN.saturating_add(1))
    } else {
        std::thread::available_parallelism()
    }
}
