//! Threads of a shuttle execution: spawning, joining, yielding, and one slot of storage per thread.
//!
//! Each scheduling point is announced first, so that a scheduler that looks at operations sees it.

use super::trace::{self, Kind, ObjectId};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

shuttle::thread_local! {
    static SLOT: RefCell<Option<Rc<dyn Any>>> = RefCell::new(None);
}

/// What the facade keeps for the running task; `None` before [`set_slot`] and once shuttle has
/// dropped the task's storage.
pub(crate) fn slot() -> Option<Rc<dyn Any>> {
    SLOT.try_with(|slot| slot.borrow().clone()).ok().flatten()
}

/// Replaces what the facade keeps for the running task.
pub(crate) fn set_slot(value: Option<Rc<dyn Any>>) {
    let old = SLOT.try_with(|slot| slot.replace(value));
    drop(old);
}

/// Waits for one spawned thread.
pub(crate) struct Join {
    object: ObjectId,
    handle: shuttle::thread::JoinHandle<()>,
}

/// A closure that may go to a shuttle thread although it is not `Send`.
struct Body(Box<dyn FnOnce()>);

// SAFETY: shuttle asks for `Send` because its API mirrors std's, but runs every task of an execution as
// a coroutine of the one operating-system thread that started the execution.
unsafe impl Send for Body {}

impl Body {
    fn run(self) {
        (self.0)();
    }
}

/// Starts a task; `object` names it to the scheduler.
pub(crate) fn spawn(object: ObjectId, body: Box<dyn FnOnce()>) -> Join {
    let body = Body(body);
    trace::announce(object, Kind::Spawn);
    Join { object, handle: shuttle::thread::spawn(move || body.run()) }
}

impl Join {
    /// Blocks until the task has ended.
    pub(crate) fn join(self) {
        trace::announce(self.object, Kind::Join);
        // The body never panics into shuttle unless the whole execution ends.
        let _ = self.handle.join();
    }
}

/// Lets other tasks run first, if the scheduler heeds the hint.
pub(crate) fn yield_now(object: ObjectId) {
    trace::announce(object, Kind::Yield);
    shuttle::thread::yield_now();
}

/// A scheduling point before a look at whether the thread `object` has ended.
pub(crate) fn look(object: ObjectId) {
    trace::announce(object, Kind::Load);
    super::shuttle::switch();
}
