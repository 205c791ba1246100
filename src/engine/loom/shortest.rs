//! The shortest execution under loom that shows a failure: fewest context switches first, then fewest events.
//!
//! loom is bounded by preemptions, which are the switches away from a thread that could have gone on; so an
//! execution has at most as many of them as it has switches, but for the one from the main thread to the first
//! actor. All executions with few preemptions are tried, fewest first, in
//! [every order](crate::rt::loom::unreduced) of their operations and on past those that fail, until there can be
//! none with fewer switches than the best has. Where that takes more executions than there may be, loom's own
//! search, which leaves out all but one of those that cannot be told apart, may still find a shorter one;
//! whether it is the shortest is not known then.

#[cfg(test)]
#[path = "shortest_tests.rs"]
mod tests;

use super::super::witness::{Cost, cost};
use super::witness::{Ran, explore};
use super::{Place, builder, in_manner, manner};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::rt::loom::{Assignment, Odometer};
use crate::scenario::program::Program;
use crate::witness::token::Manner;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex as Shared, MutexGuard, PoisonError};

/// The fewest and the most executions that are tried in every order, with all bounds together. In loom's order it is a
/// third of them, with each bound.
const MOST_TRIED: RangeInclusive<usize> = 3_000..=60_000;

/// As many as go well with what the search itself may take.
pub(super) fn most_tried(budget: &Budget) -> usize {
    let share = usize::try_from(budget.executions / 10).unwrap_or(usize::MAX);
    share.clamp(*MOST_TRIED.start(), *MOST_TRIED.end())
}

/// The most preemptions with which is tried, in every order and in loom's.
const MAX_EVERY_BOUND: usize = 5;
const MAX_BOUND: usize = 2;

/// The shortest execution that shows the failure, of those that were tried. The second value tells whether
/// no other has fewer switches.
pub(super) fn shortest(program: &Arc<dyn Program>, goal: &Failure, most: usize) -> Option<(Place, bool)> {
    let manner = match goal {
        // Nothing else happens between operations.
        Failure::Crash(_) => Manner::EveryStep,
        Failure::Forbidden { .. } | Failure::DataRace(_) | Failure::Deadlock(_) | Failure::Hang(_) => {
            Manner::Every
        }
    };
    let every =
        in_manner(manner, || fewest_first(most, |bound, left| within(program, goal, bound, manner, left)));
    if let Some(Best { place, proved: true, .. }) = every {
        return Some((place, true));
    }
    let looms = in_looms_order(program, goal, most / 3);
    let best = every.into_iter().chain(looms).min_by_key(|best| best.cost)?;
    Some((best.place, false))
}

/// The best execution that was seen.
#[derive(Clone)]
pub(super) struct Best<P> {
    pub(super) cost: Cost,
    pub(super) place: P,
    pub(super) proved: bool,
}

/// The best of all executions in every order, at most so many. `within` tries those with at most so many preemptions, as
/// long as there are some left to try.
pub(super) fn fewest_first<P>(
    most: usize,
    mut within: impl FnMut(usize, &mut usize) -> Tried<P>,
) -> Option<Best<P>> {
    let (mut best, mut left) = (None::<Best<P>>, most);
    for bound in 0..=MAX_EVERY_BOUND {
        let tried = within(bound, &mut left);
        best = best.into_iter().chain(tried.best).min_by_key(|best| best.cost);
        if !tried.complete {
            break;
        }
        let Some(best) = &mut best else { continue };
        // Whatever has fewer switches than this has at most `bound` preemptions.
        best.proved = best.cost.preemptions <= bound + 1;
        // With one preemption more another may be as short in switches, and shorter in events.
        if best.cost.preemptions <= bound {
            break;
        }
    }
    best
}

/// The best with the least bound that shows the failure.
fn in_looms_order(program: &Arc<dyn Program>, goal: &Failure, most: usize) -> Option<Best<Place>> {
    (0..=MAX_BOUND).find_map(|bound| within(program, goal, bound, manner(), &mut { most }).best)
}

/// What came of trying all executions within a bound.
pub(super) struct Tried<P> {
    pub(super) best: Option<Best<P>>,
    /// Whether these were all.
    pub(super) complete: bool,
}

/// Tries all executions within a bound, as long as there are some `left` to try.
fn within(
    program: &Arc<dyn Program>,
    goal: &Failure,
    bound: usize,
    manner: Manner,
    left: &mut usize,
) -> Tried<Place> {
    let search = Arc::new(Shared::new(Search::new(Some(bound), manner)));
    let complete = for_all_choices(left, |choices, left| {
        let mut builder = builder(Some(bound));
        builder.max_permutations = Some(left + 1);
        lock(&search).turn_to(choices);
        let (seen, goal) = (Arc::clone(&search), goal.clone());
        let to_the_end = explore(program, &builder, true, move |ran: Ran| lock(&seen).look(&ran, &goal));
        (to_the_end, lock(&search).place.execution)
    });
    let best = lock(&search).best.take();
    Tried { best, complete }
}

/// Runs an exploration for each way in which choices can come out, while there are executions `left`. It tells
/// whether it came to its end, and after how many executions. Whether these were all.
pub(super) fn for_all_choices(
    left: &mut usize,
    mut explore: impl FnMut(&Assignment, usize) -> (bool, u64),
) -> bool {
    let mut odometer = Odometer::new();
    let mut complete = true;
    while complete {
        let Some((to_the_end, executions)) = odometer.turn(|choices| explore(choices, *left)) else { break };
        *left = left.saturating_sub(usize::try_from(executions).unwrap_or(usize::MAX));
        complete = to_the_end && *left > 0;
    }
    complete
}

pub(super) fn lock<S>(search: &Shared<S>) -> MutexGuard<'_, S> {
    search.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Search {
    /// The execution that was tried last.
    place: Place,
    best: Option<Best<Place>>,
}

impl Search {
    fn new(preemptions: Option<usize>, manner: Manner) -> Self {
        let place = Place { preemptions, manner, choices: Assignment::new(), execution: 0 };
        Search { place, best: None }
    }

    fn turn_to(&mut self, choices: &Assignment) {
        (self.place.choices, self.place.execution) = (choices.clone(), 0);
    }

    fn look(&mut self, ran: &Ran, goal: &Failure) {
        self.place.execution += 1;
        if !ran.ended.shows(goal) {
            return;
        }
        let cost = cost(&ran.trace);
        if self.best.as_ref().is_none_or(|best| cost < best.cost) {
            self.best = Some(Best { cost, place: self.place.clone(), proved: false });
        }
    }
}
