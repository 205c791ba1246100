//! The engine of real processes: every actor is a process of its own, forked from the worker.
//!
//! States and returns lie in a mapping that all of them share, so that actors in different address spaces
//! walk the same array side by side ([`super::lockstep`]). The [parent] observes the states, the
//! [children](child) act, and what they tell each other lies in [memory] that outlives any of them.
//!
//! Two ways to go about it. Actors that share nothing but memory are forked once and walk millions of
//! states, which they also make, each its part of the array, so that no core is idle meanwhile. Where that
//! cannot be (a state opens descriptors, which a child inherits only when it is forked later; a design wants
//! a copy of the state for each actor; an actor may die), there is a batch of states first and then a fork
//! of every actor for that batch alone.
//!
//! Limits: fork wants a process with a single thread, which a worker is. What a shared state keeps on the
//! heap would silently be private to each process, so such designs are turned away ([`owned`]). An actor
//! that never returns is left to the supervisor, which sees that samples no longer advance.

mod child;
mod memory;
mod owned;
mod parent;
mod process_group;

use super::lockstep;
use super::{Adapter, Programs, Task};
use crate::base::budget::Budget;
use crate::base::failure::{Crash, Failure};
use crate::base::observation::{Exploration, NotApplicable, Observation, Sampling};
use crate::rt::context::{self, Context};
use anyhow::ensure;

/// How the sampling ended, if not by the clock.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// An actor died, or a closure of the design panicked.
    Crashed(Crash),
    /// The design cannot run on processes.
    NotApplicable(NotApplicable),
}

/// How many programs of a single actor are run, to see whether the object allocates.
const SCOUTS: u64 = 3;

/// The engine of real processes.
pub(super) struct Processes;

impl Adapter for Processes {
    fn context(&self) -> Context {
        Context::Process
    }

    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        observe(task)
    }

    fn programs(&self, budget: &Budget) -> Programs {
        let sampled = Programs::sampled(budget);
        Programs { most: sampled.most + SCOUTS - 1, alone: SCOUTS, alone_at_length: true, ..sampled }
    }
}

/// Samples a design on processes, for as long as its budget says. Only for a process that has no other
/// thread that does anything.
///
/// # Errors
/// If the system gives no memory or no processes, or there are more actors than the engine runs.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    if task.program.layouts().returned_needs_drop {
        return Ok(Observation::not_applicable(NotApplicable::ReturnsHeapMemory));
    }
    let actors = task.program.actors();
    ensure!(
        (1..=lockstep::MOST_ACTORS).contains(&actors),
        "the processes engine runs 1 to {} actors, not {actors}",
        lockstep::MOST_ACTORS
    );
    let _context = context::enter(Context::Process);
    let _silence = lockstep::silence();
    task.heartbeat.watch_actors(actors);
    let sampled = parent::sample(task);
    task.heartbeat.watch_actors(0);

    let (executions, ended) = sampled?;
    let mut observation = Observation::new(Exploration::Sampled { how: Sampling::Processes });
    match ended {
        Some(Ended::NotApplicable(reason)) => return Ok(Observation::not_applicable(reason)),
        Some(Ended::Crashed(crash)) => observation.fail(Failure::Crash(crash)),
        None => {}
    }
    observation.executions = executions;
    observation.outcomes = task.program.outcomes();
    Ok(observation)
}

#[cfg(test)]
mod tests;
