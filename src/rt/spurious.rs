//! Wakeups for no reason, where a design asks for them.
//!
//! `std` allows a wait on a condition variable, or for a permit, to end at any time. Nothing can tell when it has
//! ended, only when the thread goes on: after a condition variable, when it has the mutex again. So a spurious
//! wakeup is a choice made when the wait begins; one that is chosen comes at once, and has no part in any
//! notification.
//!
//! Limit: at most one for each thread and each place in the source that waits, in one execution. Waiting in a
//! loop would never end otherwise.

use super::execution;
use crate::rt::context;
use crate::rt::model;
use std::cell::Cell;
use std::panic::Location;

thread_local! {
    static BOUNDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the wait that begins here, under a checker, ends for no reason.
#[track_caller]
pub(crate) fn comes() -> bool {
    if !context::options().spurious_wakeups {
        return false;
    }
    let place = (model::number(), Location::caller());
    if execution::with(|execution| execution.woken.borrow().contains(&place)) {
        BOUNDED.set(true);
        return false;
    }
    let comes = super::choose(2) == 1;
    if comes {
        execution::with(|execution| execution.woken.borrow_mut().push(place));
    }
    comes
}

/// Whether any wait since the last call would have had another spurious wakeup but for the limit.
pub(crate) fn take_bounded() -> bool {
    BOUNDED.take()
}
