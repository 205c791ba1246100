//! Guards that a panic let go of.

use super::workarounds::ExactGuard;
use super::{alive, forget_execution, me, number, probe, unwinding};
use loom::sync::MutexGuard;
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static DEFERRED: RefCell<Vec<Deferred>> = const { RefCell::new(Vec::new()) };
}

/// A lock that a panic let go of, and that loom still holds.
struct Deferred {
    thread: u64,
    lock: *const (),
    guard: Held,
}

/// A guard of loom's with the lock that it borrows from. The guard is dropped first.
pub(super) enum Held {
    Mutex(MutexGuard<'static, ()>, Rc<loom::sync::Mutex<()>>),
    Exact(ExactGuard),
}

impl Held {
    /// Leaves loom alone: its execution is gone, and so is what it knew of this lock.
    fn forget(self) {
        match self {
            Held::Mutex(guard, _lock) => std::mem::forget(guard),
            Held::Exact(guard) => std::mem::forget(guard),
        }
    }
}

/// Gives back the locks that a panic of the running model thread let go of, now that the panic has been
/// caught. Does nothing while the thread still unwinds.
pub(crate) fn release_deferred() {
    if std::thread::panicking() || DEFERRED.with_borrow(Vec::is_empty) {
        return;
    }
    let Some(me) = probe().map(number) else {
        return forget_deferred();
    };
    let mine: Vec<Deferred> =
        DEFERRED.with_borrow_mut(|all| all.extract_if(.., |deferred| deferred.thread == me).collect());
    drop(mine);
}

/// Forgets the locks that panics let go of and no thread gave back, because their execution is over.
/// For the engine, between two executions and after the last.
pub(crate) fn forget_deferred() {
    forget_execution();
    for deferred in DEFERRED.take() {
        deferred.guard.forget();
    }
}

/// Lets go of `guard`: at once, or when the panic that unwinds this model thread is over, or never.
pub(super) fn let_go(lock: *const (), guard: Held) {
    if !std::thread::panicking() {
        release_deferred();
        drop(guard);
    } else if alive() {
        // Which model thread panics does not matter: `std`'s lock inside of loom's would be poisoned.
        unwinding::is(me);
        DEFERRED.with_borrow_mut(|all| {
            all.push(Deferred { thread: me(), lock, guard });
        });
    } else {
        guard.forget();
    }
}

/// Takes back a guard that this model thread let go of while unwinding, if it is of `lock`.
pub(super) fn take_back(lock: *const ()) -> Option<Held> {
    if DEFERRED.with_borrow(Vec::is_empty) {
        return None;
    }
    let me = me();
    DEFERRED.with_borrow_mut(|all| {
        let found =
            all.iter().position(|deferred| deferred.thread == me && std::ptr::eq(deferred.lock, lock))?;
        Some(all.swap_remove(found).guard)
    })
}
