//! The model checker shuttle: sequentially consistent values, races by our own vector clocks.
//!
//! First everything, up to equivalence of executions ([`dpor`]); if that takes more executions than the
//! budget has, what it has seen by then and, for the rest, PCT and random schedules from a fixed seed.
//!
//! A search that lasts goes on on idle cores ([`parallel`]), with the same result.
//!
//! Limits: no stale values, whatever the orderings say (a data race that they allow is found all the
//! same); spurious wakeups only where the design asks for them; an execution of more than [`MAX_STEPS`] steps is cut off; the limits of
//! [`dpor`], of which those that can lose something bound the evidence.

mod context_bound;
#[cfg(test)]
mod differential;
mod log;
mod one;
mod parallel;
#[cfg(test)]
mod parallel_tests;
mod process_exit;
mod reduced;
mod schedule;
mod search;
mod shrink_schedule;
#[cfg(test)]
mod tests;
mod witness;

pub(crate) use log::Log;
#[cfg(test)]
pub(super) use one::along;
pub(crate) use one::by_bytes;

use super::failure::race_of_detector;
use super::{Adapter, Fatal, Programs, Shortened, Task, Way, repeat};
use crate::base::budget::Budget;
use crate::base::failure::ProcessExit;
use crate::base::failure::{Awaited, Deadlock, Failure, Hang, Waiting};
use crate::base::observation::{Bound, Caveat, Difference, Exploration, Observation, Sampling, Stop};
use crate::base::witness::Witness;
use crate::explore::dpor;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::pending::{self, Kind, Operation};
use crate::rt::spurious;
use crate::witness::token::Route;
use search::{Exhausted, MAX_STEPS, Run, Strategy};

/// The model checker shuttle.
pub(super) struct Shuttle;

impl Adapter for Shuttle {
    fn context(&self) -> Context {
        Context::Model(Checker::Shuttle)
    }

    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        observe(task)
    }

    fn replay(&self, task: &Task<'_>, route: &Route) -> Option<Witness> {
        let Route::Schedule { slices, chosen, to_race } = route else { return None };
        witness::replay(task, slices, chosen, *to_race)
    }

    fn shorten(&self, task: &Task<'_>, end: ProcessExit) -> Option<Shortened> {
        process_exit::shorten(task, end)
    }

    fn follow_to_the_end(&self, task: &Task<'_>, fatal: &Fatal) -> bool {
        let Way::Schedule { slices, chosen } = &fatal.way else { return false };
        process_exit::follow_to_the_end(task, fatal, slices, chosen);
        true
    }

    fn programs(&self, budget: &Budget) -> Programs {
        Programs::searched(budget, (budget.executions / 500).max(20), (budget.executions * 2 / 5).max(2_000))
    }
}

/// Explores a design under shuttle.
///
/// # Errors
/// None so far: what shuttle cannot do is part of the observation.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    let before = context::operations();
    context::forget_artefacts();
    // Shortening a witness may have come upon the limit.
    spurious::take_bounded();
    let again = |limit| search::again(task, limit);
    let actors = task.facts.actors.len();
    // Who waits is known until the next execution begins.
    let search = || (search::exhaustively(task), who_waits(actors));
    let ((searched, waiting), difference) = repeat::search(task, search, again);
    let mut seen = Observation::new(Exploration::Exhaustive);
    seen.redundant = searched.progress.redundant;
    note_limits(&mut seen, &searched);
    let settled = searched.complete || searched.run.failure.is_some() || searched.hung.is_some();
    let (mut executions, mut cut_off) = (searched.run.ended, searched.run.cut_off);
    let spurious = spurious::take_bounded();
    let mut last = searched.run;
    let (mut past, mut raced) = (last.race, last.raced);
    let mut failing = std::mem::take(&mut last.failing);
    if settled && !searched.complete {
        seen.exploration = Exploration::Sampled { how: Sampling::UntilFailure };
    } else if settled {
        let by = bounds(&searched.progress, cut_off, spurious, task.budget.preemptions);
        if !by.is_empty() {
            seen.exploration = Exploration::Bounded { by };
        }
    } else {
        let how = Sampling::SearchThenRandom { executions: last.ended, of_about: searched.estimate };
        seen.exploration = Exploration::Sampled { how };
        if task.budget.again {
            task.program.forget_outcomes();
            (executions, cut_off, raced, seen.redundant) = (0, 0, 0, 0);
        }
        for run in at_random(task) {
            executions += run.ended;
            cut_off += run.cut_off;
            past = past.or(run.race);
            raced += run.raced;
            last = run;
            failing.append(&mut last.failing);
        }
    }
    seen.executions = executions;
    seen.outcomes = task.program.outcomes();
    let unseen = seen.outcomes.iter_mut().filter(|outcome| outcome.count == 0);
    if unseen.map(|outcome| outcome.count = 1).count() > 0 && searched.complete {
        seen.stopped = Some(Stop::ReductionFault);
    }
    if cut_off > 0 {
        seen.caveats.push(Caveat::CutOff { executions: cut_off, steps: MAX_STEPS });
    }
    seen.caveats.extend(super::artefacts());
    if raced > 0 {
        seen.raced = raced;
        seen.caveats.push(Caveat::PastRaces);
    }
    if let Some(race) = past {
        seen.fail(Failure::DataRace(race_of_detector(&race)));
    }
    match last.failure {
        Some(Ok(Failure::DataRace(_))) if past.is_some() => {}
        Some(Ok(Failure::Deadlock(_))) => {
            seen.fail(Failure::Deadlock(if settled { waiting } else { who_waits(actors) }));
        }
        Some(Ok(failure)) => seen.fail(failure),
        Some(Err(stop)) => seen.stopped = Some(stop),
        None if context::operations() == before => seen.stopped = Some(Stop::NoOperation),
        None if task.is_out_of_time() && !searched.complete => seen.stopped = Some(task.out_of_time()),
        None => {}
    }
    let strayed = searched.progress.not_repeatable;
    let unrepeatable = (strayed && task.repeated > 0).then_some(Difference::Somewhere(None));
    if strayed && unrepeatable.is_none() {
        seen.caveats.push(Caveat::NotRepeatable);
    }
    if !repeat::note(&mut seen, difference.or(unrepeatable)) {
        task.note_preliminarily(&seen);
        witness::add(task, failing, &mut seen);
    }
    Ok(seen)
}

/// PCT and random schedules, up to the first failure.
fn at_random(task: &Task<'_>) -> Vec<Run> {
    let (seed, executions) = (task.budget.seed, task.budget.random_executions);
    let mut runs = Vec::new();
    for strategy in [Strategy::Pct { seed, executions }, Strategy::Random { seed, executions }] {
        if task.is_out_of_time() {
            break;
        }
        runs.push(search::at_random(task, strategy));
        if runs.last().is_some_and(|run| run.failure.is_some()) {
            break;
        }
    }
    runs
}

/// What a reader must know of how the search was cut short, and whether it found a loop without end.
fn note_limits(seen: &mut Observation, searched: &Exhausted) {
    let progress = &searched.progress;
    if let Some(hung) = &searched.hung {
        seen.fail(Failure::Hang(Hang { spinning: hung.clone(), steps: MAX_STEPS, asleep: false }));
    }
    if let Some(thread) = progress.silent {
        seen.caveats.push(Caveat::SilentLoop { thread });
    } else if progress.awaited {
        seen.caveats.push(Caveat::LoopRounds { rounds: dpor::ROUNDS, patience: dpor::PATIENCE });
    }
    if progress.too_many_tasks {
        seen.caveats.push(Caveat::TooManyThreads { at_most: dpor::MAX_TASKS });
    }
}

/// What bounded a search that came to its end, if anything did.
fn bounds(progress: &dpor::Progress, cut_off: u64, spurious: bool, preemptions: Option<u32>) -> Vec<Bound> {
    let counted = progress.awaited && progress.uneven;
    let looping = progress.silent.is_some() || progress.looked_under_lock || counted;
    let bounds = [
        spurious.then_some(Bound::SpuriousWakeups),
        preemptions.filter(|_| progress.bounded).map(Bound::Preemptions),
        looping.then_some(Bound::LoopRounds(dpor::ROUNDS)),
        (cut_off > 0).then_some(Bound::Steps(MAX_STEPS)),
    ];
    bounds.into_iter().flatten().collect()
}

/// Which actors were about to do something that can wait, in the execution that deadlocked. Task 0
/// is the main one, which waits for them all.
fn who_waits(actors: usize) -> Deadlock {
    let waits = |(actor, operation): (usize, Option<Operation>)| {
        let awaits = match operation?.kind {
            Kind::Lock | Kind::Arrive => Awaited::Lock,
            Kind::ReadLock => Awaited::ReadLock,
            Kind::Wait | Kind::Wake | Kind::Enter => Awaited::Notification,
            _ => return None,
        };
        Some(Waiting { actor, awaits })
    };
    let pending = pending::pending().into_iter().skip(1).take(actors);
    Deadlock { waiting: pending.enumerate().filter_map(waits).collect() }
}
