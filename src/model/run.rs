//! One model on one engine after the other, in the calling thread.

use super::builder::Builder;
use super::closure::Closure;
use super::failure;
use crate::base::budget::{Budget, DEFAULT_SEED, Effort};
use crate::base::engine::Engine;
use crate::base::observation::{Observation, Stop};
use crate::context;
use crate::engine::{self, Name, Pulse, Task};
use crate::scenario::Facts;
use crate::scenario::program::Program;
use crate::witness::token::{self, Token};
use std::io::Write as _;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the engines, by commas.
const ENGINE: &str = "SELVEDGE_ENGINE";

/// How much to explore: `quick`, `normal` or `thorough`.
const EFFORT: &str = "SELVEDGE_BUDGET";

/// The token of the one execution to be run.
pub(super) const REPLAY: &str = "SELVEDGE_REPLAY";

/// The scenario that tokens of models are of.
const SCENARIO: &str = "model";

/// Which model this is.
pub(super) struct Identity {
    /// The test that runs it, or where it stands.
    pub(super) name: String,
    /// Of where it stands in the source.
    digest: u32,
    /// Whether `name` is that of a test.
    pub(super) is_test: bool,
}

impl Identity {
    /// Of the model that is called here.
    fn of(site: &Location<'_>) -> Self {
        let place = format!("{}:{}", site.file(), site.line());
        let digest = crc32fast::hash(place.as_bytes());
        // The test harness names its threads after the tests.
        match std::thread::current().name() {
            None | Some("main") => Identity { name: place, digest, is_test: false },
            Some(test) => Identity { name: test.to_owned(), digest, is_test: true },
        }
    }

    fn is_of(&self, token: &Token) -> bool {
        token.scenario == SCENARIO && token.design == self.name && token.design_digest == self.digest
    }
}

/// Explores the executions of `f` on the engines that were asked for.
#[track_caller]
pub(super) fn check(builder: &Builder, f: impl Fn() + Sync + Send + 'static) {
    assert!(
        !context::current().is_model(),
        "a model inside of a model: call `model` from a test, not from a closure that is checked"
    );
    let identity = Identity::of(Location::caller());
    let closure = Arc::new(Closure::new(f));
    if let Ok(word) = std::env::var(REPLAY)
        && let Some(told) = replay(&identity, &closure, &word)
    {
        panic!("{told}");
    }
    for engine in engines() {
        if let Some(told) = on(engine, builder, &identity, &closure) {
            panic!("{told}");
        }
    }
}

/// The engines that were asked for, or `rc11`.
fn engines() -> Vec<Engine> {
    let Ok(names) = std::env::var(ENGINE) else { return vec![Engine::Rc11] };
    let engine = |name: &str| {
        let known = Engine::ALL.into_iter().find(|engine| engine.name().eq_ignore_ascii_case(name.trim()));
        known.filter(|engine| *engine != Engine::Processes).unwrap_or_else(|| {
            panic!("{ENGINE}: `{name}` is none of rc11, loom, shuttle and threads, on which a model runs")
        })
    };
    names.split(',').map(engine).collect()
}

/// How much is explored of this model.
fn budget(builder: &Builder) -> Budget {
    let effort = match std::env::var(EFFORT) {
        Ok(name) => Effort::of_name(&name)
            .unwrap_or_else(|| panic!("{EFFORT}: `{name}` is none of quick, normal and thorough")),
        Err(_) => Effort::Normal,
    };
    let budget = effort.budget(DEFAULT_SEED);
    let most =
        builder.max_permutations.map_or(u64::MAX, |most| u64::try_from(most).unwrap_or(u64::MAX).max(1));
    Budget {
        executions: budget.executions.min(most),
        random_executions: if most <= budget.executions { 0 } else { budget.random_executions },
        preemptions: builder.preemption_bound.map(|bound| u32::try_from(bound).unwrap_or(u32::MAX)),
        ..budget
    }
}

/// Explores on one engine: the failure, in words, if there is one.
fn on(engine: Engine, builder: &Builder, identity: &Identity, closure: &Arc<Closure>) -> Option<String> {
    let budget = budget(builder);
    if !engine.is_checker() {
        really(closure, budget.sampling());
        return None;
    }
    let facts = Facts::default();
    let pulse: &'static Pulse = Box::leak(Box::default());
    let name = Name { scenario: SCENARIO, design: &identity.name, digest: identity.digest, program: None };
    let program: Arc<dyn Program> = Arc::clone(closure) as _;
    let deadline = builder.max_duration.and_then(|most| Instant::now().checked_add(most));
    let task = Task { name, first_failure: true, deadline, ..Task::of(program, &facts, budget, pulse) };
    let seen = match engine::observe(engine, &task) {
        Ok(seen) => seen,
        Err(error) => return Some(format!("the harness failed on {engine}: {error:#}")),
    };
    if let Some(told) = failure::told(identity, engine, &seen) {
        return Some(told);
    }
    let ended_by_user =
        deadline.is_some_and(|deadline| Instant::now() >= deadline) || builder.max_permutations.is_some();
    match &seen.stopped {
        None | Some(Stop::NoOperation) => {}
        Some(Stop::Budget { .. }) if ended_by_user => {}
        Some(stop) => return Some(failure::inconclusive(identity, engine, stop)),
    }
    tell_what_was_left_out(identity, engine, &seen);
    None
}

/// Says in a line what an exploration that found nothing has not explored. Past the test harness, which keeps what a
/// test that passes prints.
fn tell_what_was_left_out(identity: &Identity, engine: Engine, seen: &Observation) {
    if let Some(line) = failure::left_out(identity, engine, seen) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Calls the closure for real, as often as the time allows.
fn really(closure: &Closure, time: Duration) {
    let start = Instant::now();
    loop {
        closure.call();
        if start.elapsed() >= time {
            return;
        }
    }
}

/// Runs the execution of a token, if it is one of this model: what it shows, in words.
fn replay(identity: &Identity, closure: &Arc<Closure>, word: &str) -> Option<String> {
    let token = match token::decode(word) {
        Ok(token) => token,
        Err(refused) => return Some(format!("{REPLAY}: {refused}")),
    };
    if !identity.is_of(&token) {
        return None;
    }
    let facts = Facts::default();
    let pulse: &'static Pulse = Box::leak(Box::default());
    let program: Arc<dyn Program> = Arc::clone(closure) as _;
    let task = Task::of(program, &facts, Effort::Normal.budget(token.seed), pulse);
    crate::panics::install_once();
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
