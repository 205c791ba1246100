//! What has happened in an execution so far, and what of it had to come before what.
//!
//! The happens-before relation of Mazurkiewicz traces: conflicting operations in the order in which they
//! came, and each task's own. Kept as vector clocks (Flanagan and Godefroid, "Dynamic Partial-Order
//! Reduction for Model Checking Software", POPL 2005, section 4), one per event in one long array. When a
//! search goes back, the history is cut, not built again.
//!
//! Limit: [`MAX_TASKS`] tasks.

use super::relation;
use crate::base::operation::{Effect, Kind, ObjectId, Operation};

/// More tasks than this are not followed.
pub(crate) const MAX_TASKS: usize = 64;

/// The place of an event in the history, from 0.
pub(super) type Index = usize;

/// One step of one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) task: usize,
    /// What it turned out to be.
    pub(super) operation: Operation,
    /// How it turned out.
    pub(super) effect: Effect,
    /// Whether it is one more round of a loop that waits, of which enough were explored.
    pub(super) frozen: bool,
}

#[derive(Clone, Default)]
struct Life {
    /// Whether the task is known, and at which length of the history it was first seen.
    born: Option<Index>,
    events: Vec<Index>,
}

/// The events of one execution.
#[derive(Clone, Default)]
pub(super) struct History {
    events: Vec<Event>,
    /// `width` entries for each event.
    clocks: Vec<u32>,
    width: usize,
    by_object: Vec<Vec<Index>>,
    tasks: Vec<Life>,
    looks: Vec<Index>,
    yields: usize,
    frozen: usize,
}

/// Whether the task that does this lets others run, for want of anything else to do.
pub(super) fn is_yield(operation: &Operation, effect: Effect) -> bool {
    operation.kind == Kind::Yield || effect == Effect::TimedOut
}

impl History {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn event(&self, index: Index) -> &Event {
        &self.events[index]
    }

    /// The event that came last.
    pub(super) fn last(&self) -> Option<&Event> {
        self.events.last()
    }

    pub(super) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// How many of the events let others run.
    pub(super) fn yields(&self) -> usize {
        self.yields
    }

    /// Notes that a task exists: made, if it is new, by the task of the last event.
    pub(super) fn meet(&mut self, task: usize) {
        if self.tasks.len() <= task {
            self.tasks.resize_with(task + 1, Life::default);
            self.widen();
        }
        if self.tasks[task].born.is_none() {
            self.tasks[task].born = Some(self.events.len());
        }
    }

    /// Makes room for as many tasks as there are in every clock.
    fn widen(&mut self) {
        let width = self.tasks.len();
        let mut clocks = vec![0; self.events.len() * width];
        if self.width > 0 {
            for (new, old) in clocks.chunks_mut(width).zip(self.clocks.chunks(self.width)) {
                new[..self.width].copy_from_slice(old);
            }
        }
        (self.clocks, self.width) = (clocks, width);
    }

    /// From which length of the history on the task has been where it is.
    pub(super) fn since(&self, task: usize) -> Index {
        let life = &self.tasks[task];
        life.events.last().map_or_else(|| life.born.unwrap_or(0), |last| last + 1)
    }

    /// Writes into `clock` what the task knows, before what it does next.
    pub(super) fn clock_of_task(&self, task: usize, clock: &mut Vec<u32>) {
        let life = &self.tasks[task];
        let source = life.events.last().copied().or_else(|| life.born.and_then(|born| born.checked_sub(1)));
        clock.clear();
        match source {
            Some(index) => clock.extend_from_slice(self.clock(index)),
            None => clock.resize(self.width, 0),
        }
    }

    /// What was known once the event was done.
    pub(super) fn clock(&self, index: Index) -> &[u32] {
        &self.clocks[index * self.width..][..self.width]
    }

    /// Which of its task's events it is, from 1.
    pub(super) fn time(&self, index: Index) -> u32 {
        self.clock(index)[self.events[index].task]
    }

    /// Whether `clock` includes the event.
    pub(super) fn covered(&self, index: Index, clock: &[u32]) -> bool {
        clock[self.events[index].task] >= self.time(index)
    }

    /// Whether the event `earlier` had to come before the event `later`, which came after it.
    pub(super) fn before(&self, earlier: Index, later: Index) -> bool {
        self.covered(earlier, self.clock(later))
    }

    /// The events that may conflict with `operation` by `task`, latest first. With `races_only` they go no
    /// further back than they matter for finding races, and what comes before what.
    pub(super) fn candidates(
        &self,
        task: usize,
        operation: &Operation,
        races_only: bool,
        found: &mut Vec<Index>,
    ) {
        found.clear();
        if self.looks.is_empty() && operation.also.is_none() && operation.kind != Kind::Look {
            if relation::has_object(operation.kind) {
                self.of_one_object(operation, races_only, found);
            }
            return;
        }
        for (object, _) in relation::accesses(operation) {
            found.extend(self.by_object.get(object as usize).into_iter().flatten());
        }
        found.extend(self.looks.iter().filter(|look| self.events[**look].operation.object as usize == task));
        if operation.kind == Kind::Look
            && let Some(looked_at) = self.tasks.get(operation.object as usize)
        {
            found.extend(&looked_at.events);
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
    }

    /// The events on the object of `operation`. A change of an atomic has come after all that was done to it
    /// before, and races with whatever comes later and does not know of it: what came before is then either
    /// known or covered by that race. Where a loop was cut short that is not so: such an event races with
    /// nothing, and who waits for a change could not have come before it.
    fn of_one_object(&self, operation: &Operation, races_only: bool, found: &mut Vec<Index>) {
        let stops = races_only && self.frozen == 0 && relation::is_atomic(operation.kind);
        let Some(events) = self.by_object.get(operation.object as usize) else { return };
        for &index in events.iter().rev() {
            found.push(index);
            let earlier = &self.events[index].operation;
            if stops && earlier.object == operation.object && relation::changes_atomic(earlier.kind) {
                return;
            }
        }
    }

    /// The last event of a task.
    pub(super) fn last_of(&self, task: usize) -> Option<Index> {
        self.tasks.get(task).and_then(|life| life.events.last().copied())
    }

    /// Adds an event that knows `clock`, its own step not yet counted.
    pub(super) fn push(&mut self, event: Event, clock: &[u32]) {
        let index = self.events.len();
        self.clocks.extend_from_slice(clock);
        self.clocks[index * self.width + event.task] += 1;
        for (object, _) in relation::accesses(&event.operation) {
            let events = self.of_object(object);
            if events.last() != Some(&index) {
                events.push(index);
            }
        }
        if event.operation.kind == Kind::Look {
            self.looks.push(index);
        }
        self.yields += usize::from(is_yield(&event.operation, event.effect));
        self.frozen += usize::from(event.frozen);
        self.tasks[event.task].events.push(index);
        self.events.push(event);
    }

    fn of_object(&mut self, object: ObjectId) -> &mut Vec<Index> {
        let object = object as usize;
        if self.by_object.len() <= object {
            self.by_object.resize_with(object + 1, Vec::new);
        }
        &mut self.by_object[object]
    }

    /// Forgets all but the first `length` events.
    pub(super) fn cut(&mut self, length: usize) {
        while self.events.len() > length
            && let Some(event) = self.events.pop()
        {
            let index = self.events.len();
            for (object, _) in relation::accesses(&event.operation) {
                let events = self.of_object(object);
                if events.last() == Some(&index) {
                    events.pop();
                }
            }
            if self.looks.last() == Some(&index) {
                self.looks.pop();
            }
            self.yields -= usize::from(is_yield(&event.operation, event.effect));
            self.frozen -= usize::from(event.frozen);
            self.tasks[event.task].events.pop();
        }
        self.clocks.truncate(length * self.width);
        for life in &mut self.tasks {
            if life.born.is_some_and(|born| born > length) {
                life.born = None;
            }
        }
    }
}

/// Least upper bound, entry by entry.
pub(super) fn join(clock: &mut [u32], other: &[u32]) {
    for (mine, theirs) in clock.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}
