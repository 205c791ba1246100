//! Our own exact engine: every execution that RC11 allows, once.
//!
//! The search is [`crate::explore::rc11`], the executions are [`crate::rt::rc11`]'s. First everything; if that
//! takes more executions than the budget has, what it has seen by then and, for the rest, random walks: each takes
//! one of the ways that an execution has left open, until none is.
//!
//! Limits: no load buffering, no accesses of different sizes; a time-out of a timed wait is a choice; the limits of
//! the search on threads and events, of which none is silent. Where a data race ends an execution, the others are
//! explored all the same.

mod parallel;
#[cfg(test)]
mod parallel_tests;
mod witness;

use super::failure::{classify, race_of_detector};
use super::{Adapter, Heartbeat, Programs, Task, repeat, worker_pool};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::failure::{Awaited, Deadlock, Failure, Hang, Waiting};
use crate::base::location::Site;
use crate::base::observation::{Bound, Difference, Exploration, Observation, Sampling, Stop};
use crate::base::witness::Witness;
use crate::explore::rc11::{MAX_EVENTS, MAX_THREADS, Model};
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::model;
use crate::rt::rc11::{End, Explorer, ROUNDS, Trouble};
use crate::rt::spurious;
use crate::rt::{recorder, trace};
use crate::witness::token::Route;
use parallel::Parallel;
use std::sync::Arc;

/// Runs that come to nothing (a graph that was made for its last write only, say) for each execution of the budget.
const MAX_RUNS_PER_EXECUTION: u64 = 10;

/// The engine, under one of its models.
pub(super) struct Rc11 {
    engine: Engine,
    model: Model,
}

impl Rc11 {
    pub(super) const OF_THE_LANGUAGE: Self = Rc11 { engine: Engine::Rc11, model: Model::Rc11 };
    pub(super) const SEQUENTIAL: Self = Rc11 { engine: Engine::Rc11Sc, model: Model::Sc };
}

impl Adapter for Rc11 {
    fn context(&self) -> Context {
        Context::Model(Checker::Rc11)
    }

    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        Ok(observe(self, task))
    }

    fn replay(&self, task: &Task<'_>, route: &Route) -> Option<Witness> {
        let Route::Graph(guide) = route else { return None };
        witness::replay(task, self, guide)
    }

    fn programs(&self, budget: &Budget) -> Programs {
        Programs::searched(budget, (budget.executions / 100).max(50), budget.executions.max(2_000))
    }
}

fn observe(engine: &Rc11, task: &Task<'_>) -> Observation {
    let before = context::operations();
    spurious::take_bounded();
    let mut search = Search::new(task, engine.model);
    search.parallel = Parallel::new(task);
    let again = |limit| Search::new(task, engine.model).repeat(limit);
    let (complete, difference) = repeat::search(task, || search.everything(), again);
    search.parallel = None;
    let bounds = [
        spurious::take_bounded().then_some(Bound::SpuriousWakeups),
        search.explorer.left_rounds_out().then_some(Bound::LoopRounds(ROUNDS)),
    ];
    let by: Vec<_> = bounds.into_iter().flatten().collect();
    let exploration = match complete {
        true if by.is_empty() => Exploration::Exhaustive,
        true => Exploration::Bounded { by },
        false => {
            let how = Sampling::SearchThenRandom { executions: search.executions, of_about: None };
            if task.budget.again {
                task.program.forget_outcomes();
                (search.executions, search.idle) = (0, 0);
            }
            search.at_random();
            Exploration::Sampled { how }
        }
    };
    let mut seen = Observation::new(exploration);
    (seen.executions, seen.redundant) = (search.executions, search.idle);
    seen.outcomes = task.program.outcomes();
    seen.stopped = search.stopped.take();
    search.failures.drain(..).for_each(|failure| seen.fail(failure));
    if seen.failures.is_empty() && seen.stopped.is_none() && context::operations() == before {
        seen.stopped = Some(Stop::NoOperation);
    }
    if !repeat::note(&mut seen, difference) {
        task.note_preliminarily(&seen);
        witness::add(task, engine, complete, search.found, &mut seen);
    }
    seen
}

/// An exploration under way.
struct Search<'a, 'b> {
    task: &'a Task<'b>,
    explorer: Explorer,
    /// Executions that came to an end or to a failure.
    executions: u64,
    /// Runs that were none.
    idle: u64,
    /// Runs of all kinds.
    runs: u64,
    failures: Vec<Failure>,
    /// The execution that first showed each.
    found: Vec<witness::Found>,
    stopped: Option<Stop>,
    limits: Limits,
    /// Where runs are told.
    heartbeat: &'static Heartbeat,
    parallel: Option<Parallel>,
}

/// How much may still be explored.
struct Limits {
    executions: u64,
    idle: u64,
}

impl Limits {
    fn of(task: &Task<'_>) -> Self {
        let executions = task.budget.executions;
        let runs = if task.first_failure { 1 } else { MAX_RUNS_PER_EXECUTION };
        Limits { executions, idle: executions.saturating_mul(runs) }
    }
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(task: &'a Task<'b>, model: Model) -> Self {
        let explorer = Explorer::new(model).fair(task.first_failure).leaving(task.first_failure);
        Search {
            task,
            explorer,
            executions: 0,
            idle: 0,
            runs: 0,
            failures: Vec::new(),
            found: Vec::new(),
            stopped: None,
            limits: Limits::of(task),
            heartbeat: task.heartbeat,
            parallel: None,
        }
    }

    /// Whether all there is was explored.
    fn everything(&mut self) -> bool {
        let complete = loop {
            if let Some(complete) = self.own_part() {
                // Its parent comes to the same end.
                worker_pool::leave_if_helper();
                break complete;
            }
            if !self.next_part() {
                break self.stopped.is_none();
            }
        };
        self.report_if_helper();
        complete
    }

    /// Explores what others do not. Whether all there is was explored, if the search is over.
    fn own_part(&mut self) -> Option<bool> {
        while !self.task.has_searched_enough()
            && self.executions < self.limits.executions
            && self.idle < self.limits.idle
            && !self.explorer.is_done()
        {
            if self.task.is_out_of_time() {
                self.stopped = Some(self.task.out_of_time());
                return Some(false);
            }
            self.share();
            if !self.step() {
                return Some(self.stopped.is_none());
            }
        }
        (!self.explorer.is_done()).then_some(false)
    }

    /// The first executions once more, to be recorded.
    fn repeat(&mut self, limit: u64) {
        while self.executions < limit
            && self.idle < limit.saturating_mul(MAX_RUNS_PER_EXECUTION)
            && self.step()
        {}
    }

    /// Random walks, as many as the budget has random executions, within as many runs as the search had executions.
    fn at_random(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        let mut random = Random(self.task.budget.seed | 1);
        let budget = &self.task.budget;
        // A walk has a run for each way that it takes: all together no more than the search had.
        let runs = if self.task.first_failure { budget.random_executions } else { budget.executions };
        let last = self.runs.saturating_add(runs.max(budget.random_executions));
        for _ in 0..budget.random_executions {
            if self.runs >= last {
                return;
            }
            self.explorer.restart();
            loop {
                if self.task.is_late() {
                    return;
                }
                if self.task.is_out_of_time() {
                    self.stopped = Some(self.task.out_of_time());
                    return;
                }
                if !self.step() && self.stopped.is_some() {
                    return;
                }
                if !self.explorer.keep_one(|ways| random.below(ways)) {
                    break;
                }
            }
        }
    }

    /// One run. False if there is none, or no other may follow.
    fn step(&mut self) -> bool {
        crate::rt::panics::install_once();
        let entered = context::enter(Context::Model(Checker::Rc11));
        let end = self.explorer.execute(main_thread(self.task, self.heartbeat));
        drop(entered);
        let Some(end) = end else { return false };
        self.runs += 1;
        // Runs that come to nothing are progress, too.
        if !recorder::is_repeating() {
            self.heartbeat.advance(1);
        }
        if let Some(limit) = self.task.max_operations
            && self.explorer.graph().events().count() > limit
        {
            self.stopped = Some(Stop::Branches { limit, yielded: context::has_yielded() });
            return false;
        }
        let failure = match end {
            End::Complete => None,
            End::Dropped | End::Unseen => {
                self.idle += 1;
                return true;
            }
            End::Restart => {
                // What has turned out to matter is known to this process alone.
                worker_pool::leave_if_helper();
                self.call_helpers_off();
                if !recorder::is_repeating() {
                    self.task.program.forget_outcomes();
                }
                recorder::forget();
                self.explorer.restart();
                (self.executions, self.idle) = (0, 0);
                self.found.clear();
                return true;
            }
            end => match failure_of(end, &self.explorer, self.task.facts.actors.len()) {
                Ok(failure) => Some(failure),
                Err(stop) => {
                    self.stopped = Some(stop);
                    return false;
                }
            },
        };
        self.executions += 1;
        self.keep_guide();
        if let Some(failure) = failure {
            let enough = self.task.first_failure || matches!(failure, Failure::Forbidden { .. });
            if !self.failures.iter().any(|known| known.is_like(&failure)) {
                self.found.push(witness::Found::new(failure.clone(), self.explorer.graph()));
                self.failures.push(failure);
            }
            return !enough;
        }
        true
    }
}

/// What a run that did not come to its end means.
fn failure_of(end: End, explorer: &Explorer, actors: usize) -> Result<Failure, Stop> {
    match end {
        End::Race(race) => Ok(Failure::DataRace(race_of_detector(&race))),
        // The thread that waits may wait for what the thread that panicked would have done.
        End::Deadlock if actors == 0 && crate::rt::model::unheard() > 0 => {
            classify(&crate::rt::model::UNHEARD)
        }
        End::Deadlock => Ok(Failure::Deadlock(Deadlock { waiting: who_waits(explorer, actors) })),
        End::Endless => {
            let steps = explorer.graph().events().count();
            Ok(Failure::Hang(Hang { spinning: explorer.looping(), steps, asleep: false }))
        }
        End::Failed(payload) => classify(payload.as_ref()),
        End::Trouble(Trouble::NotRepeatable(site)) => {
            Err(Stop::NotRepeatable(Difference::Somewhere(site.map(Site::of))))
        }
        End::Trouble(Trouble::TooManyThreads) => Err(Stop::TooManyThreads { at_most: MAX_THREADS }),
        End::Trouble(Trouble::TooLong) => Err(Stop::TooManyEvents { at_most: MAX_EVENTS }),
        End::Complete | End::Dropped | End::Unseen | End::Restart => {
            unreachable!("neither a failure nor trouble")
        }
    }
}

/// Which actors are blocked, and by what.
fn who_waits(explorer: &Explorer, actors: usize) -> Vec<Waiting> {
    let waits = explorer.blocked().into_iter().filter(|(thread, _)| (1..=actors).contains(thread));
    waits
        .map(|(thread, lock)| {
            let awaits = if lock { Awaited::Lock } else { Awaited::Notification };
            Waiting { actor: thread - 1, awaits }
        })
        .collect()
}

/// The main thread of one execution, which counts its outcome.
fn main_thread(task: &Task<'_>, heartbeat: &'static Heartbeat) -> Box<dyn FnOnce()> {
    let (program, fatal) = (Arc::clone(&task.program), task.fatal.clone());
    Box::new(move || {
        execution::begin();
        recorder::begin(model::number);
        if let Some(fatal) = &fatal {
            fatal.begin_after(heartbeat.executions());
        }
        program.execute();
        execution::end();
        trace::stop();
    })
}

/// Marsaglia's xorshift64 ("Xorshift RNGs", Trace of Statistical Software 8(14), 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}
