//! Witnesses under shuttle: the schedule that failed, shortened, followed once more and written down.

use super::super::Task;
use super::super::witness::{Ended, MAX_WITNESSES, witness};
use super::context_bound::{ContextBound, Shared};
use super::one::{self, Ran, Recording};
use super::schedule::{Guided, Path, slices, unsliced};
use super::shrink_schedule::{Follow, Followed, Tried, shrink_schedule};
use crate::base::failure::Failure;
use crate::base::observation::Observation;
use crate::rt::context;
use crate::rt::pending::Chosen;
use crate::rt::shuttle::end;
use crate::scenario::Engine;
use crate::scenario::program::Program;
use crate::witness::Witness;
use crate::witness::token::Route;
use std::sync::{Arc, Mutex, PoisonError};

/// The most executions in which all schedules with few switches are tried, for one witness.
const MAX_TRIED: usize = 30_000;

/// Adds a witness for each of the failures that these schedules first led to.
pub(super) fn add(task: &Task<'_>, failing: Vec<(Failure, Path)>, seen: &mut Observation) {
    if !task.witnesses || end::is_left_panicking() {
        return;
    }
    let mut shown: Vec<Failure> = Vec::new();
    for (goal, path) in failing {
        if shown.len() == MAX_WITNESSES || shown.iter().any(|known| known.is_shown_by(&goal)) {
            continue;
        }
        let to_race = matches!(goal, Failure::DataRace(_));
        let Some((ran, proved)) = context::to_the_race(to_race, || shown_by(task, &goal, path)) else {
            continue;
        };
        let Some(witness) = witness(Engine::Shuttle, task.facts, &ran.trace, &ran.ended, proved) else {
            continue;
        };
        if let Ended::Failed(race @ Failure::DataRace(_)) = &ran.ended {
            seen.fail(race.clone());
        }
        let route = Route::Schedule { slices: slices(&ran.path.steps), chosen: ran.path.chosen, to_race };
        seen.witnesses.push(task.signed(witness, route));
        shown.push(goal);
    }
}

/// The shortest execution that shows a failure, written down, and whether it is known to be.
fn shown_by(task: &Task<'_>, goal: &Failure, path: Path) -> Option<(Ran, bool)> {
    let mut follower = Follower { program: &task.program, goal, left: MAX_TRIED };
    let shortest = shrink_schedule(path, &mut follower);
    Some((follow(&task.program, shortest.path, Recording::On)?, shortest.proved))
}

/// Follows a schedule that a token has kept, as far as it goes: whether it leads to the same events is for the
/// caller to see. `None` if nothing fails on it.
pub(crate) fn replay(
    task: &Task<'_>,
    slices: &[(u32, u32)],
    chosen: &[Chosen],
    to_race: bool,
) -> Option<Witness> {
    let path = Path { steps: unsliced(slices), chosen: chosen.to_vec() };
    let ran = context::to_the_race(to_race, || follow(&task.program, path, Recording::On))?;
    witness(Engine::Shuttle, task.facts, &ran.trace, &ran.ended, false)
}

/// Follows a path as far as it goes.
fn follow(program: &Arc<dyn Program>, path: Path, recording: Recording) -> Option<Ran> {
    let last = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&last);
    one::run(program, Guided::new(path), recording, move |ran| {
        *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(ran);
    });
    last.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct Follower<'a> {
    program: &'a Arc<dyn Program>,
    goal: &'a Failure,
    /// Executions that may still be tried.
    left: usize,
}

impl Follow for Follower<'_> {
    fn follow(&mut self, path: &Path) -> Followed {
        let ran = follow(self.program, path.clone(), Recording::Off)?;
        ran.ended.shows(self.goal).then_some(ran.path)
    }

    fn try_all(&mut self, switches: usize) -> Tried {
        let to_the_end = matches!(self.goal, Failure::Forbidden { .. });
        let search = Shared::new(ContextBound::new(switches, to_the_end, self.left));
        let shortest: Arc<Mutex<Option<Path>>> = Arc::default();
        while !search.over() {
            let (goal, shortest, looked) = (self.goal.clone(), Arc::clone(&shortest), search.clone());
            one::run(self.program, search.clone(), Recording::Off, move |ran| {
                let mut shortest = shortest.lock().unwrap_or_else(PoisonError::into_inner);
                let shorter = shortest.as_ref().is_none_or(|best| ran.path.steps.len() < best.steps.len());
                if shorter && looked.lock().within() && ran.ended.shows(&goal) {
                    *shortest = Some(ran.path);
                }
            });
        }
        self.left = search.lock().left();
        match shortest.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(path) => Tried::Found(path),
            None if search.lock().exhausted() => Tried::None,
            None => Tried::TooMany,
        }
    }
}
