//! A cell of plain memory: its accesses are no events of the graph, and are checked against those that the running
//! thread does not know of.

use super::run::{access, access_before, make_cell, make_first_cell};
use crate::race::Access;
use crate::rt::cell::{Lasts, RawCell};
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
    lasts: Lasts,
}

impl Drop for GraphSpan {
    /// Others that came between, because the thread told them meanwhile, race with it.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let ago = u16::from(self.lasts == Lasts::ToTheLastOperation);
            access_before(ago, self.cell, self.kind, self.site);
        }
    }
}

impl RawCell for GraphCell {
    type Span = GraphSpan;

    fn access(&self, kind: Access) {
        access(self.cell, kind, Location::caller());
    }

    fn span(&self, kind: Access, lasts: Lasts) -> Option<GraphSpan> {
        let site = Location::caller();
        access(self.cell, kind, site);
        Some(GraphSpan { cell: self.cell, kind, site, lasts })
    }

    fn end(&self) {
        access(self.cell, Access::Write, self.made);
    }
}
