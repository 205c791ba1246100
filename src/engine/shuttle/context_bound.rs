//! Depth first through all schedules with few switches.
//!
//! Knows tasks by their numbers only: a scheduler that met the same scheduling points can go the same way without
//! shuttle.

use super::schedule::{find, number};
use crate::rt::pending;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a task must be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Point {
    /// The tasks that can run, in the order of their numbers.
    pub(super) runnable: Vec<u32>,
    /// The task that ran last.
    pub(super) current: Option<u32>,
    /// Whether it would rather have another one run.
    pub(super) yields: bool,
}

impl Point {
    pub(super) fn of(runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Self {
        let runnable = runnable.iter().map(|task| number(task.id())).collect();
        Point { runnable, current: current.map(number), yields }
    }

    /// The task that ran last, if it can go on.
    fn running(&self) -> Option<u32> {
        self.current.filter(|current| self.runnable.contains(current))
    }

    /// Lets all take turns, so that those that wait in loops come to an end.
    pub(super) fn in_turn(&self) -> Option<u32> {
        let after = |task: &&u32| self.current.is_none_or(|current| **task > current);
        self.runnable.iter().find(after).or(self.runnable.first()).copied()
    }
}

/// One choice of a depth-first search: the tasks that could go on, or the values that the running one can
/// choose, and which it is.
struct Choice {
    candidates: Vec<u32>,
    chosen: usize,
}

/// Depth-first through all schedules with at most so many switches. The task that runs goes on first.
pub(super) struct ContextBound {
    bound: usize,
    /// Whether every task must run to its end: then each one that can run costs one more switch at least.
    to_the_end: bool,
    path: Vec<Choice>,
    depth: usize,
    used: usize,
    /// The bound does not allow for what comes now: this execution shows nothing.
    beyond: bool,
    started: bool,
    exhausted: bool,
    /// Executions that may still be begun.
    left: usize,
    /// Steps that may still be taken.
    steps: usize,
    /// How often in a row the running task has yielded and gone on.
    idle: usize,
}

/// How often a task that yields may go on itself, where others could: a loop that waits must end.
const MAX_IDLE: usize = 1;

/// Steps per execution that a search may take, on average.
const STEPS: usize = 100;

/// A search that goes on after an execution has ended shuttle's runner by failing.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<ContextBound>>);

impl ContextBound {
    /// A search that has not begun.
    pub(super) fn new(bound: usize, to_the_end: bool, left: usize) -> Self {
        Self {
            bound,
            to_the_end,
            path: Vec::new(),
            depth: 0,
            used: 0,
            beyond: false,
            started: false,
            exhausted: false,
            left,
            steps: left.saturating_mul(STEPS),
            idle: 0,
        }
    }

    /// Goes to the next schedule; false if there is none, or it may not be tried.
    pub(super) fn advance(&mut self) -> bool {
        if self.left == 0 || self.steps == 0 {
            self.left = 0;
            return false;
        }
        self.left -= 1;
        self.idle = 0;
        (self.depth, self.used, self.beyond) = (0, 0, false);
        if !std::mem::replace(&mut self.started, true) {
            return true;
        }
        while let Some(last) = self.path.last_mut() {
            if last.chosen + 1 < last.candidates.len() {
                last.chosen += 1;
                return true;
            }
            self.path.pop();
        }
        self.exhausted = true;
        false
    }

    /// The task that is to go on.
    pub(super) fn choose(&mut self, point: &Point) -> Option<u32> {
        self.steps = self.steps.saturating_sub(1);
        if self.beyond {
            return point.in_turn();
        }
        if self.depth == self.path.len() {
            let idle = point.yields && self.idle >= MAX_IDLE && point.runnable.len() > 1;
            let candidates = self.candidates(point, !idle);
            if candidates.is_empty() {
                self.beyond = true;
                return point.in_turn();
            }
            self.path.push(Choice { candidates, chosen: 0 });
        }
        let choice = &self.path[self.depth];
        let task = choice.candidates[choice.chosen];
        if !point.runnable.contains(&task) {
            // The design is not the same in every execution.
            self.beyond = true;
            return point.in_turn();
        }
        self.idle = if point.yields && Some(task) == point.current { self.idle + 1 } else { 0 };
        self.depth += 1;
        self.used += usize::from(point.current.is_some_and(|current| current != task));
        Some(task)
    }

    /// The value that the running task chooses.
    pub(super) fn value(&mut self, options: u32) -> u32 {
        if self.beyond || options == 0 {
            return 0;
        }
        if self.depth == self.path.len() {
            self.path.push(Choice { candidates: (0..options).collect(), chosen: 0 });
        }
        let choice = &self.path[self.depth];
        self.depth += 1;
        choice.candidates[choice.chosen]
    }

    /// Who may go on, the running task first, if it may at all.
    fn candidates(&self, point: &Point, stay: bool) -> Vec<u32> {
        let first = point.running();
        let others = point.runnable.iter().copied().filter(|task| Some(*task) != first);
        let to_come = if self.to_the_end { point.runnable.len() - 1 } else { 0 };
        let affordable = |task: &u32| {
            let cost = usize::from(point.current.is_some_and(|current| current != *task));
            self.used + cost + to_come <= self.bound
        };
        first.filter(|_| stay).into_iter().chain(others).filter(affordable).collect()
    }

    /// Whether the execution that is under way, or has just run, keeps to the bound.
    pub(super) fn within(&self) -> bool {
        !self.beyond
    }

    /// Whether all schedules have been tried.
    pub(super) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Executions that may still be begun.
    pub(super) fn left(&self) -> usize {
        self.left
    }
}

impl Shared {
    pub(super) fn new(search: ContextBound) -> Self {
        Shared(Arc::new(Mutex::new(search)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ContextBound> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is nothing more to try, or no leave to.
    pub(super) fn over(&self) -> bool {
        let search = self.lock();
        search.exhausted || search.left == 0 || search.steps == 0
    }
}

impl Scheduler for Shared {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.lock().advance().then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        let chosen = self.lock().choose(&Point::of(runnable, current, yielding))?;
        find(runnable, chosen)
    }

    fn next_u64(&mut self) -> u64 {
        self.lock().value(pending::options()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::schedule::switches;
    use super::*;
    use std::collections::BTreeSet;

    /// All orders in which tasks 1, 2 and 3 can take so many steps.
    fn orders(left: [u32; 3], so_far: &mut Vec<u32>, all: &mut Vec<Vec<u32>>) {
        if left == [0; 3] {
            all.push(so_far.clone());
        }
        for (index, task) in (1..=3).enumerate().filter(|(index, _)| left[*index] > 0) {
            let mut left = left;
            left[index] -= 1;
            so_far.push(task);
            orders(left, so_far, all);
            so_far.pop();
        }
    }

    /// The orders that a search tries and does not disown.
    fn tried(lengths: [u32; 3], bound: usize, to_the_end: bool) -> BTreeSet<Vec<u32>> {
        let mut search = ContextBound::new(bound, to_the_end, 10_000);
        let mut tried = BTreeSet::new();
        while search.advance() {
            let (mut left, mut steps, mut current) = (lengths, Vec::new(), None);
            while left != [0; 3] {
                let runnable = (1..=3).filter(|task| left[*task as usize - 1] > 0).collect();
                let task = search.choose(&Point { runnable, current, yields: false }).unwrap();
                left[task as usize - 1] -= 1;
                steps.push(task);
                current = Some(task);
            }
            if search.within() {
                assert!(tried.insert(steps.clone()), "{steps:?} was tried twice");
            }
        }
        assert!(search.exhausted());
        tried
    }

    #[test]
    fn all_orders_within_the_bound_are_tried_and_no_others() {
        let lengths = [3, 2, 2];
        let mut all = Vec::new();
        orders(lengths, &mut Vec::new(), &mut all);
        for bound in 0..7 {
            let within: BTreeSet<_> = all.iter().filter(|steps| switches(steps) <= bound).cloned().collect();
            for to_the_end in [false, true] {
                assert_eq!(tried(lengths, bound, to_the_end), within, "{bound} switches, {to_the_end}");
            }
        }
    }
}
