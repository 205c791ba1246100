//! Actors walking an array of states, side by side.
//!
//! Left alone, one actor soon runs ahead and the two never meet in a state again. So actors that keep
//! [`Pace`] publish where they are every few states and wait, within reason, for those who are behind.
//! Pace is a matter of hit rates alone: the actor that waits in vain walks on, and nothing depends on it.

use super::barrier::Apart;
use super::batch_config::BatchConfig;
use crate::scenario::Exit;
use crate::scenario::program::{Layouts, Program};
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// The most actors that a real engine runs.
pub(crate) const MOST_ACTORS: usize = 16;

/// Looks at the others before an actor no longer waits for them in this array.
const PACE_SPINS: u32 = 2000;

/// Where each actor is in the array. Zeroed memory is a valid start.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Pace {
    reached: [Apart<AtomicU32>; MOST_ACTORS],
}

impl Pace {
    /// Puts an actor before the first state; to be called before the barrier that starts an array.
    pub(crate) fn rewind(&self, actor: usize) {
        self.reached[actor].0.store(0, Ordering::Relaxed);
    }

    /// Says that `actor` is at `place`, and waits until all of `actors` are; false if in vain.
    #[inline]
    fn meet(&self, actor: usize, actors: usize, place: u32) -> bool {
        self.reached[actor].0.store(place, Ordering::Relaxed);
        (0..actors).all(|other| {
            let behind = || self.reached[other].0.load(Ordering::Relaxed) < place;
            let mut spins = 0;
            while behind() {
                spins += 1;
                if spins > PACE_SPINS {
                    return false;
                }
                spin_loop();
            }
            true
        })
    }
}

/// Where the states and the returns of a design lie: one array of states, and for each actor one of its
/// returns.
#[derive(Debug)]
pub(crate) struct Plot {
    states: *mut u8,
    returns: Vec<*mut u8>,
    state_bytes: usize,
    return_bytes: usize,
}

// SAFETY: the pointers name memory that the owner of the plot keeps mapped; every method that follows
// them is unsafe and says who may touch what.
unsafe impl Send for Plot {}
// SAFETY: as above.
unsafe impl Sync for Plot {}

impl Plot {
    /// The bytes that `capacity` states need, and those that the returns of all actors need.
    pub(crate) fn bytes(layouts: &Layouts, actors: usize, capacity: usize) -> (usize, usize) {
        let states = layouts.state.size() * capacity;
        (states, Self::returns_apart(layouts, capacity) * actors)
    }

    /// The distance between the returns of two actors: they never share a cache line.
    fn returns_apart(layouts: &Layouts, capacity: usize) -> usize {
        (layouts.returned.size() * capacity).next_multiple_of(layouts.returned.align().max(128))
    }

    /// A plot over memory of as many bytes as [`Plot::bytes`] says, aligned for states and returns.
    pub(crate) fn new(
        layouts: &Layouts,
        actors: usize,
        capacity: usize,
        states: *mut u8,
        returns: *mut u8,
    ) -> Self {
        let apart = Self::returns_apart(layouts, capacity);
        Self {
            states,
            returns: (0..actors).map(|actor| returns.wrapping_add(actor * apart)).collect(),
            state_bytes: layouts.state.size(),
            return_bytes: layouts.returned.size(),
        }
    }

    /// The address of a state.
    pub(crate) fn state(&self, index: usize) -> *mut u8 {
        self.states.wrapping_add(index * self.state_bytes)
    }

    /// The part of an array of `stride` states that `actor` makes, if each makes its own.
    pub(crate) fn share(&self, actor: usize, stride: usize) -> Range<usize> {
        let actors = self.returns.len();
        stride * actor / actors..stride * (actor + 1) / actors
    }

    /// Makes the states of `range`.
    ///
    /// # Safety
    /// The memory is mapped, holds no states there that must be dropped, and no other actor touches it.
    pub(crate) unsafe fn make(&self, program: &dyn Program, range: Range<usize>) {
        // SAFETY: the caller's promise, for a part of the array that lies within it.
        unsafe { program.make(self.state(range.start), range.len()) };
    }

    /// Observes and drops the states of `range`, and drops their returns.
    ///
    /// # Safety
    /// The states were made, every actor that `exits` says to have returned has walked them, and no actor
    /// else touches them or their returns any more.
    pub(crate) unsafe fn observe(&self, program: &dyn Program, range: Range<usize>, exits: &[Exit<()>]) {
        let mut returns = [std::ptr::null_mut(); MOST_ACTORS];
        let returns = &mut returns[..self.returns.len()];
        for (part, whole) in returns.iter_mut().zip(&self.returns) {
            *part = whole.wrapping_add(range.start * self.return_bytes);
        }
        // SAFETY: the caller's promise, for a part of the arrays that lies within them.
        unsafe { program.observe(self.state(range.start), range.len(), returns, exits) };
    }

    /// Lets an actor walk the first `config.stride` states, at the config's pace.
    ///
    /// # Safety
    /// The states were made; this actor's returns are not touched by any other actor meanwhile.
    pub(crate) unsafe fn walk(
        &self,
        program: &dyn Program,
        walker: &mut Walker,
        config: BatchConfig,
        pace: &Pace,
    ) {
        let actor = walker.actor;
        let returns = self.returns[actor];
        // SAFETY: the caller's promise; ranges never reach beyond the stride.
        let act = |range| unsafe { program.act(actor, self.states, range, returns) };
        if config.chunk == 0 {
            return act(0..config.stride);
        }
        let mut together = true;
        for start in (0..config.stride).step_by(config.chunk) {
            let place = start as u32;
            together = together && pace.meet(actor, self.returns.len(), place);
            walker.linger(config.skew);
            act(start..config.stride.min(start + config.chunk));
        }
    }
}

/// An actor on its way, with small random delays of its own, so that actors do not always meet with the
/// same offset.
#[derive(Debug)]
pub(crate) struct Walker {
    actor: usize,
    random: u32,
}

impl Walker {
    /// The walker for the actor at this place of the design. Another seed, other delays.
    pub(crate) fn new(actor: usize, seed: u32) -> Self {
        let mixed = seed.wrapping_mul(16).wrapping_add(actor as u32);
        Self {
            actor,
            // Odd times odd is odd: the generator must not start at zero.
            random: 0x9E37_79B9_u32.wrapping_mul(mixed.wrapping_mul(2) | 1),
        }
    }

    /// Wastes up to `most` steps of about a nanosecond.
    #[inline]
    fn linger(&mut self, most: u32) {
        if most > 0 {
            // Marsaglia, "Xorshift RNGs" (2003), the triple 13, 17, 5.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 17;
            self.random ^= self.random << 5;
            for step in 0..self.random % most {
                std::hint::black_box(step);
            }
        }
    }
}
