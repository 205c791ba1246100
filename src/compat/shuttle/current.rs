//! Who runs.

pub use super::labels::{
    ChildLabelFn, Labels, Tag, Taggable, TaskName, get_label_for_task, get_name_for_task,
    get_tag_for_current_task, get_tag_for_task, remove_label_for_task, set_label_for_task, set_name_for_task,
    set_tag_for_current_task, set_tag_for_task, with_labels_for_task,
};
use crate::rt::context;
use crate::rt::model;

/// A thread by its number, in the order of spawning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(usize);

impl From<usize> for TaskId {
    fn from(number: usize) -> TaskId {
        TaskId(number)
    }
}

impl From<TaskId> for usize {
    fn from(task: TaskId) -> usize {
        task.0
    }
}

/// The running thread.
///
/// # Panics
/// Outside of a closure that is checked.
#[must_use]
pub fn me() -> TaskId {
    get_current_task().expect("only called inside a closure that is checked")
}

/// The running thread, inside a closure that is checked.
#[must_use]
pub fn get_current_task() -> Option<TaskId> {
    context::current().is_model().then(|| TaskId(model::number()))
}

/// The running thread, inside a closure that is checked.
#[must_use]
pub fn try_get_current_task() -> Option<TaskId> {
    get_current_task()
}

/// A number that grows with every operation: a time for what is atomic.
#[must_use]
pub fn context_switches() -> usize {
    usize::try_from(context::operations()).unwrap_or(usize::MAX)
}

/// Accepted: how long an execution may be is the engine's to say.
pub fn reset_step_count() {}

/// shuttle's, as it is without its feature `vector-clocks`: it tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VectorClock;

impl VectorClock {
    /// 0.
    #[must_use]
    pub fn get(&self, _task: usize) -> u32 {
        0
    }
}

impl std::ops::Deref for VectorClock {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &[]
    }
}

impl PartialOrd for VectorClock {
    fn partial_cmp(&self, _other: &Self) -> Option<std::cmp::Ordering> {
        Some(std::cmp::Ordering::Equal)
    }
}

/// The running thread's clock, which tells nothing.
#[must_use]
pub fn clock() -> VectorClock {
    VectorClock
}

/// A thread's clock, which tells nothing.
#[must_use]
pub fn clock_for(_task: TaskId) -> VectorClock {
    VectorClock
}
