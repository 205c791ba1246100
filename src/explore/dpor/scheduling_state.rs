//! One decision of a search: who could be chosen, who was, and who must still be.

use super::values::Values;
use crate::base::operation::Operation;
use std::ops::{Deref, DerefMut};

/// A set of tasks, one bit for each.
pub(crate) type Tasks = u64;

/// The set of one task.
pub(super) fn only(task: usize) -> Tasks {
    1 << task
}

/// The tasks of a set, lowest first.
fn members(tasks: Tasks) -> impl Iterator<Item = usize> {
    let rest = |tasks: &Tasks| Some(*tasks & tasks.wrapping_sub(1)).filter(|rest| *rest != 0);
    std::iter::successors(Some(tasks).filter(|tasks| *tasks != 0), rest)
        .map(|tasks| tasks.trailing_zeros() as usize)
}

/// A task with what it does.
pub(super) type Step = (usize, Operation);

/// Tasks with what they do, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pub(super) tasks: Tasks,
    steps: Vec<Step>,
}

impl Steps {
    pub(super) fn add(&mut self, step: Step) {
        self.tasks |= only(step.0);
        self.steps.push(step);
    }

    pub(super) fn has(&self, task: usize) -> bool {
        self.tasks & only(task) != 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    fn clear(&mut self) {
        self.tasks = 0;
        self.steps.clear();
    }
}

/// One decision.
#[derive(Clone, Debug, Default)]
pub(super) struct SchedulingState {
    /// The tasks that could be chosen.
    pub(super) enabled: Tasks,
    pub(super) chosen: usize,
    /// The tasks that must be tried here, tried ones included.
    pub(super) backtrack: Tasks,
    /// Those that were added after the first one, in this order, in which they are tried: who is next does
    /// not change any more, whatever is added later.
    added: Vec<usize>,
    /// The tasks that were tried before `chosen`.
    pub(super) done: Steps,
    /// The tasks that need not be tried here, because what they would do was tried before.
    pub(super) sleep: Steps,
    /// The next ones to be tried, if another process does it, and what they do, as far as it is known.
    pub(super) given: Vec<(usize, Option<Operation>)>,
    /// Preemptions before this decision.
    pub(super) preemptions: u32,
    /// The one task whose choice is no preemption, if choosing any other is.
    pub(super) unbroken: Option<usize>,
    /// What `chosen` has picked since, before its next step.
    pub(super) values: Values,
}

impl SchedulingState {
    /// Makes it a decision between these tasks, of which nothing is known yet.
    pub(super) fn renew(&mut self, enabled: Tasks) {
        self.enabled = enabled;
        self.added.clear();
        self.done.clear();
        self.sleep.clear();
        self.given.clear();
        self.values.clear();
        (self.preemptions, self.unbroken) = (0, None);
    }

    /// Chooses the first task that is tried here.
    pub(super) fn begin_with(&mut self, task: usize) {
        self.chosen = task;
        self.backtrack = only(task);
    }

    /// Whether one of these tasks is tried here, or need not be.
    pub(super) fn meets(&self, initials: Tasks) -> bool {
        (self.backtrack | self.sleep.tasks) & initials != 0
    }

    /// Sees to it that one of `initials` is tried here: `task` if it can be, else the first that can be. If
    /// none can, all that can be tried are.
    pub(super) fn try_one_of(&mut self, initials: Tasks, task: usize) {
        if self.meets(initials) {
            return;
        }
        let can = initials & self.enabled;
        let wanted = match can {
            0 => self.enabled,
            _ if can & only(task) != 0 => only(task),
            _ => can & can.wrapping_neg(),
        };
        self.added.extend(members(wanted & !self.backtrack));
        self.backtrack |= wanted;
    }

    /// The tasks still to be tried, in order.
    pub(super) fn open(&self) -> impl Iterator<Item = usize> {
        let not = self.done.tasks | self.sleep.tasks | only(self.chosen);
        self.added.iter().copied().filter(move |task| not & only(*task) == 0)
    }

    /// The task to be tried next, within a bound on preemptions.
    pub(super) fn next(&self, bound: Option<u32>) -> Option<usize> {
        self.open().find(|task| self.affords(*task, bound))
    }

    /// The task after those that are given away.
    pub(super) fn next_to_give(&self, bound: Option<u32>) -> Option<usize> {
        let given = |task: usize| self.given.iter().any(|(other, _)| *other == task);
        self.open().find(|task| self.affords(*task, bound) && !given(*task))
    }

    fn affords(&self, task: usize, bound: Option<u32>) -> bool {
        bound.is_none_or(|bound| self.preemptions_with(task) <= bound)
    }

    pub(super) fn preemptions_with(&self, task: usize) -> u32 {
        self.preemptions + u32::from(self.unbroken.is_some_and(|unbroken| unbroken != task))
    }
}

/// A stack of decisions. Those that are taken off stay where they are, to be used again with their memory.
#[derive(Clone, Default)]
pub(super) struct SchedulingStates {
    all: Vec<SchedulingState>,
    length: usize,
}

impl SchedulingStates {
    /// Adds a decision between these tasks, of which nothing is known yet.
    pub(super) fn push(&mut self, enabled: Tasks) {
        if self.length == self.all.len() {
            self.all.push(SchedulingState::default());
        }
        self.all[self.length].renew(enabled);
        self.length += 1;
    }

    /// Keeps the first `length` decisions.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The decision added last, and the one before it.
    pub(super) fn last_two(&mut self) -> Option<(&mut SchedulingState, Option<&SchedulingState>)> {
        let (last, before) = self.split_last_mut()?;
        Some((last, before.last()))
    }
}

impl Deref for SchedulingStates {
    type Target = [SchedulingState];

    fn deref(&self) -> &[SchedulingState] {
        &self.all[..self.length]
    }
}

impl DerefMut for SchedulingStates {
    fn deref_mut(&mut self) -> &mut [SchedulingState] {
        &mut self.all[..self.length]
    }
}
