//! Threads of a loom model: spawning, joining, yielding, and one slot of storage per thread.

use crate::rt::model::SharedIdentity;
use std::cell::RefCell;

loom::thread_local! {
    static SLOT: RefCell<Option<SharedIdentity>> = RefCell::new(None);
}

/// What the facade keeps for the running model thread; `None` before [`set_slot`] and once loom has
/// dropped the thread's storage.
pub(crate) fn slot() -> Option<SharedIdentity> {
    SLOT.try_with(|slot| slot.borrow().clone()).ok().flatten()
}

/// Replaces what the facade keeps for the running model thread.
pub(crate) fn set_slot(value: Option<SharedIdentity>) {
    let old = SLOT.try_with(|slot| slot.replace(value));
    drop(old);
}

/// Waits for one spawned thread.
pub(crate) struct Join(loom::thread::JoinHandle<()>);

/// Starts a model thread. Panics when loom's limit of five threads, the main one included, is reached.
pub(crate) fn spawn(body: impl FnOnce() + 'static) -> Join {
    Join(loom::thread::spawn(body))
}

impl Join {
    /// Blocks until the thread has ended.
    pub(crate) fn join(self) {
        // The body never panics into loom unless the whole execution ends.
        let _ = self.0.join();
    }
}

/// Lets other threads run first: loom keeps a yielded thread back until another has taken a step.
pub(crate) fn yield_now() {
    crate::rt::context::set_yielded(true);
    super::unreduced::progress();
    loom::thread::yield_now();
    super::unreduced::resumes();
    super::step_counter::point();
}
