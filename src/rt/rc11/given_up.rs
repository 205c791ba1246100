//! Threads that do not come to their end although the run is over.
//!
//! Of a scenario what is left of a run is unwound, and a destructor may wait for what another thread would have done: a
//! pool for its workers, say. No thread will wake it, and no second panic may come out of it. Such a thread goes no
//! further: what it owns is lost, and its stack is used again.
//!
//! Of a model, which shares its process with other tests, all are left that way: a destructor that unwinds for no
//! reason that it knows may end the process, as that of a runtime's worker does.
//!
//! Limit: what is lost is memory, until the process ends.

use super::run::{Cut, Fiber, halt_for_good, is_over};
use crate::explore::rc11::MAX_THREADS;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// To be called before something that blocks until another thread acts. Returns if the run is not over, or there is
/// none.
pub(crate) fn give_up_if_over() {
    match is_over() {
        Some(true) => halt_for_good(),
        // A destructor of what was left outside of all threads.
        Some(false) => resume_unwind(Box::new(Cut)),
        None => {}
    }
}

/// The stacks of threads that were given up, when no other thread of their run is left.
pub(super) fn stacks(fibers: Vec<Fiber>) -> impl Iterator<Item = DefaultStack> {
    fibers.into_iter().map(|mut fiber| {
        // SAFETY: nothing that is on the stack is used again: the fiber is never resumed, all threads that may have
        // borrowed from it are at their end, and what it owned is lost and not dropped.
        unsafe { fiber.force_reset() };
        fiber.into_stack()
    })
}

/// A fiber that may go on elsewhere.
struct Moved(Coroutine<(), (), ()>);

// SAFETY: the one that is moved is made by `settle`, and owns nothing but a yielder of its own.
unsafe impl Send for Moved {}

/// Suspends what unwinds past it.
struct Suspends(*const Yielder<(), ()>);

impl Drop for Suspends {
    fn drop(&mut self) {
        // SAFETY: the yielder lives as long as the fiber's body, in which this is.
        unsafe { &*self.0 }.suspend(());
    }
}

/// When no thread of a run is left: takes the panics of threads that were given up off what std counts for this
/// operating-system thread, which would unwind for ever else. For each, one begins elsewhere and is caught here.
pub(super) fn settle() {
    // A thread has a panic, and another in each destructor that catches its own.
    for _ in 0..4 * MAX_THREADS {
        if !std::thread::panicking() {
            return;
        }
        let begun = std::thread::spawn(|| {
            let mut fiber = Coroutine::new(|yielder: &Yielder<(), ()>, ()| {
                drop(catch_unwind(AssertUnwindSafe(|| {
                    let _suspends = Suspends(yielder);
                    resume_unwind(Box::new(Cut));
                })));
            });
            fiber.resume(());
            Moved(fiber)
        });
        let Ok(Moved(mut fiber)) = begun.join() else { return };
        fiber.resume(());
    }
}
