//! Schedulers that follow a schedule, one that is made of bytes, and one that tries all schedules with few
//! switches.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle_engine::scheduler::ScheduleStep;
use std::sync::{Arc, Mutex, PoisonError};

/// Which task runs at each scheduling point, from the first on.
pub(super) type Steps = Vec<u32>;

/// The tasks of a schedule as shuttle keeps it.
pub(super) fn steps(schedule: &Schedule) -> Steps {
    let task = |step: &ScheduleStep| match step {
        ScheduleStep::Task(task) => u32::try_from(usize::from(*task)).ok(),
        ScheduleStep::Random => None,
    };
    schedule.steps.iter().filter_map(task).collect()
}

/// How often another task goes on than the one before.
pub(super) fn switches(steps: &[u32]) -> usize {
    steps.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Runs of one task: the task, and how many steps.
pub(super) fn slices(steps: &[u32]) -> Vec<(u32, u32)> {
    let mut slices: Vec<(u32, u32)> = Vec::new();
    for &task in steps {
        match slices.last_mut() {
            Some((last, count)) if *last == task => *count += 1,
            _ => slices.push((task, 1)),
        }
    }
    slices
}

/// The steps of these slices.
pub(super) fn unsliced(slices: &[(u32, u32)]) -> Steps {
    slices.iter().flat_map(|&(task, count)| std::iter::repeat_n(task, count as usize)).collect()
}

fn number(task: TaskId) -> u32 {
    u32::try_from(usize::from(task)).unwrap_or(u32::MAX)
}

fn find(runnable: &[&Task], wanted: u32) -> Option<TaskId> {
    runnable.iter().map(|task| task.id()).find(|&task| number(task) == wanted)
}

/// Goes on with the task that runs, or else with the first that can.
fn straight_on(runnable: &[&Task], current: Option<TaskId>) -> Option<TaskId> {
    let current = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
    current.or_else(|| runnable.first().map(|task| task.id()))
}

/// Lets all take turns, so that those that wait in loops come to an end.
fn in_turn(runnable: &[&Task], current: Option<TaskId>) -> Option<TaskId> {
    let after = |task: &TaskId| current.is_none_or(|current| number(*task) > number(current));
    let mut tasks = runnable.iter().map(|task| task.id());
    tasks.clone().find(after).or_else(|| tasks.next())
}

/// Follows a schedule for one execution. A step whose task cannot run is left out; where the schedule ends,
/// tasks run as long as they can.
pub(super) struct Guided {
    steps: std::vec::IntoIter<u32>,
    started: bool,
    /// Set if a step had to be left out: this is another execution than the schedule's.
    strayed: Arc<Mutex<bool>>,
}

impl Guided {
    pub(super) fn new(steps: Steps) -> (Self, Arc<Mutex<bool>>) {
        let strayed = Arc::new(Mutex::new(false));
        (Self { steps: steps.into_iter(), started: false, strayed: Arc::clone(&strayed) }, strayed)
    }
}

impl Scheduler for Guided {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.started, true)).then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _yielding: bool) -> Option<TaskId> {
        for wanted in self.steps.by_ref() {
            match find(runnable, wanted) {
                Some(task) => return Some(task),
                None => *self.strayed.lock().unwrap_or_else(PoisonError::into_inner) = true,
            }
        }
        straight_on(runnable, current)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// One execution, in which each byte chooses who goes next; when they are at an end, tasks run as long as
/// they can.
pub(super) struct Bytes {
    bytes: std::vec::IntoIter<u8>,
    started: bool,
}

impl Bytes {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into_iter(), started: false }
    }
}

impl Scheduler for Bytes {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.started, true)).then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        match self.bytes.next() {
            Some(byte) => runnable.get(usize::from(byte) % runnable.len().max(1)).map(|task| task.id()),
            // A loop that waits must end.
            None if yielding => in_turn(runnable, current),
            None => straight_on(runnable, current),
        }
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// One choice of a depth-first search: the tasks that could go on, and which of them does.
struct Choice {
    candidates: Vec<u32>,
    chosen: usize,
}

/// Depth-first through all schedules with at most so many switches. The task that runs goes on first.
pub(super) struct FewSwitches {
    bound: usize,
    /// Whether every task must run to its end: then each one that can run costs one more switch at least.
    to_the_end: bool,
    path: Vec<Choice>,
    depth: usize,
    used: usize,
    /// The bound does not allow for what comes now: this execution shows nothing.
    beyond: bool,
    started: bool,
    exhausted: bool,
    /// Executions that may still be begun.
    left: usize,
    /// Steps that may still be taken.
    steps: usize,
    /// How often in a row the running task has yielded and gone on.
    idle: usize,
}

/// How often a task that yields may go on itself, where others could: a loop that waits must end.
const MAX_IDLE: usize = 1;

/// Steps per execution that a search may take, on average.
const STEPS: usize = 100;

/// A search that goes on after an execution has ended shuttle's runner by failing.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<FewSwitches>>);

impl FewSwitches {
    pub(super) fn shared(bound: usize, to_the_end: bool, left: usize) -> Shared {
        let (path, depth, used) = (Vec::new(), 0, 0);
        Shared(Arc::new(Mutex::new(Self {
            bound,
            to_the_end,
            path,
            depth,
            used,
            beyond: false,
            started: false,
            exhausted: false,
            left,
            steps: left.saturating_mul(STEPS),
            idle: 0,
        })))
    }

    /// Goes to the next schedule; false if there is none, or it may not be tried.
    fn advance(&mut self) -> bool {
        if self.left == 0 || self.steps == 0 {
            self.left = 0;
            return false;
        }
        self.left -= 1;
        self.idle = 0;
        (self.depth, self.used, self.beyond) = (0, 0, false);
        if !std::mem::replace(&mut self.started, true) {
            return true;
        }
        while let Some(last) = self.path.last_mut() {
            if last.chosen + 1 < last.candidates.len() {
                last.chosen += 1;
                return true;
            }
            self.path.pop();
        }
        self.exhausted = true;
        false
    }

    fn choose(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        self.steps = self.steps.saturating_sub(1);
        if self.beyond {
            return in_turn(runnable, current);
        }
        if self.depth == self.path.len() {
            let idle = yields && self.idle >= MAX_IDLE && runnable.len() > 1;
            let candidates = self.candidates(runnable, current, !idle);
            if candidates.is_empty() {
                self.beyond = true;
                return in_turn(runnable, current);
            }
            self.path.push(Choice { candidates, chosen: 0 });
        }
        let choice = &self.path[self.depth];
        let Some(task) = find(runnable, choice.candidates[choice.chosen]) else {
            // The design is not the same in every execution.
            self.beyond = true;
            return in_turn(runnable, current);
        };
        self.idle = if yields && Some(task) == current { self.idle + 1 } else { 0 };
        self.depth += 1;
        self.used += usize::from(current.is_some_and(|current| current != task));
        Some(task)
    }

    /// Who may go on, the running task first, if it may at all.
    fn candidates(&self, runnable: &[&Task], current: Option<TaskId>, stay: bool) -> Vec<u32> {
        let first = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
        let others = runnable.iter().map(|task| task.id()).filter(|task| Some(*task) != first);
        let to_come = if self.to_the_end { runnable.len() - 1 } else { 0 };
        let affordable = |task: &TaskId| {
            let cost = usize::from(current.is_some_and(|current| current != *task));
            self.used + cost + to_come <= self.bound
        };
        first.filter(|_| stay).into_iter().chain(others).filter(affordable).map(number).collect()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, FewSwitches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the execution that has just run kept to the bound.
    pub(super) fn within(&self) -> bool {
        !self.lock().beyond
    }

    /// Whether all schedules have been tried.
    pub(super) fn exhausted(&self) -> bool {
        self.lock().exhausted
    }

    /// Whether there is nothing more to try, or no leave to.
    pub(super) fn over(&self) -> bool {
        let search = self.lock();
        search.exhausted || search.left == 0 || search.steps == 0
    }

    /// Executions that may still be begun.
    pub(super) fn left(&self) -> usize {
        self.lock().left
    }
}

impl Scheduler for Shared {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.lock().advance().then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        self.lock().choose(runnable, current, yielding)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
