//! The model checker shuttle: sequentially consistent values, races by our own vector clocks.
//!
//! First everything, up to equivalence of executions ([`dpor`]); if that takes more executions than the
//! budget has, what it has seen by then and, for the rest, PCT and random schedules from a fixed seed.
//!
//! A search that lasts goes on on cores that nobody else uses ([`together`]), with the same result.
//!
//! Limits: no stale values, whatever the orderings say (a data race that they allow is found all the
//! same); spurious wakeups only where the design asks for them; an execution of more than [`MAX_STEPS`] steps is cut off; the limits of
//! [`dpor`], of which those that can lose something bound the evidence.

#[cfg(test)]
mod agreement;
mod crew;
mod doomed;
mod dpor;
mod few;
mod log;
mod minimise;
mod one;
mod reduced;
mod schedule;
mod search;
#[cfg(test)]
mod tests;
mod together;
#[cfg(test)]
mod together_tests;
mod witness;

pub(crate) use doomed::{follow_to_the_end, shorten};
pub(crate) use log::Log;
pub(crate) use one::by_bytes;
pub(crate) use witness::replay;

use super::failure::{Failure, race_report};
use super::{Exploration, Observation, Task};
use crate::arm::trace::{self, Kind, Operation};
use crate::context;
use crate::sync::spurious;
use search::{Exhausted, MAX_STEPS, Run, Strategy};

/// What a reader must know of executions that went past a data race.
const PAST_RACES: &str = "the outcomes are those of whole accesses, one after the other, and after a data race \
                          the language promises none of them";

/// Explores a design under shuttle.
///
/// # Errors
/// None so far: what shuttle cannot do is part of the observation.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    let before = context::operations();
    // Whoever shortened a witness before may have come upon the limit.
    spurious::take_bounded();
    let searched = search::exhaustively(task);
    let mut seen = Observation::new(Exploration::Exhaustive);
    seen.redundant = searched.progress.redundant;
    note_limits(&mut seen, &searched, &task.facts.actors);
    let settled = searched.complete || searched.run.failure.is_some() || searched.hung.is_some();
    let (mut executions, mut cut_off) = (searched.run.ended, searched.run.cut_off);
    let spurious = spurious::take_bounded();
    let mut last = searched.run;
    let (mut past, mut raced) = (last.race, last.raced);
    let mut failing = std::mem::take(&mut last.failing);
    if settled {
        if let Some(bound) = bound(&searched.progress, cut_off, spurious, task.budget.preemptions) {
            seen.exploration = Exploration::Bounded { by: bound };
        }
    } else {
        seen.exploration = Exploration::Sampled { how: interrupted(last.ended, searched.estimate) };
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
        seen.stopped = Some(
            "an execution that should have come out as another one did not: a fault of selvedge's reduction"
                .to_owned(),
        );
    }
    if cut_off > 0 {
        seen.caveats.push(format!("{cut_off} executions were cut off after {MAX_STEPS} steps each"));
    }
    seen.caveats.extend(context::artefacts().iter().map(|artefact| artefact.sentence().to_owned()));
    if raced > 0 {
        seen.raced = raced;
        seen.caveats.push(PAST_RACES.to_owned());
    }
    if let Some(race) = past {
        seen.races.push(race_report(&race, &task.facts.actors));
    }
    match last.failure {
        Some(Failure::DataRace { .. }) if past.is_some() => {}
        Some(Failure::Deadlock) => seen.deadlock = Some(who_waits(&task.facts.actors)),
        Some(failure) => failure.enter_into(&mut seen, &task.facts.actors),
        None if context::operations() == before => seen.stopped = Some(super::blind("shuttle")),
        None => {}
    }
    witness::add(task, failing, &mut seen);
    Ok(seen)
}

/// PCT and random schedules, up to the first failure.
fn at_random(task: &Task<'_>) -> Vec<Run> {
    let (seed, executions) = (task.budget.seed, task.budget.random_executions);
    let mut runs = Vec::new();
    for strategy in [Strategy::Pct { seed, executions }, Strategy::Random { seed, executions }] {
        runs.push(search::at_random(task, strategy));
        if runs.last().is_some_and(|run| run.failure.is_some()) {
            break;
        }
    }
    runs
}

/// How a search that the budget ended went about it.
fn interrupted(executions: u64, estimate: Option<f64>) -> String {
    let of =
        estimate.map_or_else(String::new, |estimate| format!(" of at least about {}", rounded(estimate)));
    format!("{executions} executions{of} of an exhaustive search, then PCT and random schedules")
}

/// An estimate with as many digits as it deserves.
fn rounded(estimate: f64) -> String {
    let exponent = estimate.max(1.0).log10().floor();
    if exponent >= 7.0 { format!("{estimate:.0e}") } else { rounded_to_two_digits(estimate, exponent) }
}

fn rounded_to_two_digits(estimate: f64, exponent: f64) -> String {
    let unit = 10_f64.powf((exponent - 1.0).max(0.0));
    format!("{:.0}", (estimate / unit).round() * unit)
}

/// What a reader must know of how the search was cut short, and whether it found a loop without end.
fn note_limits(seen: &mut Observation, searched: &Exhausted, actors: &[String]) {
    let progress = &searched.progress;
    // Task 0 is the main one, which makes the state and observes; the actors follow in order.
    let name = |task: usize| {
        task.checked_sub(1)
            .and_then(|actor| actors.get(actor).cloned())
            .unwrap_or_else(|| "a thread of the design".to_owned())
    };
    if let Some(hung) = &searched.hung {
        let names: Vec<_> = hung.iter().map(|task| name(*task)).collect();
        seen.hang = Some(format!(
            "in an execution of more than {MAX_STEPS} steps {} waits in a loop for a change that nobody is left \
             to make",
            names.join(" and ")
        ));
    }
    if let Some(task) = progress.silent {
        seen.caveats.push(format!("{} waits in a loop without yielding", name(task)));
    } else if progress.awaited {
        seen.caveats.push(format!(
            "loops that wait were tried with up to {} rounds, and with {} or as many as they go: enough, unless \
             a loop counts its rounds",
            dpor::ROUNDS,
            dpor::PATIENCE
        ));
    }
    if progress.too_many_tasks {
        seen.caveats
            .push(format!("an exhaustive search follows {} threads, and here are more", dpor::MAX_TASKS));
    }
    if progress.not_repeatable {
        seen.caveats.push("executions that were scheduled alike went differently".to_owned());
    }
}

/// What bounded a search that came to its end, if anything did.
fn bound(
    progress: &dpor::Progress,
    cut_off: u64,
    spurious: bool,
    preemptions: Option<u32>,
) -> Option<String> {
    let mut bounds = Vec::new();
    if spurious {
        bounds.push(spurious::BOUND.to_owned());
    }
    if let (true, Some(preemptions)) = (progress.bounded, preemptions) {
        bounds.push(format!("at most {}", super::preemptions(preemptions)));
    }
    let counted = progress.awaited && progress.uneven;
    if progress.silent.is_some() || progress.looked_under_lock || counted {
        bounds.push(format!("{} rounds of loops that wait", dpor::ROUNDS));
    }
    if cut_off > 0 {
        bounds.push(format!("{MAX_STEPS} steps per execution"));
    }
    (!bounds.is_empty()).then(|| bounds.join(", "))
}

/// Which actors were about to do something that can wait, in the execution that deadlocked. Task 0
/// is the main one, which waits for them all.
fn who_waits(actors: &[String]) -> String {
    let waits = |(actor, operation): (&String, Option<Operation>)| {
        let what = match operation?.kind {
            Kind::Lock => "for a lock",
            Kind::ReadLock => "to read under a lock",
            Kind::Wait | Kind::Wake | Kind::Enter => "to be notified",
            _ => return None,
        };
        Some(format!("{actor} waits {what}"))
    };
    let pending = trace::pending().into_iter().skip(1);
    let waiting: Vec<_> = actors.iter().zip(pending).filter_map(waits).collect();
    if waiting.is_empty() { super::failure::ALL_WAIT.to_owned() } else { waiting.join(", ") }
}
