//! The permit that `unpark` leaves and `park` takes, for model threads.
//!
//! The engines' own will not do: loom's `Condvar::wait` eats a permit, and shuttle's park returns
//! spuriously at random. This one does neither.
//!
//! It is made on first use, for most threads never park; but where a runtime asks for it with the thread it belongs to.

use super::Checker;
use super::monitor::Monitor;
use super::past::{self, Token};
use super::runtime::Runtime;
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
    pub(crate) fn new(checker: Checker, thread: u64) -> Self {
        let permit = Permit::default();
        // Whichever thread comes first, it is the same one.
        if with_runtime!(checker, R => R::makes_permits(thread)) {
            permit.0.get_or_init(|| Box::new(Monitor::new(State::default())));
        }
        permit
    }

    fn monitor(&self) -> &Monitor<State> {
        if self.0.get().is_none() {
            let made = Box::new(Monitor::used_before_known(State::default()));
            // Another thread may have made it meanwhile: theirs counts then.
            let _ = self.0.set(made);
        }
        self.0.get().expect("it has just been made")
    }

    /// Makes the permit available.
    pub(crate) fn release(&self) {
        let past = past::token();
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
            past::receive(&past);
        }
    }
}
