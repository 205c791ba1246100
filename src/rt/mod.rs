//! What each engine gives the facade to stand on: one runtime per engine that brings primitives of its own.
//!
//! The facade (`sync`, `thread`, `cell`, `channel`) picks a runtime when an object is made, and speaks only
//! of the runtime's `RawMutex`, `RawCondvar`, …; nothing outside this folder and `engine/` names loom or
//! shuttle. A new engine is one more file here.

pub(crate) mod journal;
pub(crate) mod loom;
pub(crate) mod loom_thread;
pub(crate) mod operation;
pub(crate) mod process;
pub(crate) mod rc11;
pub(crate) mod recorder;
pub(crate) mod shuttle;
mod shuttle_block;
pub(crate) mod shuttle_end;
pub(crate) mod shuttle_thread;
pub(crate) mod shuttle_tracking;
pub(crate) mod trace;

use crate::context::{self, Context};
use std::any::Any;
use std::sync::Arc;

/// What the thread module keeps for each model thread.
pub(crate) type Slot = Arc<dyn Any + Send + Sync>;

/// The context in which an object that is made now belongs: [`context::current`], but for destructors
/// that run when the model around them has ended, where only real objects still work.
pub(crate) fn made_for() -> Context {
    match context::current() {
        Context::Loom if !loom::alive() => Context::Real,
        Context::Shuttle if !shuttle::alive() => Context::Real,
        Context::Rc11 if !rc11::alive() => Context::Real,
        context => context,
    }
}

/// Who is unwinding, among the model threads that share one operating-system thread and with it one
/// `std::thread::panicking()`.
pub(crate) mod unwinding {
    use std::cell::Cell;

    thread_local! {
        static UNWINDER: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Who unwinds, as far as is known.
    pub(super) fn who() -> Option<u64> {
        if std::thread::panicking() { UNWINDER.get() } else { None }
    }

    /// Whether the model thread `me` is the one that panics. Exact while every scheduling point asks
    /// first, because then the first to ask is the one whose panic it is.
    ///
    /// Limit: of several model threads that unwind at once only the first is recognised.
    pub(crate) fn is(me: impl FnOnce() -> u64) -> bool {
        if !std::thread::panicking() {
            UNWINDER.set(None);
            return false;
        }
        let me = me();
        let unwinder = UNWINDER.get().unwrap_or(me);
        UNWINDER.set(Some(unwinder));
        unwinder == me
    }
}
