//! The runtime of `rc11`: threads as coroutines along execution graphs, and the primitives that the facade
//! stands on.

mod explorer;
mod run;
mod spin;
mod sync;

pub(crate) use explorer::Explorer;
pub(crate) use run::{
    Cut, End, OF_PERMITS, OF_STATICS, ReadValue, Trouble, access, alive, announce_spawn, choose, exclusive, fence,
    join, learn, make, make_cell, me, name_ahead, past, set_slot, slot, start, wait_for_others, write, yield_now,
};
pub(crate) use spin::{Here, here};
pub(crate) use sync::{
    Monitor, RawCondvar, RawGuard, RawMutex, RawRwGuard, RawRwLock, order_of, read_modify_write, load,
};
