//! The model checker loom: every interleaving and every stale read of the C11 model, up to bounds.
//!
//! First everything; if that takes more executions than the budget has, everything within a few
//! preemptions; if that is too much as well, the answer is inconclusive. A failure ends the exploration.
//!
//! Limits, all loom 0.7.2's own: four actors beside the main thread; SeqCst loads and stores behave as
//! acquire and release; no load buffering; no spurious wakeups; nothing ever times out.

#[cfg(test)]
mod tests;

use super::failure::{Failure, classify};
use super::{Exploration, Observation, Task};
use crate::arm::loom as arm;
use crate::context::{self, Context};
use crate::panics;
use crate::scenario::Grade;
use crate::scenario::program::OutcomeCount;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// loom's own limit on threads, the main one included.
const MAX_THREADS: usize = loom::MAX_THREADS;

/// The preemption bounds that are tried when everything is too much, widest first. Two preemptions show
/// nearly all known bugs: Musuvathi and Qadeer, "Iterative Context Bounding", PLDI 2007, section 4.
const PREEMPTION_BOUNDS: [usize; 2] = [3, 2];

/// Explores a design under loom.
///
/// # Errors
/// None so far: what loom cannot do is part of the observation.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    let actors = task.program.actors();
    if actors >= MAX_THREADS {
        return Ok(Observation::not_applicable(format!(
            "loom runs at most {} actors, and this design has {actors}",
            MAX_THREADS - 1
        )));
    }
    Ok(arm::as_exactly_as_needed(|| search(task), || begin_anew(task)))
}

/// Forgets what an inexact search has counted, but never a failure that it has seen.
fn begin_anew(task: &Task<'_>) {
    let forbidden = |outcome: &OutcomeCount| outcome.grade == Grade::Forbidden;
    if !task.program.outcomes().iter().any(forbidden) {
        task.program.forget_outcomes();
    }
}

/// Everything, or else everything within a few preemptions.
fn search(task: &Task<'_>) -> Observation {
    let mut total = 0;
    for preemptions in std::iter::once(None).chain(PREEMPTION_BOUNDS.map(Some)) {
        let explored = explore(task, preemptions);
        total += explored.executions;
        if explored.complete || explored.failure.is_some() {
            let exploration = match preemptions {
                None => Exploration::Exhaustive,
                Some(bound) => Exploration::Bounded { by: format!("at most {bound} preemptions") },
            };
            return conclude(task, total, exploration, explored);
        }
    }
    let mut seen = Observation::new(Exploration::Sampled { how: "an interrupted search".to_owned() });
    seen.executions = total;
    seen.outcomes = task.program.outcomes();
    seen.stopped = Some(format!(
        "the budget of {} executions ended before loom had tried everything, and again within {} preemptions",
        task.budget.executions,
        PREEMPTION_BOUNDS.map(|bound| bound.to_string()).join(" and within ")
    ));
    seen
}

fn conclude(task: &Task<'_>, executions: u64, exploration: Exploration, explored: Explored) -> Observation {
    let mut seen = Observation::new(exploration);
    seen.executions = executions;
    seen.outcomes = task.program.outcomes();
    if let Some(failure) = explored.failure {
        failure.enter_into(&mut seen, &task.facts.actors);
    } else if explored.operations == 0 {
        seen.stopped = Some(super::blind("loom"));
    }
    seen.caveats = context::artefacts().iter().map(|artefact| artefact.sentence().to_owned()).collect();
    seen
}

struct Explored {
    executions: u64,
    complete: bool,
    operations: u64,
    failure: Option<Failure>,
}

/// One exploration, complete within `preemptions` (all, if `None`) or stopped by the budget.
fn explore(task: &Task<'_>, preemptions: Option<usize>) -> Explored {
    let limit = task.budget.executions;
    let executions = Arc::new(AtomicU64::new(0));
    let mut builder = loom::model::Builder::new();
    builder.max_threads = MAX_THREADS;
    builder.preemption_bound = preemptions;
    builder.max_branches = 1000;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.location = false;
    builder.log = false;
    // loom looks at its limits every so many executions only, and stops one short of them; one execution
    // more than the budget tells a search that was stopped from one that was just complete.
    builder.checkpoint_interval = 1;
    builder.max_permutations = usize::try_from(limit).ok().and_then(|limit| limit.checked_add(2));

    let operations = context::operations();
    let entered = context::enter(Context::Loom);
    let model = {
        let (executions, program, pulse) = (Arc::clone(&executions), Arc::clone(&task.program), task.pulse);
        move || {
            executions.fetch_add(1, Ordering::Relaxed);
            arm::forget_deferred();
            panics::forget();
            Arc::clone(&program).execute();
            crate::sync::lazy::end_of_execution();
            pulse.advance(1);
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(model)));
    drop(entered);
    arm::forget_deferred();
    let executions = executions.load(Ordering::Relaxed);
    Explored {
        executions,
        complete: executions <= limit,
        operations: context::operations() - operations,
        failure: result.err().map(|payload| classify(payload.as_ref())),
    }
}
