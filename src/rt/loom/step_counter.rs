//! How far an execution has come, counted in *points*: for a search that must come past executions which end
//! their process.
//!
//! A point lies behind each operation, when all that loom has to choose in it is chosen, and where a thread
//! begins. Of an execution that has ended another process after so many points, the thread that passes the
//! last of them is cut there, as if it had panicked: whatever is deadly comes after.
//!
//! Limit: only in explorations [in every order](super::unreduced) that write a trace, which notes most
//! operations.

use super::unreduced;
use std::cell::{Cell, RefCell};

/// How far an execution has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) points: u64,
    /// Operations that have begun since the last point: where one is cut off, loom may not know what else
    /// it could have come to.
    pub(crate) open: u64,
}

/// What became of an execution that was to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cutting {
    /// It has not come to the place.
    Missed,
    /// It had failed already when it came there.
    Failed,
    Done,
}

/// The payload of what an execution that was cut has failed with.
struct CutShort;

type Listener = Box<dyn Fn(Reached)>;

thread_local! {
    static REACHED: Cell<Reached> = const { Cell::new(Reached { points: 0, open: 0 }) };
    static CUT_AT: Cell<Option<u64>> = const { Cell::new(None) };
    static CUTTING: Cell<Cutting> = const { Cell::new(Cutting::Missed) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// An execution begins, which is to be cut at this point, if at any. Points count from 1.
pub(crate) fn begin(cut_at: Option<u64>) {
    REACHED.set(Reached::default());
    CUT_AT.set(cut_at);
    CUTTING.set(Cutting::Missed);
}

/// What became of the execution that was to be cut.
pub(crate) fn cutting() -> Cutting {
    CUTTING.get()
}

/// Tells a listener how far executions come, at every step, for as long as this process lives.
pub(crate) fn listen(listener: impl Fn(Reached) + 'static) {
    LISTENER.set(Some(Box::new(listener)));
}

/// An operation begins.
pub(super) fn open() {
    let reached = REACHED.get();
    reach(Reached { open: reached.open + 1, ..reached });
}

/// The running thread has just done something, or begins.
#[inline]
pub(crate) fn point() {
    if unreduced::on() && !std::thread::panicking() {
        pass_point();
    }
}

#[cold]
fn pass_point() {
    let points = REACHED.get().points + 1;
    reach(Reached { points, open: 0 });
    if CUT_AT.get() == Some(points) {
        CUTTING.set(if unreduced::has_failed() { Cutting::Failed } else { Cutting::Done });
        unreduced::fail(Box::new(CutShort));
        // The others go on to their next gate: loom must know what they would have done.
        unreduced::cut_if_wanted();
    }
}

fn reach(reached: Reached) {
    REACHED.set(reached);
    LISTENER.with_borrow(|listener| {
        if let Some(listener) = listener {
            listener(reached);
        }
    });
}
