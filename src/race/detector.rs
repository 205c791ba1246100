//! The detector: FastTrack epochs for plain cells, C++20 synchronises-with for everything else.
//!
//! Sources: Flanagan and Freund, "FastTrack", PLDI 2009, sections 3 and 4, for cells; Lidbury and
//! Donaldson, "Dynamic Race Detection for C++11", POPL 2017, section 3, for release sequences and
//! fences, with release sequences as C++20 has them (a plain store by the same thread ends one).
//!
//! SeqCst gives no happens-before edge beyond acquire and release, fences included: their total order
//! restricts which values are read, not what synchronises (C++20, 31.4 and 31.11).
//!
//! Limits: it sees the edges of *this* execution only, and takes every load to read the latest store.

use super::Clock;
use rustc_hash::FxHashMap;
use std::panic::Location;
use std::sync::atomic::Ordering;

/// How a plain cell was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// One of the two accesses of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RaceSite {
    pub(crate) task: usize,
    pub(crate) access: Access,
    pub(crate) location: &'static Location<'static>,
}

/// Two accesses to one cell, at least one a write, neither ordered before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Race {
    pub(crate) earlier: RaceSite,
    pub(crate) later: RaceSite,
}

#[derive(Default)]
struct Task {
    clock: Clock,
    /// The clock at the last release fence: what a relaxed store publishes.
    fence_release: Clock,
    /// What relaxed loads have read and an acquire fence will make known.
    fence_acquire: Clock,
}

#[derive(Clone, Copy)]
struct Epoch {
    task: usize,
    time: u32,
    location: &'static Location<'static>,
}

#[derive(Default)]
struct Cell {
    write: Option<Epoch>,
    /// The last read of each task since the last write.
    reads: Vec<Epoch>,
}

/// The happens-before relation of one execution, and the cells it guards.
#[derive(Default)]
pub(crate) struct Detector {
    tasks: Vec<Task>,
    /// Per synchronisation object: what an acquire of it makes known.
    published: FxHashMap<u32, Clock>,
    cells: FxHashMap<u32, Cell>,
}

fn acquires(order: Ordering) -> bool {
    matches!(order, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst)
}

fn releases(order: Ordering) -> bool {
    matches!(order, Ordering::Release | Ordering::AcqRel | Ordering::SeqCst)
}

impl Detector {
    /// Begins another execution, in the memory of the one before.
    pub(crate) fn restart(&mut self) {
        self.tasks.clear();
        self.published.clear();
        self.cells.clear();
    }

    fn task(&mut self, task: usize) -> &mut Task {
        while self.tasks.len() <= task {
            let mut new = Task::default();
            new.clock.set(self.tasks.len(), 1);
            self.tasks.push(new);
        }
        &mut self.tasks[task]
    }

    /// An atomic load.
    pub(crate) fn load(&mut self, task: usize, object: u32, order: Ordering) {
        self.task(task);
        let Some(published) = self.published.get(&object) else {
            return;
        };
        let reader = &mut self.tasks[task];
        if acquires(order) {
            reader.clock.join(published);
        } else {
            reader.fence_acquire.join(published);
        }
    }

    /// An atomic store: heads a new release sequence, or ends the old one.
    pub(crate) fn store(&mut self, task: usize, object: u32, order: Ordering) {
        let writer = self.task(task);
        let head = if releases(order) { writer.clock.clone() } else { writer.fence_release.clone() };
        self.published.insert(object, head);
        self.released(task, order);
    }

    /// A read-modify-write: continues the release sequence that it reads from.
    pub(crate) fn rmw(&mut self, task: usize, object: u32, order: Ordering) {
        self.load(task, object, order);
        let writer = &self.tasks[task];
        let head = if releases(order) { &writer.clock } else { &writer.fence_release };
        self.published.entry(object).or_default().join(head);
        self.released(task, order);
    }

    fn released(&mut self, task: usize, order: Ordering) {
        if releases(order) {
            self.tasks[task].clock.tick(task);
        }
    }

    /// A fence.
    pub(crate) fn fence(&mut self, task: usize, order: Ordering) {
        self.task(task);
        let fencer = &mut self.tasks[task];
        if acquires(order) {
            let pending = std::mem::take(&mut fencer.fence_acquire);
            fencer.clock.join(&pending);
        }
        if releases(order) {
            fencer.fence_release = fencer.clock.clone();
            fencer.clock.tick(task);
        }
    }

    /// Learns what was released into a lock or the like.
    pub(crate) fn acquire(&mut self, task: usize, object: u32) {
        self.load(task, object, Ordering::Acquire);
    }

    /// Adds this task's past to what a lock or the like makes known.
    pub(crate) fn release(&mut self, task: usize, object: u32) {
        let clock = self.publish(task);
        self.published.entry(object).or_default().join(&clock);
    }

    /// This task's past, to be [`Detector::join`]ed elsewhere.
    pub(crate) fn publish(&mut self, task: usize) -> Clock {
        let clock = self.task(task).clock.clone();
        self.tasks[task].clock.tick(task);
        clock
    }

    /// Learns a published past.
    pub(crate) fn join(&mut self, task: usize, clock: &Clock) {
        self.task(task).clock.join(clock);
    }

    /// A plain access, and the race it makes with an earlier one, if any.
    pub(crate) fn access(
        &mut self,
        task: usize,
        object: u32,
        access: Access,
        location: &'static Location<'static>,
    ) -> Option<Race> {
        self.task(task);
        let clock = &self.tasks[task].clock;
        let cell = self.cells.entry(object).or_default();
        let later = RaceSite { task, access, location };
        let race = |epoch: &Epoch, kind| Race {
            earlier: RaceSite { task: epoch.task, access: kind, location: epoch.location },
            later,
        };
        let unordered = |epoch: &&Epoch| epoch.time > clock.get(epoch.task);
        if let Some(write) = cell.write.as_ref().filter(unordered) {
            return Some(race(write, Access::Write));
        }
        if access == Access::Write
            && let Some(read) = cell.reads.iter().find(unordered)
        {
            return Some(race(read, Access::Read));
        }
        let epoch = Epoch { task, time: clock.get(task), location };
        match access {
            Access::Read => match cell.reads.iter_mut().find(|read| read.task == task) {
                Some(read) => *read = epoch,
                None => cell.reads.push(epoch),
            },
            Access::Write => {
                cell.write = Some(epoch);
                cell.reads.clear();
            }
        }
        None
    }
}
