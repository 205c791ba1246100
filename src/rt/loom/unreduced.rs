//! Explorations in which the order of any two operations matters, and a failure ends one execution and not
//! the search: what a shortest witness is looked for in.
//!
//! loom tries one order of operations that do not depend on each other, and its choice is seldom the one with
//! the fewest switches. Here every operation first passes one gate that all share, a relaxed read-modify-write
//! that orders no memory: so loom tries every order, as far as its bound on preemptions goes. And loom's
//! search ends with the first data race or deadlock. Here a thread that finds either, or a failure of its
//! own, keeps it aside with the trace so far; from then on each thread is *cut*: it unwinds at its next
//! operation, and loom goes on to the next execution.
//!
//! A deadlock is found by the main thread, which does not block while it waits for the actors but yields:
//! loom lets a thread that yields run again only when no other thread can, or after another thread has. That
//! works because locks are [`workarounds`](super::workarounds) ones here, so that the thread that waits is parked and can be woken.
//!
//! Limits: whatever else loom itself panics about ends the search as ever; so does a design that catches
//! the cut and goes on without an end.

use super::{AtomicUsize, me, step_counter};
use crate::rt::panics;
use crate::rt::trace::{self, Trace};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// The payload of the panic that cuts a thread.
pub(crate) struct Cut;

/// What a failed execution has come to: the payload of its panic, and what led to it.
pub(crate) struct Failed {
    pub(crate) payload: Box<dyn Any + Send>,
    pub(crate) trace: Trace,
}

/// One execution.
#[derive(Default)]
struct State {
    gate: Option<Rc<AtomicUsize>>,
    failed: Option<Box<Failed>>,
    /// Whether threads are to be cut.
    cutting: bool,
    /// Threads that a cut would not take out of the model.
    cuttable: Vec<u64>,
    threads: Vec<(u64, loom::thread::Thread)>,
}

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static LAST: Cell<bool> = const { Cell::new(false) };
    static STEPS: Cell<bool> = const { Cell::new(false) };
    /// Operations and ends of threads, to tell whether any thread gets on.
    static PROGRESS: Cell<u64> = const { Cell::new(0) };
    static STATE: RefCell<State> = RefCell::default();
}

/// Whether the unreduced mode is on.
pub(crate) fn on() -> bool {
    ON.get()
}

/// Runs `run` with the unreduced mode on or off.
pub(crate) fn with_unreduced<R>(on: bool, run: impl FnOnce() -> R) -> R {
    let before = ON.replace(on);
    let result = run();
    ON.set(before);
    STATE.take();
    result
}

/// As [`with_unreduced`], where threads may also fail before they come to their first operation, or to the next
/// one after they have yielded.
pub(crate) fn with_unreduced_steps<R>(run: impl FnOnce() -> R) -> R {
    let before = STEPS.replace(true);
    let result = with_unreduced(true, run);
    STEPS.set(before);
    result
}

/// An execution begins. To be called in the model.
pub(crate) fn begin() {
    if on() {
        let gate = Some(Rc::new(AtomicUsize::new(0)));
        STATE.set(State { gate, ..State::default() });
    }
}

/// An execution has ended: how it failed, if it did.
pub(crate) fn take_failure() -> Option<Box<Failed>> {
    STATE.with_borrow_mut(|state| state.failed.take())
}

/// The running thread is about to do something.
#[inline]
pub(super) fn pass() {
    if on() {
        pass_the_gate();
    }
}

/// The running thread begins, or has yielded and goes on. If that may be all that it does, loom must try it
/// before and after whatever the others do.
pub(crate) fn resumes() {
    if STEPS.get() && on() && !std::thread::panicking() {
        pass_the_gate();
    }
}

#[cold]
fn pass_the_gate() {
    let me = me();
    let gate = STATE.with_borrow_mut(|state| {
        if state.threads.iter().all(|&(thread, _)| thread != me) {
            state.threads.push((me, loom::thread::current()));
        }
        state.gate.clone()
    });
    let Some(gate) = gate else { return };
    // Also on the way to being cut: loom must know what the thread would have done.
    gate.fetch_add(1, Ordering::Relaxed);
    step_counter::open();
    progress();
    cut_if_wanted();
}

/// The running thread gets on.
pub(crate) fn progress() {
    PROGRESS.set(PROGRESS.get() + 1);
}

/// Ends the running thread's part if the execution has failed.
pub(super) fn cut_if_wanted() {
    if !on() || std::thread::panicking() {
        return;
    }
    let me = me();
    let cut = STATE.with_borrow_mut(|state| {
        let before = state.cuttable.len();
        if state.cutting {
            // Once is enough: what comes after must not panic.
            state.cuttable.retain(|&thread| thread != me);
        }
        state.cuttable.len() < before
    });
    if cut {
        resume_unwind(Box::new(Cut));
    }
}

/// Runs a thread's whole part in the execution, in which it may be cut.
pub(crate) fn cuttable<R>(run: impl FnOnce() -> R) -> R {
    if !on() {
        return run();
    }
    let me = me();
    STATE.with_borrow_mut(|state| state.cuttable.push(me));
    let result = run();
    STATE.with_borrow_mut(|state| state.cuttable.retain(|&thread| thread != me));
    progress();
    result
}

/// Whether the execution has failed, and its threads are being cut.
pub(super) fn has_failed() -> bool {
    STATE.with_borrow(|state| state.cutting)
}

/// The execution has failed with this payload, unless it had before.
pub(crate) fn fail(payload: Box<dyn Any + Send>) {
    let trace = trace::end();
    let threads = STATE.with_borrow_mut(|state| {
        state.cutting = true;
        state.failed.get_or_insert_with(|| Box::new(Failed { payload, trace }));
        std::mem::take(&mut state.threads)
    });
    for (thread, handle) in threads {
        if thread != me() {
            handle.unpark();
        }
    }
}

/// Whether a data race is kept aside, or ends the search.
pub(super) fn goes_on() -> bool {
    on() && !LAST.get() && !std::thread::panicking()
}

/// Has a data race end what is run: with loom's own words, where loom notes the places of accesses.
pub(crate) fn as_the_last<R>(run: impl FnOnce() -> R) -> R {
    LAST.set(true);
    let result = run();
    LAST.set(false);
    result
}

/// An access to a cell, in which loom may find a data race.
pub(super) fn checked<R>(access: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(access)) {
        Ok(result) => result,
        Err(payload) => {
            if !panics::text(&*payload).is_some_and(|words| words.contains("Causality violation: ")) {
                resume_unwind(payload);
            }
            fail(payload);
            cut_if_wanted();
            resume_unwind(Box::new(Cut));
        }
    }
}

/// How often the main thread finds that no thread gets on before it believes that no thread can: a thread that
/// was about to wait may run without doing anything.
const PATIENCE: u32 = 8;

/// Lets the main thread wait until `ended`, or until no thread can go on.
pub(crate) fn wait_until(ended: impl Fn() -> bool) {
    let (mut seen, mut idle) = (PROGRESS.get(), 0);
    while !ended() {
        loom::thread::yield_now();
        let now = PROGRESS.get();
        idle = if now == seen { idle + 1 } else { 0 };
        seen = now;
        if idle == PATIENCE {
            if has_failed() {
                // A thread waits in vain on the way out: loom is to say so.
                return;
            }
            fail(Box::new(crate::rt::panics::Deadlocked));
            cut_if_wanted();
        }
    }
}
