//! Threads of a shuttle execution: spawning, joining, yielding, and storage for each thread.
//!
//! Each scheduling point is announced first, so that a scheduler that looks at operations sees it.

use super::{end, me, running};
use crate::rt::pending::{self, Kind, ObjectId};
use shuttle_engine::runtime::execution::{ExecutionState, LABELS};
use shuttle_engine::runtime::task::TaskId;
use shuttle_engine::runtime::thread::switch;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;

thread_local! {
    /// The objects that name threads, and their tasks.
    static TASKS: RefCell<Vec<(ObjectId, usize)>> = const { RefCell::new(Vec::new()) };
}

/// A value for each task of an execution. shuttle's own thread-local storage does the same through a hash
/// table, made and dropped for each task, which costs as much as a few scheduling points.
pub(crate) struct PerTask<T> {
    execution: Cell<u64>,
    values: RefCell<Vec<Option<T>>>,
}

impl<T> PerTask<T> {
    pub(crate) const fn new() -> Self {
        Self { execution: Cell::new(0), values: RefCell::new(Vec::new()) }
    }

    /// Looks at the value of the running task: none before [`PerTask::set`] and outside of an execution.
    /// No scheduling point may lie within.
    #[inline]
    pub(crate) fn with<R>(&self, look: impl FnOnce(Option<&T>) -> R) -> R {
        let task = running().filter(|_| self.execution.get() == pending::execution());
        match task {
            Some(task) => look(self.values.borrow().get(task).and_then(Option::as_ref)),
            None => look(None),
        }
    }

    /// Replaces the value of the running task.
    #[inline]
    pub(crate) fn set(&self, value: Option<T>) {
        let Some(task) = running() else { return };
        if self.execution.replace(pending::execution()) != pending::execution() {
            self.forget();
        }
        let mut values = self.values.borrow_mut();
        if task >= values.len() {
            values.resize_with(task + 1, || None);
        }
        let old = std::mem::replace(&mut values[task], value);
        drop(values);
        drop(old);
    }

    /// What an execution that was cut off has left is leaked, because its destructors would reach for tasks
    /// that are no more.
    fn forget(&self) {
        self.values.borrow_mut().iter_mut().for_each(|value| std::mem::forget(value.take()));
    }
}

/// Begins an execution: no object names a task yet.
pub(in crate::rt) fn begin() {
    TASKS.with_borrow_mut(Vec::clear);
    // The main task has a name, which each task that it starts would inherit, at the price of many operations.
    LABELS.with_borrow_mut(HashMap::clear);
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
    pending::announce(me(), object, Kind::Spawn);
    let life = Box::new(move || {
        end::keep(body);
        // The last thread's end would otherwise be the end of the execution, detached tasks or not.
        let last = ExecutionState::with(|state| {
            let last = state.exit_current_truncates_execution();
            if !last {
                wake_waiter(state);
            }
            last
        });
        if last {
            switch();
            ExecutionState::with(wake_waiter);
        }
        // What shuttle still does for the task wakes no task.
        end::ended();
    });
    let stack = ExecutionState::with(|state| state.config.stack_size);
    let task = ExecutionState::spawn_thread(life, stack, None, None, Location::caller());
    TASKS.with_borrow_mut(|tasks| tasks.push((object, task.into())));
    Join { task }
}

/// Lets the task that waits for the running task go on.
fn wake_waiter(state: &mut ExecutionState) {
    if let Some(waiter) = state.current_mut().take_waiter() {
        state.get_mut(waiter).unblock();
    }
}

impl Join {
    /// Blocks until the task has ended.
    pub(crate) fn join(self) {
        let me = me();
        pending::announce(me, task_as_object(self.task.into()), Kind::Join);
        ExecutionState::with(|state| {
            if state.get_mut(self.task).set_waiter(TaskId::from(me)) {
                state.current_mut().block(false);
            }
        });
        end::blocked();
        // A scheduling point also where the task has ended already.
        switch();
    }
}

/// Lets other tasks run first, if the scheduler heeds the hint.
pub(crate) fn yield_now(object: ObjectId) {
    pending::announce(me(), object, Kind::Yield);
    shuttle::thread::yield_now();
}

/// A scheduling point before a look at whether the thread `object` has ended.
pub(crate) fn look(object: ObjectId) {
    let task = TASKS.with_borrow(|tasks| tasks.iter().find(|(known, _)| *known == object).copied());
    match task {
        Some((_, task)) => super::before(task_as_object(task), Kind::Look),
        // The main thread, which no task joins, or one that is about to be started.
        None => super::before(object, Kind::Yield),
    };
}

/// Tasks are counted in announcements where objects are named otherwise.
fn task_as_object(task: usize) -> ObjectId {
    ObjectId::try_from(task).unwrap_or(ObjectId::MAX)
}
