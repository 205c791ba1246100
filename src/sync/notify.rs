//! loom's `Notify`: one thread waits until another has said so.

use crate::base::event::{CLONE, EventKind, SLEEP, WAKE, WAKER};
use crate::rt;
use crate::rt::monitor::Monitor;
use crate::rt::past::{self, ObjectId, Site};
use crate::rt::statics::made::{Made, Part};
use crate::rt::statics::{self, Held};
use crate::rt::trace::{self, Key};
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
    /// Who serves it, if a const fn has made it.
    made: Option<Made<Notify>>,
}

#[derive(Default)]
struct State {
    permit: bool,
    waiting: bool,
}

impl Part for Notify {
    const NAMED: bool = true;
    const LENDS: bool = false;
}

impl Held for Notify {
    fn outlive(self: Box<Self>) {}
}

impl Notify {
    /// Without a permit, for a `static`: it begins anew in each execution under a checker.
    ///
    /// It serves one process: a state that several share needs [`Notify::new`].
    #[must_use]
    pub const fn const_new() -> Self {
        let state = Monitor::real(State { permit: false, waiting: false });
        Notify { id: 0, edges: 0, state, made: Some(Made::new::<Notify, ()>()) }
    }

    /// One that is there from the beginning of the execution.
    fn first() -> Self {
        let notify = Notify::unseen(Monitor::used_before_known);
        trace::made_unplaced("Notify", Key::id(notify.id));
        notify
    }

    /// The one that serves.
    fn serving(&self) -> &Self {
        let Some(made) = &self.made else { return self };
        made.whole(self, "Notify", Notify::first)
    }

    /// Without a permit.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let notify = Notify::unseen(Monitor::new);
        trace::made("Notify", Key::id(notify.id), None);
        notify
    }

    /// What a thread waits for that polls a future, and is woken by through its waker. Of that std's channels and
    /// cells may have been the way to the thread that wakes.
    pub(crate) fn of_waker() -> Self {
        let notify = Notify::unseen(|state| {
            statics::name_unseen();
            Monitor::used_before_known(state)
        });
        trace::made_unseen(WAKER, Key::id(notify.id));
        notify
    }

    fn unseen(monitor: fn(State) -> Monitor<State>) -> Self {
        let (id, edges) = match rt::running() {
            None => (0, 0),
            Some(_) => (past::new_object(), past::new_object()),
        };
        Notify { id, edges, state: monitor(State::default()), made: None }
    }

    /// The waker of this was cloned.
    pub(crate) fn cloned(&self) {
        trace::note_unplaced(CLONE, EventKind::Other, Key::id(self.id));
    }

    /// Gives the permit, if there is none, and wakes the thread that waits.
    #[track_caller]
    pub fn notify(&self) {
        let this = self.serving();
        trace::note("notify", EventKind::Other, Key::id(this.id));
        this.give();
    }

    /// As [`Notify::notify`], by a waker, which does not know its caller.
    pub(crate) fn wake(&self) {
        trace::note_unplaced(WAKE, EventKind::Other, Key::id(self.id));
        self.give();
    }

    fn give(&self) {
        let mut state = self.state.enter();
        past::release(self.edges);
        state.permit = true;
        self.state.notify_one();
    }

    /// Waits for the permit, and takes it.
    ///
    /// # Panics
    /// If another thread waits.
    #[track_caller]
    pub fn wait(&self) {
        let this = self.serving();
        trace::begins("wait", EventKind::Other, Key::id(this.id));
        this.take();
        trace::note("wait", EventKind::Other, Key::id(this.id));
    }

    /// As [`Notify::wait`], by a thread that polls a future.
    pub(crate) fn sleep(&self, site: Site) {
        trace::begins_at(SLEEP, EventKind::Other, Key::id(self.id), site);
        self.take();
        trace::note_at(SLEEP, EventKind::Other, Key::id(self.id), site);
    }

    fn take(&self) {
        let mut state = self.state.enter();
        assert!(!state.waiting, "only a single thread may wait on `Notify`");
        state.waiting = true;
        while !state.permit {
            state.wait();
        }
        (state.permit, state.waiting) = (false, false);
        past::acquire(self.edges);
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
