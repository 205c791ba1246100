//! An atomic of loom's, whose search is completed where loom's own is not.
//!
//! loom 0.7.2 remembers one last access per atomic. So it never tries a load *after* a store that another
//! load lies before: of two actors that each load and then store, it runs both loads first, or one actor
//! before the other, but never the other way round. An atomic that is loaded twice and written in one
//! execution is open to this, and [`demand`](super::workarounds::demand)s that the exploration begin anew, with
//! every access behind a gate: a read-modify-write, whose every order loom does try.
//!
//! loom 0.7.2 also lets a plain store of one thread come between the two halves of another's read-modify-write.
//! Beside `store(1)`, a `swap(2)` that finds 0 comes before the store, which then has the last word; loom also has
//! executions in which 2 is left. A store that comes after another thread's read-modify-write is open to this, and
//! then the verdict says so.
//!
//! Limit: other models keep loom's own search and do not pay, in which the rule above sees no gap.

use super::gaps::{self, Users};
use super::unreduced;
use super::workarounds;
use super::{AtomicUsize, enter_atomic};
use crate::context;
use loom::thread::{ThreadId, current};
use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::Ordering;

/// What is about to be done to an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Load,
    Write,
}

/// An atomic of loom's, and what loom must know of its accesses.
pub(crate) struct Atom<L> {
    atomic: L,
    /// Where each access passes, if this exploration is to be exact.
    gate: Option<AtomicUsize>,
    loads: Cell<u32>,
    writes: Cell<u32>,
    /// The thread whose read-modify-write was the last to write, if no store was.
    modified_by: Cell<Option<ThreadId>>,
    users: Cell<Users>,
}

// SAFETY: model threads are coroutines of one operating-system thread, and the counts are not borrowed
// across a switch. The thread that uses a loom object on another thread panics in loom first.
unsafe impl<L: Send> Send for Atom<L> {}
// SAFETY: as for `Send`.
unsafe impl<L: Sync> Sync for Atom<L> {}

impl<L> Atom<L> {
    #[track_caller]
    pub(crate) fn new(atomic: L) -> Self {
        let gate = (workarounds::wanted() && !unreduced::on()).then(|| AtomicUsize::new(0));
        Self {
            atomic,
            gate,
            loads: Cell::new(0),
            writes: Cell::new(0),
            modified_by: Cell::new(None),
            users: Cell::default(),
        }
    }

    /// To be called before every access. False if the model is dead, and the access must be left out.
    #[track_caller]
    pub(crate) fn enter(&self, order: Ordering, access: Access) -> bool {
        if !enter_atomic() {
            return false;
        }
        gaps::accesses(std::ptr::from_ref(self).addr(), order);
        if access == Access::Load {
            gaps::loads();
        }
        match &self.gate {
            Some(gate) => {
                gate.fetch_add(1, Ordering::Relaxed);
            }
            None if unreduced::on() => {}
            None => self.count(access),
        }
        true
    }

    fn count(&self, access: Access) {
        let counter = match access {
            Access::Load => &self.loads,
            Access::Write => &self.writes,
        };
        counter.set(counter.get() + 1);
        if self.loads.get() > 1 && self.writes.get() > 0 {
            workarounds::demand();
        }
    }

    /// A read-modify-write has written.
    pub(crate) fn modified(&self) {
        gaps::loads();
        self.modified_by.set(Some(current().id()));
        self.users.set(self.users.get().modified());
    }

    /// A compare-exchange has failed.
    pub(crate) fn failed(&self) {
        gaps::loads();
        self.users.set(self.users.get().failed());
    }

    /// A plain store has written. Not to be told before: it is a scheduling point.
    pub(crate) fn stored(&self) {
        if self.modified_by.take().is_some_and(|modifier| modifier != current().id()) {
            context::note_artefact(context::Artefact::LoomSplitsRmw);
        }
        self.users.set(self.users.get().stored());
    }

    /// loom's atomic, of which no other thread knows.
    pub(crate) fn exclusive(&mut self) -> &mut L {
        &mut self.atomic
    }

    /// loom's atomic, for good.
    pub(crate) fn into_loom(self) -> L {
        self.atomic
    }
}

impl<L> Deref for Atom<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.atomic
    }
}
