//! Threads of a shuttle execution: spawning, joining, yielding, and one slot of storage per thread.
//!
//! Each scheduling point is announced first, so that a scheduler that looks at operations sees it.

use super::Slot;
use super::shuttle::{me, running};
use super::trace::{self, Kind, ObjectId};
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::task::TaskId;
use shuttle_engine::runtime::thread::switch;
use std::cell::RefCell;
use std::panic::Location;

thread_local! {
    /// By task. shuttle's own thread-local storage does the same through a hash table, made and dropped for
    /// each task, which costs as much as a few scheduling points.
    static SLOTS: RefCell<Vec<Option<Slot>>> = const { RefCell::new(Vec::new()) };
    /// The objects that name threads, and their tasks.
    static TASKS: RefCell<Vec<(ObjectId, usize)>> = const { RefCell::new(Vec::new()) };
}

/// What the facade keeps for the running task; `None` before [`set_slot`] and outside of an execution.
pub(crate) fn slot() -> Option<Slot> {
    let task = running()?;
    SLOTS.with_borrow(|slots| slots.get(task).cloned().flatten())
}

/// Replaces what the facade keeps for the running task.
pub(crate) fn set_slot(value: Option<Slot>) {
    let Some(task) = running() else { return };
    let old = SLOTS.with_borrow_mut(|slots| match slots.get_mut(task) {
        Some(slot) => std::mem::replace(slot, value),
        None => {
            slots.resize(task, None);
            slots.push(value);
            None
        }
    });
    drop(old);
}

/// Begins an execution: no task has anything yet. What an execution that was cut off has left is leaked,
/// because its destructors would reach for tasks that are no more.
pub(super) fn forget_slots() {
    TASKS.with_borrow_mut(Vec::clear);
    SLOTS.with_borrow_mut(|slots| slots.iter_mut().for_each(|slot| std::mem::forget(slot.take())));
}

/// Waits for one spawned thread.
pub(crate) struct Join {
    task: TaskId,
}

/// Starts a task; `object` names it to the scheduler.
///
/// Scheduling points and blocking are those of shuttle's own threads; what they carry besides (a result
/// behind two locks, a name, thread-local slots) the facade keeps itself.
#[track_caller]
pub(crate) fn spawn(object: ObjectId, body: impl FnOnce() + 'static) -> Join {
    trace::announce(me(), object, Kind::Spawn);
    let life = Box::new(move || {
        body();
        // The last thread's end would otherwise be the end of the execution, detached tasks or not.
        if ExecutionState::with(|state| state.exit_current_truncates_execution()) {
            switch();
        }
        ExecutionState::with(|state| {
            if let Some(waiter) = state.current_mut().take_waiter() {
                state.get_mut(waiter).unblock();
            }
        });
    });
    let stack = ExecutionState::with(|state| state.config.stack_size);
    let task = ExecutionState::spawn_thread(life, stack, None, None, Location::caller());
    TASKS.with_borrow_mut(|tasks| tasks.push((object, task.into())));
    Join { task }
}

impl Join {
    /// Blocks until the task has ended.
    pub(crate) fn join(self) {
        let me = me();
        trace::announce(me, task_as_object(self.task.into()), Kind::Join);
        let finished = ExecutionState::with(|state| state.get(self.task).finished());
        if finished {
            switch();
        }
        let waits = ExecutionState::with(|state| {
            let waits = state.get_mut(self.task).set_waiter(TaskId::from(me));
            if waits {
                state.current_mut().block(false);
            }
            waits
        });
        if waits {
            switch();
        }
    }
}

/// Lets other tasks run first, if the scheduler heeds the hint.
pub(crate) fn yield_now(object: ObjectId) {
    trace::announce(me(), object, Kind::Yield);
    shuttle::thread::yield_now();
}

/// A scheduling point before a look at whether the thread `object` has ended.
pub(crate) fn look(object: ObjectId) {
    let task = TASKS.with_borrow(|tasks| tasks.iter().find(|(known, _)| *known == object).copied());
    match task {
        Some((_, task)) => super::shuttle::before(task_as_object(task), Kind::Look),
        // The main thread, which nobody joins, or one that is about to be started.
        None => super::shuttle::before(object, Kind::Yield),
    };
}

/// Tasks are counted in announcements where objects are named otherwise.
fn task_as_object(task: usize) -> ObjectId {
    ObjectId::try_from(task).unwrap_or(ObjectId::MAX)
}
