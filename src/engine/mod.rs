//! Engines execute designs and say what they saw.
//!
//! One adapter per engine; each takes a [`Program`] and a [`Budget`] and returns an [`Observation`].
//! Whatever is wrong with a design is data in the observation; an error means that the harness itself
//! could not do its work. Adapters run in a worker process of their own: an aborting, hanging or
//! memory-eating design takes that process down and nothing else.

mod adapter;
#[cfg(test)]
mod choice_tests;
pub(crate) mod failure;
mod fork;
#[cfg(test)]
mod future_tests;
pub(crate) mod job_slots;
mod lockstep;
pub(crate) mod loom;
#[cfg(test)]
mod parallel_testing;
pub(crate) mod processes;
mod rc11;
pub(crate) mod repeat;
#[cfg(test)]
mod round_robin_tests;
#[cfg(test)]
mod seeded_bugs;
mod shuttle;
#[cfg(test)]
mod static_tests;
pub(crate) mod threads;
mod witness;
#[cfg(test)]
mod witness_tests;
mod worker_pool;

pub(crate) use crate::heartbeat::{Heartbeat, Shrinking};
pub(crate) use adapter::{Adapter, Programs, adapter};
pub(crate) use job_slots::{Holder, Slots};
pub(crate) use lockstep::Cores;

use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::{Failure, ProcessExit};
use crate::base::observation::{Caveat, Missing, Observation, Stop};
use crate::base::recipe::Recipe;
use crate::rt::context::{self, Artefact};
use crate::rt::thread_bound::take_foreign;
use crate::scenario::program::Program;
use crate::scenario::{ErasedDesign, Facts};
pub(crate) use shuttle::by_bytes as execute_by_bytes;
pub(crate) use witness::{Fatal, Shortened, Way, bases, left_behind};

use crate::witness::Witness;
use crate::witness::token::{self, Route, Token};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    pub(crate) heartbeat: &'static Heartbeat,
    /// The execution that a checker is to write down because its process does not outlive it.
    pub(crate) fatal: Option<Fatal>,
    /// Where shuttle is to write down what it chooses.
    pub(crate) log: Option<&'a shuttle::Log>,
    /// Whether a checker is to look for the shortest execution that shows a failure.
    pub(crate) witnesses: bool,
    /// Leave to use idle cores too.
    pub(crate) helping: Option<Helping>,
    /// When a checker ends its search at the latest, and looks for nothing shorter any more.
    pub(crate) until: Option<Instant>,
    /// Told what was seen before something is looked for that may take long, or end the process.
    pub(crate) preliminary: Option<&'a dyn Fn(&Observation)>,
    /// How many executions a checker executes again, to see whether they come out the same.
    pub(crate) repeated: u64,
    /// Whether the first failure ends the search.
    pub(crate) first_failure: bool,
    /// Operations of all threads together after which an execution is given up, if that is asked for.
    pub(crate) max_operations: Option<usize>,
    /// When rc11's search is to give way to random walks, if it has not ended by then.
    pub(crate) search_until: Option<Instant>,
    /// When rc11's search and its walks are to end, if they have not by then.
    pub(crate) deadline: Option<Instant>,
}

/// Leave for a long exploration to have helpers on idle cores. Only for a process with a
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
    pub(crate) fn new(design: &'a ErasedDesign, budget: Budget, heartbeat: &'static Heartbeat) -> Self {
        Self::of(Arc::clone(&design.program), &design.facts, budget, heartbeat)
    }

    /// The same of a program with these facts.
    pub(crate) fn of(
        program: Arc<dyn Program>,
        facts: &'a Facts,
        budget: Budget,
        heartbeat: &'static Heartbeat,
    ) -> Self {
        Self {
            name: Name::default(),
            program,
            facts,
            budget,
            heartbeat,
            fatal: None,
            log: None,
            witnesses: true,
            helping: None,
            repeated: repeat::SAMPLE,
            until: None,
            preliminary: None,
            first_failure: false,
            max_operations: None,
            search_until: None,
            deadline: None,
        }
    }

    /// Whether there is no time left to search.
    pub(crate) fn is_out_of_time(&self) -> bool {
        is_past(self.until)
    }

    /// Whether the search has had its time.
    pub(crate) fn has_searched_enough(&self) -> bool {
        is_past(self.search_until) || self.is_late()
    }

    /// Whether there is no time left, not even for random walks.
    pub(crate) fn is_late(&self) -> bool {
        is_past(self.deadline)
    }

    /// Why a search ends that has no time left.
    fn out_of_time(&self) -> Stop {
        Stop::OutOfTime { seconds: self.budget.wall_ms / 4 * 3 / 1000 }
    }

    /// Says what was seen, if it is a failure, before a shorter execution is looked for that shows it.
    fn note_preliminarily(&self, seen: &Observation) {
        if let Some(tell) = self.preliminary.filter(|_| seen.failure().is_some()) {
            tell(seen);
        }
    }

    /// The witness with a token, by which its execution is found again.
    fn signed(&self, witness: Witness, route: Route) -> Witness {
        self.name.sign(self.budget.seed, witness, route)
    }
}

fn is_past(moment: Option<Instant>) -> bool {
    moment.is_some_and(|moment| Instant::now() >= moment)
}

/// Executes one program on an engine.
///
/// # Errors
/// If the harness itself cannot do its work. Whatever is wrong with the design is in the observation.
pub(crate) fn observe(engine: Engine, task: &Task<'_>) -> anyhow::Result<Observation> {
    take_foreign();
    let mut seen = adapter(engine).observe(task)?;
    if engine.is_checker() && take_foreign() {
        seen.stopped = Some(Stop::ForeignThread);
    }
    let crashed = seen.failures.iter().any(|failure| matches!(failure, Failure::Crash(_)));
    if crashed && !engine.is_checker() {
        // Real engines count what was observed; the execution that crashed never was.
        seen.executions += 1;
    }
    Ok(seen)
}

/// Looks for the shortest way to an execution under a checker that ends this process like this. `None` if there
/// is none, or it cannot be looked for. Only for a process with a single thread.
pub(crate) fn shorten(engine: Engine, task: &Task<'_>, end: ProcessExit) -> Option<Shortened> {
    adapter(engine).shorten(task, end)
}

/// Goes, and writes down, the way that ends this process, if the engine knows it. Whether it does.
pub(crate) fn follow_to_the_end(engine: Engine, task: &Task<'_>) -> bool {
    task.fatal.as_ref().is_some_and(|fatal| adapter(engine).follow_to_the_end(task, fatal))
}

/// What is said of a design that does not go where a token leads.
pub(crate) const OTHER_WAY: &str = "it no longer goes that way";

/// Executes once more what a token has kept, of one program. `None` if it does not go that way.
pub(crate) fn replay(task: &Task<'_>, token: &Token) -> Option<Witness> {
    // What ends its process needs a process of its own; see `runner::replay`.
    adapter(token.engine).replay(task, &token.route)
}

/// What the design touched that a checker is known to get wrong.
fn artefacts() -> Vec<Caveat> {
    let caveat = |artefact| match artefact {
        Artefact::LoomSeqCst => Caveat::LoomSeqCst,
        Artefact::NoTimeouts => Caveat::LoomTimeouts,
        Artefact::LoomSplitsRmw => Caveat::LoomSplitsRmw,
        Artefact::LoomNewestRmw => Caveat::Misses(Missing::NewestRmw),
        Artefact::LoomNewestExchange => Caveat::Misses(Missing::NewestExchange),
        Artefact::LoomFence => Caveat::Misses(Missing::Fence),
    };
    context::artefacts().into_iter().map(caveat).collect()
}
