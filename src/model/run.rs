//! One model on one engine after the other, in the calling thread.

use super::alone;
use super::builder::{Builder, USUAL_BRANCHES};
use super::closure::Closure;
use super::failure;
use crate::base::budget::{Budget, Effort};
use crate::base::engine::Engine;
use crate::base::observation::{Caveat, Observation, Stop};
use crate::config::{self, Knob, Settings};
use crate::engine::{self, Heartbeat, Name, Task};
use crate::rt::context;
use crate::scenario::Facts;
use crate::scenario::program::Program;
use crate::witness::token::{self, Token};
use std::fmt;
use std::io::Write as _;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the token of the one execution to be run.
pub(super) const REPLAY: &str = "SELVEDGE_REPLAY";

/// The scenario that tokens of models are of.
const SCENARIO: &str = "model";

/// Which model this is.
pub(super) struct Identity {
    /// The test that runs it, or where it stands.
    pub(super) name: String,
    /// Of where it stands in the source; any place, if `None`.
    digest: Option<u32>,
    /// Whether `name` is that of a test.
    pub(super) is_test: bool,
}

impl Identity {
    /// Of the model that is called here.
    pub(super) fn of(site: &Location<'_>) -> Self {
        let place = format!("{}:{}", site.file(), site.line());
        let digest = Some(crc32fast::hash(place.as_bytes()));
        // The test harness names its threads after the tests.
        match std::thread::current().name() {
            None | Some("main") => Identity { name: place, digest, is_test: false },
            Some(test) => Identity { name: test.to_owned(), digest, is_test: true },
        }
    }

    /// The same, wherever it stands.
    pub(super) fn anywhere(self) -> Self {
        Identity { digest: None, ..self }
    }

    fn is_of(&self, token: &Token) -> bool {
        let is_here = |digest| token.design == self.name && token.design_digest == digest;
        token.scenario == SCENARIO && self.digest.is_none_or(is_here)
    }
}

/// How far a model is explored.
pub(super) struct Bounds {
    pub(super) budget: Budget,
    /// The time that was asked for, if any was.
    pub(super) deadline: Option<Instant>,
    /// Operations of one execution, if there is a limit.
    pub(super) max_operations: Option<usize>,
    /// Branches of one execution of loom's.
    pub(super) max_branches: usize,
    /// Whether the budget is what was asked for, so that its end is none of the exploration's.
    pub(super) ends_by_request: bool,
    /// Whether a closure that does not do the same when it is scheduled the same fails.
    pub(super) repeatable: bool,
}

/// # Panics
/// Inside of a model.
#[track_caller]
pub(super) fn not_inside() {
    assert!(
        !context::current().is_model(),
        "a model inside of a model: call `model` from a test, not from a closure that is checked"
    );
}

/// Explores the executions of `f` on the engines that were asked for.
#[track_caller]
pub(super) fn check(builder: &Builder, f: impl Fn() + Sync + Send + 'static) {
    let identity = Identity::of(Location::caller());
    not_inside();
    let closure = Arc::new(Closure::new(f));
    let settings = settings();
    let bounds = bounds(&settings, builder);
    if let Some(told) = asked_for(&settings, &identity, &closure, bounds.max_branches) {
        panic!("{told}");
    }
    for engine in engines(&settings, Engine::Rc11) {
        let came_to = on(engine, &bounds, &identity, &closure);
        alone::tell(identity.digest, came_to.is_ok());
        match came_to {
            Ok(_) => {}
            Err(fault) if fault.loom_may_know && engine == Engine::Rc11 && settings.engines.is_empty() => {
                on_loom_instead(&fault, &bounds, &identity, &closure);
            }
            Err(fault) => panic!("{fault}"),
        }
    }
}

/// Of a model that depends on what no checker sees (objects of `std`, a dependency that is not built for loom), an
/// execution graph does not tell all: to follow it in another order is not the same. loom keeps to the order. And where
/// threads wait for each other in loops, `rc11` may come to no end of an execution for long.
///
/// # Panics
/// If the model does not pass there, either.
#[track_caller]
fn on_loom_instead(fault: &Fault, bounds: &Bounds, identity: &Identity, closure: &Arc<Closure>) {
    let digest = identity.digest.filter(|_| identity.is_test);
    let again = digest.and_then(|digest| alone::test_again(&identity.name, digest, Engine::Loom));
    let explored = again.unwrap_or_else(|| match on(Engine::Loom, bounds, identity, closure) {
        Ok(executions) => Ok(format!("no failure in {executions} executions")),
        Err(on_loom) => Err(on_loom.to_string()),
    });
    match explored {
        Ok(found) => {
            let _ = writeln!(std::io::stderr(), "selvedge: {fault}; explored on loom instead: {found}");
        }
        Err(on_loom) => panic!("{fault}; and on loom instead: {on_loom}"),
    }
}

/// Why a model does not pass, in words.
#[derive(Debug)]
pub(super) struct Fault {
    words: String,
    /// Whether it is nothing but that `rc11` cannot follow it, or comes to no end.
    pub(super) loom_may_know: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Fault { words, loom_may_know: false }
    }
}

/// What is in force here.
///
/// # Panics
/// If something cannot be.
#[track_caller]
pub(super) fn settings() -> Settings {
    match config::load(Path::new("."), Vec::new()) {
        Ok(config) => config.settings,
        Err(wrong) => panic!("{wrong}"),
    }
}

/// The execution that was asked for, in words, if it is one of this model.
pub(super) fn asked_for(
    settings: &Settings,
    identity: &Identity,
    closure: &Arc<Closure>,
    branches: usize,
) -> Option<String> {
    replay(identity, closure, settings.replay.as_ref()?, branches)
}

/// The engines that were asked for, or else this one.
///
/// # Panics
/// If models do not run on one of them.
#[track_caller]
pub(super) fn engines(settings: &Settings, usual: Engine) -> Vec<Engine> {
    if settings.engines.is_empty() {
        return settings.model.engines(&[usual]);
    }
    for engine in &settings.engines {
        assert!(
            *engine != Engine::Processes && Engine::ALL.contains(engine),
            "SELVEDGE_ENGINE: `{engine}` is none of rc11, loom, shuttle and threads, on which a model runs"
        );
    }
    settings.engines_of_model()
}

/// The branches that loom may have where so many were asked for: an operation of ours is one of loom's, and another where
/// loom's search has a gap. loom takes memory for them at once.
pub(super) fn branches_of_loom(asked: usize) -> usize {
    const MANY: usize = 100_000;
    if asked < MANY { 4 * asked } else { asked }
}

/// How far this model is explored.
fn bounds(settings: &Settings, builder: &Builder) -> Bounds {
    let budget = of_models(settings);
    let most =
        builder.max_permutations.map_or(u64::MAX, |most| u64::try_from(most).unwrap_or(u64::MAX).max(1));
    let fewer = most <= budget.executions;
    Bounds {
        budget: Budget {
            executions: budget.executions.min(most),
            random_executions: if fewer { 0 } else { budget.random_executions },
            preemptions: builder
                .preemption_bound
                .map(|bound| u32::try_from(bound).unwrap_or(u32::MAX))
                .or(budget.preemptions),
            ..budget
        },
        deadline: builder.max_duration.and_then(|most| Instant::now().checked_add(most)),
        max_operations: (builder.max_branches < USUAL_BRANCHES).then_some(builder.max_branches),
        max_branches: branches_of_loom(builder.max_branches),
        ends_by_request: fewer,
        repeatable: false,
    }
}

/// A test of many is to take seconds: half of the executions that a scenario has, and a sixth of the time, on one
/// engine alone, unless it was said how much.
pub(super) fn of_models(settings: &Settings) -> Budget {
    let part = |knob, of: u64, parts| if settings.sets(knob) { of } else { of / parts };
    let budget = settings.budget;
    Budget {
        executions: part(Knob::Executions, budget.executions, 2),
        random_executions: part(Knob::RandomExecutions, budget.random_executions, 2),
        wall_ms: part(Knob::WallMs, budget.wall_ms, 6),
        ..budget
    }
}

/// When a model's search ends that begins now, and when what is drawn at random after it.
fn ends(budget: &Budget) -> [Option<Instant>; 2] {
    let now = Instant::now();
    [budget.wall_ms / 4 * 3, budget.wall_ms].map(|ms| now.checked_add(Duration::from_millis(ms)))
}

/// Explores on one engine: how many executions, or the failure in words, if there is one.
pub(super) fn on(
    engine: Engine,
    bounds: &Bounds,
    identity: &Identity,
    closure: &Arc<Closure>,
) -> Result<u64, Fault> {
    let Bounds { budget, deadline, max_operations, .. } = *bounds;
    if !engine.is_checker() {
        return Ok(really(closure, budget.sampling()));
    }
    let facts = Facts::default();
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let digest = identity.digest.unwrap_or_default();
    let name = Name { scenario: SCENARIO, design: &identity.name, digest, program: None };
    let program: Arc<dyn Program> = Arc::clone(closure) as _;
    // A test may count its executions; the search finds out for itself where it comes to what was different.
    let repeated = if bounds.repeatable { engine::repeat::SAMPLE } else { 0 };
    let [search_until, end] = ends(&budget);
    let task = Task {
        name,
        first_failure: true,
        repeated,
        // rc11 has a way to go on then, and the others have not.
        until: search_until.filter(|_| !matches!(engine, Engine::Rc11 | Engine::Rc11Sc)),
        search_until,
        deadline: deadline.into_iter().chain(end).min(),
        // Each operation is a branch, and another where loom's search has a gap.
        max_operations: if engine == Engine::Loom {
            bounds.max_branches.checked_mul(4)
        } else {
            max_operations
        },
        ..Task::of(program, &facts, budget, heartbeat)
    };
    crate::rt::panics::install_once();
    // An execution that is left in its midst does not give the main thread its name back.
    let _nameless = crate::rt::model::nameless_main();
    let seen = engine::observe(engine, &task)
        .map_err(|error| format!("the harness failed on {engine}: {error:#}"))?;
    if let Some(stop) = seen.stopped.as_ref().filter(|stop| stop.discredits()) {
        let stopped = failure::inconclusive(identity, engine, stop);
        // A failure that did not show again may be one all the same.
        return Err(match failure::told(identity, engine, &seen) {
            Some(told) => Fault::from(format!("{stopped}; it was seen once that {told}")),
            None => Fault { words: stopped, loom_may_know: matches!(stop, Stop::NotRepeatable(_)) },
        });
    }
    if let Some(told) = failure::told(identity, engine, &seen) {
        return Err(told.into());
    }
    let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
    match &seen.stopped {
        None | Some(Stop::NoOperation) => {}
        Some(Stop::Budget { .. }) if late || bounds.ends_by_request => {}
        Some(Stop::Budget { .. } | Stop::OutOfTime { .. }) if seen.executions > 0 => {}
        Some(stop) => return Err(failure::inconclusive(identity, engine, stop).into()),
    }
    if seen.executions == 0 {
        return Err(Fault { words: failure::nothing_seen(identity, engine), loom_may_know: true });
    }
    if bounds.repeatable && seen.caveats.contains(&Caveat::NotRepeatable) {
        return Err(failure::not_repeatable(identity, engine).into());
    }
    // A closure in which nothing happens has one execution.
    if seen.stopped != Some(Stop::NoOperation) || seen.executions > 1 {
        tell_what_was_left_out(identity, engine, &seen);
    }
    Ok(seen.executions)
}

/// Says in a line what an exploration that found nothing has not explored. Past the test harness, which keeps what a
/// test that passes prints.
fn tell_what_was_left_out(identity: &Identity, engine: Engine, seen: &Observation) {
    if let Some(line) = failure::left_out(identity, engine, seen) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Calls the closure for real, as often as the time allows.
fn really(closure: &Closure, time: Duration) -> u64 {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        closure.call();
        calls += 1;
        if start.elapsed() >= time {
            return calls;
        }
    }
}

/// Runs the execution of a token, if it is one of this model: what it shows, in words.
pub(super) fn replay(
    identity: &Identity,
    closure: &Arc<Closure>,
    word: &str,
    branches: usize,
) -> Option<String> {
    let token = match token::decode(word) {
        Ok(token) => token,
        Err(refused) => return Some(format!("{REPLAY}: {refused}")),
    };
    if !identity.is_of(&token) {
        return None;
    }
    let facts = Facts::default();
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let program: Arc<dyn Program> = Arc::clone(closure) as _;
    let budget = Effort::Normal.budget(token.seed);
    let task = Task { max_operations: Some(branches), ..Task::of(program, &facts, budget, heartbeat) };
    crate::rt::panics::install_once();
    let witness = engine::replay(&task, &token);
    let same = witness.filter(|witness| token::events_digest(witness) == token.events_digest);
    Some(match same {
        Some(witness) => failure::replayed(identity, &witness),
        None => format!(
            "{REPLAY}: `{}` has changed since this token was made: {}",
            identity.name,
            engine::OTHER_WAY
        ),
    })
}

/// loom's: that all executions from here on are of interest. Everything is explored anyway.
pub fn explore() {}

/// loom's: that the executions that begin alike up to here need not be told apart from here on. They are: more is
/// explored than was asked for, and nothing less.
pub fn stop_exploring() {}

/// loom's: that this execution is not worth going on with. It goes on, which costs time and nothing else.
pub fn skip_branch() {}
