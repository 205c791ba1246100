//! The permit that `unpark` leaves and `park` takes, for model threads.
//!
//! The engines' own will not do: loom's `Condvar::wait` eats a permit, and shuttle's park returns
//! spuriously at random. This one does neither.

use crate::arm::trace::{self, Token};
use crate::sync::monitor::Monitor;

/// One thread's permit: at most one at a time.
pub(crate) struct Permit(Monitor<State>);

#[derive(Default)]
struct State {
    available: bool,
    /// The pasts of those whose unparking made or found the permit available.
    past: Vec<Token>,
}

impl Permit {
    /// Not available yet.
    pub(crate) fn new() -> Self {
        Self(Monitor::new(State::default()))
    }

    /// Makes the permit available.
    pub(crate) fn release(&self) {
        let past = trace::token();
        let mut state = self.0.enter();
        state.available = true;
        state.past.push(past);
        drop(state);
        self.0.notify_one();
    }

    /// Waits for the permit and takes it. Only the thread that it belongs to may ask.
    pub(crate) fn take(&self) {
        let mut state = self.0.enter();
        while !state.available {
            state.wait();
        }
        state.take();
    }

    /// Takes the permit if it is available.
    pub(crate) fn try_take(&self) -> bool {
        let mut state = self.0.enter();
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
