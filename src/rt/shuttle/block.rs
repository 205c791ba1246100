//! Locks, condition variables and monitors for shuttle, on shuttle's own blocking of tasks, and nothing more:
//! no data, no poison, no happens-before edges.
//!
//! They have the choices of `shuttle::sync`'s and cost less: no waker, no semaphore and no clocks behind each
//! operation. A task that waits for a lock can only be scheduled while it can take the lock: the strategy that chooses
//! the schedule never sees a task that could not do what it is about to do. (In shuttle's own, such a task
//! can be scheduled, and waits then; and a wake-up that was not needed stays with it.)
//!
//! Limits: only tasks of the execution that is under way may use them. Once shuttle has given an execution
//! up, unlocking wakes no task; a destructor that then waits for a mutex that another task holds is
//! stopped by shuttle with a panic.

use super::end;
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::task::{Task, TaskId};
use shuttle_engine::runtime::thread::switch;
use std::cell::{Cell, RefCell};

/// Does `action` to those of `tasks` that have not finished.
fn with_unfinished(tasks: impl Iterator<Item = TaskId>, action: impl Fn(&mut Task)) {
    ExecutionState::with(|state| {
        for task in tasks {
            if let Some(task) = state.try_get_mut(task).filter(|task| !task.finished()) {
                action(task);
            }
        }
    });
}

/// Lets others run until someone unblocks the running task.
fn block() {
    ExecutionState::with(|state| state.current_mut().block(false));
    end::blocked();
    switch();
}

/// A scheduling point for a task that can go on while `holds`; what changes that blocks and unblocks it.
fn wait_until(holds: impl Fn() -> bool) {
    if holds() {
        switch();
    }
    while !holds() && !end::over() {
        block();
    }
}

/// Runs `action` when dropped: also if shuttle unwinds the task out of a scheduling point.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Admits one task at a time.
#[derive(Default)]
pub(super) struct TaskMutex {
    holder: Cell<Option<TaskId>>,
    /// Who waits to be admitted, all of them able to run while no task holds the mutex.
    waiters: RefCell<Vec<TaskId>>,
}

impl TaskMutex {
    /// A scheduling point; then takes the mutex for the running `task`, which can only be scheduled while
    /// no task holds it.
    ///
    /// # Panics
    ///
    /// With [`Deadlocked`](crate::rt::panics::Deadlocked) if this task holds it already.
    pub(super) fn lock(&self, task: usize) {
        let me = TaskId::from(task);
        if self.holder.get() == Some(me) {
            let me = ExecutionState::me();
            if self.holder.get() == Some(me) {
                std::panic::panic_any(crate::rt::panics::Deadlocked);
            }
        }
        self.waiters.borrow_mut().push(me);
        let leave = Finally(|| self.waiters.borrow_mut().retain(|waiter| *waiter != me));
        wait_until(|| self.holder.get().is_none());
        drop(leave);
        self.take(me);
    }

    /// A scheduling point; then takes the mutex if no task holds it. Whether it did.
    pub(super) fn try_lock(&self, task: usize) -> bool {
        switch();
        let free = self.holder.get().is_none();
        if free {
            self.take(TaskId::from(task));
        }
        free
    }

    /// A scheduling point; then lets go of the mutex, whatever happens meanwhile to the running task.
    pub(super) fn unlock(&self) {
        let _free = Finally(|| self.free());
        switch();
    }

    fn take(&self, me: TaskId) {
        self.holder.set(Some(me));
        let waiters = self.waiters.borrow();
        if !waiters.is_empty() {
            with_unfinished(waiters.iter().copied(), |waiter| waiter.block(false));
        }
    }

    fn free(&self) {
        self.holder.set(None);
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            return;
        }
        if ExecutionState::should_stop() {
            waiters.clear();
        } else {
            with_unfinished(waiters.iter().copied(), Task::unblock);
        }
    }
}

/// Admits one writer, or any number of readers.
///
/// Whether a reader is admitted while a writer waits is unspecified, and both must be tried. Here it is not; but a
/// writer waits only from a scheduling point of its own on, and a reader may come before that: nothing else tells
/// a writer that waits from one that is about to.
#[derive(Default)]
pub(super) struct TaskRwLock {
    writer: Cell<Option<TaskId>>,
    readers: RefCell<Vec<TaskId>>,
    /// Writers that wait.
    arrived: RefCell<Vec<TaskId>>,
    /// Who waits to be admitted, and whether to write; able to run while they can be.
    waiters: RefCell<Vec<(TaskId, bool)>>,
}

impl TaskRwLock {
    fn admits(&self, to_write: bool) -> bool {
        self.writer.get().is_none()
            && if to_write { self.readers.borrow().is_empty() } else { self.arrived.borrow().is_empty() }
    }

    /// A scheduling point, after which the running `task` waits to write; then calls `about_to_lock`, and
    /// takes the lock at another scheduling point, when it is admitted.
    pub(super) fn arrive(&self, task: usize, about_to_lock: impl FnOnce()) {
        let me = TaskId::from(task);
        switch();
        self.arrived.borrow_mut().push(me);
        let leave = Finally(|| {
            self.arrived.borrow_mut().retain(|waiter| *waiter != me);
            self.admit();
        });
        self.refuse();
        about_to_lock();
        self.wait(me, true);
        self.arrived.borrow_mut().retain(|waiter| *waiter != me);
        self.take(me, true);
        std::mem::forget(leave);
    }

    /// A scheduling point; then takes the lock for the running `task`, which can only be scheduled while
    /// it is admitted. A task that reads already may do so.
    pub(super) fn read(&self, task: usize) {
        let me = TaskId::from(task);
        self.wait(me, false);
        self.take(me, false);
    }

    fn wait(&self, me: TaskId, to_write: bool) {
        self.waiters.borrow_mut().push((me, to_write));
        let _leave = Finally(|| self.waiters.borrow_mut().retain(|(waiter, _)| *waiter != me));
        wait_until(|| self.admits(to_write));
    }

    /// A scheduling point; then takes the lock if that can be, even if a writer waits. Whether it did.
    pub(super) fn try_lock(&self, task: usize, to_write: bool) -> bool {
        switch();
        let me = TaskId::from(task);
        let free = self.writer.get().is_none() && (!to_write || self.readers.borrow().is_empty());
        if free {
            self.take(me, to_write);
        }
        free
    }

    /// A scheduling point; then gives the lock back, whatever happens meanwhile to the running `task`.
    pub(super) fn unlock(&self, task: usize) {
        let _free = Finally(|| self.free(TaskId::from(task)));
        switch();
    }

    fn take(&self, me: TaskId, to_write: bool) {
        if to_write {
            self.writer.set(Some(me));
        } else {
            self.readers.borrow_mut().push(me);
        }
        self.refuse();
    }

    fn free(&self, me: TaskId) {
        if self.writer.get() == Some(me) {
            self.writer.set(None);
        }
        let mut readers = self.readers.borrow_mut();
        if let Some(place) = readers.iter().position(|reader| *reader == me) {
            readers.remove(place);
        }
        drop(readers);
        self.admit();
    }

    /// Those who can no longer be admitted do not run.
    fn refuse(&self) {
        let waiters = self.waiters.borrow();
        let refused = waiters.iter().filter(|(_, to_write)| !self.admits(*to_write));
        with_unfinished(refused.map(|(waiter, _)| *waiter), |waiter| waiter.block(false));
    }

    /// Those who can be admitted now run.
    fn admit(&self) {
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            return;
        }
        if ExecutionState::should_stop() {
            waiters.clear();
        } else {
            let admitted = waiters.iter().filter(|(_, to_write)| self.admits(*to_write));
            with_unfinished(admitted.map(|(waiter, _)| *waiter), Task::unblock);
        }
    }
}

/// Where tasks wait for a change of something that one task at a time looks at and changes, in one step.
#[derive(Default)]
pub(super) struct WaitSet {
    waiters: RefCell<Vec<TaskId>>,
}

impl WaitSet {
    /// Waits until the next [`WaitSet::notify`], and until the running `task` is scheduled after it.
    pub(super) fn wait(&self, task: usize) {
        let me = TaskId::from(task);
        self.waiters.borrow_mut().push(me);
        let _leave = Finally(|| self.waiters.borrow_mut().retain(|waiter| *waiter != me));
        while self.waiters.borrow().contains(&me) && !end::over() {
            block();
        }
    }

    /// Lets all that wait go on. Whether there were any.
    pub(super) fn notify(&self) -> bool {
        let waiters = self.waiters.take();
        if !waiters.is_empty() && !ExecutionState::should_stop() {
            with_unfinished(waiters.iter().copied(), Task::unblock);
        }
        !waiters.is_empty()
    }
}

/// How it stands with a task that waits for a [`TaskCondvar`].
#[derive(PartialEq)]
enum Call {
    /// Not notified.
    None,
    /// One of those that each of these `notify_one` may wake; not empty, oldest first.
    Maybe(Vec<u64>),
    /// By `notify_all`.
    Certain,
}

/// Wakes tasks that wait. Which one a `notify_one` wakes is up to the schedule: all that wait can run, and
/// the first that does uses the notification up.
#[derive(Default)]
pub(super) struct TaskCondvar {
    waiters: RefCell<Vec<(TaskId, Call)>>,
    /// Those of them whose time is never over.
    patient: RefCell<Vec<TaskId>>,
    /// How many `notify_one` there have been.
    notified: Cell<u64>,
}

impl TaskCondvar {
    /// Lets go of the mutex and waits for a notification, or, if `timed`, until the running task is scheduled
    /// without one. Calls `asleep` each time before it does. Whether it was notified.
    pub(super) fn wait(&self, mutex: &TaskMutex, timed: bool, asleep: impl Fn()) -> bool {
        mutex.unlock();
        let me = ExecutionState::me();
        self.waiters.borrow_mut().push((me, Call::None));
        let leave = Finally(|| drop(self.leave(me)));
        let unheard =
            || self.waiters.borrow().iter().any(|(waiter, call)| *waiter == me && *call == Call::None);
        asleep();
        if timed {
            self.patient.borrow_mut().retain(|waiter| *waiter != me);
            switch();
        } else {
            self.patient.borrow_mut().push(me);
            while unheard() && !end::over() {
                block();
                if unheard() {
                    asleep();
                }
            }
            self.patient.borrow_mut().retain(|waiter| *waiter != me);
        }
        std::mem::forget(leave);
        match self.leave(me) {
            Some(Call::Maybe(notifications)) => {
                if let Some(&used) = notifications.first() {
                    self.use_up(used);
                }
                true
            }
            Some(Call::Certain) => true,
            Some(Call::None) | None => false,
        }
    }

    fn leave(&self, me: TaskId) -> Option<Call> {
        let mut waiters = self.waiters.borrow_mut();
        let place = waiters.iter().position(|(waiter, _)| *waiter == me)?;
        Some(waiters.remove(place).1)
    }

    /// The notification `used` has woken a task: those that no other one may wake wait on.
    fn use_up(&self, used: u64) {
        for (waiter, call) in self.waiters.borrow_mut().iter_mut() {
            let Call::Maybe(notifications) = call else { continue };
            notifications.retain(|notification| *notification != used);
            if notifications.is_empty() {
                *call = Call::None;
                if self.patient.borrow().contains(waiter) {
                    with_unfinished(std::iter::once(*waiter), |waiter| waiter.block(false));
                }
            }
        }
    }

    /// A scheduling point; then wakes one of those that wait, if there are any.
    pub(super) fn notify_one(&self) {
        switch();
        let notification = self.notified.replace(self.notified.get() + 1);
        self.ring(|call| match call {
            Call::None => *call = Call::Maybe(vec![notification]),
            Call::Maybe(notifications) => notifications.push(notification),
            Call::Certain => {}
        });
    }

    /// A scheduling point; then wakes all that wait.
    pub(super) fn notify_all(&self) {
        switch();
        self.ring(|call| *call = Call::Certain);
    }

    fn ring(&self, notify: impl Fn(&mut Call)) {
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            return;
        }
        waiters.iter_mut().for_each(|(_, call)| notify(call));
        with_unfinished(waiters.iter().map(|(waiter, _)| *waiter), Task::unblock);
    }
}
