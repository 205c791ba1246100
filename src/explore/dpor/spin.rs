//! Loops that wait for others, and how often to go round them.
//!
//! A task that only looks, again and again, and lets others run in between, waits for one of them to change
//! what it looks at. One round more or less of such a loop makes no difference, but each would be another
//! interleaving, without end. So:
//!
//! - the first [`ROUNDS`] rounds in which nothing has changed are explored like anything else;
//! - of the rounds after these it is not explored what else could have come before each of them;
//! - after [`PATIENCE`] rounds the task waits until a task changes something that it has looked at (an
//!   *await*), or until no other task can run at all. Going round so long first lets a loop that gives up by
//!   itself do so.
//!
//! A loop that looks without ever yielding is treated alike, as if it yielded after [`SILENCE`] looks.
//!
//! This loses nothing as long as each round leaves the task as it was: what it finds in a later round it could
//! have found in an earlier one. The caller is told what speaks against that: that a loop took a lock to
//! look, or picked a value ([`SpinBound::looked_under_lock`]), that it did not yield ([`SpinBound::silent`]), or that it
//! did not go on as before although nothing had changed ([`SpinBound::uneven`]), as one does that counts its rounds
//! and gives up.
//!
//! Limits: a loop that counts its rounds and does the same all along, but tells the count in the end, is
//! taken for one that does not. A loop that gives up by itself after more than [`PATIENCE`] rounds does so
//! only if no other task can run.

use super::history::is_yield;
use super::relation;
use crate::base::operation::{Effect, Kind, ObjectId, Operation};

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
    /// The objects looked at in the last complete round, `None` for letting others run.
    pattern: Vec<Option<ObjectId>>,
    /// The same of the round that is under way.
    current: Vec<Option<ObjectId>>,
    /// Whether something has changed for it after rounds too many, and it has not looked since: as it has to,
    /// if it is still in its loop.
    owes_a_look: bool,
    /// The event that ended its waiting, for its next event to come after.
    woken_by: Option<usize>,
}

impl Spin {
    fn reset(&mut self, idle: bool) {
        let (mut watched, mut pattern) =
            (std::mem::take(&mut self.watched), std::mem::take(&mut self.pattern));
        let mut current = std::mem::take(&mut self.current);
        watched.clear();
        pattern.clear();
        current.clear();
        *self = Spin { watched, pattern, current, idle, ..Spin::default() };
    }

    /// Whether enough rounds were explored, so that nothing may depend on how many more there are.
    fn must_go_on(&self) -> bool {
        self.rounds >= ROUNDS || self.owes_a_look
    }

    /// Whether the task goes on as in the round before with what it does now.
    fn goes_on_with(&self, looked_at: Option<ObjectId>) -> bool {
        self.pattern.get(self.current.len()) == Some(&looked_at)
    }
}

/// How far each task is in a loop.
#[derive(Clone, Default)]
pub(super) struct SpinBound {
    tasks: Vec<Spin>,
    /// How many events of the execution have been noted, always all of the first ones.
    pub(super) noted: usize,
    /// Whether a loop that looks under a lock was cut short.
    pub(super) looked_under_lock: bool,
    /// Whether any loop was cut short where another task could have come in between.
    pub(super) awaited: bool,
    /// Whether a task did not go on in its loop after rounds too many, although nothing had changed.
    pub(super) uneven: bool,
    /// A task that was found to loop without yielding.
    pub(super) silent: Option<usize>,
    /// Whether in this execution a task picked a value in a loop that was cut short, which may so end by itself.
    pub(super) chose: bool,
}

impl SpinBound {
    /// Begins an execution.
    pub(super) fn restart(&mut self) {
        self.chose = false;
        if std::mem::take(&mut self.noted) > 0 {
            self.tasks.iter_mut().for_each(|spin| spin.reset(true));
        }
    }

    /// `task` has picked a value. In a loop that waits that may do more than go on waiting, as what is seen
    /// under a lock may.
    pub(super) fn note_choice(&mut self, task: usize) {
        if self.is_frozen(task) {
            self.chose = true;
            self.looked_under_lock = true;
        }
    }

    /// Forgets what was found out about loops in executions so far.
    pub(super) fn forget_findings(&mut self) {
        (self.awaited, self.uneven, self.looked_under_lock, self.silent) = (false, false, false, None);
    }

    /// The execution has ended, and no task was left in a loop: the task that has not looked since its last round
    /// has left its loop by itself.
    pub(super) fn end(&mut self) {
        self.uneven |= self.tasks.iter().any(Spin::must_go_on);
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
        self.noted = index + 1;
        let yields = is_yield(operation, effect);
        let looked_at = Some(operation.object).filter(|_| !yields);
        let spin = self.task(task);
        spin.woken_by = None;
        let uneven = spin.must_go_on() && !spin.goes_on_with(looked_at);
        spin.owes_a_look = false;
        spin.current.push(looked_at);
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
            std::mem::swap(&mut spin.pattern, &mut spin.current);
            spin.current.clear();
            spin.idle = true;
            if yields {
                spin.looks = 0;
            }
            if spin.rounds > ROUNDS {
                let locked = spin.locked;
                self.looked_under_lock |= locked;
                if silent && !yields {
                    self.silent = Some(task);
                }
            }
        }
        self.uneven |= uneven;
        if !relation::only_looks(operation) {
            self.wake(task, operation, index);
        }
    }

    /// The task that watches what `task` has changed may find something new.
    fn wake(&mut self, task: usize, operation: &Operation, index: usize) {
        for (other, spin) in self.tasks.iter_mut().enumerate() {
            if other != task
                && !spin.watched.is_empty()
                && relation::accesses(operation).any(|(object, _)| spin.watched.contains(&object))
            {
                if spin.rounds >= PATIENCE {
                    spin.woken_by = Some(index);
                }
                spin.owes_a_look |= spin.rounds >= ROUNDS;
                spin.rounds = 0;
                spin.looks = 0;
                spin.idle = false;
            }
        }
    }
}
