//! An atomic: a location of the graph, which keeps its values.

use super::run;
use super::spin::Here;
use super::sync::{load, order_of, read_modify_write};
use crate::explore::rc11::LocationId;
use crate::rt::atomic::{RawAtomic, Update};
use crate::rt::trace::Key;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// Where the names of locations begin, among those of other objects.
const LOCATIONS: u32 = 0x10_0000;

/// A location of the graph.
pub(crate) struct RawLocation(LocationId);

impl RawLocation {
    #[track_caller]
    pub(crate) fn new(value: u64) -> Self {
        RawLocation(run::make(value, false, Location::caller()))
    }
}

impl RawAtomic for RawLocation {
    fn load(&self, order: Ordering, here: Here) -> Option<u64> {
        load(self.0, order, here, Location::caller())
    }

    fn store(&self, value: u64, order: Ordering) -> Option<()> {
        run::write(self.0, order_of(order), value, Location::caller()).then_some(())
    }

    fn rmw(&self, update: Update, order: Ordering) -> Option<u64> {
        let mut update = |value| Some(update.of(value));
        let read = read_modify_write(self.0, [order, order], &mut update, None, Location::caller());
        read.map(|read| read.value)
    }

    fn compare_exchange(
        &self,
        [expected, new]: [u64; 2],
        orders: [Ordering; 2],
        here: Here,
    ) -> Option<Result<u64, u64>> {
        let mut update = |value| (value == expected).then_some(new);
        let here = here.with([expected, new]);
        let read = read_modify_write(self.0, orders, &mut update, Some(here), Location::caller())?;
        Some(if read.written.is_some() { Ok(read.value) } else { Err(read.value) })
    }

    /// A choice, once for each thread and each place in the source.
    fn fails_spuriously(&self) -> bool {
        run::fails_spuriously(Location::caller())
    }

    unsafe fn unsync_load(&self) -> Option<u64> {
        run::unsync(self.0, Location::caller())
    }

    fn exclusive(&mut self) -> Option<u64> {
        run::exclusive(self.0, Location::caller())
    }

    fn replace(&mut self, value: u64) {
        run::write(self.0, order_of(Ordering::Relaxed), value, Location::caller());
    }

    fn key(&self) -> Key {
        Key::id(LOCATIONS + self.0)
    }
}
