//! loom's primitives, as the facade wants them.
//!
//! Four things are done differently from loom's own types:
//!
//! - **Guards survive unwinding.** loom's locks hold a lock of `std` and unwrap it, so a guard dropped by
//!   a panic poisons loom itself, and one dropped after the model has ended aborts the process. Here a
//!   guard that is dropped by a panic is kept aside, and given back at the next operation of the same
//!   model thread; once the model is dead it is forgotten.
//! - **The condition variable is our own**, over loom's `park`: waiting leaves a parked thread's token
//!   alone, and a model that deadlocks while a thread waits can be unwound.
//! - **Trying a lock** is exact, see [`workarounds`], and so are **loads beside stores**, see [`atom`].
//!
//! Limits: there are no timed waits; a notification orders the
//! notifier before the waiter, as in loom itself, although C11 promises only the mutex's order.

mod atom;
mod choices;
mod condvar;
mod count;
mod deferred;
pub(crate) mod first;
mod gaps;
mod lock;
mod parking;
mod span;
pub(crate) mod stacks;
pub(crate) mod step_counter;
pub(crate) mod unreduced;
mod workarounds;

use super::unwinding;
use crate::context::{self, Context};
use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;

pub(crate) use atom::{Access, Atom};
pub(crate) use choices::{Assignment, Odometer, assigned, begin_execution, choose};
pub(crate) use condvar::RawCondvar;
pub(crate) use count::Count;
pub(crate) use deferred::{forget_deferred, release_deferred};
pub(crate) use gaps::fence;
pub(crate) use lock::{RawGuard, RawMutex, RawRwGuard, RawRwLock};
pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};
pub(crate) use span::{Span, read, write};
pub(crate) use workarounds::{NeedsExactness, as_exactly_as, as_exactly_as_needed, wanted as exactly};

thread_local! {
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static PROBING: Cell<bool> = const { Cell::new(false) };
    static NAMES: RefCell<Vec<loom::thread::ThreadId>> = const { RefCell::new(Vec::new()) };
}

fn probe() -> Option<loom::thread::ThreadId> {
    PROBING.set(true);
    let id = catch_unwind(|| loom::thread::current().id()).ok();
    PROBING.set(false);
    id
}

/// The running model thread, numbered in the order in which threads first asked.
fn number(id: loom::thread::ThreadId) -> u64 {
    NAMES.with_borrow_mut(|names| {
        let known = names.iter().position(|&name| name == id);
        known.unwrap_or_else(|| {
            names.push(id);
            names.len() - 1
        }) as u64
    })
}

/// Whether a loom execution is there to talk to. It is not where the facade is used outside of one, nor
/// in destructors that run while a failed model is taken apart.
pub(crate) fn alive() -> bool {
    context::check_thread(Context::Loom);
    if !std::thread::panicking() {
        DEAD.set(false);
        return true;
    }
    if !DEAD.get() && probe().is_none() {
        DEAD.set(true);
    }
    !DEAD.get()
}

/// Whether a panic is being raised only to find out that the model is dead. A panic hook stays silent
/// then.
pub(crate) fn is_probing() -> bool {
    PROBING.get()
}

/// Whether the running model thread is unwinding. A dead model unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(me))
}

fn me() -> u64 {
    number(loom::thread::current().id())
}

/// To be called before every operation of loom's. False if the model is dead, and the operation must be
/// left out.
pub(crate) fn enter() -> bool {
    context::check_thread(Context::Loom);
    if !std::thread::panicking() {
        release_deferred();
        unreduced::pass();
        return true;
    }
    let alive = alive();
    if alive {
        unwinding::is(me);
    }
    alive
}

/// As [`enter`], before an access to a cell.
pub(crate) fn enter_cell() -> bool {
    context::count_operation();
    let alive = enter();
    // The thread that accesses the cell may do so for long, and there is nothing to choose in it.
    step_counter::point();
    alive
}

/// As [`enter`], before an atomic access.
pub(crate) fn enter_atomic() -> bool {
    context::count_operation();
    enter()
}

/// Starts the next execution: nothing of the last one is known any more.
fn forget_execution() {
    DEAD.set(false);
    NAMES.with_borrow_mut(Vec::clear);
    gaps::begin();
}
