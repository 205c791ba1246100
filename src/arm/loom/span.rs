//! Accesses to cells that last.

use super::{UnsafeCell, alive, every};

/// A read of a cell. Beside a closure, for that has a place of its own in the source.
#[track_caller]
pub(crate) fn read(cell: &UnsafeCell<()>) {
    if every::goes_on() { every::checked(|| cell.with(|_| ())) } else { cell.with(|_| ()) }
}

/// A write to a cell.
#[track_caller]
pub(crate) fn write(cell: &UnsafeCell<()>) {
    if every::goes_on() { every::checked(|| cell.with_mut(|_| ())) } else { cell.with_mut(|_| ()) }
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
        Span(Some(Accessing::Read(if every::goes_on() { every::checked(|| cell.get()) } else { cell.get() })))
    }

    #[track_caller]
    pub(crate) fn writing(cell: &UnsafeCell<()>) -> Span {
        Span(Some(Accessing::Write(if every::goes_on() {
            every::checked(|| cell.get_mut())
        } else {
            cell.get_mut()
        })))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let accessing = self.0.take();
        if !alive() {
            std::mem::forget(accessing);
        } else if every::goes_on() {
            every::checked(|| drop(accessing));
        }
    }
}
