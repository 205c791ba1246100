//! An exploration on several cores: which graphs are given away when, and what becomes of them.
//!
//! Graphs on the work list have nothing to do with each other, so another process can explore any of them. Those
//! are given away that this process would come to last, and what came of them is entered when it has come to
//! its last own one: the result is that of one core, to the letter. Graphs whose helper fails, dies, or comes to the
//! end of the budget are explored again by their parent.
//!
//! Limits: as under shuttle; a search that the budget ends is no faster than on one core from the graphs on in which
//! it ends.

use super::{Search, main_thread, witness};
use crate::base::observation::{Difference, Stop};
use crate::engine::Task;
use crate::engine::worker_pool::{self, NAP, Side, WorkerPool};
use crate::explore::rc11::Graph;
use crate::explore::rc11::guide::Guide;
use crate::rt::Checker;
use crate::rt::context::{self, Context, Options};
use crate::rt::rc11::End;
use crate::rt::recorder;
use serde::{Deserialize, Serialize};

/// Runs between two looks at helpers and at the clock.
const LOOK_EVERY: u64 = 16;

/// What came of graphs that were all explored.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    executions: u64,
    idle: u64,
    found: Vec<witness::Found>,
    /// How often each outcome was seen, those first that the parent knew when it gave the graphs away.
    counts: Vec<u64>,
    /// Executions that lead to the others.
    guides: Vec<Guide>,
}

/// What a search that may have helpers needs.
pub(super) struct Parallel {
    pool: WorkerPool<u64, (), Report>,
    /// Graphs that others explore, by the name of their branch: the last come next.
    given: Vec<(u64, Vec<Graph>)>,
    /// Branches so far.
    branches: u64,
    /// Whether the budget ends among graphs that have come back: what is given away would come back, too.
    ending: bool,
    /// Outcomes that the parent knew.
    known: usize,
    /// Executions that lead to those that it did not know, in order.
    guides: Vec<Guide>,
}

impl Parallel {
    /// `None` if the search is for this process alone: it is to find one failure, or to write one execution down.
    pub(super) fn new(task: &Task<'_>) -> Option<Self> {
        let alone = task.first_failure || task.fatal.is_some() || task.log.is_some();
        if alone || task.facts.options != Options::default() {
            return None;
        }
        task.program.countable()?;
        let pool = WorkerPool::new(task.helping?, task.heartbeat)?;
        Some(Parallel { pool, given: Vec::new(), branches: 0, ending: false, known: 0, guides: Vec::new() })
    }
}

/// Outcomes so far.
fn distinct(task: &Task<'_>) -> usize {
    task.program.countable().map_or(0, |program| program.distinct())
}

impl Search<'_, '_> {
    /// Keeps the execution that has ended, if its outcome is one that the parent does not know.
    pub(super) fn keep_guide(&mut self) {
        let Some(parallel) = self.parallel.as_mut().filter(|parallel| parallel.pool.is_helper()) else {
            return;
        };
        if distinct(self.task) > parallel.known + parallel.guides.len() {
            parallel.guides.push(Guide::of(self.explorer.graph()));
        }
    }

    /// Gives graphs away if there is a slot for a process that explores them.
    pub(super) fn share(&mut self) {
        let time = self.runs.is_multiple_of(LOOK_EVERY);
        let Some(parallel) = self.parallel.as_mut().filter(|parallel| time && !parallel.ending) else {
            return;
        };
        if parallel.pool.has_helpers() {
            parallel.pool.look();
        }
        let Some(slot) = parallel.pool.claim() else { return };
        let Some(graphs) = self.explorer.give() else {
            parallel.pool.release(slot);
            return;
        };
        recorder::stop();
        parallel.branches += 1;
        let branch = parallel.branches;
        match parallel.pool.start(branch, slot) {
            Ok(Side::Parent) => parallel.given.push((branch, graphs)),
            Ok(Side::Helper(heartbeat)) => {
                self.heartbeat = heartbeat;
                self.become_helper(graphs);
            }
            Err(_) => {
                parallel.pool.release(slot);
                self.explorer.take_back(graphs);
            }
        }
    }

    /// Begins with the graphs of a parent, in the process of a helper.
    fn become_helper(&mut self, graphs: Vec<Graph>) {
        self.explorer.take(graphs);
        self.limits.executions -= self.executions;
        self.limits.idle -= self.idle;
        (self.executions, self.idle) = (0, 0);
        self.failures.clear();
        self.found.clear();
        let known = distinct(self.task);
        if let Some(parallel) = &mut self.parallel {
            parallel.given.clear();
            parallel.known = known;
            parallel.guides.clear();
        }
        if let Some(program) = self.task.program.countable() {
            program.zero();
        }
    }

    /// If this is a helper, reports what it has explored, and ends.
    pub(super) fn report_if_helper(&mut self) {
        let Some(parallel) = self.parallel.as_mut().filter(|parallel| parallel.pool.is_helper()) else {
            return;
        };
        if self.stopped.is_some() {
            worker_pool::leave_if_helper();
        }
        parallel.pool.report(Report {
            executions: self.executions,
            idle: self.idle,
            found: std::mem::take(&mut self.found),
            counts: self.task.program.countable().map(|program| program.counts()).unwrap_or_default(),
            guides: std::mem::take(&mut parallel.guides),
        })
    }

    /// Ends all helpers: what they explore is explored anew.
    pub(super) fn call_helpers_off(&mut self) {
        let Some(parallel) = &mut self.parallel else { return };
        for (branch, _) in parallel.given.drain(..) {
            drop(parallel.pool.dismiss(branch));
        }
    }

    /// Waits for the helper whose graphs come next, and enters what came of them; or takes them back. False if all
    /// have come.
    pub(super) fn next_part(&mut self) -> bool {
        let Some(parallel) = &mut self.parallel else { return false };
        let Some((branch, graphs)) = parallel.given.pop() else { return false };
        parallel.pool.look();
        parallel.pool.rest(branch);
        let mut told = 0;
        loop {
            let Some(parallel) = &mut self.parallel else { return false };
            parallel.pool.look();
            let Some(helper) = parallel.pool.helper(branch) else { break };
            let runs = helper.executions();
            self.heartbeat.recount(told, runs);
            told = runs;
            if helper.has_ended() || self.task.has_searched_enough() || self.task.is_out_of_time() {
                break;
            }
            std::thread::sleep(NAP);
        }
        let Some(parallel) = &mut self.parallel else { return false };
        let report = parallel.pool.dismiss(branch).and_then(|mut helper| helper.report.take());
        // One core would have ended in the midst of them.
        let within = |report: &Report| {
            self.executions + report.executions <= self.limits.executions
                && self.idle + report.idle <= self.limits.idle
        };
        parallel.ending |= report.as_ref().is_some_and(|report| !within(report));
        match report.filter(within) {
            Some(report) => self.enter(report),
            None => {
                self.heartbeat.retreat(told);
                self.explorer.take_back(graphs);
            }
        }
        true
    }

    fn enter(&mut self, report: Report) {
        self.executions += report.executions;
        self.idle += report.idle;
        self.runs += report.executions + report.idle;
        for found in report.found {
            if !self.failures.iter().any(|known| known.is_like(&found.shows)) {
                self.failures.push(found.shows.clone());
                self.found.push(found);
            }
        }
        let new = report.counts.len().saturating_sub(report.guides.len());
        let (known, new) = report.counts.split_at(new);
        if let Some(program) = self.task.program.countable() {
            program.count_more(known);
        }
        for (guide, count) in report.guides.into_iter().zip(new) {
            self.repeat_of(guide, *count);
        }
    }

    /// Executes what a helper has executed, for its outcome, which counts so many times.
    fn repeat_of(&mut self, guide: Guide, count: u64) {
        context::set_weight(count);
        let entered = context::enter(Context::Model(Checker::Rc11));
        let end = self.explorer.follow(guide, main_thread(self.task, self.heartbeat));
        drop(entered);
        context::set_weight(1);
        if !matches!(end, End::Complete | End::Failed(_)) {
            self.stopped = Some(Stop::NotRepeatable(Difference::Somewhere(None)));
        }
        self.keep_guide();
    }
}
