//! What a child of the search for the shortest way writes down before it dies: all that there was to choose,
//! in memory that outlives it.
//!
//! Limits: room for the steps of one execution, and for tasks whose number fits into a mask. An execution
//! that takes too long is ended, with its process.

use super::context_bound::Point;
use super::schedule::{Path, find, number};
use super::search::MAX_STEPS;
use crate::engine::fork::limit_execution;
use crate::engine::lockstep::{Mapping, Sharing};
use crate::rt::pending;
use shuttle::scheduler::{Schedule, Scheduler, Task as ShuttleTask, TaskId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What there was to choose.
pub(super) enum Met {
    /// Which task goes on.
    Point(Point),
    /// One of so many values.
    Value(u32),
}

/// What there was to choose in an execution, and what was chosen, in memory that outlives its process.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mapping>);

/// The most tasks whose number fits into a [`Slot`].
const MAX_TASKS: u32 = 64;

/// Set in [`Slot::how`] of a value.
const VALUE: u32 = 1 << 24;

/// Zeroed memory is an empty log.
#[repr(C)]
struct Memory {
    /// Slots in use.
    length: AtomicU32,
    /// Whether it is whole so far: no, if anything but 0.
    spoilt: AtomicU32,
    /// Whether the writer came to its end.
    lived: AtomicU32,
    slots: [Slot; MAX_STEPS],
}

/// One choice.
#[repr(C)]
struct Slot {
    /// The tasks that could run, one bit each; or how many values there were.
    options: AtomicU64,
    /// The task that was chosen, or the value.
    chosen: AtomicU32,
    /// Bytes: the task that ran last, whether there was one, whether it yields, whether this is a value.
    how: AtomicU32,
}

impl Log {
    pub(super) fn new() -> Option<Self> {
        let mapping = Mapping::new(size_of::<Memory>(), align_of::<Memory>(), Sharing::Shared).ok()?;
        Some(Log(Arc::new(mapping)))
    }

    fn memory(&self) -> &Memory {
        // SAFETY: mapped with this size and alignment for as long as `self` lives; zeroed memory is a valid
        // log, and everything in it is atomic.
        unsafe { &*self.0.base().cast::<Memory>() }
    }

    /// Begins anew, for another process.
    pub(super) fn begin(&self) {
        self.restart();
        self.memory().lived.store(0, Ordering::Relaxed);
    }

    /// Says that the writer came to its end.
    pub(super) fn note_lived(&self) {
        self.memory().lived.store(1, Ordering::Relaxed);
    }

    /// Whether the writer came to its end.
    pub(super) fn has_lived(&self) -> bool {
        self.memory().lived.load(Ordering::Relaxed) == 1
    }

    /// Begins anew: another execution has begun.
    fn restart(&self) {
        self.memory().length.store(0, Ordering::Relaxed);
        self.memory().spoilt.store(0, Ordering::Relaxed);
    }

    fn note_point(&self, point: &Point, chosen: Option<u32>) {
        let current = point.current.unwrap_or(0);
        let most = point.runnable.iter().copied().chain([current]).max().unwrap_or(0);
        let runnable = point.runnable.iter().fold(0_u64, |mask, task| mask | 1_u64.unbounded_shl(*task));
        let flags = u32::from(point.current.is_some()) << 8 | u32::from(point.yields) << 16;
        let fits = chosen.filter(|_| most < MAX_TASKS);
        self.note(runnable, fits, current & 0xff | flags);
    }

    fn note_value(&self, options: u32, chosen: u32) {
        let task =
            pending::current().and_then(|task| u32::try_from(task).ok()).filter(|task| *task < MAX_TASKS);
        self.note(options.into(), task.map(|_| chosen), task.unwrap_or(0) | VALUE);
    }

    fn note(&self, options: u64, chosen: Option<u32>, how: u32) {
        let memory = self.memory();
        let at = memory.length.load(Ordering::Relaxed);
        let (Some(chosen), Some(slot)) = (chosen, memory.slots.get(at as usize)) else {
            memory.spoilt.store(1, Ordering::Relaxed);
            return;
        };
        slot.options.store(options, Ordering::Relaxed);
        slot.chosen.store(chosen, Ordering::Relaxed);
        slot.how.store(how, Ordering::Relaxed);
        memory.length.store(at + 1, Ordering::Relaxed);
    }

    /// What was met and chosen in the last execution; `None` if not all found room.
    pub(super) fn read(&self) -> Option<(Vec<Met>, Path)> {
        let memory = self.memory();
        if memory.spoilt.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let length = memory.length.load(Ordering::Relaxed) as usize;
        let (mut met, mut path) = (Vec::new(), Path::default());
        for slot in memory.slots.iter().take(length) {
            let options = slot.options.load(Ordering::Relaxed);
            let (chosen, how) = (slot.chosen.load(Ordering::Relaxed), slot.how.load(Ordering::Relaxed));
            let task = how & 0xff;
            if how & VALUE != 0 {
                met.push(Met::Value(u32::try_from(options).unwrap_or(u32::MAX)));
                path.chosen.push((task, chosen));
            } else {
                let runnable = (0..MAX_TASKS).filter(|task| options >> task & 1 == 1).collect();
                let current = (how >> 8 & 1 == 1).then_some(task);
                met.push(Met::Point(Point { runnable, current, yields: how >> 16 & 1 == 1 }));
                path.steps.push(chosen);
            }
        }
        Some((met, path))
    }
}

/// Chooses as `S` does, and writes it down.
pub(super) struct Logged<S> {
    pub(super) scheduler: S,
    pub(super) log: Log,
    /// Whether there is to be one execution only.
    pub(super) once: bool,
}

impl<S: Scheduler> Scheduler for Logged<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.once && self.log.memory().length.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let schedule = self.scheduler.new_execution()?;
        self.log.restart();
        limit_execution();
        Some(schedule)
    }

    fn next_task(
        &mut self,
        runnable: &[&ShuttleTask],
        current: Option<TaskId>,
        yielding: bool,
    ) -> Option<TaskId> {
        let chosen = self.scheduler.next_task(runnable, current, yielding);
        self.log.note_point(&Point::of(runnable, current, yielding), chosen.map(number));
        chosen.and_then(|chosen| find(runnable, number(chosen)))
    }

    fn next_u64(&mut self) -> u64 {
        let value = self.scheduler.next_u64();
        self.log.note_value(pending::options(), u32::try_from(value).unwrap_or(u32::MAX));
        value
    }
}
