//! The permit that `unpark` leaves and `park` takes, for model threads.
//!
//! The engines' own will not do: loom's `Condvar::wait` eats a permit, and shuttle's park returns
//! spuriously at random. This one does neither.
//!
//! It is made on first use, for most threads never park; but where loom is to be exact with the thread it belongs
//! to, because there the lock itself would be taken for one that is used before it is made.

use crate::context::{self, Context};
use crate::rt;
use crate::rt::trace::{self, Token};
use crate::sync::monitor::Monitor;
use std::sync::OnceLock;

/// One thread's permit: at most one at a time. Most threads never park, so it is made on first use.
#[derive(Default)]
pub(crate) struct Permit(OnceLock<Box<Monitor<State>>>);

#[derive(Default)]
struct State {
    available: bool,
    /// The pasts of those whose unparking made or found the permit available.
    past: Vec<Token>,
}

impl Permit {
    /// The permit of a thread that has not begun.
    pub(crate) fn new(thread: u64) -> Self {
        let permit = Permit::default();
        if context::current() == Context::Rc11 {
            // Whichever thread comes first, it is the same one.
            rt::rc11::name_ahead((rt::rc11::OF_PERMITS, u32::try_from(thread).unwrap_or(u32::MAX)));
            permit.0.get_or_init(|| Box::new(Monitor::new(State::default())));
        }
        if context::current() == Context::Loom && rt::loom::exactly() {
            permit.0.get_or_init(|| Box::new(Monitor::new(State::default())));
        }
        permit
    }

    fn monitor(&self) -> &Monitor<State> {
        if self.0.get().is_none() {
            let made = Box::new(Monitor::new(State::default()));
            if context::current() == Context::Loom {
                // loom takes a first use that is not ordered after the making for a race; the thread that enters
                // after this is.
                drop(made.enter());
            }
            // Another thread may have made it meanwhile: theirs counts then.
            let _ = self.0.set(made);
        }
        self.0.get().expect("it has just been made")
    }

    /// Makes the permit available.
    pub(crate) fn release(&self) {
        let past = trace::token();
        let mut state = self.monitor().enter();
        state.available = true;
        state.past.push(past);
        drop(state);
        self.monitor().notify_one();
    }

    /// Waits for the permit and takes it. Only the thread that it belongs to may ask.
    pub(crate) fn take(&self) {
        let mut state = self.monitor().enter();
        while !state.available {
            state.wait();
        }
        state.take();
    }

    /// Takes the permit if it is available.
    pub(crate) fn try_take(&self) -> bool {
        let mut state = self.monitor().enter();
        let available = state.available;
        if available {
            state.take();
        }
        available
    }
}

impl State {
    fn take(&mut self) {
        self.available = false;
        for past in self.past.drain(..) {
            trace::receive(&past);
        }
    }
}
