//! Threads of a shuttle execution: spawning, joining, yielding, and one slot of storage per thread.
//!
//! Each scheduling point is announced first, so that a scheduler that looks at operations sees it.

use super::Slot;
use super::shuttle::{me, running};
use super::trace::{self, Kind, ObjectId};
use std::cell::RefCell;

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
    let old = SLOTS.with_borrow_mut(|slots| {
        if slots.len() <= task {
            slots.resize(task + 1, None);
        }
        std::mem::replace(&mut slots[task], value)
    });
    drop(old);
}

/// Begins an execution: no task has anything yet. What an execution that was cut off has left is leaked,
/// because its destructors would reach for tasks that are no more.
pub(super) fn forget_slots() {
    TASKS.with_borrow_mut(Vec::clear);
    std::mem::forget(SLOTS.with_borrow_mut(|slots| slots.drain(..).flatten().collect::<Vec<_>>()));
}

/// Waits for one spawned thread.
pub(crate) struct Join {
    handle: shuttle::thread::JoinHandle<()>,
}

/// A closure that may go to a shuttle thread although it is not `Send`.
struct Body<F>(F);

// SAFETY: shuttle asks for `Send` because its API mirrors std's, but runs every task of an execution as
// a coroutine of the one operating-system thread that started the execution.
unsafe impl<F> Send for Body<F> {}

impl<F: FnOnce()> Body<F> {
    fn run(self) {
        (self.0)();
    }
}

/// Starts a task; `object` names it to the scheduler.
pub(crate) fn spawn(object: ObjectId, body: impl FnOnce() + 'static) -> Join {
    let body = Body(body);
    let task = me();
    trace::announce(task, object, Kind::Spawn);
    let handle = shuttle::thread::spawn(move || {
        trace::proceed(shuttle::current::me().into());
        body.run();
    });
    trace::proceed(task);
    let join = Join { handle };
    TASKS.with_borrow_mut(|tasks| tasks.push((object, join.task())));
    join
}

impl Join {
    /// The task to wait for.
    fn task(&self) -> usize {
        self.handle.thread().id().into()
    }

    /// Blocks until the task has ended.
    pub(crate) fn join(self) {
        let task = me();
        trace::announce(task, task_as_object(self.task()), Kind::Join);
        // The body never panics into shuttle unless the whole execution ends.
        let _ = self.handle.join();
        trace::proceed(task);
    }
}

/// Lets other tasks run first, if the scheduler heeds the hint.
pub(crate) fn yield_now(object: ObjectId) {
    let task = me();
    trace::announce(task, object, Kind::Yield);
    shuttle::thread::yield_now();
    trace::proceed(task);
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
