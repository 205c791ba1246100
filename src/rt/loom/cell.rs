//! A cell, followed by loom's detection of races.

use super::{Span, UnsafeCell, enter_cell, read, write};
use crate::race::Access;
use crate::rt::cell::{Lasts, RawCell};

/// A cell without a value, accessed as the facade's is.
pub(crate) struct LoomCell(UnsafeCell<()>);

impl LoomCell {
    #[track_caller]
    pub(crate) fn new() -> Self {
        LoomCell(UnsafeCell::new(()))
    }
}

impl RawCell for LoomCell {
    type Span = Span;

    fn access(&self, access: Access) {
        if !enter_cell() {
            return;
        }
        match access {
            Access::Read => read(&self.0),
            Access::Write => write(&self.0),
        }
    }

    fn span(&self, access: Access, _lasts: Lasts) -> Option<Span> {
        if !enter_cell() {
            return None;
        }
        Some(match access {
            Access::Read => Span::reading(&self.0),
            Access::Write => Span::writing(&self.0),
        })
    }

    #[track_caller]
    fn end(&self) {
        self.access(Access::Write);
    }
}
