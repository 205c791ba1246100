//! Witnesses of executions that end their process: found again, shortened, and written down on the way to the end.
//!
//! Each takes a worker of its own, which may die of it.

use super::mapping::{anonymous_file, contents, path_for_others};
use super::supervise::{Assignment, Launched, Met};
use super::worker::Work;
use crate::base::budget::Budget;
use crate::base::failure::ProcessExit;
use crate::base::witness::Witness;
use crate::engine::{self, Fatal, Shortened, Way};
use crate::witness::token::Route;
use std::time::{Duration, Instant};

/// The witness of an execution that has ended its worker, after so many others: the shortest that can be
/// found, or else the one that was met.
pub(super) fn witness(assignment: &Assignment<'_>, met: &Met) -> anyhow::Result<Option<Witness>> {
    let mut shorter = few_switches(assignment, met.exit)?;
    let bounded = engine::adapter(assignment.engine).ends_with_few_preemptions();
    if bounded && !shorter.as_ref().is_some_and(|witness| witness.shortest) {
        let other = few_preemptions(assignment, met.exit)?;
        let length = |witness: &Witness| (witness.switches, witness.events.len());
        shorter = shorter.into_iter().chain(other).min_by_key(length);
    }
    match shorter {
        Some(witness) => Ok(Some(witness)),
        None => {
            // That execution is known to exist: it has time of its own, whatever was spent on shorter ones.
            let until = Instant::now().checked_add(Duration::from_millis(assignment.budget.wall_ms / 2));
            write_down(&Assignment { until, ..*assignment }, Way::After(met.after))
        }
    }
}

/// The fewest switches that come to this end, of the executions that can be tried.
fn few_switches(assignment: &Assignment<'_>, exit: ProcessExit) -> anyhow::Result<Option<Witness>> {
    if !assignment.has_time() {
        return Ok(None);
    }
    let launched = assignment.launch(Work::Shorten(exit), &|_| ())?;
    // A search for something shorter that fails leaves what there is.
    let answer = serde_json::from_slice(&launched.answer).unwrap_or(None);
    let Some(Shortened { way, shortest }) = answer else { return Ok(None) };
    Ok(match follow(assignment, way, shortest)? {
        Some((end, witness)) if end == exit => witness,
        _ => None,
    })
}

/// The most executions in which loom looks for this end, with each number of preemptions.
const MAX_TRIED: u64 = 2_000;

/// Bytes that are read of what a worker wrote down.
const MAX_LINES_BYTES: u64 = 64 << 20;

/// The most preemptions with which it looks.
const MAX_PREEMPTIONS: u32 = 3;

/// The first execution under loom that comes to this end with the fewest preemptions that lead to it, as loom
/// bounds them. It need not be the shortest: it ends its process, and with it this search.
fn few_preemptions(assignment: &Assignment<'_>, exit: ProcessExit) -> anyhow::Result<Option<Witness>> {
    for preemptions in 0..=MAX_PREEMPTIONS {
        let budget = Budget { preemptions: Some(preemptions), executions: MAX_TRIED, ..assignment.budget };
        let bounded = Assignment { budget, ..*assignment };
        match follow(&bounded, Way::Last, false)? {
            None => {}
            Some((end, witness)) if end == exit => return Ok(witness),
            Some(_) => break,
        }
    }
    Ok(None)
}

/// Lets another worker come to its end this way, which writes down what it does on it. `None` if it lives.
///
/// # Errors
/// As `launch`.
pub(crate) fn write_down(assignment: &Assignment<'_>, way: Way) -> anyhow::Result<Option<Witness>> {
    Ok(follow(assignment, way, false)?.and_then(|(_, witness)| witness))
}

/// How a worker came to its end that was to write it down, and what it wrote; `None` if it lives.
fn follow(
    assignment: &Assignment<'_>,
    way: Way,
    shortest: bool,
) -> anyhow::Result<Option<(ProcessExit, Option<Witness>)>> {
    let mut lines = anonymous_file("selvedge-events")?;
    let fatal = Fatal { way: way.clone(), file: path_for_others(&lines) };
    if !assignment.has_time() {
        return Ok(None);
    }
    let Launched { heartbeat, answer, log, end, .. } = assignment.launch(Work::WriteDown(fatal), &|_| ())?;
    if end.answered(&answer) {
        return Ok(None);
    }
    let Ok(shows) = assignment.fate(&end, heartbeat.get(), &answer, &log)? else { return Ok(None) };
    let lines = contents(&mut lines, MAX_LINES_BYTES)?;
    let Some(witness) = engine::left_behind(assignment.engine, assignment.facts, &lines, shows, shortest)
    else {
        return Ok(Some((end.process_exit(), None)));
    };
    let Budget { executions, random_executions, preemptions, seed, .. } = assignment.budget;
    let route = match way {
        Way::After(_) | Way::Last => {
            let after = heartbeat.get().executions();
            Route::Fatal { after, executions, random_executions, preemptions }
        }
        Way::Schedule { slices, chosen } => Route::ProcessExit { slices, chosen },
        Way::Every(numbered) => Route::Every(numbered),
    };
    Ok(Some((end.process_exit(), Some(assignment.name.sign(seed, witness, route)))))
}
