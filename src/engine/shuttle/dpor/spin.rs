//! Loops that wait for others, and how often to go round them.
//!
//! A task that only looks, again and again, and lets others run in between, waits for one of them to change
//! what it looks at. One round more or less of such a loop makes no difference, but each would be another
//! interleaving, without end. So:
//!
//! - the first [`ROUNDS`] rounds in which nothing has changed are explored like anything else;
//! - of the rounds after these it is not explored what else could have come before each of them;
//! - after [`PATIENCE`] rounds the task waits until somebody changes something that it has looked at (an
//!   *await*), or until nobody else can run at all. Going round so long first lets a loop that gives up by
//!   itself do so.
//!
//! A loop that looks without ever yielding is treated alike, as if it yielded after [`SILENCE`] looks.
//!
//! Limits: a loop that counts its rounds and does something else after each, between the third and the last,
//! is not explored in full, and neither is one that picks a value in each; whoever asks is told whether that
//! could matter ([`Spins::looked_under_lock`], [`Spins::silent`]). A loop that gives up by itself after more than [`PATIENCE`] rounds does so only if
//! nobody else can run.

use super::relation;
use crate::arm::operation::{Effect, Kind, ObjectId, Operation};

/// Rounds without a change that are explored in full.
pub(crate) const ROUNDS: u32 = 2;

/// Rounds without a change after which a task waits for one.
pub(crate) const PATIENCE: u32 = 64;

/// Looks in a row, without a yield, that make a loop suspicious.
pub(crate) const SILENCE: u32 = 64;

#[derive(Clone, Default)]
struct Spin {
    /// What the task has looked at since it last did something else.
    watched: Vec<ObjectId>,
    /// Complete rounds without a change.
    rounds: u32,
    /// Looks since the last yield or anything else.
    looks: u32,
    /// Whether it has done nothing but look since the last yield.
    idle: bool,
    /// Whether it took a lock to look.
    locked: bool,
    /// The event that ended its waiting, for its next event to come after.
    woken_by: Option<usize>,
}

impl Spin {
    fn reset(&mut self, idle: bool) {
        let mut watched = std::mem::take(&mut self.watched);
        watched.clear();
        *self = Spin { watched, idle, ..Spin::default() };
    }
}

/// How far each task is in a loop.
#[derive(Default)]
pub(super) struct Spins {
    tasks: Vec<Spin>,
    /// Whether a loop that looks under a lock was cut short.
    pub(super) looked_under_lock: bool,
    /// Whether any loop was cut short.
    pub(super) awaited: bool,
    /// A task that was found to loop without yielding.
    pub(super) silent: Option<usize>,
    /// Whether in this execution a task picked a value in a loop that was cut short, which may so end by itself.
    pub(super) chose: bool,
}

impl Spins {
    /// Begins an execution.
    pub(super) fn restart(&mut self) {
        self.tasks.iter_mut().for_each(|spin| spin.reset(true));
        self.chose = false;
    }

    /// `task` has picked a value. In a loop that waits that may do more than go on waiting, as what is seen
    /// under a lock may.
    pub(super) fn note_choice(&mut self, task: usize) {
        if self.is_frozen(task) {
            self.chose = true;
            self.looked_under_lock = true;
        }
    }

    fn task(&mut self, task: usize) -> &mut Spin {
        if self.tasks.len() <= task {
            self.tasks.resize_with(task + 1, || Spin { idle: true, ..Spin::default() });
        }
        &mut self.tasks[task]
    }

    /// Whether what the task does now is one round too many to be explored.
    pub(super) fn is_frozen(&self, task: usize) -> bool {
        self.tasks.get(task).is_some_and(|spin| spin.rounds >= ROUNDS)
    }

    /// Whether the task waits for a change.
    pub(super) fn waits(&self, task: usize) -> bool {
        self.tasks.get(task).is_some_and(|spin| spin.rounds >= PATIENCE)
    }

    /// The event that has let the task go on after it had waited, if it has not gone on since.
    pub(super) fn woken_by(&mut self, task: usize) -> Option<usize> {
        self.tasks.get_mut(task).and_then(|spin| spin.woken_by.take())
    }

    /// `task` has done `operation` (as it turned out to be), the event `index`.
    pub(super) fn note(&mut self, task: usize, operation: &Operation, effect: Effect, index: usize) {
        let yields = operation.kind == Kind::Yield || effect == Effect::TimedOut;
        let spin = self.task(task);
        spin.woken_by = None;
        if relation::may_only_look(operation) {
            for (object, _) in relation::accesses(operation) {
                if !spin.watched.contains(&object) {
                    spin.watched.push(object);
                }
            }
            spin.locked |= !relation::only_looks(operation);
            spin.looks += u32::from(!yields);
        } else {
            spin.reset(false);
        }
        let silent = spin.looks > SILENCE && operation.kind != Kind::TimedWake;
        if yields || silent {
            spin.rounds = if spin.idle { spin.rounds + 1 } else { 0 };
            spin.idle = true;
            if yields {
                spin.looks = 0;
            }
            if spin.rounds > ROUNDS {
                let locked = spin.locked;
                self.awaited = true;
                self.looked_under_lock |= locked;
                if silent && !yields {
                    self.silent = Some(task);
                }
            }
        }
        if !relation::only_looks(operation) {
            self.wake(task, operation, index);
        }
    }

    /// Whoever watches what `task` has changed may find something new.
    fn wake(&mut self, task: usize, operation: &Operation, index: usize) {
        for (other, spin) in self.tasks.iter_mut().enumerate() {
            if other != task
                && !spin.watched.is_empty()
                && relation::accesses(operation).any(|(object, _)| spin.watched.contains(&object))
            {
                if spin.rounds >= PATIENCE {
                    spin.woken_by = Some(index);
                }
                spin.rounds = 0;
                spin.looks = 0;
                spin.idle = false;
            }
        }
    }
}
