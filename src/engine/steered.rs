//! shuttle with its schedule in our hands: the fewest switches that show a failure, and schedules made of
//! bytes. What a task chooses by itself is chosen likewise, and is no switch.
//!
//! [`fewest_switches`] searches depth first with at most so many preemptions, none at first, then one, and
//! so on (iterative context bounding: Musuvathi and Qadeer, "Iterative Context Bounding for Systematic
//! Testing of Multithreaded Programs", PLDI 2007, section 2). A switch away from an actor that could go on
//! counts; one that is forced does not. [`by_bytes`] runs one execution in which each byte chooses who
//! goes next, for a fuzzer to steer.
//!
//! Limits: shuttle's own (values are sequentially consistent), and a bound on executions.

use super::Task;
use super::failure::{Failure, classify};
use crate::arm::shuttle_tracking::Tracking;
use crate::arm::trace;
use crate::context::{self, Context};
use crate::scenario::program::Program;
use shuttle::scheduler::{Schedule, Scheduler, Task as Runnable, TaskId};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

/// Scheduling points of one execution, before it is cut off as too long.
const MAX_STEPS: usize = 5_000;

/// Preemptions tried at the most.
const MOST_SWITCHES: usize = 4;

static HOOKED: Once = Once::new();

/// How a failure was shown with the fewest switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fewest {
    /// Switches away from an actor that could have gone on.
    pub(crate) switches: usize,
    /// Executions that it took to find this out.
    pub(crate) executions: u64,
}

/// Looks for a failure with as few switches as possible, in at most `limit` executions for each number of
/// them. The last execution is the one that fails. `None` if there is none within the limits.
pub(crate) fn fewest_switches(task: &Task<'_>, limit: u64) -> Option<Fewest> {
    let mut executions = 0;
    for switches in 0..=MOST_SWITCHES {
        let search = Search { path: Vec::new(), depth: 0, begun: false, switches, left: limit };
        let (started, failure) = steer(&task.program, search, || task.pulse.advance(1));
        executions += started;
        if failure.is_some_and(|failure| !matches!(failure, Failure::Stopped(_))) {
            return Some(Fewest { switches, executions });
        }
    }
    None
}

/// Runs one execution whose schedule is these bytes. What failed, if anything: a data race, a deadlock, a
/// panic, or a forbidden outcome of a program that ends with the first.
pub(crate) fn by_bytes(program: &Arc<dyn Program>, bytes: &[u8]) -> Option<Failure> {
    let scheduler = Bytes { bytes: bytes.to_vec().into(), begun: false };
    steer(program, scheduler, || ()).1
}

/// Runs what a scheduler wants, and tells how many executions that were and how the last one failed.
fn steer(
    program: &Arc<dyn Program>,
    scheduler: impl Scheduler + Send + 'static,
    ended: impl Fn() + Send + Sync,
) -> (u64, Option<Failure>) {
    let mut config = shuttle::Config::new();
    config.failure_persistence = shuttle::FailurePersistence::None;
    config.max_steps = shuttle::MaxSteps::ContinueAfter(MAX_STEPS);
    config.silence_warnings = true;
    let started = Arc::new(AtomicU64::new(0));
    let model = {
        let (program, started) = (Arc::clone(program), Arc::clone(&started));
        move || {
            HOOKED.call_once(crate::panics::install);
            started.fetch_add(1, Ordering::Relaxed);
            crate::panics::forget();
            trace::begin(true);
            Arc::clone(&program).execute();
            crate::sync::lazy::end_of_execution();
            trace::end();
        }
    };
    let entered = context::enter(Context::Shuttle);
    let runner = shuttle::Runner::new(Tracking(scheduler), config);
    let result = catch_unwind(AssertUnwindSafe(|| runner.run(model)));
    drop(entered);
    let race = trace::end();
    let started = started.load(Ordering::Relaxed);
    (0..started).for_each(|_| ended());
    let failure = result.err().map(|payload| classify(payload.as_ref()));
    (started, failure.or(race.map(|_| Failure::DataRace { words: String::new(), accesses: Vec::new() })))
}

/// One choice of the search: who could go next, and who went; or which value a task picked.
struct Choice {
    /// Empty if it is a value that was picked.
    tasks: Vec<TaskId>,
    options: usize,
    chosen: usize,
    /// Preemptions up to here.
    before: usize,
    /// Whether the first of the tasks would just go on, so that any other is a preemption.
    goes_on: bool,
}

impl Choice {
    fn after(&self) -> usize {
        self.before + usize::from(self.goes_on && self.chosen > 0)
    }
}

/// Depth first, with at most so many preemptions.
struct Search {
    path: Vec<Choice>,
    depth: usize,
    begun: bool,
    switches: usize,
    left: u64,
}

impl Scheduler for Search {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.depth = 0;
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Schedule::new(0));
        }
        while let Some(mut choice) = self.path.pop() {
            choice.chosen += 1;
            if choice.chosen < choice.options && choice.after() <= self.switches {
                self.path.push(choice);
                return Some(Schedule::new(0));
            }
        }
        None
    }

    fn next_task(
        &mut self,
        runnable: &[&Runnable],
        current: Option<TaskId>,
        yielding: bool,
    ) -> Option<TaskId> {
        if self.depth == self.path.len() {
            let before = self.path.last().map_or(0, Choice::after);
            let mut tasks: Vec<_> = runnable.iter().map(|task| task.id()).collect();
            let goes_on = !yielding && current.is_some_and(|current| tasks.contains(&current));
            // Whoever runs goes on, whoever yields comes last.
            tasks.sort_by_key(|task| ((Some(*task) == current) == yielding, usize::from(*task)));
            self.path.push(Choice { options: tasks.len(), tasks, chosen: 0, before, goes_on });
        }
        let choice = &self.path[self.depth];
        self.depth += 1;
        choice.tasks.get(choice.chosen).copied()
    }

    fn next_u64(&mut self) -> u64 {
        if self.depth == self.path.len() {
            let before = self.path.last().map_or(0, Choice::after);
            let options = trace::options() as usize;
            self.path.push(Choice { tasks: Vec::new(), options, chosen: 0, before, goes_on: false });
        }
        let choice = &self.path[self.depth];
        self.depth += 1;
        choice.chosen as u64
    }
}

/// One execution, chosen by bytes; when they are at an end, whoever runs goes on.
struct Bytes {
    bytes: VecDeque<u8>,
    begun: bool,
}

impl Scheduler for Bytes {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.begun, true)).then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Runnable],
        current: Option<TaskId>,
        yielding: bool,
    ) -> Option<TaskId> {
        let going_on = runnable.iter().find(|task| !yielding && Some(task.id()) == current);
        let byte = self.bytes.pop_front();
        let chosen = match byte {
            Some(byte) => runnable.get(usize::from(byte) % runnable.len().max(1)),
            None => going_on.or_else(|| runnable.iter().find(|task| Some(task.id()) != current)),
        };
        chosen.or(runnable.first()).map(|task| task.id())
    }

    fn next_u64(&mut self) -> u64 {
        self.bytes.pop_front().map_or(0, u64::from)
    }
}
