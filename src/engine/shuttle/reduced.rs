//! The partial-order reduction as a scheduler of shuttle's.
//!
//! Tells the search what each task is about to do, which the facade has announced, and what came of it; and
//! counts. Limits: the scheduler must be wrapped in [`Tracking`](crate::rt::shuttle::tracking::Tracking),
//! which says when an announced operation is done.

use super::parallel::{Parallel, Role};
use super::search::Counters;
use crate::base::operation::Operation;
use crate::engine::worker_pool;
use crate::explore::dpor::{Explorer, Next, Progress, Ready};
use crate::rt::context;
use crate::rt::pending;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Executions cut off after which the search is given up: it is lost in a loop that waits.
pub(super) const HOPELESS: u64 = 20;

/// Executions between two looks at what helpers have told.
pub(super) const LOOK_EVERY: u64 = 16;

/// A search that is under way, and how it goes.
pub(super) struct State {
    pub(super) explorer: Explorer,
    pub(super) counters: Arc<Counters>,
    pub(super) limit: u64,
    /// When to end at the latest.
    until: Option<Instant>,
    pub(super) begun: u64,
    /// Executions that had ended by themselves when the current one began.
    pub(super) ended: u64,
    /// Executions that were cut off, redundant ones left out.
    pub(super) cut_off: u64,
    /// Redundant executions that came to an end by themselves.
    pub(super) redundant_ended: u64,
    /// Whether everything was explored.
    pub(super) complete: bool,
    /// The tasks that were left waiting, in a loop, for what no task could do any more.
    pub(super) hung: Option<Vec<usize>>,
    ready: Vec<Ready>,
    /// The task that was chosen last, if it begins, or ends the execution.
    leaving: Option<usize>,
    /// What every task was about to do then: what is dropped after that may announce more.
    before: Vec<Option<Operation>>,
    pub(super) parallel: Option<Parallel>,
}

impl State {
    pub(super) fn progress(&self) -> Progress {
        self.explorer.progress()
    }

    pub(super) fn estimate(&self) -> Option<f64> {
        self.explorer.estimate()
    }

    /// Goes to the next execution. False if there is none, or none may follow.
    fn advance(&mut self) -> bool {
        context::set_weight(1);
        let was_repeating = self.parallel.as_mut().and_then(|parallel| parallel.repeating.take());
        let goes_on = match was_repeating {
            Some(repeating) => self.note_end_of_repeating(&repeating),
            None => self.begun == 0 || self.note_end(),
        };
        let advanced = goes_on && self.find_next();
        if !advanced {
            // A helper that has nothing to report finds what its parent must find by itself.
            worker_pool::leave_if_helper();
        }
        advanced
    }

    fn is_out_of_time(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn find_next(&mut self) -> bool {
        loop {
            if self.repeat_next() {
                return true;
            }
            match self.explorer.next() {
                Next::Nothing => {
                    self.complete = true;
                    self.report_if_helper();
                    return false;
                }
                Next::Given(branch) => {
                    if self.wait_for(branch) == Role::Helper {
                        return true;
                    }
                }
                Next::Execution if self.begun == self.limit || self.is_out_of_time() => return false,
                Next::Execution => {
                    self.begun += 1;
                    self.share();
                    return true;
                }
            }
        }
    }

    /// Enters the execution that has ended. Whether to go on.
    fn note_end(&mut self) -> bool {
        let redundant = self.explorer.is_redundant();
        let ended = self.counters.ended.load(Ordering::Relaxed);
        let cut_off = ended == std::mem::replace(&mut self.ended, ended);
        if let Some(last) = self.leaving.take() {
            if let Some(place) = self.before.get_mut(last) {
                *place = pending::pending_of(last);
            }
        } else {
            look_around(&mut self.before, &self.explorer);
        }
        let waiting = waiting(&self.before, |_| true);
        let stuck = cut_off && self.explorer.is_stuck();
        self.explorer.learn(pending::take_effect());
        self.explorer.end(&waiting);
        pending::forget_pending();
        self.redundant_ended += u64::from(redundant && !cut_off);
        self.cut_off += u64::from(cut_off && !redundant);
        if stuck {
            self.hung = Some(self.ready.iter().map(|(task, _)| *task).collect());
        }
        self.tell(cut_off);
        let Progress { not_repeatable, too_many_tasks, .. } = self.explorer.progress();
        !stuck && self.cut_off < HOPELESS && !not_repeatable && !too_many_tasks
    }
}

/// Notes what every task that the search knows is about to do.
fn look_around(before: &mut Vec<Option<Operation>>, explorer: &Explorer) {
    before.clear();
    pending::each_pending(0..explorer.tasks(), |_, operation| before.push(operation));
}

/// What those of the tasks that `which` admits are about to do.
fn waiting(pending: &[Option<Operation>], which: impl Fn(usize) -> bool) -> Vec<(usize, Operation)> {
    let tasks = pending.iter().enumerate().filter(|(task, _)| which(*task));
    tasks.filter_map(|(task, operation)| Some((task, (*operation)?))).collect()
}

/// Where a search is left when its scheduler is dropped.
pub(super) type Left = Arc<Mutex<Option<Box<State>>>>;

/// Chooses as the search says. The search is its own, so that no step has to take a lock.
pub(super) struct Reduced {
    state: Option<Box<State>>,
    left: Left,
}

impl Drop for Reduced {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.state.take();
    }
}

impl Reduced {
    /// A search of at most `limit` executions, redundant ones included, and with at most so many
    /// `preemptions` each, alone or together with others.
    pub(super) fn new(
        limit: u64,
        preemptions: Option<u32>,
        counters: Arc<Counters>,
        parallel: Option<Parallel>,
    ) -> Self {
        let state = State {
            explorer: Explorer::new(preemptions),
            counters,
            limit,
            until: None,
            begun: 0,
            ended: 0,
            cut_off: 0,
            redundant_ended: 0,
            complete: false,
            hung: None,
            ready: Vec::new(),
            leaving: None,
            before: Vec::new(),
            parallel,
        };
        Reduced { state: Some(Box::new(state)), left: Left::default() }
    }

    /// The same, ended at this time.
    pub(super) fn until(mut self, until: Option<Instant>) -> Self {
        self.state().until = until;
        self
    }

    /// Where the search will be left.
    pub(super) fn left(&self) -> Left {
        Arc::clone(&self.left)
    }

    fn state(&mut self) -> &mut State {
        self.state.as_mut().expect("a search is left only when its scheduler is dropped")
    }
}

impl Scheduler for Reduced {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.state().advance().then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _yields: bool) -> Option<TaskId> {
        let State { explorer, ready, leaving, before, parallel, .. } = self.state();
        let can = |task: usize| runnable.iter().any(|other| usize::from(other.id()) == task);
        if let Some(repeating) = parallel.as_mut().and_then(|parallel| parallel.repeating.as_mut()) {
            return repeating.next(can).or_else(|| runnable.first().map(|task| task.id()));
        }
        if let Some(task) = explorer.repeat(|task| can(task).then(|| pending::pending_of(task))) {
            return Some(TaskId::from(task));
        }
        ready.clear();
        pending::each_pending(runnable.iter().map(|task| usize::from(task.id())), |task, operation| {
            ready.push((task, operation));
        });
        explorer.learn(pending::take_effect());
        let was_redundant = explorer.is_redundant();
        let task = explorer.choose(ready, current.map(usize::from));
        if explorer.is_redundant() && !was_redundant {
            context::set_weight(0);
            look_around(before, explorer);
            explorer.blocked(&waiting(before, |task| ready.iter().all(|(able, _)| *able != task)));
        }
        *leaving = ready.contains(&(task, None)).then_some(task);
        if leaving.is_some() {
            look_around(before, explorer);
        }
        Some(TaskId::from(task))
    }

    fn next_u64(&mut self) -> u64 {
        let state = self.state();
        if state.parallel.as_ref().is_some_and(|parallel| parallel.repeating.is_some()) {
            // A helper has picked nothing but in executions that are redundant, and there the first value.
            return 0;
        }
        let value = state.explorer.pick(pending::options());
        if state.explorer.picks() {
            worker_pool::leave_if_helper();
        }
        value.into()
    }
}
