//! A waker that one task leaves for others to find.

use crate::base::event::{ATOMIC_WAKER, EventKind, REGISTER, WAKE};
use crate::rt::context;
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId};
use crate::rt::trace::{self, Key, What};
use std::fmt;
use std::task::Waker;

/// Where a task leaves its waker, and others wake it: loom's type of this name.
///
/// A [`register`](AtomicWaker::register) that meets a [`wake`](AtomicWaker::wake) under way waits for it.
pub struct AtomicWaker {
    id: ObjectId,
    /// Carries what was done before a waker was left or taken.
    edges: ObjectId,
    waker: Monitor<Option<Waker>>,
}

impl AtomicWaker {
    /// Without a waker.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let model = context::current().is_model();
        let (id, edges) = if model { (past::new_object(), past::new_object()) } else { (0, 0) };
        trace::made(ATOMIC_WAKER, Key::id(id), None);
        AtomicWaker { id, edges, waker: Monitor::new(None) }
    }

    /// Leaves a waker, in place of the one before.
    #[track_caller]
    pub fn register(&self, waker: Waker) {
        let before = self.replace(Some(waker));
        trace::note(REGISTER, EventKind::Other, Key::id(self.id));
        drop(before);
    }

    /// As [`register`](AtomicWaker::register), of a clone.
    #[track_caller]
    pub fn register_by_ref(&self, waker: &Waker) {
        self.register(waker.clone());
    }

    /// Wakes by the waker that was left last, if it has not been taken.
    #[track_caller]
    pub fn wake(&self) {
        if let Some(waker) = self.taken_for(WAKE) {
            waker.wake();
        }
    }

    /// Takes the waker that was left last.
    #[track_caller]
    pub fn take_waker(&self) -> Option<Waker> {
        self.taken_for("take_waker")
    }

    #[track_caller]
    fn taken_for(&self, operation: &'static str) -> Option<Waker> {
        let waker = self.replace(None);
        let what = What::new(operation, EventKind::Other, Key::id(self.id));
        trace::access(what, None, [Some(&waker.is_some()), None]);
        waker
    }

    /// All that is done to it comes one after the other, as under a lock.
    fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut found = self.waker.enter();
        past::acquire(self.edges);
        past::release(self.edges);
        if found.is_none() && waker.is_none() { None } else { std::mem::replace(&mut *found, waker) }
    }
}

impl Default for AtomicWaker {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AtomicWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicWaker").finish_non_exhaustive()
    }
}
