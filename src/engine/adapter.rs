//! What an engine does for the harness, and the registry of those that do it.
//!
//! # Adding an engine
//!
//! 1. One entry in `base/engine.rs`: the variant, its name, whether it is a checker and a column by default. `Engine::ALL`,
//!    the command line and the columns of every report follow from it, in that order.
//! 2. A folder `engine/<name>/` with a unit struct that implements [`Adapter`]. A real engine needs
//!    [`Adapter::observe`] alone; a checker whose executions can be found again has [`Adapter::replay`] too, and a
//!    variant of [`Route`] (in `witness/token.rs`) for its way to an execution.
//! 3. One line in [`adapter`], below. The compiler asks for it.
//! 4. Limits that only this engine has: variants of `Bound`, `Stop` and `Caveat` in `base/observation.rs`, and their
//!    sentences in `report/sentence.rs`, again where the compiler asks.
//! 5. A checker that makes facade objects of its own: a folder in `rt/`, and one line in `rt/runtime.rs`, whose page says
//!    what it needs.
//! 6. `cargo insta review`: the snapshots have a column more.
//!
//! Nothing else names an engine. `engine/round_robin_tests.rs` is one that has been added so.

use super::witness::{Fatal, Shortened};
use super::{Task, loom, processes, rc11, shuttle, threads};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::ProcessExit;
use crate::base::observation::Observation;
use crate::base::witness::Witness;
use crate::rt::context::Context;
use crate::witness::token::Route;

/// The adapter of an engine: one line for each.
pub(crate) fn adapter(engine: Engine) -> &'static dyn Adapter {
    match engine {
        Engine::Rc11 => &rc11::Rc11::OF_THE_LANGUAGE,
        Engine::Rc11Sc => &rc11::Rc11::SEQUENTIAL,
        Engine::Loom => &loom::Loom,
        Engine::Shuttle => &shuttle::Shuttle,
        Engine::Threads => &threads::Threads,
        Engine::Processes => &processes::Processes,
        #[cfg(test)]
        Engine::RoundRobin => &super::round_robin_tests::RoundRobin,
    }
}

/// Executes designs, in a worker process of its own.
pub(crate) trait Adapter: Sync {
    /// What the facade's objects are made for in its executions.
    fn context(&self) -> Context;

    /// Executes one program and says what it saw.
    ///
    /// # Errors
    /// If the harness itself cannot do its work. Whatever is wrong with the design is in the observation.
    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation>;

    /// Executes once more what a token has kept. `None` if the program does not go that way, or the route is none of
    /// this engine's.
    fn replay(&self, _task: &Task<'_>, _route: &Route) -> Option<Witness> {
        None
    }

    /// Looks for the shortest way to an execution that ends this process like this. `None` if there is none, or it
    /// cannot be looked for. Only for a process with a single thread.
    fn shorten(&self, _task: &Task<'_>, _end: ProcessExit) -> Option<Shortened> {
        None
    }

    /// Follows the way that ends this process, and writes it down as it goes. Whether the engine knows a way of this
    /// kind other than searching again.
    fn follow_to_the_end(&self, _task: &Task<'_>, _fatal: &Fatal) -> bool {
        false
    }

    /// Whether its search can be bounded by preemptions and ends with the first failure, so that the first execution
    /// that ends the process within a bound is worth a look.
    fn ends_with_few_preemptions(&self) -> bool {
        false
    }

    /// How much of this budget goes into the generated programs of an object.
    fn programs(&self, budget: &Budget) -> Programs;
}

/// How many programs are generated, and how much goes into each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs {
    /// The most programs.
    pub(crate) most: u64,
    /// The budget of each.
    pub(crate) each: Budget,
    /// How many have a single actor, before all others.
    pub(crate) alone: u64,
    /// Whether those of a single actor have as much to do as there may be.
    pub(crate) alone_at_length: bool,
    /// Whether all are small: where everything of a program is explored, or nothing is known.
    pub(crate) small: bool,
    /// Whether one that was not explored in full says that larger ones will not be either.
    pub(crate) all_or_nothing: bool,
    /// How many times over the programs would grow to the largest size.
    pub(crate) grown: u64,
    /// Executions of all programs together after which no other is begun, if they are counted.
    pub(crate) executions: Option<u64>,
}

impl Programs {
    /// Those of a checker that searches and then draws at random: the executions of the search of each program, and
    /// of all programs together.
    pub(super) fn searched(budget: &Budget, executions_each: u64, executions: u64) -> Self {
        Self {
            most: 1_000,
            each: Budget {
                executions: executions_each,
                random_executions: (budget.random_executions / 500).max(5),
                ..*budget
            },
            alone: 1,
            alone_at_length: false,
            small: false,
            all_or_nothing: false,
            grown: 2,
            executions: Some(executions),
        }
    }

    /// Those of a real engine: a few milliseconds each.
    pub(super) fn sampled(budget: &Budget) -> Self {
        Self {
            most: (budget.sampling_ms / 25).clamp(2, 1_000),
            each: Budget { sampling_ms: (budget.sampling_ms / 200).max(6), ..*budget },
            alone: 1,
            alone_at_length: false,
            small: false,
            all_or_nothing: false,
            grown: 1,
            executions: None,
        }
    }
}
