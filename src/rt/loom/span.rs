//! Accesses to cells that last.

use super::{UnsafeCell, alive, unreduced};

/// An access that [`unreduced::checked`] looks after where it has to. Elsewhere it stands by itself: a closure has a
/// place of its own in the source, and loom names the place of an access.
macro_rules! checked {
    ($access:expr) => {
        if unreduced::goes_on() { unreduced::checked(|| $access) } else { $access }
    };
}

/// A read of a cell.
#[track_caller]
pub(crate) fn read(cell: &UnsafeCell<()>) {
    checked!(cell.with(|_| ()));
}

/// A write to a cell.
#[track_caller]
pub(crate) fn write(cell: &UnsafeCell<()>) {
    checked!(cell.with_mut(|_| ()));
}

/// An access to a cell that has not ended. Dropped while the model is taken apart, it leaves loom alone.
pub(crate) struct Span(Option<Accessing>);

enum Accessing {
    Read(#[expect(dead_code, reason = "held for its drop")] loom::cell::ConstPtr<()>),
    Write(#[expect(dead_code, reason = "held for its drop")] loom::cell::MutPtr<()>),
}

impl Span {
    #[track_caller]
    pub(crate) fn reading(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Read(checked!(cell.get()))))
    }

    #[track_caller]
    pub(crate) fn writing(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Write(checked!(cell.get_mut()))))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let accessing = self.0.take();
        if !alive() {
            std::mem::forget(accessing);
        } else {
            checked!(drop(accessing));
        }
    }
}
