//! The model checker loom: every interleaving and every stale read of the C11 model, up to bounds.
//!
//! First everything; if that takes more executions than the budget has, everything within a few
//! preemptions; if that is too much as well, the answer is inconclusive. Where the budget says how many
//! preemptions there may be, everything within those and nothing else. A failure ends the exploration.
//!
//! Limits, all loom 0.7.2's own: four actors beside the main thread; SeqCst loads and stores behave as
//! acquire and release; no load buffering; nothing ever times out. Spurious wakeups, where the design asks for
//! them, and other choices of values come from running the exploration once for each way in which they can
//! come out ([`rt::Odometer`]).

mod process_exit;
mod shortest;
#[cfg(test)]
mod tests;
mod witness;

use super::failure::{allow_branches, classify, most_branches};
use super::witness::Ended;
use super::{Adapter, Fatal, Programs, Shortened, Task, Way, repeat};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::failure::ProcessExit;
use crate::base::observation::{Bound, Exploration, NotApplicable, Observation, Sampling, Stop};
use crate::base::outcome::OutcomeCount;
use crate::base::witness::Witness;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::loom::{Assignment, Odometer};
use crate::rt::model;
use crate::rt::spurious;
use crate::rt::{loom as rt, recorder, trace};
use crate::witness::token::{Manner, Route};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// loom's own limit on threads, the main one included.
const MAX_THREADS: usize = loom::MAX_THREADS;

/// The preemption bounds that are tried when everything is too much, widest first. Two preemptions show
/// nearly all known bugs: Musuvathi and Qadeer, "Iterative Context Bounding", PLDI 2007, section 4.
const PREEMPTION_BOUNDS: [usize; 2] = [2, 1];

/// How much of the budget goes into the search for everything, if others follow. What is not at its end by then seldom
/// comes to it, and loom is slow: of the shipped scenarios' designs two would.
const SHARE_OF_EVERYTHING: u64 = 3;

/// What that search gets all the same, if the budget has so much.
const EVERYTHING_AT_LEAST: u64 = 6_000;

/// With how many preemptions all is tried of a generated program of which little can be tried. Much of what has two
/// is tried with it, and two show nearly all known bugs (Musuvathi and Qadeer, as above).
const FEW_PREEMPTIONS: u32 = 1;

/// The model checker loom.
pub(super) struct Loom;

impl Adapter for Loom {
    fn context(&self) -> Context {
        Context::Model(Checker::Loom)
    }

    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        observe(task)
    }

    fn replay(&self, task: &Task<'_>, route: &Route) -> Option<Witness> {
        let Route::Index { preemptions, manner, execution, choices } = route else { return None };
        allow_branches(task.max_operations);
        witness::replay(task, *preemptions, *manner, *execution, choices)
    }

    fn shorten(&self, task: &Task<'_>, end: ProcessExit) -> Option<Shortened> {
        process_exit::shorten(task, end)
    }

    fn follow_to_the_end(&self, task: &Task<'_>, fatal: &Fatal) -> bool {
        let Way::Every(numbered) = &fatal.way else { return false };
        process_exit::follow_to_the_end(task, fatal, numbered);
        true
    }

    fn ends_with_few_preemptions(&self) -> bool {
        true
    }

    fn programs(&self, budget: &Budget) -> Programs {
        let executions = (budget.executions / 100).max(150);
        let few = (executions < 1_000).then_some(FEW_PREEMPTIONS);
        Programs {
            most: 100,
            each: Budget { executions, preemptions: budget.preemptions.or(few), ..*budget },
            alone: 1,
            alone_at_length: false,
            small: true,
            all_or_nothing: true,
            grown: 1,
            executions: Some((budget.executions / 5).max(1_000)),
        }
    }
}

/// Explores a design under loom.
///
/// # Errors
/// None so far: what loom cannot do is part of the observation.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    let actors = task.program.actors();
    if actors >= MAX_THREADS {
        let at_most = MAX_THREADS - 1;
        return Ok(Observation::not_applicable(NotApplicable::TooManyActors { actors, at_most }));
    }
    context::forget_artefacts();
    allow_branches(task.max_operations);
    Ok(rt::as_exactly_as_needed(|| search(task), || begin_anew(task)))
}

/// Forgets what an inexact search has counted, but never a failure that it has seen.
fn begin_anew(task: &Task<'_>) {
    if !task.program.outcomes().iter().any(OutcomeCount::is_violation) {
        task.program.forget_outcomes();
    }
}

/// Everything, or else everything within a few preemptions.
fn search(task: &Task<'_>) -> Observation {
    // Shortening a witness may have come upon the limit.
    spurious::take_bounded();
    let (mut total, mut redundant) = (0, 0);
    let mut failing = Vec::new();
    let bounds: Vec<_> = match task.budget.preemptions {
        Some(bound) => vec![usize::try_from(bound).ok()],
        None => std::iter::once(None).chain(PREEMPTION_BOUNDS.map(Some)).collect(),
    };
    for (number, &preemptions) in bounds.iter().enumerate() {
        let whole = task.budget.executions;
        let limit = match preemptions {
            None if bounds.len() > 1 => (whole / SHARE_OF_EVERYTHING).max(EVERYTHING_AT_LEAST).min(whole),
            _ => whole,
        };
        let again = |executions| drop(explore(task, preemptions, executions));
        let (mut explored, difference) = match number {
            0 => repeat::search(task, || explore(task, preemptions, limit), again),
            _ => (explore(task, preemptions, limit), None),
        };
        if let Some(difference) = difference {
            let mut seen = Observation::new(Exploration::Sampled { how: Sampling::InterruptedSearch });
            (seen.executions, seen.redundant) = (explored.executions, explored.redundant);
            seen.outcomes = task.program.outcomes();
            repeat::note(&mut seen, Some(difference));
            return seen;
        }
        total += explored.executions;
        failing.append(&mut explored.failing);
        redundant += explored.redundant;
        if explored.complete || explored.failure.is_some() {
            let exploration = match (explored.complete, spurious::take_bounded()) {
                (true, spurious) => within(preemptions, spurious),
                (false, _) => Exploration::Sampled { how: Sampling::UntilFailure },
            };
            let explored = Explored { executions: total, redundant, failing, ..explored };
            return conclude(task, exploration, explored);
        }
    }
    let mut seen = Observation::new(Exploration::Sampled { how: Sampling::InterruptedSearch });
    (seen.executions, seen.redundant) = (total, redundant);
    seen.outcomes = task.program.outcomes();
    witness::add(task, failing, &mut seen);
    let within = bounds.iter().map(|bound| bound.map(number)).collect();
    seen.stopped = Some(match task.is_out_of_time() {
        true => task.out_of_time(),
        false => Stop::Budget { executions: task.budget.executions, within },
    });
    seen
}

/// How an exploration that came to its end went about it.
fn within(preemptions: Option<usize>, spurious: bool) -> Exploration {
    let preemptions = preemptions.map(|bound| Bound::Preemptions(number(bound)));
    let by: Vec<_> = preemptions.into_iter().chain(spurious.then_some(Bound::SpuriousWakeups)).collect();
    if by.is_empty() { Exploration::Exhaustive } else { Exploration::Bounded { by } }
}

fn number(preemptions: usize) -> u32 {
    u32::try_from(preemptions).unwrap_or(u32::MAX)
}

fn conclude(task: &Task<'_>, exploration: Exploration, explored: Explored) -> Observation {
    let mut seen = Observation::new(exploration);
    (seen.executions, seen.redundant) = (explored.executions, explored.redundant);
    seen.outcomes = task.program.outcomes();
    match explored.failure {
        Some(Ok(failure)) => seen.fail(failure),
        Some(Err(stop)) => seen.stopped = Some(stop),
        None if explored.operations == 0 => seen.stopped = Some(Stop::NoOperation),
        None => {}
    }
    seen.caveats = super::artefacts();
    task.note_preliminarily(&seen);
    witness::add(task, explored.failing, &mut seen);
    seen
}

/// Where an execution lies in loom's search.
#[derive(Clone, Debug)]
struct Place {
    preemptions: Option<usize>,
    manner: Manner,
    choices: Assignment,
    /// Counted from 1, in the exploration for these choices.
    execution: u64,
}

#[derive(Default)]
struct Explored {
    executions: u64,
    /// Executions beyond these that belong to other choices than they were run for.
    redundant: u64,
    complete: bool,
    operations: u64,
    failure: Option<Result<Failure, Stop>>,
    /// The executions that first showed each failure.
    failing: Vec<(Failure, Place)>,
}

/// How an exploration goes about it that is begun now.
fn manner() -> Manner {
    if rt::exactly() { Manner::Exact } else { Manner::Plain }
}

/// Runs an exploration, or an execution of one, that goes about it in one of the manners in every order, or in
/// none of them.
fn in_manner<R>(manner: Manner, run: impl FnOnce() -> R) -> R {
    match manner {
        Manner::Every => rt::unreduced::with_unreduced(true, run),
        Manner::EveryStep => rt::unreduced::with_unreduced_steps(run),
        Manner::Plain | Manner::Exact => rt::unreduced::with_unreduced(false, run),
    }
}

/// loom as we want it: no limits but these. Within a number of `preemptions` it tries all executions that have
/// at most so many, and some with one more: where an execution has as many as loom's own bound, loom 0.7.2
/// tries no other thread any more, not even where one has to be chosen anyway.
fn builder(preemptions: Option<usize>) -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = MAX_THREADS;
    builder.preemption_bound = preemptions.map(|bound| bound + 1);
    builder.max_branches = most_branches();
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.location = false;
    builder.log = false;
    // loom looks at its limits every so many executions only.
    builder.checkpoint_interval = 1;
    builder
}

/// One exploration, complete within `preemptions` (all, if `None`) or stopped after `limit` executions: one for each
/// way in which choices can come out.
fn explore(task: &Task<'_>, preemptions: Option<usize>, limit: u64) -> Explored {
    let mut odometer = Odometer::new();
    let mut all = Explored { complete: true, ..Explored::default() };
    while all.complete && all.failure.is_none() {
        let left = limit - all.executions - all.redundant;
        let Some(mut one) = odometer.turn(|choices| explore_one(task, preemptions, choices, left)) else {
            break;
        };
        all.executions += one.executions;
        all.redundant += one.redundant;
        all.operations += one.operations;
        all.failing.append(&mut one.failing);
        (all.complete, all.failure) = (one.complete, one.failure);
    }
    all
}

/// As [`explore`], for one such way, and at most `limit` executions.
fn explore_one(task: &Task<'_>, preemptions: Option<usize>, choices: &Assignment, limit: u64) -> Explored {
    let redundant = Arc::new(AtomicU64::new(0));
    let executions = Arc::new(AtomicU64::new(0));
    let failing = Arc::new(Mutex::new(Vec::new()));
    let mut builder = builder(preemptions);
    // loom stops one short of its limit; one execution more than the budget tells a search that was stopped
    // from one that was just complete.
    builder.max_permutations = usize::try_from(limit).ok().and_then(|limit| limit.checked_add(2));

    builder.max_duration = task.until.map(|until| until.saturating_duration_since(Instant::now()));

    let manner = manner();
    let operations = context::operations();
    let entered = context::enter(Context::Model(Checker::Loom));
    let execution = {
        let (executions, program, heartbeat) =
            (Arc::clone(&executions), Arc::clone(&task.program), task.heartbeat);
        let (failing, fatal) = (Arc::clone(&failing), task.fatal.clone());
        let (redundant, choices) = (Arc::clone(&redundant), choices.clone());
        move || {
            if recorder::is_enough() {
                // loom has no other way to stop in time; what it comes to is not looked at.
                resume_unwind(Box::new(()));
            }
            let execution = executions.fetch_add(1, Ordering::Relaxed) + 1;
            execution::begin();
            recorder::begin(model::number);
            if let Some(fatal) = &fatal {
                fatal.begin_after(heartbeat.executions());
            }
            if let Some(outcome) = Arc::clone(&program).execute() {
                let mut failing = failing.lock().unwrap_or_else(PoisonError::into_inner);
                let choices = choices.clone();
                let place = Place { preemptions, manner, choices, execution };
                failing.push((Failure::forbidden(outcome), place));
            }
            execution::end();
            redundant.fetch_add(u64::from(context::is_redundant()), Ordering::Relaxed);
            trace::stop();
            if !recorder::is_repeating() {
                heartbeat.advance(1);
            }
        }
    };
    let reuse = rt::stacks::Reuse::begin();
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(execution)));
    drop(reuse);
    drop(entered);
    rt::forget_deferred();
    let executions = executions.load(Ordering::Relaxed);
    let failure = result.err().map(|payload| classify(payload.as_ref()));
    let mut failing = std::mem::take(&mut *failing.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(goal) = failure.as_ref().and_then(|failure| Ended::of_search(failure, None).failure()) {
        failing.push((goal, Place { preemptions, manner, choices: choices.clone(), execution: executions }));
    }
    let redundant = redundant.load(Ordering::Relaxed);
    Explored {
        executions: executions - redundant,
        redundant,
        complete: executions <= limit && !task.is_out_of_time(),
        operations: context::operations() - operations,
        failure,
        failing,
    }
}
