//! Accesses to cells that last.

use super::{UnsafeCell, alive};

/// An access to a cell that has not ended. Dropped while the model is taken apart, it leaves loom alone.
pub(crate) struct Span(Option<Accessing>);

enum Accessing {
    Read(#[expect(dead_code, reason = "held for its drop")] loom::cell::ConstPtr<()>),
    Write(#[expect(dead_code, reason = "held for its drop")] loom::cell::MutPtr<()>),
}

impl Span {
    #[track_caller]
    pub(crate) fn reading(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Read(cell.get())))
    }

    #[track_caller]
    pub(crate) fn writing(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Write(cell.get_mut())))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let accessing = self.0.take();
        if !alive() {
            std::mem::forget(accessing);
        }
    }
}
