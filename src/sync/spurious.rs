//! Wakeups for no reason, where a design asks for them.
//!
//! `std` allows a wait on a condition variable, or for a permit, to end at any time. Nothing can tell when it has
//! ended, only when the thread goes on: after a condition variable, when it has the mutex again. So a spurious
//! wakeup is a choice made when the wait begins; one that is chosen comes at once, and has no part in any
//! notification.
//!
//! Limit: at most one for each thread and each place in the source that waits, in one execution. Waiting in a
//! loop would never end otherwise.

use crate::choice;
use crate::context;
use crate::rt::trace::Site;
use crate::thread::model;
use std::cell::{Cell, RefCell};
use std::panic::Location;

thread_local! {
    static WOKEN: RefCell<Vec<(usize, Site)>> = const { RefCell::new(Vec::new()) };
    static BOUNDED: Cell<bool> = const { Cell::new(false) };
}

/// An execution begins, and no thread was woken yet.
pub(crate) fn begin_execution() {
    WOKEN.with_borrow_mut(Vec::clear);
}

/// Whether the wait that begins here, under a checker, ends for no reason.
#[track_caller]
pub(crate) fn comes() -> bool {
    if !context::options().spurious_wakeups {
        return false;
    }
    let place = (model::number(), Location::caller());
    if WOKEN.with_borrow(|woken| woken.contains(&place)) {
        BOUNDED.set(true);
        return false;
    }
    let comes = choice::explored(2) == 1;
    if comes {
        WOKEN.with_borrow_mut(|woken| woken.push(place));
    }
    comes
}

/// Whether any wait since the last call would have had another spurious wakeup but for the limit.
pub(crate) fn take_bounded() -> bool {
    BOUNDED.take()
}
