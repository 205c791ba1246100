//! Exploring a search by several explorers, with the result of one.
//!
//! A branch of a decision can be given away: another process, which knows the search as it is at this moment,
//! explores all that follows from it. What one explorer alone would find there depends on nothing that is
//! found out meanwhile: the decisions before it, and what is asleep there, which is what was tried before it.
//! So only branches are given away whose predecessors at the same decision are known, and the first that are
//! open come first.
//!
//! What the branch calls for at decisions that are not its own (that of one of these tasks one be tried
//! there) is written down ([`Explorer::requests`]). It is for the parent to enter, when all that comes before
//! the branch is explored, and in order: whether it adds a task, and which, depends on what was added before.
//! In this way each explorer adds the same tasks in the same order as one alone.
//!
//! A branch that is not explored to its end is taken back, and the parent explores it as if no other had
//! tried.
//!
//! Limit: from the first value on that is picked ([`values`](super::values)), nothing is given away. Decisions
//! before a branch have none then, so the process that explores a branch need not know of others' values; it has to
//! give up if it meets one itself. What is given away already stays so: the values that its parent meets
//! meanwhile are explored before the branch comes next.

use super::explorer::{Explorer, Progress};
use super::scheduling_state::Tasks;
use crate::base::operation::Operation;
use serde::{Deserialize, Serialize};

/// One way to make one of the decisions on the current path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(super) depth: usize,
    pub(super) task: usize,
}

/// That one of `initials` be tried at a decision, `task` rather than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BacktrackRequest {
    pub(super) depth: usize,
    pub(super) initials: Tasks,
    pub(super) task: usize,
}

impl Explorer {
    /// Gives the branch away that is closest to the root, if there is one. Call it only when an execution
    /// has been begun, or a branch that was given away comes next.
    pub(crate) fn give(&mut self) -> Option<Branch> {
        if self.picks || self.alone.is_some() {
            return None;
        }
        let (bound, events) = (self.bound, self.history.len());
        for (depth, frame) in self.frames.iter_mut().enumerate().skip(self.root) {
            // What comes before the branch must be known, for it is asleep there.
            let known = (depth < events || frame.done.has(frame.chosen))
                && frame.given.iter().all(|(_, operation)| operation.is_some());
            if known && let Some(task) = frame.next_to_give(bound) {
                frame.given.push((task, None));
                return Some(Branch { depth, task });
            }
        }
        None
    }

    /// Makes this explorer, the parent as it was when it gave the branch away, one that explores the branch,
    /// and begins its first execution.
    pub(crate) fn take(&mut self, branch: Branch) {
        self.frames.truncate(branch.depth + 1);
        self.enter_chosen(branch.depth);
        self.history.cut(branch.depth);
        let frame = &mut self.frames[branch.depth];
        for (task, operation) in std::mem::take(&mut frame.given) {
            if let Some(operation) = operation {
                frame.done.add((task, operation));
            }
        }
        frame.chosen = branch.task;
        self.frames.iter_mut().for_each(|frame| frame.given.clear());
        self.root = branch.depth + 1;
        self.requests.clear();
        self.progress = Progress::default();
        self.spins.forget_findings();
        self.start();
    }

    /// What the first step of the branch that this explorer explores turned out to be, once it is known.
    pub(crate) fn first_step(&self) -> Option<Operation> {
        let depth = self.root.checked_sub(1)?;
        (depth < self.history.len()).then(|| self.history.event(depth).operation)
    }

    /// What the first step of a branch that was given away turned out to be.
    pub(crate) fn know_first_step(&mut self, branch: Branch, operation: Operation) {
        let given = &mut self.frames[branch.depth].given;
        if let Some(given) = given.iter_mut().find(|(task, _)| *task == branch.task) {
            given.1 = Some(operation);
        }
    }

    /// What must be tried at decisions that are not this explorer's, in order. Only ever grows.
    pub(crate) fn requests(&self) -> &[BacktrackRequest] {
        &self.requests
    }

    /// Enters a request, at a decision of this explorer's or for the process that has given its branch away.
    pub(crate) fn request(&mut self, request: BacktrackRequest) {
        let frame = &mut self.frames[request.depth];
        if request.depth >= self.root {
            frame.try_one_of(request.initials, request.task);
        } else if !frame.meets(request.initials) {
            // An earlier request that will be met in any case by what meets this one says it all; as does
            // one that none can meet, for it has everything tried.
            let enabled = frame.enabled;
            let implied = self.requests.iter().any(|earlier| {
                earlier.depth == request.depth
                    && (earlier.initials & !request.initials == 0 || earlier.initials & enabled == 0)
            });
            if !implied {
                self.requests.push(request);
            }
        }
    }

    /// Enters a branch that comes next and was explored to its end, after all its requests.
    pub(crate) fn merge(&mut self, branch: Branch, first_step: Operation, theirs: &Progress) {
        let frame = &mut self.frames[branch.depth];
        frame.given.retain(|(task, _)| *task != branch.task);
        frame.done.add((branch.task, first_step));
        let mine = &mut self.progress;
        mine.executions += theirs.executions;
        mine.redundant += theirs.redundant;
        mine.bounded |= theirs.bounded;
        let loops = &mut self.spins;
        loops.awaited |= theirs.awaited;
        loops.uneven |= theirs.uneven;
        loops.looked_under_lock |= theirs.looked_under_lock;
        loops.silent = theirs.silent.or(loops.silent);
    }

    /// Takes a branch back that comes next. Nothing is given away before it is explored.
    pub(crate) fn take_back(&mut self, branch: Branch) {
        let frame = &mut self.frames[branch.depth];
        frame.given.retain(|(task, _)| *task != branch.task);
        self.alone = Some(branch.depth);
    }

    /// Says that an execution went otherwise than one that was scheduled alike.
    pub(crate) fn lose(&mut self) {
        self.progress.not_repeatable = true;
    }
}
