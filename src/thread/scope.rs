//! Threads that may borrow, because they end before a scope does.
//!
//! Outside a model std's; inside built on plain spawning, the same for every engine.

use super::builder::Builder;
use super::handle::Thread;
use crate::rt;
use crate::rt::context;
use crate::rt::model::{self, Packet, SharedIdentity};
use crate::rt::panics;
use crate::rt::pending::RaceFound;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Where scoped threads are started; made by [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    inner: Inner,
    // Invariant in both, as std's: a scope must be neither shortened nor lengthened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// std's scope, its lifetimes taken off.
type RealScope<'a> = std::thread::Scope<'a, 'a>;

enum Inner {
    Real(OnceLock<&'static RealScope<'static>>),
    /// The threads that no thread has waited for yet.
    Model(Mutex<Vec<SharedIdentity>>),
}

/// Calls `f` with a scope and waits for all threads started in it before returning.
///
/// # Panics
/// With `f`'s panic, or if a thread panicked that was not joined.
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    if context::current().is_model() { model_scope(f) } else { real_scope(f) }
}

fn real_scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    // Made before std's scope, so that it outlives the threads that std waits for.
    let scope = Scope { inner: Inner::Real(OnceLock::new()), scope: PhantomData, env: PhantomData };
    std::thread::scope(|real| {
        if let Inner::Real(slot) = &scope.inner {
            // SAFETY: only lifetimes change, and `Scope::start` gives them back; `real` lives until all
            // of its threads have ended, and no other thread can reach `scope` after that.
            let real =
                unsafe { std::mem::transmute::<&std::thread::Scope<'_, '_>, &RealScope<'static>>(real) };
            slot.set(real).expect("the scope is opened once");
        }
        f(&scope)
    })
}

fn model_scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { inner: Inner::Model(Mutex::default()), scope: PhantomData, env: PhantomData };
    // Under rc11 the threads of an execution that is over are unwound one after the other; those that borrow first.
    let _children = TakenDown(&scope);
    let result = match catch_unwind(AssertUnwindSafe(|| f(&scope))) {
        // The engine ends the execution where it stands, and runs none of its threads again: there is
        // no thread to wait for, and waiting would fail. A race that our own detector found is different:
        // shuttle goes on running the others while destructors run, and they still borrow.
        Err(payload) if panics::is_checkers(&*payload) && !payload.is::<RaceFound>() => {
            resume_unwind(payload)
        }
        result => result,
    };
    model::settled();
    let mut unheard = false;
    while let Some(end) = scope.last_unwaited() {
        end.wait_for_its_return();
        unheard |= end.panicked_unheard();
        scope.waited(&end);
    }
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if unheard => panic!("a scoped thread panicked"),
        Ok(value) => value,
    }
}

/// Takes down the threads of a scope that is left although they have not ended.
struct TakenDown<'a, 'scope, 'env>(&'a Scope<'scope, 'env>);

impl Drop for TakenDown<'_, '_, '_> {
    fn drop(&mut self) {
        while let Some(child) = self.0.last_unwaited() {
            rt::take_down(child.number);
            self.0.waited(&child);
        }
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    fn threads(&self) -> Option<MutexGuard<'_, Vec<SharedIdentity>>> {
        match &self.inner {
            Inner::Real(_) => None,
            Inner::Model(ends) => Some(ends.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn last_unwaited(&self) -> Option<SharedIdentity> {
        self.threads()?.last().cloned()
    }

    /// The thread has ended. Meanwhile others may have been started in the scope.
    fn waited(&self, ended: &SharedIdentity) {
        if let Some(mut threads) = self.threads() {
            threads.retain(|thread| !Arc::ptr_eq(thread, ended));
        }
    }

    /// Starts a thread that ends before the scope does.
    ///
    /// # Panics
    /// If the operating system refuses. Under loom, if there are five threads already.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.start(Builder::new(), f) {
            Ok(handle) => handle,
            Err(error) => panic!("failed to spawn thread: {error}"),
        }
    }

    #[track_caller]
    pub(super) fn start<F, T>(&'scope self, builder: Builder, f: F) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match &self.inner {
            Inner::Real(scope) => {
                let scope = scope.get().expect("the scope is open");
                // SAFETY: gives back the lifetimes that `real_scope` took: `self` is borrowed for
                // `'scope`, during which std's scope is open.
                let scope = unsafe {
                    std::mem::transmute::<&RealScope<'static>, &'scope std::thread::Scope<'scope, 'env>>(
                        scope,
                    )
                };
                let handle = builder.real().spawn_scoped(scope, f)?;
                Ok(ScopedJoinHandle {
                    thread: Thread::real(handle.thread().clone()),
                    joins: Joins::Real(handle),
                })
            }
            Inner::Model(ends) => {
                // SAFETY: what `f` and `T` borrow lives for `'scope`, and `model_scope` leaves the scope
                // only when every thread in `ends` has ended, also by unwinding; but for a checker's
                // panic under loom, after which no thread of the execution ever runs again.
                let packet = unsafe { model::spawn_borrowing(builder.checked_name(), f) };
                ends.lock().unwrap_or_else(PoisonError::into_inner).push(packet.identity.clone());
                Ok(ScopedJoinHandle {
                    thread: Thread::model(packet.identity.clone()),
                    joins: Joins::Model(packet, PhantomData),
                })
            }
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// The right to wait for a scoped thread and to take what it returns.
pub struct ScopedJoinHandle<'scope, T> {
    thread: Thread,
    joins: Joins<'scope, T>,
}

enum Joins<'scope, T> {
    Real(std::thread::ScopedJoinHandle<'scope, T>),
    Model(Arc<Packet<T>>, PhantomData<&'scope ()>),
}

// SAFETY: as std's handle: the value moves from the thread to the thread that joins, and nothing of it can be
// reached through a shared handle. The thread that made it had to prove `T: Send`.
unsafe impl<T> Send for ScopedJoinHandle<'_, T> {}
// SAFETY: see above.
unsafe impl<T> Sync for ScopedJoinHandle<'_, T> {}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread to end. What it did happens before this returns.
    ///
    /// # Errors
    /// The payload of the thread's panic.
    #[track_caller]
    pub fn join(self) -> super::Result<T> {
        match self.joins {
            Joins::Real(handle) => handle.join(),
            Joins::Model(packet, _) => packet.join(),
        }
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Whether the thread has ended its main function. Does not wait, and orders nothing.
    pub fn is_finished(&self) -> bool {
        match &self.joins {
            Joins::Real(handle) => handle.is_finished(),
            Joins::Model(packet, _) => packet.identity.is_finished(),
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}
