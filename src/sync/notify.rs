//! loom's `Notify`: one thread waits until another has said so.

use super::monitor::Monitor;
use crate::arm::journal::{self, Key};
use crate::arm::trace::{self, ObjectId};
use crate::base::event::Deed;
use crate::context::{self, Context};
use std::fmt;

/// Wakes the one thread that waits, or the next that does. As loom's of this name: a permit, at most one, that
/// [`Notify::wait`] takes, and with it what was done before it was given.
///
/// A wait never ends without a permit. (loom lets it, and lets the thread that does go on only when no other can, so
/// that what comes of it is hardly ever tried.)
pub struct Notify {
    id: ObjectId,
    /// Carries what the notifiers have done.
    edges: ObjectId,
    state: Monitor<State>,
}

#[derive(Default)]
struct State {
    permit: bool,
    waiting: bool,
}

impl Notify {
    /// Without a permit.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let (id, edges) = match context::current() {
            Context::Real | Context::Process => (0, 0),
            Context::Loom | Context::Shuttle | Context::Rc11 => (trace::new_object(), trace::new_object()),
        };
        journal::made("Notify", Key::id(id), None);
        Notify { id, edges, state: Monitor::new(State::default()) }
    }

    /// Gives the permit, if there is none, and wakes the thread that waits.
    #[track_caller]
    pub fn notify(&self) {
        journal::note("notify", Deed::Other, Key::id(self.id));
        let mut state = self.state.enter();
        trace::release(self.edges);
        state.permit = true;
        self.state.notify_one();
    }

    /// Waits for the permit, and takes it.
    ///
    /// # Panics
    /// If another thread waits.
    #[track_caller]
    pub fn wait(&self) {
        journal::begins("wait", Deed::Other, Key::id(self.id));
        let mut state = self.state.enter();
        assert!(!state.waiting, "only a single thread may wait on `Notify`");
        state.waiting = true;
        while !state.permit {
            state.wait();
        }
        (state.permit, state.waiting) = (false, false);
        trace::acquire(self.edges);
        drop(state);
        journal::note("wait", Deed::Other, Key::id(self.id));
    }
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}
