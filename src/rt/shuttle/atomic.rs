//! An atomic of shuttle's: one task runs at a time, so that its value is what was written last; the race detector is
//! told the orderings.

use super::before;
use crate::rt::Here;
use crate::rt::atomic::{RawAtomic, Update};
use crate::rt::pending::{self, Kind, ObjectId};
use crate::rt::trace::Key;
use std::sync::atomic::{AtomicU64, Ordering};

/// An atomic of an execution of shuttle's.
pub(crate) struct ShuttleAtomic {
    object: ObjectId,
    /// Atomic only to be shared between tasks.
    value: AtomicU64,
}

impl ShuttleAtomic {
    pub(crate) fn new(value: u64) -> Self {
        ShuttleAtomic { object: pending::new_object(), value: AtomicU64::new(value) }
    }

    fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// A scheduling point.
    fn before(&self, kind: Kind) -> Option<()> {
        before(self.object, kind).then_some(())
    }
}

impl RawAtomic for ShuttleAtomic {
    fn load(&self, order: Ordering, _here: Here) -> Option<u64> {
        self.before(Kind::Load)?;
        pending::load(self.object, order);
        Some(self.value())
    }

    fn store(&self, value: u64, order: Ordering) -> Option<()> {
        self.before(Kind::Store)?;
        self.set(value);
        pending::store(self.object, order);
        Some(())
    }

    fn rmw(&self, update: Update, order: Ordering) -> Option<u64> {
        self.before(Kind::Rmw)?;
        let value = self.value();
        self.set(update.of(value));
        pending::rmw(self.object, order);
        Some(value)
    }

    fn compare_exchange(
        &self,
        [expected, new]: [u64; 2],
        [success, failure]: [Ordering; 2],
        _here: Here,
    ) -> Option<Result<u64, u64>> {
        self.before(Kind::Rmw)?;
        let value = self.value();
        if value == expected {
            self.set(new);
            pending::rmw(self.object, success);
            Some(Ok(value))
        } else {
            pending::load(self.object, failure);
            Some(Err(value))
        }
    }

    unsafe fn unsync_load(&self) -> Option<u64> {
        Some(self.value())
    }

    fn exclusive(&mut self) -> Option<u64> {
        Some(self.value())
    }

    fn replace(&mut self, value: u64) {
        self.set(value);
    }

    fn key(&self) -> Key {
        Key::id(self.object)
    }
}
