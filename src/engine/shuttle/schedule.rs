//! Schedules, and schedulers that follow one, or one that is made of bytes.
//!
//! What tasks choose is part of a schedule, kept by task: a task that is moved keeps its choices.

use super::context_bound::Point;
use crate::rt::pending::{self, Chosen};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle_engine::runtime::execution::CurrentSchedule;
use shuttle_engine::scheduler::ScheduleStep;

/// Which task runs at each scheduling point, from the first on.
pub(super) type Steps = Vec<u32>;

/// What was chosen in one execution.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub(super) steps: Steps,
    /// What tasks chose by themselves, in order.
    pub(super) chosen: Vec<Chosen>,
}

/// The path of the execution that is under way, or has just failed.
pub(super) fn path() -> Path {
    Path { steps: steps(&CurrentSchedule::get_schedule()), chosen: pending::all_chosen() }
}

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

pub(super) fn number(task: TaskId) -> u32 {
    u32::try_from(usize::from(task)).unwrap_or(u32::MAX)
}

pub(super) fn find(runnable: &[&Task], wanted: u32) -> Option<TaskId> {
    runnable.iter().map(|task| task.id()).find(|&task| number(task) == wanted)
}

/// Goes on with the task that runs, or else with the first that can.
fn straight_on(runnable: &[&Task], current: Option<TaskId>) -> Option<TaskId> {
    let current = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
    current.or_else(|| runnable.first().map(|task| task.id()))
}

/// Follows a path for one execution. A step whose task cannot run is left out; where the schedule ends,
/// tasks run as long as they can, and choose 0.
pub(super) struct Guided {
    steps: std::vec::IntoIter<u32>,
    /// What each task is still to choose, of all tasks, in order.
    chosen: Vec<Chosen>,
    started: bool,
}

impl Guided {
    pub(super) fn new(path: Path) -> Self {
        Self { steps: path.steps.into_iter(), chosen: path.chosen, started: false }
    }
}

impl Scheduler for Guided {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.started, true)).then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _yielding: bool) -> Option<TaskId> {
        let next = self.steps.find_map(|wanted| find(runnable, wanted));
        next.or_else(|| straight_on(runnable, current))
    }

    fn next_u64(&mut self) -> u64 {
        let mine = |(task, _): &Chosen| pending::current() == Some(*task as usize);
        let value = self.chosen.iter().position(mine).map(|place| self.chosen.remove(place).1);
        value.unwrap_or(0).into()
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
            None if yielding => find(runnable, Point::of(runnable, current, yielding).in_turn()?),
            None => straight_on(runnable, current),
        }
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.bytes.next().unwrap_or(0)) % u64::from(pending::options().max(1))
    }
}
