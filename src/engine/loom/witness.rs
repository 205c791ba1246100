//! Witnesses under loom: the shortest execution that shows the failure, run once more with locations on.
//!
//! loom's search is the same every time, so that an execution is found again by its number. The search is
//! run up to there, and its state kept in loom's own checkpoint; from that the one execution is run.

use super::super::Task;
use super::super::failure::classify;
use super::super::witness::{Ended, MAX_WITNESSES, witness};
use super::shortest::{most_tried, shortest};
use super::{Place, builder, in_manner, rt};
use crate::base::event::{Event, EventKind, Mark};
use crate::base::failure::{Access, AccessKind, DataRace, Failure};
use crate::base::observation::Observation;
use crate::base::outcome::Graded;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::loom::unreduced::Failed;
use crate::rt::model;
use crate::rt::trace::{self, Trace};
use crate::scenario::Engine;
use crate::scenario::program::Program;
use crate::witness::Witness;
use crate::witness::token::{Manner, Route};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Adds a witness for each of the failures that these executions first showed.
pub(super) fn add(task: &Task<'_>, failing: Vec<(Failure, Place)>, seen: &mut Observation) {
    if !task.witnesses {
        return;
    }
    let mut shown: Vec<Failure> = Vec::new();
    for (goal, place) in failing {
        if shown.len() == MAX_WITNESSES || shown.iter().any(|known| known.is_shown_by(&goal)) {
            continue;
        }
        let (place, shortest) =
            shortest(&task.program, &goal, most_tried(&task.budget)).unwrap_or((place, false));
        let Some(ran) = locate(&task.program, &place) else { continue };
        let Some(witness) = witness_of(task, &ran, shortest) else { continue };
        if let Failure::DataRace(_) = &witness.shows {
            seen.fail(witness.shows.clone());
        }
        let route = Route::Index {
            preemptions: place.preemptions.and_then(|bound| u32::try_from(bound).ok()),
            manner: place.manner,
            execution: place.execution,
            choices: place.choices.iter().map(|(&(thread, made), &value)| (thread, made, value)).collect(),
        };
        seen.witnesses.push(task.signed(witness, route));
        shown.push(goal);
    }
}

/// The race with both its accesses. loom names the first thread of which the other does not know all, which need not be
/// the one that accessed the cell, and then it knows no place: the trace does.
fn with_both_accesses(race: DataRace, events: &[Event]) -> DataRace {
    if race.accesses.len() > 1 {
        return race;
    }
    let marked = events.iter().filter(|event| event.mark == Mark::Races);
    let access = |event: &Event| Access {
        thread: event.thread,
        kind: match event.kind {
            EventKind::Read | EventKind::Load => AccessKind::Read,
            _ => AccessKind::Write,
        },
        site: event.site.clone(),
    };
    let accesses: Vec<_> = marked.map(access).collect();
    if accesses.len() == 2 { DataRace { accesses } } else { race }
}

/// Runs the execution that a token has kept. `None` if loom's search does not come so far.
pub(crate) fn replay(
    task: &Task<'_>,
    preemptions: Option<u32>,
    manner: Manner,
    execution: u64,
    choices: &[(u32, u32, u32)],
) -> Option<Witness> {
    let choices = choices.iter().map(|&(thread, made, value)| ((thread, made), value)).collect();
    let place = Place { preemptions: preemptions.map(|bound| bound as usize), manner, choices, execution };
    let ran = rt::as_exactly_as(manner == Manner::Exact, || locate(&task.program, &place))?;
    witness_of(task, &ran, false)
}

/// The witness of this execution, if it has failed.
fn witness_of(task: &Task<'_>, ran: &Ran, shortest: bool) -> Option<Witness> {
    let mut witness = witness(Engine::Loom, task.facts, &ran.trace, &ran.ended, shortest)?;
    if let Failure::DataRace(race) = witness.shows {
        witness.shows = Failure::DataRace(with_both_accesses(race, &witness.events));
    }
    Some(witness)
}

/// One execution.
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) trace: Trace,
}

impl Ran {
    fn failed(failed: Failed) -> Self {
        let Failed { payload, trace } = failed;
        Ran { ended: Ended::of(&classify(payload.as_ref()), None), trace }
    }
}

/// Runs the execution at this place with locations on.
fn locate(program: &Arc<dyn Program>, place: &Place) -> Option<Ran> {
    let locate = || rt::assigned(&place.choices, || locate_as_assigned(program, place));
    rt::first::with_all(|| in_manner(place.manner, locate))
}

fn locate_as_assigned(program: &Arc<dyn Program>, place: &Place) -> Option<Ran> {
    let file = tempfile::NamedTempFile::new().ok()?.into_temp_path();
    // An empty file would be read as a checkpoint.
    std::fs::remove_file(&file).ok()?;
    let mut to_there = builder(place.preemptions);
    to_there.checkpoint_file = Some(file.to_path_buf());
    to_there.checkpoint_interval = usize::try_from(place.execution).ok()?;
    to_there.max_permutations = Some(to_there.checkpoint_interval);
    explore(program, &to_there, false, |_: Ran| ());
    if !file.exists() {
        return None;
    }
    let mut from_there = builder(place.preemptions);
    from_there.checkpoint_file = Some(file.to_path_buf());
    from_there.max_permutations = Some(2);
    from_there.location = true;
    let found = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&found);
    rt::unreduced::as_the_last(|| {
        explore(program, &from_there, true, move |ran: Ran| {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(ran);
        })
    });
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What is shown the executions of an exploration.
pub(super) trait Watch: Send + 'static {
    /// An execution begins, in the model: a panic ends the exploration.
    fn begins(&mut self) {}

    fn ran(&mut self, ran: Ran);
}

impl<F: FnMut(Ran) + Send + 'static> Watch for F {
    fn ran(&mut self, ran: Ran) {
        self(ran);
    }
}

/// Runs what the builder says and shows each execution. Whether no failure has ended it early.
pub(super) fn explore(
    program: &Arc<dyn Program>,
    builder: &loom::model::Builder,
    recording: bool,
    watch: impl Watch,
) -> bool {
    let watch = Arc::new(Mutex::new(watch));
    let begins = {
        let watch = Arc::clone(&watch);
        move || watch.lock().unwrap_or_else(PoisonError::into_inner).begins()
    };
    let show = move |ran: Ran| watch.lock().unwrap_or_else(PoisonError::into_inner).ran(ran);
    // What the main thread came to. Other threads may still fail, so it is shown when the execution is over.
    let came_to = Arc::new(Mutex::new(None::<Ran>));
    let take = |came_to: &Mutex<Option<Ran>>| came_to.lock().unwrap_or_else(PoisonError::into_inner).take();
    let model = {
        let (program, show, came_to) = (Arc::clone(program), show.clone(), Arc::clone(&came_to));
        move || {
            take(&came_to).into_iter().for_each(&show);
            execution::begin();
            rt::unreduced::begin();
            if recording {
                trace::begin(model::number);
            }
            rt::step_counter::begin(None);
            begins();
            let outcome = try_out(&program);
            execution::end();
            let ran = match outcome {
                Ok(outcome) => Ran { ended: Ended::Outcome(outcome), trace: trace::so_far() },
                Err(failed) => Ran::failed(*failed),
            };
            *came_to.lock().unwrap_or_else(PoisonError::into_inner) = Some(ran);
        }
    };
    let entered = context::enter(Context::Model(Checker::Loom));
    let reuse = rt::stacks::Reuse::begin();
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(model)));
    drop(reuse);
    drop(entered);
    let complete = result.is_ok();
    let last = take(&came_to);
    match result {
        Ok(()) => last.into_iter().for_each(&show),
        Err(payload) => {
            let failed = rt::unreduced::take_failure();
            show(Ran::failed(
                failed.map_or_else(|| Failed { payload, trace: trace::end() }, |failed| *failed),
            ));
        }
    }
    trace::end();
    rt::forget_deferred();
    complete
}

/// One execution, which need not be the last if it fails.
fn try_out(program: &Arc<dyn Program>) -> Result<Graded, Box<Failed>> {
    if !rt::unreduced::on() {
        return Ok(Arc::clone(program).try_out());
    }
    let outcome = rt::unreduced::cuttable(|| model::catch(|| Arc::clone(program).try_out()));
    match (rt::unreduced::take_failure(), outcome) {
        (Some(failed), _) => Err(failed),
        (None, Ok(outcome)) => Ok(outcome),
        (None, Err(payload)) => {
            // The others are still to be cut.
            rt::unreduced::fail(payload);
            rt::unreduced::take_failure().map_or_else(|| unreachable!("it has just failed"), Err)
        }
    }
}
