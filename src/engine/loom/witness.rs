//! Witnesses under loom: the execution with the fewest preemptions that shows the failure, run once more
//! with locations on.
//!
//! loom's search is the same every time, so that an execution is found again by its number. The search is
//! run up to there, and its state kept in loom's own checkpoint; from that the one execution is run.

use super::super::failure::{Failure, classify};
use super::super::witness::{Ended, Goal, MAX_WITNESSES, switches, witness};
use super::super::{Observation, Task};
use super::{Place, arm, builder};
use crate::arm::journal::{self, Journal};
use crate::arm::loom::{Assignment, Odometer};
use crate::arm::trace;
use crate::context::{self, Context};
use crate::panics;
use crate::scenario::Engine;
use crate::scenario::program::Program;
use crate::thread::model;
use crate::witness::Witness;
use crate::witness::token::Route;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// The most executions in which a shorter witness is looked for, with each number of preemptions.
const MAX_TRIED: usize = 2_000;

/// The most preemptions with which one is looked for.
const MAX_PREEMPTIONS: usize = 3;

/// Adds a witness for each of the failures that these executions first showed.
pub(super) fn add(task: &Task<'_>, failing: Vec<(Goal, Place)>, seen: &mut Observation) {
    if !task.witnesses {
        return;
    }
    let mut shown: Vec<Goal> = Vec::new();
    for (goal, place) in failing {
        if shown.len() == MAX_WITNESSES || shown.contains(&goal) {
            continue;
        }
        let (place, shortest) = fewest_preemptions(&task.program, &goal).unwrap_or((place, false));
        let Some(ran) = locate(&task.program, &place) else { continue };
        let Some(witness) = witness(Engine::Loom, task.facts, &ran.journal, &ran.ended, shortest) else {
            continue;
        };
        if let Some(race @ Failure::DataRace { .. }) = ran.failure {
            seen.races.clear();
            race.enter_into(seen, &task.facts.actors);
        }
        let route = Route::Index {
            preemptions: place.preemptions.and_then(|bound| u32::try_from(bound).ok()),
            exact: arm::exactly(),
            execution: place.execution,
            choices: place.choices.iter().map(|(&(thread, made), &value)| (thread, made, value)).collect(),
        };
        if goal == Goal::Deadlock {
            seen.deadlock = Some(witness.conclusion.clone());
        }
        seen.witnesses.push(task.signed(witness, route));
        shown.push(goal);
    }
}

/// Runs the execution that a token has kept. `None` if loom's search does not come so far.
pub(crate) fn replay(
    task: &Task<'_>,
    preemptions: Option<u32>,
    exact: bool,
    execution: u64,
    choices: &[(u32, u32, u32)],
) -> Option<Witness> {
    let choices = choices.iter().map(|&(thread, made, value)| ((thread, made), value)).collect();
    let place = Place { preemptions: preemptions.map(|bound| bound as usize), choices, execution };
    let ran = arm::as_exactly_as(exact, || locate(&task.program, &place))?;
    witness(Engine::Loom, task.facts, &ran.journal, &ran.ended, false)
}

/// The shortest execution that shows the failure, of those with the fewest preemptions. The second value
/// tells whether no other has fewer.
fn fewest_preemptions(program: &Arc<dyn Program>, goal: &Goal) -> Option<(Place, bool)> {
    let mut proved = true;
    for preemptions in (0..=MAX_PREEMPTIONS).map(Some) {
        let search = Arc::new(Mutex::new(Shortest::default()));
        let (mut odometer, mut left) = (Odometer::new(), MAX_TRIED);
        while left > 0 {
            let (seen, goal) = (Arc::clone(&search), goal.clone());
            let turned = odometer.turn(|choices| {
                let mut builder = builder(preemptions);
                builder.max_permutations = Some(left + 1);
                seen.lock().unwrap_or_else(PoisonError::into_inner).turn_to(choices);
                explore(program, &builder, true, move |ran| {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).look(&ran, &goal);
                });
            });
            if turned.is_none() {
                break;
            }
            let tried = search.lock().unwrap_or_else(PoisonError::into_inner).tried;
            left = left.saturating_sub(usize::try_from(tried).unwrap_or(usize::MAX));
        }
        let mut search = search.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, choices, execution)) = search.best.take() {
            return Some((Place { preemptions, choices, execution }, proved));
        }
        proved &= left > 0;
    }
    None
}

#[derive(Default)]
struct Shortest {
    choices: Assignment,
    /// Executions with these choices.
    tried: u64,
    /// Switches and events, and the choices and the number of the execution.
    best: Option<((usize, usize), Assignment, u64)>,
}

impl Shortest {
    fn turn_to(&mut self, choices: &Assignment) {
        (self.choices, self.tried) = (choices.clone(), 0);
    }

    fn look(&mut self, ran: &Ran, goal: &Goal) {
        self.tried += 1;
        let entries = &ran.journal.entries;
        let cost = (switches(entries.iter().map(|entry| entry.thread)), entries.len());
        if goal.reached(&ran.ended) && self.best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            self.best = Some((cost, self.choices.clone(), self.tried));
        }
    }
}

/// One execution.
struct Ran {
    ended: Ended,
    failure: Option<Failure>,
    journal: Journal,
}

/// Runs the execution at this place with locations on.
fn locate(program: &Arc<dyn Program>, place: &Place) -> Option<Ran> {
    arm::assigned(&place.choices, || locate_as_assigned(program, place))
}

fn locate_as_assigned(program: &Arc<dyn Program>, place: &Place) -> Option<Ran> {
    let file = tempfile::NamedTempFile::new().ok()?.into_temp_path();
    // An empty file would be read as a checkpoint.
    std::fs::remove_file(&file).ok()?;
    let mut to_there = builder(place.preemptions);
    to_there.checkpoint_file = Some(file.to_path_buf());
    to_there.checkpoint_interval = usize::try_from(place.execution).ok()?;
    to_there.max_permutations = Some(to_there.checkpoint_interval);
    explore(program, &to_there, false, |_| ());
    if !file.exists() {
        return None;
    }
    let mut from_there = builder(place.preemptions);
    from_there.checkpoint_file = Some(file.to_path_buf());
    from_there.max_permutations = Some(2);
    from_there.location = true;
    let found = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&found);
    explore(program, &from_there, true, move |ran| {
        *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(ran);
    });
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Runs what the builder says and looks at each execution.
fn explore(
    program: &Arc<dyn Program>,
    builder: &loom::model::Builder,
    recording: bool,
    look: impl FnMut(Ran) + Send + 'static,
) {
    let look = Arc::new(Mutex::new(look));
    let show = move |ended: Ended, failure: Option<Failure>| {
        let ran = Ran { ended, failure, journal: journal::end() };
        (look.lock().unwrap_or_else(PoisonError::into_inner))(ran);
    };
    let model = {
        let (program, show) = (Arc::clone(program), show.clone());
        move || {
            arm::forget_deferred();
            arm::begin_execution();
            panics::forget();
            trace::renumber();
            if recording {
                journal::begin(model::number);
            }
            let outcome = Arc::clone(&program).try_out();
            crate::sync::lazy::end_of_execution();
            show(Ended::Outcome(outcome), None);
        }
    };
    let entered = context::enter(Context::Loom);
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(model)));
    drop(entered);
    if let Err(payload) = result {
        let failure = classify(payload.as_ref());
        show(Ended::of(&failure, None), Some(failure));
    }
    journal::end();
    arm::forget_deferred();
}
