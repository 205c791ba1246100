//! A mutex and a condition variable for shuttle, on shuttle's own blocking of tasks, and nothing more:
//! no data, no poison, no happens-before edges.
//!
//! They have the scheduling points and the choices of `shuttle::sync`'s and cost less: no waker, no
//! semaphore and no clocks behind each operation. A task that waits for a mutex can only be scheduled
//! while the mutex is free. (In shuttle's own, a wake-up that was not needed stays with the task, and makes
//! it look once in vain when it waits for the next mutex.)
//!
//! Limits: only tasks of the execution that is under way may use them. Once shuttle has given an execution
//! up, unlocking wakes nobody; a destructor that then waits for a mutex that another task holds is
//! stopped by shuttle with a panic.

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
    switch();
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
pub(super) struct Gate {
    holder: Cell<Option<TaskId>>,
    /// Who waits to be admitted, all of them able to run while nobody holds the gate.
    waiters: RefCell<Vec<TaskId>>,
}

// SAFETY: every task of an execution runs as a coroutine of the one operating-system thread that started
// the execution, and whoever calls has made sure to be such a task; so no two threads are ever inside.
unsafe impl Send for Gate {}
// SAFETY: see above.
unsafe impl Sync for Gate {}

impl Gate {
    /// A scheduling point; then waits until nobody holds the gate, and takes it for the running `task`.
    ///
    /// While somebody else holds it, beginning to wait is the scheduling point: to come to wait commutes
    /// with all that others could do at a point before that, so such a point would add schedules and
    /// nothing to see.
    ///
    /// # Panics
    ///
    /// With shuttle's deadlock message if this task holds it already.
    pub(super) fn lock(&self, task: usize) {
        let me = TaskId::from(task);
        if self.holder.get() == Some(me) {
            let me = ExecutionState::me();
            assert!(
                self.holder.get() != Some(me),
                "deadlock! task {me:?} tried to acquire a Mutex it already holds"
            );
        }
        if self.holder.get().is_none() {
            switch();
        }
        if self.holder.get().is_some() {
            self.queue();
        }
        self.take(me);
    }

    /// A scheduling point; then takes the gate if nobody holds it. Whether it did.
    pub(super) fn try_lock(&self, task: usize) -> bool {
        switch();
        let free = self.holder.get().is_none();
        if free {
            self.take(TaskId::from(task));
        }
        free
    }

    /// A scheduling point; then lets go of the gate, whatever happens meanwhile to the running task.
    pub(super) fn unlock(&self) {
        let _free = Finally(|| self.free());
        switch();
    }

    /// Waits until nobody holds the gate.
    #[cold]
    fn queue(&self) {
        let me = ExecutionState::me();
        self.waiters.borrow_mut().push(me);
        let _leave = Finally(|| self.waiters.borrow_mut().retain(|waiter| *waiter != me));
        while self.holder.get().is_some() {
            block();
        }
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

/// How it stands with a task that waits for a [`Bell`].
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
pub(super) struct Bell {
    waiters: RefCell<Vec<(TaskId, Call)>>,
    /// How many `notify_one` there have been.
    notified: Cell<u64>,
}

// SAFETY: as for `Gate`.
unsafe impl Send for Bell {}
// SAFETY: as for `Gate`.
unsafe impl Sync for Bell {}

impl Bell {
    /// Lets go of the gate, waits for a notification, and takes the gate again for the running `task`.
    pub(super) fn wait(&self, gate: &Gate, task: usize) {
        gate.unlock();
        let me = ExecutionState::me();
        self.waiters.borrow_mut().push((me, Call::None));
        let leave = Finally(|| drop(self.leave(me)));
        while self.waiters.borrow().iter().any(|(waiter, call)| *waiter == me && *call == Call::None) {
            block();
        }
        std::mem::forget(leave);
        if let Some(Call::Maybe(notifications)) = self.leave(me)
            && let Some(&used) = notifications.first()
        {
            self.use_up(used);
        }
        gate.lock(task);
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
                with_unfinished(std::iter::once(*waiter), |waiter| waiter.block(false));
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
