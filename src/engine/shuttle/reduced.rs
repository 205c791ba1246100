//! The partial-order reduction as a scheduler of shuttle's.
//!
//! Tells the search what each task is about to do, which the facade has announced, and what came of it; and
//! counts. Limits: the scheduler must be wrapped in [`Tracking`](crate::arm::shuttle_tracking::Tracking),
//! which says when an announced operation is done.

use super::dpor::{Explorer, Progress, Ready};
use super::search::Counters;
use crate::arm::operation::Operation;
use crate::arm::trace;
use crate::context;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Executions cut off after which the search is given up: it is lost in a loop that waits.
const HOPELESS: u64 = 20;

/// A search that is under way, and how it goes.
pub(super) struct State {
    explorer: Explorer,
    counters: Arc<Counters>,
    limit: u64,
    begun: u64,
    /// Executions that had ended by themselves when the current one began.
    ended: u64,
    /// Executions that were cut off, redundant ones left out.
    pub(super) cut_off: u64,
    /// Redundant executions that came to an end by themselves.
    pub(super) redundant_ended: u64,
    /// Whether everything was explored.
    pub(super) complete: bool,
    /// The tasks that were left waiting, in a loop, for what nobody could do any more.
    pub(super) hung: Option<Vec<usize>>,
    ready: Vec<Ready>,
    /// The task that was chosen last, if it begins, or ends the execution.
    leaving: Option<usize>,
    /// What everybody was about to do then: what is dropped after that may announce more.
    before: Vec<Option<Operation>>,
}

impl State {
    pub(super) fn progress(&self) -> Progress {
        self.explorer.progress()
    }

    pub(super) fn estimate(&self) -> Option<f64> {
        self.explorer.estimate()
    }

    /// Enters the execution that has ended. Whether to go on.
    fn note_end(&mut self) -> bool {
        let redundant = self.explorer.is_redundant();
        let ended = self.counters.ended.load(Ordering::Relaxed);
        let cut_off = ended == std::mem::replace(&mut self.ended, ended);
        if let Some(last) = self.leaving.take() {
            if let Some(place) = self.before.get_mut(last) {
                *place = trace::pending_of(last);
            }
        } else {
            trace::pending_into(&mut self.before);
        }
        let pending = self.before.iter().enumerate();
        let waiting: Vec<(usize, Operation)> =
            pending.filter_map(|(task, operation)| Some((task, (*operation)?))).collect();
        let stuck = cut_off && self.explorer.is_stuck();
        self.explorer.learn(trace::take_effect());
        self.explorer.end(&waiting);
        trace::forget_pending();
        self.redundant_ended += u64::from(redundant && !cut_off);
        self.cut_off += u64::from(cut_off && !redundant);
        if stuck {
            self.hung = Some(self.ready.iter().map(|(task, _)| *task).collect());
        }
        !stuck && self.cut_off < HOPELESS && !self.explorer.progress().not_repeatable
    }
}

/// Chooses as the search says.
pub(super) struct Reduced(Arc<Mutex<State>>);

impl Reduced {
    /// A search of at most `limit` executions, redundant ones included, and with at most so many
    /// `preemptions` each.
    pub(super) fn new(limit: u64, preemptions: Option<u32>, counters: Arc<Counters>) -> Self {
        Reduced(Arc::new(Mutex::new(State {
            explorer: Explorer::new(preemptions),
            counters,
            limit,
            begun: 0,
            ended: 0,
            cut_off: 0,
            redundant_ended: 0,
            complete: false,
            hung: None,
            ready: Vec::new(),
            leaving: None,
            before: Vec::new(),
        })))
    }

    /// The state of the search, for a look at it when it has ended.
    pub(super) fn state(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler for Reduced {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut state = self.lock();
        context::set_redundant(false);
        if state.begun > 0 && !state.note_end() {
            return None;
        }
        if !state.explorer.begin() {
            state.complete = true;
            return None;
        }
        if state.begun == state.limit {
            return None;
        }
        state.begun += 1;
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _yields: bool) -> Option<TaskId> {
        let mut state = self.lock();
        let State { explorer, ready, leaving, before, .. } = &mut *state;
        let can = |task: usize| runnable.iter().any(|other| usize::from(other.id()) == task);
        if let Some(task) = explorer.repeat(|task| can(task).then(|| trace::pending_of(task))) {
            return Some(TaskId::from(task));
        }
        ready.clear();
        ready.extend(runnable.iter().map(|task| {
            let task = usize::from(task.id());
            (task, trace::pending_of(task))
        }));
        explorer.learn(trace::take_effect());
        let was_redundant = explorer.is_redundant();
        let task = explorer.choose(ready, current.map(usize::from));
        if explorer.is_redundant() && !was_redundant {
            context::set_redundant(true);
            trace::pending_into(before);
            let able = |task: usize| ready.iter().any(|(other, _)| *other == task);
            let pending = before.iter().enumerate();
            let waiting: Vec<(usize, Operation)> =
                pending.filter_map(|(task, operation)| Some((task, (*operation)?))).collect();
            explorer.blocked(&waiting.into_iter().filter(|(task, _)| !able(*task)).collect::<Vec<_>>());
        }
        *leaving = ready.contains(&(task, None)).then_some(task);
        if leaving.is_some() {
            trace::pending_into(before);
        }
        Some(TaskId::from(task))
    }

    fn next_u64(&mut self) -> u64 {
        self.lock().explorer.pick(trace::options()).into()
    }
}
