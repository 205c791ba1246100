//! Reference counts: chains of the graph.

use super::pass;
use super::run::{is_watched, make, watch};
use crate::explore::rc11::LocationId;
use crate::rt::count::RawCount;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// The strong count, and the drops of weak pointers; where those are looked at, they are events of the strong count,
/// too, and where owners are counted, clones are.
#[derive(Clone)]
pub(crate) struct GraphCount {
    drops: LocationId,
    weak_drops: LocationId,
}

impl GraphCount {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let site = Location::caller();
        GraphCount { drops: make(0, true, site), weak_drops: make(0, true, site) }
    }
}

impl RawCount for GraphCount {
    /// The thread that clones owns one, so that no other owner's drop can be the last: it matters only where owners are
    /// counted.
    fn cloning(&self) {
        if is_watched(self.drops) {
            pass(self.drops, Ordering::Relaxed);
        }
    }

    fn cloning_weak(&self) {
        if is_watched(self.weak_drops) && is_watched(self.drops) {
            pass(self.drops, Ordering::Relaxed);
        }
    }

    fn counting(&self) {
        watch(self.drops);
        pass(self.drops, Ordering::Relaxed);
    }

    fn counting_weak(&self) {
        watch(self.weak_drops);
        self.counting();
    }

    fn looking(&self) {
        watch(self.weak_drops);
        pass(self.drops, Ordering::Relaxed);
    }

    fn pass(&self, order: Ordering) {
        pass(self.drops, order);
    }

    fn pass_weak(&self, order: Ordering) {
        pass(self.weak_drops, order);
        if is_watched(self.weak_drops) {
            pass(self.drops, Ordering::Relaxed);
        }
    }

    fn learn(&self) {
        pass(self.drops, Ordering::Acquire);
    }
}
