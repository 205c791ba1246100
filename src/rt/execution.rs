//! One execution under a checker: its state, its beginning and its end.
//!
//! What every checker's executions have is in [`Execution`], reached by [`with`]. What one runtime alone keeps of an
//! execution lies with that runtime, which is told of both ends: [`Runtime::begin_execution`],
//! [`Runtime::end_execution`].

use super::context::Options;
use super::leaks::Ledger;
use super::memory::Blocks;
use super::pending::Site;
use super::runtime::Runtime;
use super::{heap, leaks, model, panics, pending, running};
use crate::heartbeat;
use crate::race::Race;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;

/// The execution that runs on this operating-system thread, or was the last.
pub(super) struct Execution {
    /// What its design has asked for.
    pub(super) options: Cell<Options>,
    /// Whether a thread has yielded.
    pub(super) yielded: Cell<bool>,
    /// How often it counts. Set by the search, before it begins.
    pub(super) weight: Cell<u64>,
    /// The thread that unwinds, as far as is known.
    pub(super) unwinder: Cell<Option<u64>>,
    /// Whether any thread may have kept something to do when it has unwound.
    pub(super) unsettled: Cell<bool>,
    /// Panics of threads that no thread has joined.
    pub(super) unheard: Cell<u32>,
    /// The thread that does the same as the one that is started next.
    pub(super) alike: Cell<Option<u64>>,
    /// Whether its main thread has no name.
    pub(super) nameless: Cell<bool>,
    /// The waits that have ended for no reason, by thread and place. Neither this nor what follows is dropped when the
    /// operating-system thread ends: to reach what has no destructor costs next to nothing.
    pub(super) woken: ManuallyDrop<RefCell<Vec<(usize, Site)>>>,
    /// What it has made and must free.
    pub(super) ledger: ManuallyDrop<RefCell<Ledger>>,
    /// The memory that it has asked for, and whether there is any.
    pub(super) blocks: ManuallyDrop<RefCell<Blocks>>,
    pub(super) has_blocks: Cell<bool>,
}

thread_local! {
    static EXECUTION: Execution = const {
        Execution {
            options: Cell::new(Options::NONE),
            yielded: Cell::new(false),
            weight: Cell::new(1),
            unwinder: Cell::new(None),
            unsettled: Cell::new(false),
            unheard: Cell::new(0),
            alike: Cell::new(None),
            nameless: Cell::new(false),
            woken: ManuallyDrop::new(RefCell::new(Vec::new())),
            ledger: ManuallyDrop::new(RefCell::new(Ledger::new())),
            blocks: ManuallyDrop::new(RefCell::new(Blocks::new())),
            has_blocks: Cell::new(false),
        }
    };
}

/// Looks at the execution that runs.
#[inline]
pub(super) fn with<R>(look: impl FnOnce(&Execution) -> R) -> R {
    let _outside = heap::outside();
    EXECUTION.with(look)
}

/// An execution of the checker that runs begins: nothing of the one before is known any more. In the model, before
/// anything else.
pub(crate) fn begin() {
    panics::forget();
    heartbeat::begin_execution();
    pending::renumber();
    leaks::begin();
    with(|execution| {
        execution.yielded.set(false);
        execution.unheard.set(0);
        execution.woken.borrow_mut().clear();
    });
    if let Some(checker) = running() {
        with_runtime!(checker, R => R::begin_execution());
    }
}

/// The last act inside of an execution: the main thread's thread-local values and all that statics hold are destroyed.
/// The race that was found and did not end it, if there was one.
pub(crate) fn end() -> Option<Race> {
    model::end_of_execution();
    heartbeat::end_execution();
    running().and_then(|checker| with_runtime!(checker, R => R::end_execution()))
}
