//! The runtime of `rc11`: threads as coroutines along execution graphs, and the primitives that the facade
//! stands on.

mod explorer;
mod given_up;
mod run;
mod spin;
mod sync;

use super::unwinding;
use crate::explore::rc11::LocationId;
pub(crate) use explorer::Explorer;
pub(crate) use given_up::give_up_if_over;
pub(crate) use run::{
    Cut, End, LocationName, OF_ENDS, OF_LAZY, OF_PERMITS, OF_STATICS, ROUNDS, Trouble, access, alive,
    announce_spawn, choose, exclusive, fails_spuriously, fence, is_watched, join, learn, learn_from,
    leave_at, make, make_cell, make_first_cell, make_for_thread, me, name_ahead, past, set_slot, slot, start,
    take_down, take_others_down, unsync, wait_for_others, watch, write, yield_now,
};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// Whether the running thread is unwinding. An execution that is over unwinds as a whole.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && (!alive() || unwinding::is(|| me() as u64))
}

/// A step of a chain, with the edges of `order`.
#[track_caller]
pub(crate) fn pass(location: LocationId, order: Ordering) {
    sync::read_modify_write(
        location,
        [order, Ordering::Relaxed],
        &mut |word| Some(word),
        None,
        Location::caller(),
    );
}

pub(crate) use spin::{Here, here};
pub(crate) use sync::{
    Monitor, RawCondvar, RawGuard, RawMutex, RawRwGuard, RawRwLock, load, order_of, read_modify_write,
};

#[cfg(test)]
mod tests;
