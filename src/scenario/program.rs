//! A design with its types erased: what engines execute.
//!
//! Checkers call [`Program::execute`], one whole execution on the facade's threads. Real engines lay out
//! many states in memory of their own and let each actor walk them in lock-step, so the types are erased
//! per batch and not per sample: a sample costs no allocation and no dynamic call beyond the actor's own.
//!
//! All `unsafe` here is about that raw memory; each function says what it takes for granted.

use super::counts::Counts;
use super::design::{Bodies, Observe};
use super::outcome::{self, Rule};
use super::{Exit, Grade, Memory, Outcome};
use crate::base::outcome::{Graded, OutcomeCount};
use crate::channel::endpoints;
use crate::choice;
use crate::rt::context;
use crate::rt::model;
use crate::rt::recorder;
use crate::thread;
use std::alloc::Layout;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The payload of the panic that ends an execution because an actor panicked.
pub(crate) struct ActorPanicked {
    /// The actor's place in the design, from 0.
    pub(crate) actor: usize,
}

/// Where a batch of states and returns lies, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layouts {
    /// One state.
    pub(crate) state: Layout,
    /// One return of one actor.
    pub(crate) returned: Layout,
    /// Whether a return owns memory of the process that made it.
    pub(crate) returned_needs_drop: bool,
}

/// A design that can be executed.
pub(crate) trait Program: Send + Sync {
    /// How many actors there are.
    fn actors(&self) -> usize;

    /// One execution, from fresh state to outcome, on the facade's threads of the current context. Counts
    /// the outcome, and returns it if it is forbidden and the first of its value.
    ///
    /// # Panics
    /// With [`ActorPanicked`] if an actor panics; with whatever the checker or the state panics with.
    fn execute(self: Arc<Self>) -> Option<Graded>;

    /// As [`Program::execute`], but counts nothing and returns the outcome, whatever it is.
    ///
    /// # Panics
    /// As [`Program::execute`].
    fn try_out(self: Arc<Self>) -> Graded;

    /// The memory that a batch needs.
    fn layouts(&self) -> Layouts;

    /// Makes `count` fresh states.
    ///
    /// # Safety
    /// `states` points to memory for `count` states, aligned for them, which nothing else touches.
    unsafe fn make(&self, states: *mut u8, count: usize);

    /// Lets one actor act on each state of `range`, in order, and stores what it returns.
    ///
    /// # Safety
    /// `states` points to states made by [`Program::make`], `returns` to memory for as many returns of
    /// this actor, aligned, which nothing else touches; `actor` is less than [`Program::actors`].
    unsafe fn act(&self, actor: usize, states: *const u8, range: Range<usize>, returns: *mut u8);

    /// Observes the first `count` states, counts their outcomes and drops states and returns.
    /// `exits` tells for each actor how it ended, the same for all of these states.
    ///
    /// # Safety
    /// `states` were made by [`Program::make`], every actor that `exits` says to have returned has acted
    /// on them with its array of `returns`, and no thread touches either any more.
    unsafe fn observe(&self, states: *mut u8, count: usize, returns: &[*mut u8], exits: &[Exit<()>]);

    /// Forgets the outcomes counted so far, because an exploration begins anew.
    fn forget_outcomes(&self);

    /// The outcomes counted so far, in the order of their values.
    fn outcomes(&self) -> Vec<OutcomeCount>;

    /// If what was counted can be put together with what was counted elsewhere: how.
    fn countable(&self) -> Option<&dyn Countable> {
        None
    }
}

/// What executions were counted to, by the places of the outcomes in the order in which they were first seen.
pub(crate) trait Countable {
    /// How many different outcomes there are.
    fn distinct(&self) -> usize;

    /// How often each was counted.
    fn counts(&self) -> Vec<u64>;

    /// Counts the outcomes that are known, from the first on, so many times more.
    fn count_more(&self, times: &[u64]);

    /// Sets all counts to zero, and forgets no outcome.
    fn zero(&self);
}

/// The payload of the panic that ends an exploration whose question is answered: the outcome that was
/// counted last is forbidden.
pub(crate) struct Enough {
    pub(crate) outcome: Graded,
}

/// A design with its types.
pub(crate) struct Typed<S, R, O> {
    bodies: Bodies<S, R, O>,
    rules: Arc<Vec<Rule<O>>>,
    counts: Mutex<Counts<O>>,
    /// Whether the first forbidden outcome ends an exploration.
    until_forbidden: bool,
}

impl<S, R, O: Outcome> Typed<S, R, O> {
    pub(crate) fn new(bodies: Bodies<S, R, O>, rules: Arc<Vec<Rule<O>>>) -> Self {
        Self { bodies, rules, counts: Mutex::new(Counts::default()), until_forbidden: false }
    }

    /// The same, for an exploration that ends with the first forbidden outcome.
    pub(crate) fn until_forbidden(self) -> Self {
        Self { until_forbidden: true, ..self }
    }

    /// The state for `observe`, and one for each actor: all the same one, or a copy each.
    fn states(&self) -> (Arc<S>, Vec<Arc<S>>) {
        let actors = self.bodies.actors.len();
        match self.bodies.memory {
            Memory::Shared => {
                let state = Arc::new((self.bodies.state)());
                let shared = vec![Arc::clone(&state); actors];
                (state, shared)
            }
            Memory::Isolated => {
                let make = || endpoints::record(&self.bodies.state);
                let ((state, channels), chosen) = choice::record(make);
                let again = || endpoints::replay(&channels, &self.bodies.state);
                let copy = || Arc::new(choice::replay(&chosen, again));
                (Arc::new(state), (0..actors).map(|_| copy()).collect())
            }
        }
    }

    fn outcome(&self, state: &S, returns: Vec<R>) -> O {
        match &self.bodies.observe {
            Observe::Returns(observe) => observe(state, &returns),
            Observe::Exits(observe) => {
                let exits: Vec<_> = returns.into_iter().map(Exit::Returned).collect();
                observe(state, &exits)
            }
        }
    }

    fn graded(&self, outcome: &O) -> Graded {
        let (grade, sentence) = outcome::grade(&self.rules, outcome);
        Graded { value: format!("{outcome:?}"), grade, sentence: sentence.to_owned() }
    }
}

impl<S, R, O> Typed<S, R, O>
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    /// One execution.
    fn run(self: Arc<Self>) -> O {
        context::set_options(self.bodies.options);
        let (state, copies) = self.states();
        let mut handles: Vec<thread::JoinHandle<R>> = Vec::with_capacity(copies.len());
        for (actor, state) in copies.into_iter().enumerate() {
            let this = Arc::clone(&self);
            // What actors return tells them apart, and so does memory of their own.
            let shared = matches!(self.bodies.memory, Memory::Shared) && size_of::<R>() == 0;
            if let Some(before) = handles.last().filter(|_| shared && self.bodies.alike[actor]) {
                before.thread().next_is_alike();
            }
            handles.push(thread::spawn(move || {
                model::as_actor(ActorPanicked { actor }, || (this.bodies.actors[actor])(&state))
            }));
        }
        let mut returns = Vec::with_capacity(handles.len());
        for (actor, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(returned) => returns.push(returned),
                Err(_) => resume_unwind(Box::new(ActorPanicked { actor })),
            }
        }
        self.outcome(&state, returns)
    }
}

impl<S, R, O> Program for Typed<S, R, O>
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    fn actors(&self) -> usize {
        self.bodies.actors.len()
    }

    fn execute(self: Arc<Self>) -> Option<Graded> {
        let outcome = Arc::clone(&self).run();
        crate::rt::wait_for_others();
        recorder::note_outcome(&outcome);
        if recorder::is_repeating() {
            return None;
        }
        // An execution that is redundant comes out as one that counts: if not, the zero will tell.
        let weight = context::weight();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let first = counts.add(outcome.clone(), weight);
        drop(counts);
        if !first && !self.until_forbidden {
            return None;
        }
        let outcome = self.graded(&outcome);
        match outcome.grade {
            Grade::Forbidden if self.until_forbidden => resume_unwind(Box::new(Enough { outcome })),
            Grade::Forbidden => Some(outcome),
            Grade::Acceptable | Grade::Interesting => None,
        }
    }

    fn try_out(self: Arc<Self>) -> Graded {
        let outcome = Arc::clone(&self).run();
        crate::rt::wait_for_others();
        self.graded(&outcome)
    }

    fn layouts(&self) -> Layouts {
        Layouts {
            state: Layout::new::<S>(),
            returned: Layout::new::<R>(),
            returned_needs_drop: std::mem::needs_drop::<R>(),
        }
    }

    unsafe fn make(&self, states: *mut u8, count: usize) {
        let states = states.cast::<S>();
        for index in 0..count {
            // SAFETY: the caller gives room for `count` states that is ours alone.
            unsafe { states.add(index).write((self.bodies.state)()) };
        }
    }

    unsafe fn act(&self, actor: usize, states: *const u8, range: Range<usize>, returns: *mut u8) {
        let (states, returns) = (states.cast::<S>(), returns.cast::<R>());
        let act = &self.bodies.actors[actor];
        for index in range {
            choice::next_sample();
            // SAFETY: the caller made these states, and only this actor writes to its returns.
            unsafe { returns.add(index).write(act(&*states.add(index))) };
        }
    }

    unsafe fn observe(&self, states: *mut u8, count: usize, returns: &[*mut u8], exits: &[Exit<()>]) {
        let states = states.cast::<S>();
        // Threads observe slices of a batch at the same time, so the lock is for the end.
        let mut counts = Counts::default();
        let mut gathered = Vec::with_capacity(returns.len());
        for index in 0..count {
            // SAFETY: actor `actor` has written its return, which is read here once and for all.
            let returned = |actor: usize| unsafe { returns[actor].cast::<R>().add(index).read() };
            // SAFETY: the caller made this state, and no actor touches it any more.
            let state = unsafe { &*states.add(index) };
            let outcome = match &self.bodies.observe {
                Observe::Returns(observe) => {
                    gathered.extend((0..returns.len()).map(returned));
                    observe(state, &gathered)
                }
                Observe::Exits(observe) => {
                    let exit = |(actor, exit): (usize, &Exit<()>)| match exit {
                        Exit::Returned(()) => Exit::Returned(returned(actor)),
                        Exit::Killed(signal) => Exit::Killed(*signal),
                        Exit::Exited(code) => Exit::Exited(*code),
                    };
                    let exits: Vec<_> = exits.iter().enumerate().map(exit).collect();
                    observe(state, &exits)
                }
            };
            gathered.clear();
            counts.add(outcome, 1);
            // SAFETY: as above; this state is never used again.
            unsafe { states.add(index).drop_in_place() };
        }
        let mut total = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (outcome, count) in counts.into_iter() {
            total.add(outcome, count);
        }
    }

    fn countable(&self) -> Option<&dyn Countable> {
        Some(self)
    }

    fn forget_outcomes(&self) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
    }

    fn outcomes(&self) -> Vec<OutcomeCount> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = counts.iter().collect();
        sorted.sort();
        let graded = |(value, count): (&O, u64)| {
            let (grade, sentence) = outcome::grade(&self.rules, value);
            OutcomeCount { value: format!("{value:?}"), grade, sentence: sentence.to_owned(), count }
        };
        sorted.into_iter().map(graded).collect()
    }
}

impl<S, R, O: Outcome> Typed<S, R, O> {
    fn counted(&self) -> MutexGuard<'_, Counts<O>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, R, O: Outcome> Countable for Typed<S, R, O> {
    fn distinct(&self) -> usize {
        self.counted().distinct()
    }

    fn counts(&self) -> Vec<u64> {
        self.counted().in_order()
    }

    fn count_more(&self, times: &[u64]) {
        let mut counts = self.counted();
        times.iter().enumerate().for_each(|(place, times)| counts.add_to(place, *times));
    }

    fn zero(&self) {
        self.counted().zero();
    }
}
