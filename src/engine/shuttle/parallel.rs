//! A search on several cores: what is given away when, and what becomes of it.
//!
//! The result is that of one core, whatever the helpers do and however long they take: the same executions,
//! counts, outcomes, first witnesses and verdict. A branch whose helper fails, dies, hangs or comes to the
//! end of the budget is explored again by its parent, who then comes to the same end in the same order.
//!
//! Limits: a search that the budget ends is no faster than on one core from the branch on in which it ends.
//! A helper is started only where a slot is free, and only after the search has lasted for a while, and none
//! where a design picks values, asks for spurious wakeups or goes on past data races.

use super::reduced::{HOPELESS, LOOK_EVERY, State};
use super::schedule::{self, Steps};
use crate::base::operation::Operation;
use crate::engine::worker_pool::{Heard, NAP, Side, WorkerPool};
use crate::engine::{Heartbeat, Task};
use crate::explore::dpor::{BacktrackRequest, Branch, Progress};
use crate::rt::context::{self, Options};
use crate::rt::recorder;
use crate::scenario::program::Program;
use serde::{Deserialize, Serialize};
use shuttle::scheduler::TaskId;
use shuttle_engine::runtime::execution::CurrentSchedule;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a helper tells on its way.
#[derive(Serialize, Deserialize)]
pub(super) enum News {
    /// What the first step of the branch turned out to be.
    FirstStep(Operation),
    /// Something to be tried at a decision of the parent's, found when so many executions had been begun.
    BacktrackRequest(u64, BacktrackRequest),
}

#[derive(Default)]
pub(super) struct Told {
    first_step: Option<Operation>,
    /// What it calls for, and has not been entered.
    requests: VecDeque<(u64, BacktrackRequest)>,
}

impl Heard for Told {
    type News = News;

    fn hear(&mut self, news: News) {
        match news {
            News::FirstStep(operation) => self.first_step = Some(operation),
            News::BacktrackRequest(begun, request) => self.requests.push_back((begun, request)),
        }
    }
}

/// What came of a branch that was explored to its end.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    progress: Progress,
    /// Executions that were begun, redundant ones included.
    begun: u64,
    /// Those of them that came to an end.
    ended: u64,
    cut_off: u64,
    redundant_ended: u64,
    /// How often each outcome was seen, those first that the parent knew when it gave the branch away.
    counts: Vec<u64>,
    /// Schedules that lead to the others.
    schedules: Vec<Steps>,
}

/// What a search that may have helpers needs.
pub(super) struct Parallel {
    pool: WorkerPool<Branch, Told, Report>,
    program: Arc<dyn Program>,
    /// Where the executions of this process are told.
    heartbeat: &'static Heartbeat,
    /// Outcomes that the parent knew.
    known: usize,
    /// Schedules that lead to those that it did not know, in order.
    schedules: Vec<Steps>,
    /// Requests that were told, and whether the first step was.
    told: (usize, bool),
    /// What helpers have executed, to be executed once more here: so often it counts, and its schedule.
    repeats: VecDeque<(u64, Steps)>,
    pub(super) repeating: Option<Repeating>,
}

/// An execution that follows a schedule.
pub(super) struct Repeating {
    steps: std::vec::IntoIter<u32>,
    strayed: bool,
}

impl Repeating {
    /// The next task, if it can run.
    pub(super) fn next(&mut self, can: impl Fn(usize) -> bool) -> Option<TaskId> {
        let task = self.steps.next().map(|task| task as usize).filter(|task| can(*task));
        self.strayed |= task.is_none();
        task.map(TaskId::from)
    }
}

/// What this process is after a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Parent,
    Helper,
}

impl Parallel {
    /// `None` if the search is for this process alone: the last execution of a process that dies of it is
    /// written down here, and helpers count nothing but outcomes.
    pub(super) fn new(task: &Task<'_>) -> Option<Self> {
        if task.fatal.is_some() || task.log.is_some() || task.facts.options != Options::default() {
            return None;
        }
        task.program.countable()?;
        Some(Parallel {
            pool: WorkerPool::new(task.helping?, task.heartbeat)?,
            program: Arc::clone(&task.program),
            heartbeat: task.heartbeat,
            known: 0,
            schedules: Vec::new(),
            told: (0, false),
            repeats: VecDeque::new(),
            repeating: None,
        })
    }

    fn distinct(&self) -> usize {
        self.program.countable().map_or(0, |program| program.distinct())
    }

    /// Keeps the schedule of the execution that has ended, if its outcome is one that the parent does not know.
    fn keep_schedule(&mut self) {
        if self.pool.is_helper() && self.distinct() > self.known + self.schedules.len() {
            self.schedules.push(schedule::steps(&CurrentSchedule::get_schedule()));
        }
    }
}

impl State {
    /// Tells the process that waits for it of the execution that has ended.
    pub(super) fn tell(&mut self, cut_off: bool) {
        let Some(parallel) = &mut self.parallel else { return };
        if !cut_off {
            parallel.heartbeat.advance(1);
        }
        if !parallel.pool.is_helper() {
            return;
        }
        if !parallel.told.1
            && let Some(operation) = self.explorer.first_step()
        {
            parallel.pool.tell_news(News::FirstStep(operation));
            parallel.told.1 = true;
        }
        for request in &self.explorer.requests()[parallel.told.0..] {
            parallel.pool.tell_news(News::BacktrackRequest(self.begun, *request));
        }
        parallel.told.0 = self.explorer.requests().len();
        parallel.keep_schedule();
    }

    /// Gives a branch away if there is a slot for a process that explores it.
    pub(super) fn share(&mut self) -> Role {
        let Some(parallel) = &mut self.parallel else { return Role::Parent };
        if parallel.pool.has_helpers() && self.begun.is_multiple_of(LOOK_EVERY) {
            parallel.pool.look();
        }
        let Some(slot) = parallel.pool.claim() else { return Role::Parent };
        for (branch, told) in parallel.pool.heard() {
            if let Some(operation) = told.first_step {
                self.explorer.know_first_step(branch, operation);
            }
        }
        let left = self.limit - self.begun;
        let Some(branch) = (left > 0).then(|| self.explorer.give()).flatten() else {
            parallel.pool.release(slot);
            return Role::Parent;
        };
        // From here on this process need not come to its executions in the order of one that is alone.
        recorder::stop();
        match parallel.pool.start(branch, slot) {
            Ok(Side::Parent) => Role::Parent,
            Ok(Side::Helper(heartbeat)) => {
                self.become_helper(branch, heartbeat, left);
                Role::Helper
            }
            Err(_) => {
                parallel.pool.release(slot);
                self.explorer.take_back(branch);
                Role::Parent
            }
        }
    }

    /// Begins the first execution of a branch, in the process of a helper.
    fn become_helper(&mut self, branch: Branch, heartbeat: &'static Heartbeat, limit: u64) {
        self.explorer.take(branch);
        self.limit = limit;
        self.begun = 1;
        (self.ended, self.cut_off, self.redundant_ended) = (0, 0, 0);
        self.counters.started.store(0, Ordering::Relaxed);
        self.counters.ended.store(0, Ordering::Relaxed);
        if let Some(parallel) = &mut self.parallel {
            parallel.heartbeat = heartbeat;
            parallel.known = parallel.distinct();
            parallel.schedules.clear();
            parallel.told = (0, false);
            parallel.repeats.clear();
            if let Some(program) = parallel.program.countable() {
                program.zero();
            }
        }
    }

    /// If this is a helper, reports that its branch is explored, and ends.
    pub(super) fn report_if_helper(&mut self) {
        let ended = self.counters.ended.load(Ordering::Relaxed);
        let Some(parallel) = self.parallel.as_mut().filter(|parallel| parallel.pool.is_helper()) else {
            return;
        };
        let counts = parallel.program.countable().map(|program| program.counts()).unwrap_or_default();
        parallel.pool.report(Report {
            progress: self.explorer.progress(),
            begun: self.begun,
            ended,
            cut_off: self.cut_off,
            redundant_ended: self.redundant_ended,
            counts,
            schedules: std::mem::take(&mut parallel.schedules),
        })
    }

    /// Waits for the helper that explores the branch that comes next, and enters what came of it. This
    /// process may have become a helper itself meanwhile.
    pub(super) fn wait_for(&mut self, branch: Branch) -> Role {
        let mut told = 0;
        if let Some(parallel) = &mut self.parallel {
            parallel.pool.look();
            parallel.pool.rest(branch);
        }
        loop {
            let Some(parallel) = &mut self.parallel else { return Role::Parent };
            parallel.pool.look();
            let Some(helper) = parallel.pool.helper(branch) else { break };
            if let Some(operation) = helper.heard.first_step {
                self.explorer.know_first_step(branch, operation);
            }
            // What came after the end of the budget would not have been found on one core.
            while let Some((begun, request)) = helper.heard.requests.front()
                && self.begun + begun <= self.limit
            {
                self.explorer.request(*request);
                helper.heard.requests.pop_front();
            }
            let executions = helper.executions();
            parallel.heartbeat.recount(told, executions);
            told = executions;
            if helper.has_ended() || self.begun + executions > self.limit {
                break;
            }
            if self.share() == Role::Helper {
                return Role::Helper;
            }
            std::thread::sleep(NAP);
        }
        self.enter(branch, told);
        Role::Parent
    }

    /// Enters a branch whose helper has ended, of which so many executions have been told; or takes it back,
    /// if one core would not have explored all of it.
    fn enter(&mut self, branch: Branch, told: u64) {
        let Some(parallel) = &mut self.parallel else { return };
        let report = parallel.pool.dismiss(branch).and_then(|mut helper| {
            let report = helper.report.take()?;
            let within = self.begun + report.begun <= self.limit && self.cut_off + report.cut_off < HOPELESS;
            within.then_some((report, helper.heard.first_step?))
        });
        let Some((report, first_step)) = report else {
            parallel.heartbeat.retreat(told);
            self.explorer.take_back(branch);
            return;
        };
        self.explorer.merge(branch, first_step, &report.progress);
        self.begun += report.begun;
        self.cut_off += report.cut_off;
        self.redundant_ended += report.redundant_ended;
        self.counters.started.fetch_add(report.begun, Ordering::Relaxed);
        self.counters.ended.fetch_add(report.ended, Ordering::Relaxed);
        self.ended += report.ended;
        let new = report.counts.len() - report.schedules.len().min(report.counts.len());
        if let Some(program) = parallel.program.countable() {
            program.count_more(&report.counts[..new]);
        }
        parallel.repeats.extend(report.counts[new..].iter().copied().zip(report.schedules));
    }

    /// Begins to repeat what a helper has executed, if there is anything left of that.
    pub(super) fn repeat_next(&mut self) -> bool {
        let Some(parallel) = &mut self.parallel else { return false };
        let Some((count, steps)) = parallel.repeats.pop_front() else { return false };
        context::set_weight(count);
        parallel.repeating = Some(Repeating { steps: steps.into_iter(), strayed: false });
        true
    }

    /// Enters an execution that repeated a helper's, which is counted already. Whether it was the same.
    pub(super) fn note_end_of_repeating(&mut self, repeating: &Repeating) -> bool {
        let ended = self.counters.ended.load(Ordering::Relaxed) - self.ended;
        self.counters.started.fetch_sub(1, Ordering::Relaxed);
        self.counters.ended.fetch_sub(ended, Ordering::Relaxed);
        crate::rt::pending::take_effect();
        crate::rt::pending::forget_pending();
        let same = ended == 1 && !repeating.strayed && repeating.steps.as_slice().is_empty();
        if !same {
            self.explorer.lose();
        } else if let Some(parallel) = &mut self.parallel {
            parallel.keep_schedule();
        }
        same
    }
}
