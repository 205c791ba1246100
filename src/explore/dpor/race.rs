//! Which operations could have come in the other order, and what must be tried for that.

use super::explorer::Explorer;
use super::history::{Index, join};
use super::relation::{self, RaceKind};
use super::scheduling_state::{Tasks, only};
use super::split::BacktrackRequest;
use crate::base::operation::{Kind, Operation};

impl Explorer {
    /// Finds the events that race with `operation`, which `task` does now (or waits to do), and adds what
    /// must be tried so that it comes before each of them. `known` is what the task knows; on return, what
    /// it knows once the operation is done.
    ///
    /// A race is a conflict between two steps with nothing in between that orders them (JACM 2017,
    /// definition 3.3). Events are looked at from the last to the first; `covered` is the past of those
    /// races that were found already.
    pub(super) fn races(&mut self, task: usize, operation: &Operation, known: &mut [u32]) {
        let mut conflicting = std::mem::take(&mut self.scratch);
        self.history.candidates(task, operation, self.bound.is_none(), &mut conflicting);
        conflicting.retain(|&index| {
            let event = self.history.event(index);
            event.task != task
                && !self.history.covered(index, known)
                && relation::dependent((event.task, &event.operation), (task, operation))
        });
        if conflicting.is_empty() && operation.kind != Kind::Join {
            self.scratch = conflicting;
            return;
        }
        let (mut base, mut covered) = std::mem::take(&mut self.clocks);
        for clock in [&mut base, &mut covered] {
            clock.clear();
            clock.extend_from_slice(known);
        }
        for &index in &conflicting {
            join(known, self.history.clock(index));
            if self.history.event(index).frozen {
                self.spins.awaited = true;
                continue;
            }
            if self.bound.is_some() {
                self.try_before_bounded(index, task);
            } else if self.is_race(index, task, operation) && !self.history.covered(index, &covered) {
                join(&mut covered, self.history.clock(index));
                self.try_before(index, task, operation, &base);
            }
        }
        self.scratch = conflicting;
        if operation.kind == Kind::Join
            && let Some(last) = self.history.last_of(operation.object as usize)
        {
            join(known, self.history.clock(last));
            if self.bound.is_some() && !self.history.covered(last, &base) {
                self.try_before_bounded(last, task);
            }
        }
        self.clocks = (base, covered);
    }

    /// Whether `operation` of `task` could have come before the event that it conflicts with.
    fn is_race(&self, index: Index, task: usize, operation: &Operation) -> bool {
        let was_waiting = index >= self.history.since(task) && self.frames[index].enabled & only(task) == 0;
        let event = *self.history.event(index);
        if event.operation.kind == Kind::Look || operation.kind == Kind::Look {
            return !was_waiting;
        }
        relation::accesses(&event.operation).any(|(object, earlier)| {
            relation::accesses(operation).any(|(other, later)| {
                object == other
                    && relation::conflict(earlier, later)
                    && match relation::bearing(earlier, later) {
                        RaceKind::Race => !was_waiting,
                        RaceKind::RaceEvenIfBlocked => true,
                        RaceKind::Order => false,
                    }
            })
        })
    }

    /// Sees to it that something is tried instead of the event `index` that lets `operation` of `task` come
    /// before it (POPL 2014, algorithm 1, lines 6 to 9): one of the *initials*, the tasks that can begin
    /// what has happened since and does not depend on the event, with `operation` at its end.
    fn try_before(&mut self, index: Index, task: usize, operation: &Operation, base: &[u32]) {
        let initials = self.initials(index, task, operation, base);
        self.request(BacktrackRequest { depth: index, initials, task });
    }

    fn initials(&mut self, index: Index, task: usize, operation: &Operation, base: &[u32]) -> Tasks {
        let history = &self.history;
        // The first event of each task among those that do not depend on the event `index`.
        let first = &mut self.first;
        first.clear();
        let (mut initials, mut come, mut begins) = (0, 0, true);
        for later in index + 1..history.len() {
            if history.before(index, later) {
                continue;
            }
            let event = history.event(later);
            begins = begins
                && !history.covered(later, base)
                && !relation::dependent((event.task, &event.operation), (task, operation));
            if come & only(event.task) == 0 {
                come |= only(event.task);
                if !first.iter().any(|known| history.before(*known, later)) {
                    initials |= only(event.task);
                }
                first.push(later);
            }
        }
        if begins && come & only(task) == 0 { initials | only(task) } else { initials }
    }

    /// As [`Explorer::try_before`], with a bound on preemptions: `task` itself is tried, here and where the
    /// task of the event was last switched to, because only there it may cost no preemption (OOPSLA 2013,
    /// section 3.2). Here what merely had to come first counts as well: a task that runs into something
    /// that it must wait for gives way for free.
    fn try_before_bounded(&mut self, index: Index, task: usize) {
        let who = self.history.event(index).task;
        let switched = (0..index).rev().take_while(|earlier| self.history.event(*earlier).task == who).last();
        for depth in [Some(index), switched].into_iter().flatten() {
            self.request(BacktrackRequest { depth, initials: only(task), task });
        }
    }
}
