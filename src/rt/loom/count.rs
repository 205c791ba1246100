//! Reference counts.

use super::{AtomicUsize, alive, enter, step_counter};
use crate::rt::count::RawCount;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// What loom knows of a reference-counted value: its scheduling points, its edges, and that it is freed.
/// The counts themselves are std's.
pub(crate) struct Count {
    /// Every owner's drop and every upgrade, which all depend on each other.
    drops: AtomicUsize,
    /// Every drop of a weak pointer.
    weak_drops: AtomicUsize,
    /// Clones, which depend only on a thread looking at the count.
    clones: AtomicUsize,
    freed: Cell<Option<loom::alloc::Track<()>>>,
}

impl Count {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Count {
            drops: AtomicUsize::new(0),
            weak_drops: AtomicUsize::new(0),
            clones: AtomicUsize::new(0),
            freed: Cell::new(Some(loom::alloc::Track::new(()))),
        }
    }

    #[track_caller]
    fn pass_drops(&self, order: Ordering) {
        if enter() {
            self.drops.fetch_add(1, order);
            step_counter::point();
        }
    }

    #[track_caller]
    fn pass_weak_drops(&self, order: Ordering) {
        if enter() {
            self.weak_drops.fetch_add(1, order);
            step_counter::point();
        }
    }
}

impl RawCount for Rc<Count> {
    fn cloning(&self) {
        if enter() {
            self.clones.load(Ordering::Relaxed);
            step_counter::point();
        }
    }

    fn counting(&self) {
        self.pass(Ordering::Relaxed);
        if enter() {
            self.clones.fetch_add(1, Ordering::Relaxed);
            step_counter::point();
        }
    }

    fn counting_weak(&self) {
        self.pass_weak(Ordering::Relaxed);
        self.counting();
    }

    fn looking(&self) {
        self.pass_weak(Ordering::Relaxed);
        self.pass(Ordering::Relaxed);
    }

    fn pass(&self, order: Ordering) {
        self.pass_drops(order);
    }

    fn pass_weak(&self, order: Ordering) {
        self.pass_weak_drops(order);
    }

    fn learn(&self) {
        self.pass_drops(Ordering::Acquire);
    }

    /// loom would report a leak otherwise.
    fn freed(&self) {
        let track = self.freed.take();
        if !alive() {
            std::mem::forget(track);
        }
    }
}
