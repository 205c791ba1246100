//! What the benchmarks need of the inside: engines without a worker process around them. Not for others.

use super::mapping::Shared;
use crate::base::budget::Budget;
use crate::base::budget::{DEFAULT_SEED, Effort};
use crate::base::observation::Exploration;
use crate::engine::{self, Heartbeat, Helping, Holder, Slots, Task};
use crate::rt::context;
use crate::rt::execution;
use crate::rt::model;
use crate::rt::{pending, trace};
use crate::scenario::{Engine, Outcome, Scenario};
use std::time::{Duration, Instant};

/// Puts this thread into the context of an engine until the value is dropped.
pub fn enter(engine: Engine) -> impl Drop {
    crate::rt::panics::install_once();
    context::enter(engine::adapter(engine).context())
}

/// Chooses as another scheduler does, and tells the facade, which needs to be told.
pub use crate::rt::shuttle::tracking::Tracking;

/// What is found out about an execution while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Nothing.
    Not,
    /// Whether it races.
    Clocks,
    /// Whether it races, and every event.
    ClocksAndEvents,
}

/// Runs one execution under a checker as its engine does.
pub fn execution(model: impl Fn(), watched: Watched) {
    execution::begin();
    if watched == Watched::Not {
        pending::begin(false);
    }
    if watched == Watched::ClocksAndEvents {
        trace::begin(model::number);
    }
    model();
    execution::end();
    trace::stop();
}

/// How many seconds it takes to find a failure of a scenario's first design under shuttle and to shorten its
/// schedule to a witness, and how many events that has.
///
/// # Panics
/// If there is no design, or it does not fail.
pub fn witness<O: Outcome>(scenario: Scenario<O>) -> (f64, usize) {
    let erased = scenario.erase();
    let design = erased.designs.first().expect("a scenario with a design");
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let task = Task::new(design, Effort::Normal.budget(DEFAULT_SEED), heartbeat);
    let start = Instant::now();
    let seen = engine::observe(Engine::Shuttle, &task).expect("the engine works");
    let seconds = start.elapsed().as_secs_f64();
    (seconds, seen.witnesses.first().expect("a failing design has a witness").events.len())
}

/// What a real engine saw of a scenario's only design.
pub struct Sampled {
    /// Samples per second of wall-clock time, the engine's own start included.
    pub per_second: f64,
    /// How often each outcome was seen.
    pub outcomes: Vec<(String, u64)>,
}

impl Sampled {
    /// The share of samples that ended in this outcome, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn share_of(&self, outcome: &str) -> f64 {
        let all: u64 = self.outcomes.iter().map(|(_, count)| count).sum();
        let these = self.outcomes.iter().find(|(value, _)| value == outcome).map_or(0, |(_, count)| *count);
        these as f64 / all.max(1) as f64
    }
}

/// Samples a scenario's first design in this process, which must have no other thread.
///
/// # Panics
/// If there is no design, or the engine cannot do its work.
pub fn sample<O: Outcome>(engine: Engine, scenario: Scenario<O>, time: Duration) -> Sampled {
    let erased = scenario.erase();
    let design = erased.designs.first().expect("a scenario with a design");
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let budget = Budget { sampling_ms: milliseconds, ..Effort::Normal.budget(DEFAULT_SEED) };
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let task = Task::new(design, budget, heartbeat);
    let start = Instant::now();
    let seen = engine::observe(engine, &task).expect("the engine works");
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let per_second = seen.executions as f64 / start.elapsed().as_secs_f64();
    assert!(seen.executions > 0, "{engine} executed nothing: {seen:?}");
    let outcomes = seen.outcomes.into_iter().map(|outcome| (outcome.value, outcome.count)).collect();
    Sampled { per_second, outcomes }
}

/// What an exploration under a checker came to.
#[derive(Clone, Copy, Debug)]
pub struct Explored {
    /// Executions that came to an end.
    pub executions: u64,
    /// Others that were begun.
    pub others: u64,
    /// Whether that is all there is.
    pub complete: bool,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
}

/// Explores a scenario's first design under a checker in this process, up to so many executions.
///
/// # Panics
/// If there is no design, or it fails.
pub fn explore<O: Outcome>(engine: Engine, scenario: Scenario<O>, executions: u64) -> Explored {
    explore_with(None, engine, scenario, executions)
}

/// As [`explore`], on up to so many cores. This process must have no other thread.
///
/// # Panics
/// As [`explore`]; or if the system has no memory to share.
pub fn explore_on<O: Outcome>(
    cores: usize,
    engine: Engine,
    scenario: Scenario<O>,
    executions: u64,
) -> Explored {
    let (slots, _file) = Shared::<Slots>::create("selvedge-slots").expect("memory to share");
    slots.get().open(cores);
    let process = std::process::id();
    let own = slots.get().claim(Holder { family: process, process }).expect("a free slot");
    // Helpers are gone when the search is over, but nothing says so to the compiler.
    let slots: &'static Shared<Slots> = Box::leak(Box::new(slots));
    let helping = Helping { slots: slots.get(), own, after: super::worker::ALONE };
    explore_with(Some(helping), engine, scenario, executions)
}

fn explore_with<O: Outcome>(
    helping: Option<Helping>,
    engine: Engine,
    scenario: Scenario<O>,
    executions: u64,
) -> Explored {
    let erased = scenario.erase();
    let design = erased.designs.first().expect("a scenario with a design");
    let budget = Budget { executions, random_executions: 0, ..Effort::Normal.budget(DEFAULT_SEED) };
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let task = Task { helping, ..Task::new(design, budget, heartbeat) };
    let start = Instant::now();
    let seen = engine::observe(engine, &task).expect("the engine works");
    let seconds = start.elapsed().as_secs_f64();
    assert!(seen.failures.is_empty() && seen.executions > 0, "{seen:?}");
    let complete = seen.exploration == Exploration::Exhaustive && seen.stopped.is_none();
    Explored { executions: seen.executions, others: seen.redundant, complete, seconds }
}

/// Explores an object's first implementation in this process, under the normal budget: programs and
/// executions per second.
///
/// # Panics
/// If there is no implementation, or the engine cannot do its work.
pub fn programs(engine: Engine, object: impl crate::registry::Asked) -> (f64, f64) {
    let found = object.made().named("object", file!());
    let design = found.scenario.designs.first().expect("an object with an implementation");
    let generated = found.generated(design).expect("generated programs");
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let budget = Effort::Normal.budget(DEFAULT_SEED);
    let task = Task::new(design, budget, heartbeat);
    let (start, before) = (Instant::now(), crate::object::programs_run());
    let seen = generated.explore(engine, &task).expect("the engine works");
    assert!(seen.executions > 0, "{engine} executed nothing: {seen:?}");
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let per_second = |count: u64| count as f64 / seconds;
    (per_second(crate::object::programs_run() - before), per_second(seen.executions))
}
