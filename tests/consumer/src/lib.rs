//! A turnstile: the code under test of a crate that uses selvedge.

#[cfg(feature = "checked")]
use selvedge::sync;
#[cfg(not(feature = "checked"))]
use std::sync;

use sync::atomic::{AtomicU32, Ordering};

/// Lets `capacity` in, and no more.
pub struct Turnstile {
    inside: AtomicU32,
    capacity: u32,
}

impl Turnstile {
    /// An empty turnstile.
    pub fn new(capacity: u32) -> Self {
        Self { inside: AtomicU32::new(0), capacity }
    }

    /// Enters if there is room, and says whether there was.
    pub fn enter(&self) -> bool {
        let room = |inside| (inside < self.capacity).then_some(inside + 1);
        self.inside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    /// The same, but looks first and enters then: somebody may come between.
    pub fn enter_carelessly(&self) -> bool {
        let room = self.inside.load(Ordering::Relaxed) < self.capacity;
        if room {
            self.inside.fetch_add(1, Ordering::Relaxed);
        }
        room
    }
}
