//! Cells and reference counts of shuttle's, followed by our own race detector.

use super::{alive, before, before_both};
use crate::race::Access;
use crate::rt::cell::{Lasts, RawCell};
use crate::rt::count::RawCount;
use crate::rt::pending::{self, Kind, ObjectId, Site};
use std::panic::Location;
use std::sync::atomic::Ordering;

/// A cell of an execution of shuttle's.
pub(crate) struct ShuttleCell {
    object: ObjectId,
    made: Site,
    /// Whether accesses are scheduling points, and executions go on past a race.
    past_races: bool,
}

impl ShuttleCell {
    /// A cell that the running task makes: a write.
    #[track_caller]
    pub(crate) fn new(past_races: bool) -> Self {
        let cell = Self::first(past_races);
        pending::write(cell.object, cell.made, past_races);
        cell
    }

    #[track_caller]
    pub(crate) fn first(past_races: bool) -> Self {
        ShuttleCell { object: pending::new_object(), made: Location::caller(), past_races }
    }
}

/// An access that has not ended.
pub(crate) struct ShuttleSpan {
    object: ObjectId,
    access: Access,
    site: Site,
    lasts: Lasts,
}

impl Drop for ShuttleSpan {
    /// Others that came between, because the task told them meanwhile, race with it. Those are not found that came while
    /// a pointer was held.
    fn drop(&mut self) {
        if self.lasts == Lasts::ToItsEnd && !std::thread::panicking() && alive() {
            pending::access(self.object, self.site, self.access, false);
        }
    }
}

impl RawCell for ShuttleCell {
    type Span = ShuttleSpan;

    fn arrive(&self, access: Access) {
        if self.past_races {
            before(
                self.object,
                match access {
                    Access::Read => Kind::Load,
                    Access::Write => Kind::Store,
                },
            );
        }
    }

    fn access(&self, access: Access) {
        if alive() {
            pending::access(self.object, Location::caller(), access, self.past_races);
        }
    }

    fn span(&self, access: Access, lasts: Lasts) -> Option<ShuttleSpan> {
        self.access(access);
        Some(ShuttleSpan { object: self.object, access, site: Location::caller(), lasts })
    }

    fn end(&self) {
        if alive() {
            pending::write(self.object, self.made, self.past_races);
        }
    }
}

/// The object of the owners' drops and of upgrades; the next one is that of clones, the one after of the drops of weak
/// pointers.
#[derive(Clone)]
pub(crate) struct ShuttleCount(ObjectId);

impl ShuttleCount {
    pub(crate) fn new() -> Self {
        let drops = pending::new_object();
        pending::new_object();
        pending::new_object();
        ShuttleCount(drops)
    }

    fn clones(&self) -> ObjectId {
        self.0 + 1
    }

    fn weak_drops(&self) -> ObjectId {
        self.0 + 2
    }
}

impl RawCount for ShuttleCount {
    fn cloning(&self) {
        before(self.clones(), Kind::Load);
    }

    fn counting(&self) {
        before_both([self.0, self.clones()], [Kind::Rmw; 2]);
    }

    fn looking(&self) {
        before_both([self.0, self.weak_drops()], [Kind::Rmw; 2]);
    }

    fn pass(&self, order: Ordering) {
        if before(self.0, Kind::Rmw) {
            pending::rmw(self.0, order);
        }
    }

    fn pass_weak(&self, order: Ordering) {
        // Weak pointers are counted as owners are.
        if before_both([self.weak_drops(), self.clones()], [Kind::Rmw, Kind::Load]) {
            pending::rmw(self.weak_drops(), order);
        }
    }

    fn learn(&self) {
        if alive() {
            pending::acquire(self.0);
        }
    }
}
