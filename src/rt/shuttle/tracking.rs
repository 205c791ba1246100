//! A scheduler that notes which task it lets run, so that shuttle need not be asked, whose answer costs
//! more than most operations.

use crate::rt::pending;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// Chooses as `S` does, and notes the choice.
pub struct Tracking<S>(pub S);

impl<S: Scheduler> Scheduler for Tracking<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        let next = self.0.next_task(runnable, current, yielding);
        if let Some(task) = next {
            pending::chosen(task.into());
        }
        next
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
