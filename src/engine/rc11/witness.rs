//! Witnesses under rc11: among the failing graphs the one whose order needs the fewest switches of threads, then the
//! fewest events.

use super::super::Task;
use super::super::witness::{Ended, MAX_WITNESSES, witness};
use super::{Rc11, failure_of};
use crate::base::failure::Failure;
use crate::base::observation::{Difference, Observation, Stop};
use crate::base::outcome::{Grade, Graded};
use crate::explore::rc11::guide::{self, Guide};
use crate::explore::rc11::{Graph, Model};
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::model;
use crate::rt::rc11::{End, Explorer};
use crate::rt::trace;
use crate::witness::Witness;
use crate::witness::token::Route;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs in which a shorter execution is looked for.
const MAX_RUNS: u64 = 4_000;

/// Runs after which it is known what matters to an execution that is found again.
const MAX_RUNS_TO_LEARN: u64 = 100;

/// Adds a witness for each failure that was seen.
pub(super) fn add(
    task: &Task<'_>,
    under: &Rc11,
    complete: bool,
    mut found: Vec<Found>,
    seen: &mut Observation,
) {
    let forbidden = seen.outcomes.iter().filter(|outcome| outcome.is_violation()).map(|outcome| {
        Failure::Forbidden { outcome: outcome.value.clone(), sentence: outcome.sentence.clone() }
    });
    let goals: Vec<_> = seen.failures.iter().cloned().chain(forbidden).take(MAX_WITNESSES).collect();
    if !task.witnesses || goals.is_empty() {
        return;
    }
    let mut first = |goal: &Failure| {
        let at = found.iter().position(|found| goal.is_shown_by(&found.shows))?;
        Some(found.swap_remove(at).best)
    };
    let mut best: Vec<Option<Best>> = goals.iter().map(&mut first).collect();
    let mut explorer = explorer(task, under.model);
    let exhausted = look(task, &mut explorer, &goals, &mut best) && complete;
    for (goal, best) in goals.iter().zip(best) {
        let Some(best) = best else {
            // Everything was explored once more, and this was not seen.
            if exhausted {
                seen.stopped.get_or_insert(Stop::NotRepeatable(Difference::Somewhere(None)));
            }
            continue;
        };
        let followed = follow(task, &mut explorer, &best.guide);
        let Some((ended, trace)) = followed.filter(|(ended, _)| ended.shows(goal)) else {
            // It was seen once, and the same execution does not show it again.
            seen.stopped.get_or_insert(Stop::NotRepeatable(Difference::Somewhere(None)));
            continue;
        };
        let shortest = exhausted && best.fewest;
        let Some(witness) = witness(under.engine, task.facts, &trace, &ended, shortest) else { continue };
        if let Ended::Failed(race @ Failure::DataRace(_)) = &ended {
            seen.fail(race.clone());
        }
        seen.witnesses.push(task.signed(witness, Route::Graph(best.guide)));
    }
}

/// Executes what a token has kept. `None` if it does not go that way.
pub(super) fn replay(task: &Task<'_>, under: &Rc11, guide: &Guide) -> Option<Witness> {
    let mut explorer = explorer(task, under.model);
    let (ended, trace) = follow(task, &mut explorer, guide).or_else(|| {
        // What has turned out to matter while it was explored is known only after it was explored a little.
        learn(task, &mut explorer);
        follow(task, &mut explorer, guide)
    })?;
    witness(under.engine, task.facts, &trace, &ended, false)
}

/// The execution that first showed a failure.
#[derive(Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) shows: Failure,
    best: Best,
}

impl Found {
    pub(super) fn new(shows: Failure, graph: &Graph) -> Self {
        Found { shows, best: Best::new(graph, &guide::order(graph)) }
    }
}

/// The shortest execution so far that shows a failure.
#[derive(Serialize, Deserialize)]
struct Best {
    /// Switches, then events.
    cost: (usize, usize),
    fewest: bool,
    guide: Guide,
}

impl Best {
    fn new(graph: &Graph, ordered: &guide::Ordered) -> Self {
        let cost = (ordered.switches, ordered.events.len());
        Best { cost, fewest: ordered.fewest, guide: Guide::new(graph, ordered) }
    }
}

/// Explores once more and keeps the shortest execution for each goal. Whether everything was explored.
fn look(task: &Task<'_>, explorer: &mut Explorer, goals: &[Failure], best: &mut [Option<Best>]) -> bool {
    for _ in 0..MAX_RUNS {
        if task.is_out_of_time() || task.is_late() {
            return false;
        }
        // Looking is progress, too.
        task.heartbeat.advance(1);
        let Some(ended) = run(task, explorer, None) else { return explorer.is_done() };
        let Some(ended) = ended else { continue };
        if !goals.iter().any(|goal| ended.shows(goal)) {
            continue;
        }
        let graph = explorer.graph();
        let ordered = guide::order(graph);
        for (_, best) in goals.iter().zip(best.iter_mut()).filter(|(goal, _)| ended.shows(goal)) {
            let cost = (ordered.switches, ordered.events.len());
            let fewest = ordered.fewest && best.as_ref().is_none_or(|best| best.fewest);
            match best {
                Some(best) if best.cost <= cost => best.fewest = fewest,
                best => *best = Some(Best { cost, fewest, guide: Guide::new(graph, &ordered) }),
            }
        }
    }
    explorer.is_done()
}

/// Explores a little, to learn what matters.
fn learn(task: &Task<'_>, explorer: &mut Explorer) {
    for _ in 0..MAX_RUNS_TO_LEARN {
        if run(task, explorer, None).is_none() {
            return;
        }
    }
}

/// An exploration as the search's is.
fn explorer(task: &Task<'_>, model: Model) -> Explorer {
    Explorer::new(model).fair(task.first_failure).leaving(task.first_failure)
}

/// One execution as the guide has it, written down. `None` if the program does not go that way.
fn follow(task: &Task<'_>, explorer: &mut Explorer, guide: &Guide) -> Option<(Ended, trace::Trace)> {
    let ended = run(task, explorer, Some(guide.clone()))?;
    let trace = trace::end();
    Some((ended?, trace))
}

/// The next run, or the one of a guide: `None` if there is none, or no other may follow; `Some(None)` if it was no
/// execution.
fn run(task: &Task<'_>, explorer: &mut Explorer, guide: Option<Guide>) -> Option<Option<Ended>> {
    let outcome: Arc<Mutex<Option<Graded>>> = Arc::default();
    let recording = guide.is_some();
    let main = {
        let (program, outcome) = (Arc::clone(&task.program), Arc::clone(&outcome));
        Box::new(move || {
            execution::begin();
            if recording {
                trace::begin(model::number);
            }
            let graded = program.try_out();
            execution::end();
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(graded);
        })
    };
    crate::rt::panics::install_once();
    let entered = context::enter(Context::Model(Checker::Rc11));
    let end = match guide {
        Some(guide) => Some(explorer.follow(guide, main)),
        None => explorer.execute(main),
    };
    drop(entered);
    let ended = match end? {
        End::Complete => {
            let graded = outcome.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            Ended::Outcome(graded)
        }
        End::Dropped | End::Unseen => return Some(None),
        End::Restart => {
            explorer.restart();
            return Some(None);
        }
        end => match failure_of(end, explorer, task.facts.actors.len()) {
            Ok(Failure::Forbidden { outcome, sentence }) => {
                Ended::Outcome(Graded { value: outcome, grade: Grade::Forbidden, sentence })
            }
            Ok(failure) => Ended::Failed(failure),
            Err(_) => return None,
        },
    };
    Some(Some(ended))
}
