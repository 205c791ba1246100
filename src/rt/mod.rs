//! What the facade stands on.
//!
//! - [`execution`]: one execution under a checker, its state, its beginning and its end; [`context`]: whether there is
//!   one here, and under which checker.
//! - [`runtime`]: the seam. What a checker has to offer, and the list of those that offer it. How to add one stands there.
//! - [`atomic`], [`lock`], [`monitor`], [`cell`], [`count`], [`past`], [`model`] (threads): one kind of object each. The
//!   facade calls these once for each operation; they count it, record it, and call the runtime.
//! - [`loom`], [`shuttle`], [`rc11`]: the runtimes; [`process`]: what processes share.
//!
//! The facade (`sync`, `thread`, `cell`, `channel`, `choice`, `hint`, `future`) names no checker.

#[macro_use]
pub(crate) mod runtime;

pub(crate) mod atomic;
pub(crate) mod cell;
pub(crate) mod context;
pub(crate) mod count;
pub(crate) mod execution;
pub(crate) mod heap;
pub(crate) mod leaks;
pub(crate) mod lock;
pub(crate) mod loom;
pub(crate) mod memory;
pub(crate) mod model;
pub(crate) mod monitor;
pub(crate) mod panics;
pub(crate) mod past;
pub(crate) mod pending;
pub(crate) mod permit;
pub(crate) mod process;
pub(crate) mod rc11;
pub(crate) mod recorder;
pub(crate) mod shuttle;
pub(crate) mod spurious;
pub(crate) mod statics;
pub(crate) mod thread_bound;
pub(crate) mod trace;
pub(crate) mod values;

use crate::base::event::EventKind;
pub(crate) use model::ThreadObject;
pub(crate) use rc11::{Here, here};
pub(crate) use runtime::{Atomic, Checker, Runtime};
use std::sync::atomic::Ordering;

/// The checker whose execution runs here.
#[inline]
pub(crate) fn running() -> Option<Checker> {
    context::current().checker()
}

/// The checker that an object which is made now belongs to, if any: [`running`], but for destructors that run when the
/// execution around them has ended, where only real objects still work.
#[inline]
pub(crate) fn checker() -> Option<Checker> {
    running().filter(|checker| with_runtime!(*checker, R => R::alive()))
}

/// Whether there is an execution under a checker to talk to.
pub(crate) fn alive() -> bool {
    checker().is_some()
}

impl Checker {
    /// As messages have it.
    pub(crate) fn name(self) -> &'static str {
        with_runtime!(self, R => R::NAME)
    }
}

/// Waits until all other threads of the execution are at their end, where the checker does not see to that.
pub(crate) fn wait_for_others() {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::wait_for_others());
    }
}

/// See [`Runtime::REMEMBERS_MAKERS`].
fn remembers_makers() -> bool {
    running().is_some_and(|checker| with_runtime!(checker, R => R::REMEMBERS_MAKERS))
}

/// See [`Runtime::LEAKS_ARE_LOOKED_FOR`].
pub(crate) fn leaks_are_looked_for() -> bool {
    checker().is_some_and(|checker| with_runtime!(checker, R => R::LEAKS_ARE_LOOKED_FOR))
}

/// See [`Runtime::take_down`].
pub(crate) fn take_down(thread: u64) {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::take_down(thread));
    }
}

/// Lets other threads run first, under a checker.
#[track_caller]
pub(crate) fn yield_now(checker: Checker, here: Here) {
    with_runtime!(checker, R => R::yield_now(here));
}

/// A choice of the checker that runs: each of `0..options`, in one execution or another.
#[track_caller]
pub(crate) fn choose(options: u32) -> u32 {
    match running() {
        Some(checker) if options > 1 => with_runtime!(checker, R => R::choose(options)),
        _ => 0,
    }
}

/// The running thread is about to wait for the real thing. Does not return to one that a model has left behind.
#[inline]
pub(crate) fn give_up_if_over() {
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::give_up_if_over());
    }
}

/// Whether an execution under a checker is over, in which no time passes.
pub(crate) fn time_is_over() -> bool {
    running().is_some_and(|checker| !with_runtime!(checker, R => R::alive()))
}

/// A fence, under a checker.
#[track_caller]
pub(crate) fn fence(checker: Checker, order: Ordering) {
    context::count_operation();
    if with_runtime!(checker, R => R::fence(order)) {
        let what = trace::What { operation: "fence", kind: EventKind::Fence, object: None };
        trace::access(what, Some(order), [None, None]);
    }
}

/// Who is unwinding, among the model threads that share one operating-system thread and with it one
/// `std::thread::panicking()`.
pub(crate) mod unwinding {
    use super::execution;

    /// Who unwinds, as far as is known.
    pub(super) fn who() -> Option<u64> {
        if std::thread::panicking() { execution::with(|execution| execution.unwinder.get()) } else { None }
    }

    /// Whether the model thread `me` is the one that panics. Exact while every scheduling point asks
    /// first, because then the first to ask is the one whose panic it is.
    ///
    /// Limit: of several model threads that unwind at once only the first is recognised.
    pub(crate) fn is(me: impl FnOnce() -> u64) -> bool {
        if !std::thread::panicking() {
            execution::with(|execution| execution.unwinder.set(None));
            return false;
        }
        let me = me();
        execution::with(|execution| {
            let unwinder = execution.unwinder.get().unwrap_or(me);
            execution.unwinder.set(Some(unwinder));
            unwinder == me
        })
    }
}
