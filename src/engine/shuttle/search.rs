//! One search of a design by one strategy: a shuttle runner around the design.

use super::log::Logged;
use super::parallel::Parallel;
use super::reduced::Reduced;
use super::schedule::{self, Path};
use crate::base::failure::Failure;
use crate::base::observation::Stop;
use crate::engine::Task;
use crate::engine::failure::{classify, race_of_detector};
use crate::engine::witness::Ended;
use crate::explore::dpor::Progress;
use crate::race::Race;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::model;
use crate::rt::shuttle::end;
use crate::rt::{pending, recorder, trace};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task as ShuttleTask, TaskId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Scheduling points of one execution, before it is cut off as too long.
pub(super) const MAX_STEPS: usize = 5_000;

/// PCT's bug depth: three ordering constraints find nearly all known bugs (Burckhardt et al., "A
/// Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010, section 2).
const PCT_DEPTH: usize = 3;

/// One way to choose schedules at random.
#[derive(Clone, Copy, Debug)]
pub(super) enum Strategy {
    Pct { seed: u64, executions: u64 },
    Random { seed: u64, executions: u64 },
}

impl Strategy {
    pub(super) fn scheduler(self) -> Box<dyn Scheduler + Send> {
        let count = |executions| usize::try_from(executions).unwrap_or(usize::MAX);
        match self {
            Strategy::Pct { seed, executions } => {
                Box::new(PctScheduler::new_from_seed(seed, PCT_DEPTH, count(executions)))
            }
            Strategy::Random { seed, executions } => {
                Box::new(RandomScheduler::new_from_seed(seed, count(executions)))
            }
        }
    }
}

/// A scheduler that has no further execution when the time is over.
struct InTime {
    scheduler: Box<dyn Scheduler + Send>,
    until: Option<Instant>,
}

impl Scheduler for InTime {
    fn new_execution(&mut self) -> Option<Schedule> {
        let is_over = self.until.is_some_and(|until| Instant::now() >= until);
        if is_over { None } else { self.scheduler.new_execution() }
    }

    fn next_task(
        &mut self,
        runnable: &[&ShuttleTask],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        self.scheduler.next_task(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

/// What one search came to.
pub(super) struct Run {
    pub(super) ended: u64,
    pub(super) cut_off: u64,
    /// How the last execution failed, or why the search was stopped.
    pub(super) failure: Option<Result<Failure, Stop>>,
    /// The race that ended it, or the first that an execution went past.
    pub(super) race: Option<Race>,
    /// Executions that went past a race.
    pub(super) raced: u64,
    /// The paths that first led to each failure.
    pub(super) failing: Vec<(Failure, Path)>,
}

/// What an exhaustive search came to.
pub(super) struct Exhausted {
    pub(super) run: Run,
    pub(super) progress: Progress,
    /// Whether it came to its end.
    pub(super) complete: bool,
    pub(super) estimate: Option<f64>,
    /// The tasks that were left waiting in a loop.
    pub(super) hung: Option<Vec<usize>>,
}

/// Executions of one search.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) started: AtomicU64,
    pub(super) ended: AtomicU64,
    /// Whether the scheduler tells the heartbeat of them.
    told: bool,
    /// Executions that went past a race, redundant ones left out.
    raced: AtomicU64,
    first_race: Mutex<Option<Race>>,
}

impl Counters {
    fn first_race(&self) -> Option<Race> {
        *self.first_race.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a race that an execution went past. Whether it is the first.
    fn went_past(&self, race: Race) -> bool {
        self.raced.fetch_add(u64::from(!context::is_redundant()), Ordering::Relaxed);
        let mut first = self.first_race.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = first.is_none();
        first.get_or_insert(race);
        is_first
    }
}

/// Searches at random.
pub(super) fn at_random(task: &Task<'_>, strategy: Strategy) -> Run {
    let scheduler = InTime { scheduler: strategy.scheduler(), until: task.until };
    run(task, Box::new(scheduler), &Arc::default())
}

/// Searches everything, up to the budget and up to equivalence.
pub(super) fn exhaustively(task: &Task<'_>) -> Exhausted {
    let parallel = Parallel::new(task);
    let counters = Arc::new(Counters { told: parallel.is_some(), ..Counters::default() });
    let budget = &task.budget;
    let scheduler = Reduced::new(budget.executions, budget.preemptions, Arc::clone(&counters), parallel);
    let scheduler = scheduler.until(task.until);
    let left = scheduler.left();
    let mut run = run(task, Box::new(scheduler), &counters);
    context::set_weight(1);
    let state = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    let state = state.expect("shuttle drops its scheduler when it has run");
    run.ended -= state.redundant_ended;
    run.cut_off = state.cut_off;
    Exhausted {
        run,
        progress: state.progress(),
        complete: state.complete,
        estimate: state.estimate(),
        hung: state.hung,
    }
}

/// The first executions of that search once more, to be recorded.
pub(super) fn again(task: &Task<'_>, executions: u64) {
    let counters = Arc::default();
    let scheduler = Reduced::new(executions, task.budget.preemptions, Arc::clone(&counters), None);
    run(task, Box::new(scheduler), &counters);
    context::set_weight(1);
}

/// shuttle as we want it.
pub(super) fn config() -> shuttle::Config {
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::ContinueAfter(MAX_STEPS);
    config.silence_warnings = true;
    config
}

fn run(task: &Task<'_>, scheduler: Box<dyn Scheduler + Send>, counters: &Arc<Counters>) -> Run {
    let failing = Arc::default();
    let model = one_execution(task, counters, &failing);
    let scheduler = match task.log {
        Some(log) => Box::new(Logged { scheduler, log: log.clone(), once: false }),
        None => scheduler,
    };
    crate::rt::panics::install_once();
    let entered = context::enter(Context::Model(Checker::Shuttle));
    let result = end::run(scheduler, config(), model);
    drop(entered);
    crate::engine::worker_pool::leave_if_helper();
    let race = pending::end();
    let (raced, past) = (counters.raced.load(Ordering::Relaxed), counters.first_race());
    let (started, ended) = (counters.started.load(Ordering::Relaxed), counters.ended.load(Ordering::Relaxed));
    let failure = result.err().map(|payload| classify(payload.as_ref()));
    let failed = u64::from(failure.is_some());
    // An execution may fail when the main thread has ended, and was counted as one that has.
    let ended = ended.min(started - failed);
    if let Some(goal) = failure.as_ref().and_then(|failure| Ended::of_search(failure, race).failure()) {
        note(&failing, goal);
    }
    let failing = std::mem::take(&mut *failing.lock().unwrap_or_else(PoisonError::into_inner));
    Run {
        ended: ended + failed,
        cut_off: started - ended - failed,
        failure,
        race: race.or(past),
        raced,
        failing,
    }
}

type Failing = Mutex<Vec<(Failure, Path)>>;

/// One execution, from beginning to end.
fn one_execution(
    task: &Task<'_>,
    counters: &Arc<Counters>,
    failing: &Arc<Failing>,
) -> impl Fn() + Send + Sync + 'static {
    let (counters, program, heartbeat) = (Arc::clone(counters), Arc::clone(&task.program), task.heartbeat);
    let (failing, fatal) = (Arc::clone(failing), task.fatal.clone());
    move || {
        counters.started.fetch_add(1, Ordering::Relaxed);
        execution::begin();
        recorder::begin(model::number);
        if let Some(fatal) = &fatal {
            fatal.begin_after(heartbeat.executions());
        }
        if let Some(outcome) = Arc::clone(&program).execute() {
            note(&failing, Failure::forbidden(outcome));
        }
        if let Some(race) = execution::end()
            && counters.went_past(race)
        {
            note(&failing, Failure::DataRace(race_of_detector(&race)));
        }
        trace::stop();
        counters.ended.fetch_add(1, Ordering::Relaxed);
        if !counters.told && !recorder::is_repeating() {
            heartbeat.advance(1);
        }
    }
}

/// Keeps the path of the execution that is under way, or has just failed.
fn note(failing: &Failing, goal: Failure) {
    failing.lock().unwrap_or_else(PoisonError::into_inner).push((goal, schedule::path()));
}
