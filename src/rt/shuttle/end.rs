//! How an execution of shuttle's ends that fails: it is stopped, and never fails as shuttle sees it.
//!
//! shuttle prints a line about each failure. And where a task unwinds while the execution fails (it waits in
//! a destructor), shuttle leaves its stack as it is, and with it the operating-system thread panicking for
//! good, so that nothing that asks for that works any more. So panics are kept from shuttle, and deadlocks
//! are found here, just before shuttle would find them; then the execution is stopped as one that has become
//! too long, which shuttle says nothing about, and in which a task that unwinds comes to the end of that.
//!
//! Limits: a deadlock of tasks that wait for something of shuttle's own fails as ever. Where two tasks unwind
//! at once the operating-system thread is left panicking ([`is_left_panicking`]).

use super::tracking::Tracking;
use crate::heartbeat;
use crate::heartbeat::Cause;
use crate::rt::panics::Deadlocked;
use crate::rt::{pending, unwinding};
use shuttle::MaxSteps;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle_engine::runtime::execution::ExecutionState;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Payload = Box<dyn Any + Send>;

thread_local! {
    /// Whether failures are kept from shuttle.
    static KEPT: Cell<bool> = const { Cell::new(false) };
    /// The failure of the execution that is under way or was the last.
    static FAILURE: RefCell<Option<Payload>> = const { RefCell::new(None) };
    /// Whether the execution that is under way has failed, and is only taken apart.
    static OVER: Cell<bool> = const { Cell::new(false) };
    /// Whether the main task has done all that it does.
    static MAIN_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs executions of `model` until the scheduler has no more, or one fails.
///
/// # Errors
/// With the payload of the panic that ended the execution, or, for a deadlock, with
/// [`Deadlocked`].
pub(crate) fn run(
    scheduler: impl Scheduler + 'static,
    config: shuttle::Config,
    model: impl Fn() + Send + Sync + 'static,
) -> std::thread::Result<()> {
    KEPT.set(true);
    FAILURE.take();
    let runner = shuttle::Runner::new(UntilOneFails(Tracking(scheduler)), config);
    let result = catch_unwind(AssertUnwindSafe(|| {
        runner.run(move || {
            OVER.set(false);
            MAIN_ENDED.set(false);
            keep(&model);
            MAIN_ENDED.set(true);
            ended();
        });
    }));
    KEPT.set(false);
    OVER.set(false);
    match FAILURE.take() {
        Some(payload) => Err(payload),
        None => result,
    }
}

/// Whether the execution that is under way has failed. What tasks still do then, they do unwinding, and no task
/// is to wait for any task.
pub(super) fn over() -> bool {
    OVER.get()
}

/// Whether an execution has left this operating-system thread panicking for good. Not to be asked by what
/// unwinds itself.
pub(crate) fn is_left_panicking() -> bool {
    std::thread::panicking()
}

/// All that a task does. A panic that comes out of it ends the execution.
pub(super) fn keep(task: impl FnOnce()) {
    if !KEPT.get() {
        return task();
    }
    match catch_unwind(AssertUnwindSafe(task)) {
        Ok(()) => {}
        Err(payload) if ExecutionState::unwinding_for_teardown() => resume_unwind(payload),
        Err(payload) => {
            // A task that comes to the end of its unwinding after a deadlock tells no more.
            if !OVER.get() {
                fail(payload);
            }
        }
    }
}

/// The running task has just been blocked: the execution ends if no task can go on.
pub(super) fn blocked() {
    look_for_deadlock(None);
}

/// The running task does nothing more: the execution ends if others are left and none of them can go on.
pub(super) fn ended() {
    if KEPT.get() && !OVER.get() {
        look_for_deadlock(Some(ExecutionState::me()));
    }
}

fn look_for_deadlock(ended: Option<TaskId>) {
    if KEPT.get() && !OVER.get() && ExecutionState::with(|state| is_stuck(state, ended)) {
        fail(Box::new(Deadlocked));
    }
}

/// Whether all tasks that have not ended wait for others, and there are any.
fn is_stuck(state: &ExecutionState, ended: Option<TaskId>) -> bool {
    let main_ended = MAIN_ENDED.get().then(|| TaskId::from(0));
    let mut left = (0..)
        .map_while(|task| state.try_get(TaskId::from(task)))
        .filter(|task| !task.finished() && Some(task.id()) != ended && Some(task.id()) != main_ended)
        .peekable();
    left.peek().is_some() && left.all(|task| !task.runnable())
}

fn fail(payload: Payload) {
    // A destructor may end the process, on the way out.
    if payload.is::<Deadlocked>()
        && let Some(heartbeat) = heartbeat::of_worker()
    {
        heartbeat.note_panic(Cause::Deadlock);
    }
    FAILURE.set(Some(payload));
    OVER.set(true);
    pending::stop();
    ExecutionState::with(|state| {
        state.config.max_steps = MaxSteps::ContinueAfter(0);
        let unwinder = unwinding::who().and_then(|task| usize::try_from(task).ok());
        if let Some(task) = unwinder.and_then(|task| state.try_get_mut(TaskId::from(task)))
            && !task.finished()
        {
            task.unblock();
        }
    });
}

/// Has no more executions once one has failed.
struct UntilOneFails<S>(S);

impl<S: Scheduler> Scheduler for UntilOneFails<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if OVER.get() { None } else { self.0.new_execution() }
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        self.0.next_task(runnable, current, yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::Checker;
    use crate::rt::context::{self, Context};
    use crate::rt::{execution, panics};
    use crate::{channel, thread};
    use shuttle::scheduler::RandomScheduler;

    /// The words of the failure of one random execution of `model`.
    fn failure(seed: u64, model: impl Fn() + Send + Sync + 'static) -> Option<String> {
        panics::install_once();
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        let _entered = context::enter(Context::Model(Checker::Shuttle));
        let ended = run(RandomScheduler::new_from_seed(seed, 1), config, move || {
            execution::begin();
            model();
            execution::end();
        });
        pending::end();
        ended.err().map(|payload| {
            let words =
                if payload.is::<panics::Deadlocked>() { Some("deadlock") } else { panics::text(&*payload) };
            words.unwrap_or("?").to_owned()
        })
    }

    /// Whichever task is the last that does something: the main thread, which waits for no task, one that ends, or one
    /// that is blocked. shuttle's own words go on after these.
    #[test]
    fn deadlocks_are_found_before_shuttle_finds_them() {
        for seed in 0..200 {
            let left = || {
                let (sender, receiver) = channel::unbounded::<u32>();
                std::mem::forget(sender);
                thread::spawn(move || receiver.recv());
                thread::spawn(|| ());
            };
            assert_eq!(failure(seed, left).as_deref(), Some("deadlock"), "{seed}");
            let not_left = || {
                let (sender, receiver) = channel::unbounded::<u32>();
                thread::spawn(move || receiver.recv());
                thread::spawn(|| drop(sender));
            };
            assert_eq!(failure(seed, not_left), None, "{seed}");
        }
    }

    #[test]
    fn a_panic_of_any_thread_ends_the_execution_and_leaves_nobody_panicking() {
        for seed in 0..50 {
            let fails = || drop(thread::spawn(|| std::panic::panic_any(pending::RaceFound)).join());
            assert_eq!(failure(seed, fails).as_deref(), Some("?"), "{seed}");
            assert!(!is_left_panicking());
        }
    }
}
