//! The model checker shuttle: sequentially consistent values, races by our own vector clocks.
//!
//! A list of strategies, each of them a shuttle `Scheduler`: first a depth-first search of every
//! interleaving; if that takes more executions than the budget has, PCT and random schedules from a fixed
//! seed. A search by partial orders fits in as another strategy before these.
//!
//! Limits: no stale values, whatever the orderings say (a data race that they allow is found all the
//! same); nothing times out; an execution of more than [`MAX_STEPS`] steps is cut off.

mod minimise;
mod one;
mod schedule;
mod witness;

pub(crate) use witness::replay;

use super::failure::{Failure, classify, race_report};
use super::witness::{Ended, Goal};
use super::{Exploration, Observation, Task};
use crate::arm::journal;
use crate::arm::shuttle_tracking::Tracking;
use crate::arm::trace::{self, Kind, Operation};
use crate::context::{self, Context};
use crate::race::Race;
use schedule::Steps;
use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle_engine::runtime::execution::CurrentSchedule;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// Scheduling points of one execution, before it is cut off as too long.
const MAX_STEPS: usize = 5_000;

/// Executions cut off after which a depth-first search is given up: it is lost in a loop that waits.
const HOPELESS: u64 = 20;

/// PCT's bug depth: three ordering constraints find nearly all known bugs (Burckhardt et al., "A
/// Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010, section 2).
const PCT_DEPTH: usize = 3;

static HOOKED: Once = Once::new();

/// Explores a design under shuttle.
///
/// # Errors
/// None so far: what shuttle cannot do is part of the observation.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    let budget = &task.budget;
    let before = context::operations();
    let mut failing = Vec::new();
    let search = Search::new(Strategy::DepthFirst { limit: budget.executions });
    let mut run = search.run(task);
    failing.append(&mut run.failing);
    let mut executions = run.ended;
    let mut cut_off = run.cut_off;
    let complete = run.started <= budget.executions && !run.given_up;
    let exploration = if run.failure.is_none() && !complete {
        for strategy in [
            Strategy::Pct { seed: budget.seed, executions: budget.random_executions },
            Strategy::Random { seed: budget.seed, executions: budget.random_executions },
        ] {
            run = Search::new(strategy).run(task);
            failing.append(&mut run.failing);
            executions += run.ended;
            cut_off += run.cut_off;
            if run.failure.is_some() {
                break;
            }
        }
        Exploration::Sampled {
            how: "a part of a depth-first search, then PCT and random schedules".to_owned(),
        }
    } else if cut_off > 0 {
        Exploration::Bounded { by: format!("{MAX_STEPS} steps per execution") }
    } else {
        Exploration::Exhaustive
    };
    let mut seen = Observation::new(exploration);
    seen.executions = executions;
    seen.outcomes = task.program.outcomes();
    if cut_off > 0 {
        seen.caveats.push(format!("{cut_off} executions were cut off after {MAX_STEPS} steps each"));
    }
    seen.caveats.extend(context::artefacts().iter().map(|artefact| artefact.sentence().to_owned()));
    match (run.failure, run.race) {
        (Some(_), Some(race)) => seen.races.push(race_report(&race, &task.facts.actors)),
        (Some(Failure::Deadlock), None) => seen.deadlock = Some(who_waits(&task.facts.actors)),
        (Some(failure), None) => failure.enter_into(&mut seen, &task.facts.actors),
        (None, _) if context::operations() == before => seen.stopped = Some(super::blind("shuttle")),
        (None, _) => {}
    }
    witness::add(task, failing, &mut seen);
    Ok(seen)
}

/// Which actors were last about to do something that can wait, in the execution that deadlocked. Task 0
/// is the main one, which waits for them all.
fn who_waits(actors: &[String]) -> String {
    let waits = |(actor, operation): (&String, Option<Operation>)| {
        let what = match operation?.kind {
            Kind::Lock => "for a lock",
            Kind::ReadLock => "to read under a lock",
            Kind::Wait => "to be notified",
            _ => return None,
        };
        Some(format!("{actor} waits {what}"))
    };
    let pending = trace::pending().into_iter().skip(1);
    let waiting: Vec<_> = actors.iter().zip(pending).filter_map(waits).collect();
    if waiting.is_empty() { super::failure::ALL_WAIT.to_owned() } else { waiting.join(", ") }
}

/// One way to choose schedules.
#[derive(Clone, Copy, Debug)]
enum Strategy {
    DepthFirst { limit: u64 },
    Pct { seed: u64, executions: u64 },
    Random { seed: u64, executions: u64 },
}

impl Strategy {
    fn scheduler(self) -> Box<dyn Scheduler + Send> {
        let count = |executions| usize::try_from(executions).unwrap_or(usize::MAX);
        match self {
            // One more than the limit tells a search that was stopped from one that was just complete.
            Strategy::DepthFirst { limit } => Box::new(DfsScheduler::new(Some(count(limit) + 1), false)),
            Strategy::Pct { seed, executions } => {
                Box::new(PctScheduler::new_from_seed(seed, PCT_DEPTH, count(executions)))
            }
            Strategy::Random { seed, executions } => {
                Box::new(RandomScheduler::new_from_seed(seed, count(executions)))
            }
        }
    }
}

/// What one strategy came to.
struct Run {
    started: u64,
    ended: u64,
    cut_off: u64,
    /// Whether a search was stopped because it was getting nowhere.
    given_up: bool,
    failure: Option<Failure>,
    race: Option<Race>,
    /// The schedules that first led to each failure.
    failing: Vec<(Goal, Steps)>,
}

#[derive(Default)]
struct Counters {
    started: AtomicU64,
    ended: AtomicU64,
}

struct Search {
    strategy: Strategy,
    counters: Arc<Counters>,
}

impl Search {
    fn new(strategy: Strategy) -> Self {
        Self { strategy, counters: Arc::default() }
    }

    fn run(self, task: &Task<'_>) -> Run {
        let failing = Arc::new(Mutex::new(Vec::new()));
        let model = {
            let (counters, program, pulse) =
                (Arc::clone(&self.counters), Arc::clone(&task.program), task.pulse);
            let (failing, fatal) = (Arc::clone(&failing), task.fatal.clone());
            move || {
                // shuttle wraps the panic hook when its first execution begins.
                HOOKED.call_once(crate::panics::install);
                counters.started.fetch_add(1, Ordering::Relaxed);
                crate::panics::forget();
                trace::begin(true);
                if let Some(fatal) = &fatal {
                    fatal.begin(pulse.executions());
                }
                let forbidden = Arc::clone(&program).execute();
                if let Some(outcome) = forbidden {
                    note(&failing, Goal::Forbidden(outcome));
                }
                crate::sync::lazy::end_of_execution();
                trace::end();
                journal::stop();
                counters.ended.fetch_add(1, Ordering::Relaxed);
                pulse.advance(1);
            }
        };
        let given_up = Arc::new(AtomicU64::new(0));
        let scheduler = Patient {
            inner: self.strategy.scheduler(),
            counters: Arc::clone(&self.counters),
            patience: matches!(self.strategy, Strategy::DepthFirst { .. }).then_some(HOPELESS),
            given_up: Arc::clone(&given_up),
        };
        let entered = context::enter(Context::Shuttle);
        let result =
            catch_unwind(AssertUnwindSafe(|| shuttle::Runner::new(Tracking(scheduler), config()).run(model)));
        drop(entered);
        let race = trace::end();
        let (started, ended) =
            (self.counters.started.load(Ordering::Relaxed), self.counters.ended.load(Ordering::Relaxed));
        let failure = result.err().map(|payload| classify(payload.as_ref()));
        let failed = u64::from(failure.is_some());
        if let Some(goal) = failure.as_ref().and_then(|failure| Goal::of(&Ended::of(failure, race))) {
            note(&failing, goal);
        }
        let failing = std::mem::take(&mut *failing.lock().unwrap_or_else(PoisonError::into_inner));
        Run {
            started,
            ended: ended + failed,
            cut_off: started - ended - failed,
            given_up: given_up.load(Ordering::Relaxed) > 0,
            failure,
            race,
            failing,
        }
    }
}

fn config() -> shuttle::Config {
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::ContinueAfter(MAX_STEPS);
    config.silence_warnings = true;
    config
}

/// Keeps the schedule of the execution that is under way, or has just failed.
fn note(failing: &Mutex<Vec<(Goal, Steps)>>, goal: Goal) {
    let steps = schedule::steps(&CurrentSchedule::get_schedule());
    failing.lock().unwrap_or_else(PoisonError::into_inner).push((goal, steps));
}

/// Stops a search once too many of its executions were cut off.
struct Patient {
    inner: Box<dyn Scheduler + Send>,
    counters: Arc<Counters>,
    patience: Option<u64>,
    given_up: Arc<AtomicU64>,
}

impl Scheduler for Patient {
    fn new_execution(&mut self) -> Option<shuttle::scheduler::Schedule> {
        let cut_off =
            self.counters.started.load(Ordering::Relaxed) - self.counters.ended.load(Ordering::Relaxed);
        if self.patience.is_some_and(|patience| cut_off >= patience) {
            self.given_up.store(1, Ordering::Relaxed);
            return None;
        }
        self.inner.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&shuttle::scheduler::Task],
        current: Option<shuttle::scheduler::TaskId>,
        yielding: bool,
    ) -> Option<shuttle::scheduler::TaskId> {
        self.inner.next_task(runnable, current, yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}
