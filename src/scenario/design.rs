//! Designs: state, actors, observation, memory placement, expected verdict.

use super::{Engine, Exit, Expected, Memory, Outcome};
use crate::rt::context::Options;
use serde::{Deserialize, Serialize};

/// A state without actors yet; see [`Design::new`].
pub struct Blank<S> {
    state: Box<dyn Fn() -> S + Send + Sync>,
}

/// What an actor does; its value is one of the returns.
pub(crate) type ActorFn<S, R> = Box<dyn Fn(&S) -> R + Send + Sync>;

/// Reads the outcome off the state and what the actors left.
type ObserveFn<S, R, O> = Box<dyn Fn(&S, &[R]) -> O + Send + Sync>;

/// How the outcome is read off at the end.
pub(crate) enum Observe<S, R, O> {
    Returns(ObserveFn<S, R, O>),
    Exits(ObserveFn<S, Exit<R>, O>),
}

/// The closures of a design.
pub(crate) struct Bodies<S, R, O> {
    pub(crate) state: Box<dyn Fn() -> S + Send + Sync>,
    pub(crate) actors: Vec<ActorFn<S, R>>,
    /// Of each actor, whether it does the same as the one before.
    pub(crate) alike: Vec<bool>,
    pub(crate) observe: Observe<S, R, O>,
    pub(crate) memory: Memory,
    pub(crate) options: Options,
}

/// All that a design says but for its closures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) actors: Vec<String>,
    pub(crate) isolated: bool,
    pub(crate) survives_deaths: bool,
    pub(crate) expected: Option<Expected>,
    pub(crate) expected_on: Vec<(Engine, Expected, String)>,
    pub(crate) excluded: Vec<(Engine, String)>,
    pub(crate) must_see: Vec<Engine>,
    pub(crate) options: Options,
}

impl Facts {
    /// The expected verdict on `engine`, and why it differs from the design's, if it does.
    pub(crate) fn expected_on(&self, engine: Engine) -> (Expected, Option<&str>) {
        let of = |engine| self.expected_on.iter().find(|(on, ..)| *on == engine);
        match of(engine).or_else(|| of(engine.of_the_same_model()?)) {
            Some((_, expected, reason)) => (*expected, Some(reason)),
            None => (self.expected.unwrap_or(Expected::Safe), None),
        }
    }

    /// With the verdict that is expected on one engine, and why.
    pub(crate) fn expecting_on(mut self, engine: Engine, expected: Expected, reason: &str) -> Self {
        self.expected_on.push((engine, expected, reason.to_owned()));
        self
    }

    /// Without an engine, for a reason.
    pub(crate) fn without(mut self, engine: Engine, reason: &str) -> Self {
        self.excluded.push((engine, reason.to_owned()));
        self
    }

    /// Without all engines but these, for a reason.
    pub(crate) fn without_all_but(self, engines: &[Engine], reason: &str) -> Self {
        let others = Engine::ALL.into_iter().filter(|engine| !engines.contains(engine));
        others.fold(self, |facts, engine| facts.without(engine, reason))
    }

    /// Why the design does not run on `engine`, if it does not.
    pub(crate) fn excluded_from(&self, engine: Engine) -> Option<&str> {
        // One search, of two models.
        let engine = if engine == Engine::Rc11Sc { Engine::Rc11 } else { engine };
        self.excluded.iter().find(|(from, _)| *from == engine).map(|(_, reason)| reason.as_str())
    }
}

/// One way to build it. `S` is the state, `R` what each actor returns, `O` the outcome; `O` is
/// `Unobserved` until [`observe`](Design::observe) is called.
pub struct Design<S, R, O = Unobserved> {
    state: Box<dyn Fn() -> S + Send + Sync>,
    actors: Vec<ActorFn<S, R>>,
    alike: Vec<bool>,
    observe: Option<Observe<S, R, O>>,
    facts: Facts,
}

/// The outcome type of a design that has no observation yet.
#[derive(Clone, Copy, Debug)]
pub enum Unobserved {}

impl Design<(), (), Unobserved> {
    /// Starts a design with its state, which is made anew for every execution.
    ///
    /// Whatever the actors share must be made inside the closure, of the types of this crate's `sync`,
    /// `cell`, `channel` and `thread`: a checker cannot see any other.
    // A design is never made whole by `new` alone: the actors decide its return type.
    #[expect(clippy::new_ret_no_self, reason = "the type changes with the first actor")]
    pub fn new<S>(state: impl Fn() -> S + Send + Sync + 'static) -> Blank<S> {
        Blank { state: Box::new(state) }
    }
}

impl<S> Blank<S> {
    /// Adds the first actor, by name. All actors of a design return the same type.
    pub fn actor<R>(self, name: &str, act: impl Fn(&S) -> R + Send + Sync + 'static) -> Design<S, R> {
        self.begin().actor(name, act)
    }

    /// Adds `count` actors that do the same, named A, B, C, …: see [`Design::actors`].
    pub fn actors<R>(
        self,
        count: usize,
        act: impl Fn(&S) -> R + Clone + Send + Sync + 'static,
    ) -> Design<S, R> {
        self.begin().actors(count, act)
    }

    pub(super) fn begin<R>(self) -> Design<S, R> {
        Design {
            state: self.state,
            actors: Vec::new(),
            alike: Vec::new(),
            observe: None,
            facts: Facts::default(),
        }
    }
}

impl<S, R> Design<S, R> {
    /// Adds an actor, by name.
    #[must_use]
    pub fn actor(self, name: &str, act: impl Fn(&S) -> R + Send + Sync + 'static) -> Self {
        self.add(name, act, false)
    }

    /// Adds `count` actors that do the same, named on from A, B, C, …
    ///
    /// If they return nothing, and the first thing that each does is to update the same atomic or to take the same lock,
    /// rc11 explores one of the orders in which they may do that, for all: they could only be told apart by name.
    #[must_use]
    pub fn actors(mut self, count: usize, act: impl Fn(&S) -> R + Clone + Send + Sync + 'static) -> Self {
        for index in 0..count {
            let name = actor_letter(self.actors.len());
            self = self.add(&name, act.clone(), index > 0);
        }
        self
    }

    /// Adds an actor, which may be one that does the same as the last.
    fn add(mut self, name: &str, act: impl Fn(&S) -> R + Send + Sync + 'static, alike: bool) -> Self {
        self.actors.push(Box::new(act));
        self.alike.push(alike);
        self.facts.actors.push(name.to_owned());
        self
    }

    /// Reads the outcome off the state and the actors' returns (in the order of the actors), after all
    /// actors have ended.
    #[must_use]
    pub fn observe<O: Outcome>(
        self,
        observe: impl Fn(&S, &[R]) -> O + Send + Sync + 'static,
    ) -> Design<S, R, O> {
        self.observed(Observe::Returns(Box::new(observe)), false)
    }

    /// Like [`observe`](Design::observe), for a design that survives the death of an actor: an actor that
    /// dies is then part of the outcome, where each actor is a process, and no crash of the design.
    #[must_use]
    pub fn observe_exits<O: Outcome>(
        self,
        observe: impl Fn(&S, &[Exit<R>]) -> O + Send + Sync + 'static,
    ) -> Design<S, R, O> {
        self.observed(Observe::Exits(Box::new(observe)), true)
    }

    fn observed<O>(self, observe: Observe<S, R, O>, survives_deaths: bool) -> Design<S, R, O> {
        let facts = Facts { survives_deaths, ..self.facts };
        Design { state: self.state, actors: self.actors, alike: self.alike, observe: Some(observe), facts }
    }
}

impl<S, R, O> Design<S, R, O> {
    /// Gives each actor, and `observe`, a copy of the state of its own: what one writes, no other sees.
    /// Channels made in the state are shared all the same.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.facts.isolated = true;
        self
    }

    /// Lets waits end for no reason under the checkers, as `std` allows: `Condvar::wait` and its kin, and
    /// `thread::park`. What waits without a loop around it is found that way.
    ///
    /// At most once for each thread and each place in the source that waits: where that is not all there
    /// could be, the evidence is bounded and says so. On the real engines waits end as the system has it.
    #[must_use]
    pub fn spurious_wakeups(mut self) -> Self {
        self.facts.options.spurious_wakeups = true;
        self
    }

    /// Lets executions go on past a data race on [`Plain`](crate::cell::Plain) memory, where the checker can:
    /// under shuttle, which then tries all orders of the accesses, so that the report has what comes of the
    /// race. The verdict is a data race all the same.
    ///
    /// Limits: the language promises nothing after a data race; the outcomes are those of whole accesses, one
    /// after the other. A race on an [`UnsafeCell`](crate::cell::UnsafeCell) ends the execution, and so does
    /// any race under loom.
    #[must_use]
    pub fn past_races(mut self) -> Self {
        self.facts.options.past_races = true;
        self
    }

    /// The verdict that is expected on every engine that can show it. Safe if never called.
    #[must_use]
    pub fn expect(mut self, expected: Expected) -> Self {
        self.facts.expected = Some(expected);
        self
    }

    /// The verdict that is expected on one engine, where it differs, and the reason.
    #[must_use]
    pub fn expect_on(self, engine: Engine, expected: Expected, reason: &str) -> Self {
        Self { facts: self.facts.expecting_on(engine, expected, reason), ..self }
    }

    /// Keeps the design from an engine, for a reason that the reports show.
    #[must_use]
    pub fn not_on(self, engine: Engine, reason: &str) -> Self {
        Self { facts: self.facts.without(engine, reason), ..self }
    }

    /// Keeps the design from all engines but these, for a reason that the reports show.
    #[must_use]
    pub fn only_on(self, engines: &[Engine], reason: &str) -> Self {
        Self { facts: self.facts.without_all_but(engines, reason), ..self }
    }

    /// Demands that a real engine really shows the expected failure, where it is certain or very likely;
    /// without this, a real engine may show it or not.
    #[must_use]
    pub fn must_see(mut self, engine: Engine) -> Self {
        self.facts.must_see.push(engine);
        self
    }
}

impl<S, R, O: Outcome> Design<S, R, O> {
    pub(crate) fn split(self) -> (Facts, Bodies<S, R, O>) {
        let memory = if self.facts.isolated { Memory::Isolated } else { Memory::Shared };
        let observe = self.observe.expect("an outcome type other than Unobserved comes from observe alone");
        let options = self.facts.options;
        let Self { state, actors, alike, facts, .. } = self;
        (facts, Bodies { state, actors, alike, observe, memory, options })
    }
}

/// A, B, …, Z, A1, B1, …
fn actor_letter(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    match index / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}
