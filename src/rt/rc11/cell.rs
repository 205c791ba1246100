//! A cell of plain memory: its accesses are no events of the graph, and are checked against those that the running
//! thread does not know of.

use super::run::{access, make_cell, make_first_cell};
use crate::race::Access;
use crate::rt::cell::RawCell;
use crate::rt::pending::Site;
use std::panic::Location;

/// A cell, and where it was made.
pub(crate) struct GraphCell {
    cell: u32,
    made: Site,
}

impl GraphCell {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let made = Location::caller();
        GraphCell { cell: make_cell(made), made }
    }

    #[track_caller]
    pub(crate) fn first() -> Self {
        GraphCell { cell: make_first_cell(), made: Location::caller() }
    }
}

/// An access that has not ended.
pub(crate) struct GraphSpan {
    cell: u32,
    kind: Access,
    site: Site,
}

impl Drop for GraphSpan {
    /// Others that came between, because the thread told them meanwhile, race with it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            access(self.cell, self.kind, self.site);
        }
    }
}

impl RawCell for GraphCell {
    type Span = GraphSpan;

    fn access(&self, kind: Access) {
        access(self.cell, kind, Location::caller());
    }

    fn span(&self, kind: Access) -> Option<GraphSpan> {
        let site = Location::caller();
        access(self.cell, kind, site);
        Some(GraphSpan { cell: self.cell, kind, site })
    }

    fn end(&self) {
        access(self.cell, Access::Write, self.made);
    }
}
