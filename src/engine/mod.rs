//! Engines execute designs and say what they saw.
//!
//! One adapter per engine; each takes a [`Program`] and a [`Budget`] and returns an [`Observation`].
//! Whatever is wrong with a design is data in the observation; an error means that the harness itself
//! could not do its work. Adapters run in a worker process of their own: an aborting, hanging or
//! memory-eating design takes that process down and nothing else.

#[cfg(test)]
mod choice_tests;
pub(crate) mod failure;
mod lockstep;
pub(crate) mod loom;
mod offspring;
#[cfg(test)]
mod planted;
pub(crate) mod processes;
pub(crate) mod pulse;
mod shuttle;
pub(crate) mod slots;
pub(crate) mod threads;
mod witness;
#[cfg(test)]
mod witness_tests;

pub(crate) use pulse::{Pulse, Shrinking};
pub(crate) use slots::{Holder, Slots};

use crate::object::Recipe;
use crate::scenario::program::{OutcomeCount, Program};
use crate::scenario::{Engine, ErasedDesign, Facts};
pub(crate) use shuttle::by_bytes as execute_by_bytes;
pub(crate) use witness::{Doom, Fatal, Shortened, Way, left_behind};

use crate::witness::Witness;
use crate::witness::token::{self, Route, Token};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How much to explore. Checkers are limited by executions, so that their answer is the same on every
/// machine; real engines by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    /// Executions of one exploration of a checker (exhaustive search, bounded search) before it gives up.
    pub(crate) executions: u64,
    /// Executions of each randomised strategy of shuttle.
    pub(crate) random_executions: u64,
    /// How long a real engine samples, in milliseconds.
    pub(crate) sampling_ms: u64,
    /// The most preemptions in one execution of a checker's search; any number, if `None`.
    #[serde(default)]
    pub(crate) preemptions: Option<u32>,
    /// How long a program that failed is shrunk at the most, in milliseconds. The bounds on programs and
    /// executions come first, but on a machine that is much slower than expected.
    pub(crate) shrinking_ms: u64,
    /// The seed of everything random.
    pub(crate) seed: u64,
    /// How long an execution may make no progress, in milliseconds of its own computing time (or of
    /// sleep), before it counts as never ending.
    pub(crate) stall_ms: u64,
    /// The address space of a worker, in mebibytes.
    pub(crate) memory_mib: u64,
}

impl Budget {
    /// For tests, which say what differs for them.
    #[cfg(test)]
    pub(crate) const FOR_TESTS: Budget = Budget {
        executions: 5_000,
        random_executions: 100,
        sampling_ms: 0,
        preemptions: None,
        shrinking_ms: 1_000,
        seed: 1,
        stall_ms: 10_000,
        memory_mib: 1024,
    };

    /// How long a real engine samples.
    pub(crate) fn sampling(&self) -> Duration {
        Duration::from_millis(self.sampling_ms)
    }
}

/// What an object is explored by, one of them after the other.
pub(crate) const GENERATED: &str = "generated programs";

/// How an engine went about it, and so how far a clean observation can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(crate) enum Exploration {
    /// Everything the engine's model allows.
    Exhaustive,
    /// Everything within a bound that was set beforehand, like a number of preemptions.
    Bounded {
        /// The bound, as in "at most 2 preemptions".
        by: String,
    },
    /// As often as the number of executions says.
    Sampled {
        /// What drew the samples, as in "PCT and random schedules".
        how: String,
    },
}

/// `1 preemption`, `2 preemptions`.
pub(crate) fn preemptions(number: impl std::fmt::Display) -> String {
    let number = number.to_string();
    format!("{number} preemption{}", if number == "1" { "" } else { "s" })
}

impl Exploration {
    /// Whether it was of many programs, and another engine's was of others.
    pub(crate) fn is_of_generated_programs(&self) -> bool {
        matches!(self, Exploration::Sampled { how } if how.contains(GENERATED))
    }
}

/// One of the two accesses of a data race.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessSite {
    /// The actor, by name, where it is known.
    pub(crate) actor: Option<String>,
    /// `read` or `write`.
    pub(crate) access: String,
    /// The source file, where it is known.
    pub(crate) file: Option<String>,
    /// The line in it, from 1.
    pub(crate) line: Option<u32>,
}

/// Two accesses to one cell, at least one a write, neither ordered before the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RaceReport {
    /// The checker's own words.
    pub(crate) what: String,
    pub(crate) accesses: Vec<AccessSite>,
}

/// All that an engine saw of a design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Observation {
    /// Executions that ran to their end or to a failure.
    pub(crate) executions: u64,
    /// Executions beyond these that were found to come out as others had.
    #[serde(default)]
    pub(crate) redundant: u64,
    pub(crate) exploration: Exploration,
    pub(crate) outcomes: Vec<OutcomeCount>,
    pub(crate) races: Vec<RaceReport>,
    /// Executions that went on past a data race, where that is what the design asks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) raced: u64,
    /// Who waits, if every actor waits for another.
    pub(crate) deadlock: Option<String>,
    /// How it crashed, if an actor panicked, aborted or was killed.
    pub(crate) crash: Option<String>,
    /// How it hung, if an execution did not end.
    pub(crate) hang: Option<String>,
    /// Why the design cannot run on this engine, if it cannot.
    pub(crate) not_applicable: Option<String>,
    /// Why the exploration ended before it was meant to, if it did: a limit, a time-out, a failure of the
    /// harness. What it had seen by then still counts against the design, never for it.
    pub(crate) stopped: Option<String>,
    /// What a reader must know about the engine's model to trust the rest.
    pub(crate) caveats: Vec<String>,
    /// One execution for each failure that a checker saw, or for the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) witnesses: Vec<Witness>,
}

impl Observation {
    /// An observation of nothing yet.
    pub(crate) fn new(exploration: Exploration) -> Self {
        Self {
            executions: 0,
            redundant: 0,
            exploration,
            outcomes: Vec::new(),
            races: Vec::new(),
            raced: 0,
            deadlock: None,
            crash: None,
            hang: None,
            not_applicable: None,
            stopped: None,
            caveats: Vec::new(),
            witnesses: Vec::new(),
        }
    }

    /// A design that cannot run on this engine.
    pub(crate) fn not_applicable(reason: impl Into<String>) -> Self {
        Self {
            not_applicable: Some(reason.into()),
            ..Self::new(Exploration::Sampled { how: "nothing".to_owned() })
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// By what a replay finds a design again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Name<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) design: &'a str,
    /// Of what the scenario says about the design.
    pub(crate) digest: u32,
    /// How its program is made again, if it was generated.
    pub(crate) program: Option<&'a Recipe>,
}

/// One design to be executed.
#[derive(Clone)]
pub(crate) struct Task<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) program: Arc<dyn Program>,
    pub(crate) facts: &'a Facts,
    pub(crate) budget: Budget,
    pub(crate) pulse: &'static Pulse,
    /// The execution that a checker is to write down because its process does not outlive it.
    pub(crate) fatal: Option<Fatal>,
    /// Where shuttle is to write down what it chooses.
    pub(crate) log: Option<&'a shuttle::Log>,
    /// Whether a checker is to look for the shortest execution that shows a failure.
    pub(crate) witnesses: bool,
    /// Leave to use idle cores too.
    pub(crate) helping: Option<Helping>,
}

/// Leave for a long exploration to have helpers on cores that nobody else uses. Only for a process with a
/// single thread.
#[derive(Clone, Copy)]
pub(crate) struct Helping {
    pub(crate) slots: &'static Slots,
    /// The slot that this process holds.
    pub(crate) own: usize,
    /// How long an exploration does without.
    pub(crate) after: Duration,
}

impl Name<'_> {
    /// The witness with a token, by which its execution is found again.
    pub(crate) fn sign(&self, seed: u64, witness: Witness, route: Route) -> Witness {
        let token = Token {
            scenario: self.scenario.to_owned(),
            design: self.design.to_owned(),
            engine: witness.engine,
            route,
            seed,
            design_digest: self.digest,
            events_digest: token::events_digest(&witness),
            program: self.program.cloned(),
        };
        Witness { token: token::encode(&token), ..witness }
    }
}

impl<'a> Task<'a> {
    /// This design, without a name by which it could be found again.
    pub(crate) fn new(design: &'a ErasedDesign, budget: Budget, pulse: &'static Pulse) -> Self {
        Self::of(Arc::clone(&design.program), &design.facts, budget, pulse)
    }

    /// The same of a program with these facts.
    pub(crate) fn of(
        program: Arc<dyn Program>,
        facts: &'a Facts,
        budget: Budget,
        pulse: &'static Pulse,
    ) -> Self {
        Self {
            name: Name::default(),
            program,
            facts,
            budget,
            pulse,
            fatal: None,
            log: None,
            witnesses: true,
            helping: None,
        }
    }

    /// The witness with a token, by which its execution is found again.
    fn signed(&self, witness: Witness, route: Route) -> Witness {
        self.name.sign(self.budget.seed, witness, route)
    }
}

/// Executes a design on an engine, or, if it stands for generated programs, those.
///
/// # Errors
/// If the harness itself cannot do its work. Whatever is wrong with the design is in the observation.
pub(crate) fn observe(engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
    match task.program.generated() {
        Some(generated) => generated.explore(engine, task),
        None => observe_design(engine, task),
    }
}

/// Executes one program on an engine.
///
/// # Errors
/// If the harness itself cannot do its work. Whatever is wrong with the design is in the observation.
pub(crate) fn observe_design(engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
    let mut seen = match engine {
        Engine::Loom => loom::observe(task),
        Engine::Shuttle => shuttle::observe(task),
        Engine::Threads => threads::observe(task),
        Engine::Processes => processes::observe(task),
    }?;
    if seen.crash.is_some() && !engine.is_checker() {
        // Real engines count what was observed; the execution that crashed never was.
        seen.executions += 1;
    }
    Ok(seen)
}

/// Looks for the shortest way to an execution under a checker that ends this process like this. `None` if there
/// is none, or it cannot be looked for. Only for a process with a single thread.
pub(crate) fn shorten(engine: Engine, task: &Task<'_>, end: Doom) -> Option<Shortened> {
    match engine {
        // There is no search that comes to all programs.
        _ if task.program.generated().is_some() => None,
        Engine::Loom => loom::shorten(task, end),
        Engine::Shuttle => shuttle::shorten(task, end),
        Engine::Threads | Engine::Processes => None,
    }
}

/// Goes, and writes down, the way that ends this process. If it does not: what a search has seen.
///
/// # Errors
/// As [`observe`].
pub(crate) fn meet_end(engine: Engine, task: &Task<'_>) -> anyhow::Result<Option<Observation>> {
    match &task.fatal {
        Some(fatal @ Fatal { way: Way::Schedule { slices, chosen }, .. }) => {
            shuttle::follow_to_the_end(task, fatal, slices, chosen);
            Ok(None)
        }
        Some(fatal @ Fatal { way: Way::Every(numbered), .. }) => {
            loom::follow_to_the_end(task, fatal, numbered);
            Ok(None)
        }
        _ => observe(engine, task).map(Some),
    }
}

/// Executes once more what a token has kept, of a program that is generated anew if need be.
///
/// # Errors
/// With how the design has changed, if it does not go that way.
pub(crate) fn replay(task: &Task<'_>, token: &Token) -> Result<Witness, &'static str> {
    match (&token.program, task.program.generated()) {
        (Some(recipe), Some(generated)) => generated.replay(task, token, recipe),
        (Some(_), None) => Err("its programs are not generated any more"),
        (None, _) => replay_design(task, token).ok_or(OTHER_WAY),
    }
}

/// What is said of a design that does not go where a token leads.
pub(crate) const OTHER_WAY: &str = "it no longer goes that way";

/// Executes once more what a token has kept, of one program. `None` if it does not go that way.
pub(crate) fn replay_design(task: &Task<'_>, token: &Token) -> Option<Witness> {
    match &token.route {
        Route::Schedule { slices, chosen, to_race } => shuttle::replay(task, slices, chosen, *to_race),
        Route::Index { preemptions, manner, execution, choices } => {
            loom::replay(task, *preemptions, *manner, *execution, choices)
        }
        // Whoever does this must be ready to die; see `runner::replay`.
        Route::Fatal { .. } | Route::Doomed { .. } | Route::Every(_) => None,
    }
}

/// Why a design that a checker saw nothing of must not be called safe.
pub(crate) fn blind(checker: &str) -> String {
    format!("{checker} saw no operation of this design: does it use `std::sync` instead of `selvedge::sync`?")
}
