//! The search: a stack of decisions, one for each step of the current execution.

use super::history::{Event, History, Index, MAX_TASKS, join};
use super::relation;
use super::scheduling_state::{SchedulingState, SchedulingStates, Tasks, only};
use super::spin::{SILENCE, SpinBound};
use super::split::{BacktrackRequest, Branch};
use crate::base::operation::{Effect, Kind, Operation};
use serde::{Deserialize, Serialize};

/// A task that can run, and what it does then: `None` if it begins, or ends the execution.
pub(crate) type Ready = (usize, Option<Operation>);

/// How far a search is, or was when it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Executions that were run to their end, each another class.
    pub(crate) executions: u64,
    /// Executions that were begun and found to be equivalent to others.
    pub(crate) redundant: u64,
    /// Whether the bound on preemptions kept the search from anything.
    pub(crate) bounded: bool,
    /// Whether a loop that waits was cut short where it could have gone on.
    pub(crate) awaited: bool,
    /// Whether a loop gave up by itself, or changed its ways, after more rounds than are explored in full.
    pub(crate) uneven: bool,
    /// Whether such a loop looked under a lock, so that cutting it short may have lost something.
    pub(crate) looked_under_lock: bool,
    /// A task that was found to loop without yielding.
    pub(crate) silent: Option<usize>,
    /// Whether an execution went otherwise than one that was scheduled alike: the search is void then.
    pub(crate) not_repeatable: bool,
    /// Whether there were more tasks than the search can follow.
    pub(crate) too_many_tasks: bool,
}

/// What the current execution is.
#[derive(Clone, Copy, PartialEq)]
enum Course {
    /// Another class.
    Fresh,
    /// Equivalent to one that was explored.
    Redundant,
}

/// What comes next in a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// An execution.
    Execution,
    /// A branch that was given away.
    Given(Branch),
    /// Nothing: all was explored.
    Nothing,
}

/// A search through all executions of a program, up to equivalence.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Explorer {
    pub(super) bound: Option<u32>,
    pub(super) frames: SchedulingStates,
    /// How many decisions at the beginning are not for this search to make: it explores one branch of the
    /// last of them.
    pub(super) root: usize,
    /// What must be tried at those.
    pub(super) requests: Vec<BacktrackRequest>,
    /// The decision at which a branch was taken back, until it is explored.
    pub(super) alone: Option<usize>,
    pub(super) history: History,
    pub(super) spins: SpinBound,
    /// Steps of the current execution.
    pub(super) depth: usize,
    /// Values that were picked since the last one.
    pub(super) picked: usize,
    /// Whether any were picked at all.
    pub(super) picks: bool,
    begun: bool,
    course: Course,
    /// The event that was chosen last, and is not in the history yet.
    open: Option<Event>,
    effect: Effect,
    /// Whether only tasks that wait for a change are left to run.
    stuck: bool,
    pub(super) progress: Progress,
    /// Room for [`Explorer::races`].
    pub(super) scratch: Vec<Index>,
    /// Room for [`Explorer::initials`].
    pub(super) first: Vec<Index>,
    /// The same.
    known: Vec<u32>,
    /// The same.
    pub(super) clocks: (Vec<u32>, Vec<u32>),
    /// How often the free course of a redundant execution has kept to one task.
    patience: u32,
}

impl Explorer {
    /// A search that has not begun, through all executions or those with at most `bound` preemptions.
    pub(crate) fn new(bound: Option<u32>) -> Self {
        Explorer {
            bound,
            frames: SchedulingStates::default(),
            root: 0,
            requests: Vec::new(),
            alone: None,
            history: History::default(),
            spins: SpinBound::default(),
            depth: 0,
            picked: 0,
            picks: false,
            begun: false,
            course: Course::Fresh,
            open: None,
            effect: Effect::Full,
            stuck: false,
            progress: Progress::default(),
            scratch: Vec::new(),
            first: Vec::new(),
            known: Vec::new(),
            clocks: Default::default(),
            patience: 0,
        }
    }

    /// Begins the next execution. False if there is none.
    #[cfg(test)]
    pub(crate) fn begin(&mut self) -> bool {
        self.next() == Next::Execution
    }

    /// Goes to what comes next, and begins it if it is an execution. A branch that was given away comes next
    /// until it is entered or taken back.
    pub(crate) fn next(&mut self) -> Next {
        let next = if self.begun { self.step_back() } else { Next::Execution };
        if next == Next::Execution {
            self.start();
        }
        next
    }

    /// Begins an execution of what is decided.
    pub(super) fn start(&mut self) {
        self.begun = true;
        self.depth = 0;
        self.course = Course::Fresh;
        self.stuck = false;
        self.open = None;
        self.effect = Effect::Full;
        self.patience = 0;
        self.spins.restart();
    }

    /// Goes back to the last decision that can be made otherwise, and makes it.
    fn step_back(&mut self) -> Next {
        while self.frames.len() > self.root
            && let Some(depth) = self.frames.len().checked_sub(1)
        {
            if self.frames[depth].values.advance() {
                self.history.cut(depth + 1);
                return Next::Execution;
            }
            self.enter_chosen(depth);
            let (frame, bound) = (&mut self.frames[depth], self.bound);
            if let Some(task) = frame.next(bound) {
                self.history.cut(depth);
                if frame.given.first().is_some_and(|(given, _)| *given == task) {
                    return Next::Given(Branch { depth, task });
                }
                frame.chosen = task;
                return Next::Execution;
            }
            self.progress.bounded |= frame.open().next().is_some();
            self.frames.truncate(depth);
        }
        self.history.cut(self.root);
        Next::Nothing
    }

    /// What was chosen at a decision is explored.
    pub(super) fn enter_chosen(&mut self, depth: usize) {
        if depth < self.history.len() {
            self.alone = self.alone.filter(|alone| *alone != depth);
            let frame = &mut self.frames[depth];
            frame.done.add((frame.chosen, self.history.event(depth).operation));
        }
    }

    /// What the operation chosen last came to. Only needed if it is less than its kind says.
    pub(crate) fn learn(&mut self, effect: Effect) {
        self.effect = effect;
    }

    /// The task that is to do once more what it did in the execution before. `ready` says whether a task can
    /// run, and what it does then. `None` if there is nothing more to repeat, or it cannot be repeated.
    pub(crate) fn repeat(&mut self, ready: impl FnOnce(usize) -> Option<Option<Operation>>) -> Option<usize> {
        if self.course == Course::Redundant || self.depth >= self.history.len() {
            return None;
        }
        let event = self.history.event(self.depth);
        self.picked = 0;
        let as_before = ready(event.task)?.is_none_or(|now| now.object == event.operation.object);
        self.depth += usize::from(as_before);
        as_before.then_some(event.task)
    }

    /// Chooses among the tasks that can run; there is at least one. `current` is the task that ran last.
    pub(crate) fn choose(&mut self, ready: &[Ready], current: Option<usize>) -> usize {
        if self.course == Course::Redundant {
            return self.choose_freely(ready, current);
        }
        self.settle();
        let depth = self.depth;
        self.follow_loops(depth);
        self.depth += 1;
        self.picked = 0;
        if depth < self.history.len() {
            let event = self.history.event(depth);
            let as_before = |(task, operation): &Ready| {
                *task == event.task && operation.is_none_or(|now| now.object == event.operation.object)
            };
            if ready.iter().any(as_before) {
                return event.task;
            }
            return self.lose_track(ready, current);
        }
        if ready.iter().any(|(task, _)| *task >= MAX_TASKS) {
            self.progress.too_many_tasks = true;
            self.course = Course::Redundant;
            return self.choose_freely(ready, current);
        }
        for (task, _) in ready {
            self.history.meet(*task);
        }
        if depth == self.frames.len() && !self.decide(ready, current) {
            self.course = Course::Redundant;
            return self.choose_freely(ready, current);
        }
        let chosen = self.frames[depth].chosen;
        let operation = ready.iter().find(|(task, _)| *task == chosen).map(|(_, operation)| *operation);
        let Some(operation) = operation else { return self.lose_track(ready, current) };
        let operation = operation.unwrap_or(Operation::on(0, Kind::Spawn));
        let frozen = self.spins.is_frozen(chosen);
        self.open = Some(Event { task: chosen, operation, effect: Effect::Full, frozen });
        chosen
    }

    /// The execution does not repeat what it did when it was scheduled alike.
    fn lose_track(&mut self, ready: &[Ready], current: Option<usize>) -> usize {
        self.stray();
        self.choose_freely(ready, current)
    }

    pub(super) fn stray(&mut self) {
        self.progress.not_repeatable = true;
        self.course = Course::Redundant;
    }

    /// Has the loops know of what has happened in the first steps, up to so many. No task can be in one before
    /// any task has yielded or looked many times, and most programs never do.
    pub(super) fn follow_loops(&mut self, steps: usize) {
        if self.history.yields() > 0 || self.history.len() > SILENCE as usize {
            for index in self.spins.noted..steps.min(self.history.len()) {
                let event = *self.history.event(index);
                self.spins.note(event.task, &event.operation, event.effect, index);
            }
        }
    }

    /// Makes a decision that has not been made before. False if all that could be done was tried.
    fn decide(&mut self, ready: &[Ready], current: Option<usize>) -> bool {
        let enabled = self.enabled(ready);
        self.frames.push(enabled);
        let Some((frame, previous)) = self.frames.last_two() else { return false };
        if let Some(previous) = previous {
            match (self.bound, self.history.last()) {
                (None, Some(event)) => fall_asleep(frame, previous, event),
                (None, None) => {}
                (Some(_), _) => count_preemptions(frame, previous, ready),
            }
        }
        let open = enabled & !frame.sleep.tasks;
        if open == 0 {
            self.frames.truncate(self.frames.len() - 1);
            return false;
        }
        let unbroken = frame.unbroken;
        let first = unbroken.unwrap_or_else(|| self.prefer(ready, open, current));
        let last = self.frames.len() - 1;
        self.frames[last].begin_with(first);
        true
    }

    /// The tasks that can be chosen: those that can run and neither wait for a change nor would end an
    /// execution in which others can go on. If only such are left, then any of them.
    fn enabled(&mut self, ready: &[Ready]) -> Tasks {
        let mut enabled = 0;
        let mut ends = 0;
        let mut waits = 0;
        for (task, operation) in ready {
            if self.spins.waits(*task) {
                waits |= only(*task);
            } else if operation.is_none() && self.history.last_of(*task).is_some() {
                ends |= only(*task);
            } else {
                enabled |= only(*task);
            }
        }
        self.stuck |= enabled | ends == 0;
        [enabled, ends, waits].into_iter().find(|tasks| *tasks != 0).unwrap_or(0)
    }

    /// Which of the tasks in `open` to try first: the one that runs, unless it would rather not.
    fn prefer(&self, ready: &[Ready], open: Tasks, current: Option<usize>) -> usize {
        let yields = |task: usize| {
            ready.iter().any(|(other, operation)| {
                *other == task && operation.is_some_and(|operation| operation.kind == Kind::Yield)
            })
        };
        let goes_on = |task: &usize| {
            // Rounds too many are gone through all at once.
            open & only(*task) != 0 && !self.stuck && (!yields(*task) || self.spins.is_frozen(*task))
        };
        let after = current.map_or(0, |task| task + 1);
        current.filter(goes_on).unwrap_or_else(|| {
            let later = open.checked_shr(u32::try_from(after).unwrap_or(u32::MAX)).unwrap_or(0);
            let first =
                if later != 0 { after as u32 + later.trailing_zeros() } else { open.trailing_zeros() };
            first as usize
        })
    }

    /// Enters the event chosen last into the history, now that it is known what it came to.
    fn settle(&mut self) {
        let Some(mut event) = self.open.take() else { return };
        event.effect = std::mem::take(&mut self.effect);
        event.operation.kind = match (event.effect, event.operation.kind) {
            (Effect::Read, Kind::Rmw | Kind::Enter) => Kind::Load,
            (Effect::Refused, Kind::TryLock) => Kind::Refused,
            (Effect::Refused, Kind::TryReadLock) => Kind::ReadRefused,
            (_, kind) => kind,
        };
        let mut known = std::mem::take(&mut self.known);
        self.history.clock_of_task(event.task, &mut known);
        if let Some(changed) = self.spins.woken_by(event.task) {
            join(&mut known, self.history.clock(changed));
        }
        self.races(event.task, &event.operation, &mut known);
        self.history.push(event, &known);
        self.known = known;
    }

    /// The execution has ended. `waiting` are the tasks that had not, with what they still waited to do.
    pub(crate) fn end(&mut self, waiting: &[(usize, Operation)]) {
        if self.course == Course::Redundant {
            self.progress.redundant += 1;
            return;
        }
        self.settle();
        self.follow_loops(self.depth);
        if !self.stuck {
            self.spins.end();
        }
        self.progress.executions += 1;
        self.blocked(waiting);
    }

    /// These tasks wait, here where the execution ends or turns out to be redundant, for what others have
    /// done before: that they come first must be tried too. In a redundant execution as well, for the one
    /// that it is equivalent to may have other events behind which they wait.
    pub(crate) fn blocked(&mut self, waiting: &[(usize, Operation)]) {
        let mut known = Vec::new();
        for (task, operation) in waiting {
            if *task < self.history.tasks() {
                self.history.clock_of_task(*task, &mut known);
                self.races(*task, operation, &mut known);
            }
        }
    }

    /// Runs a redundant execution to its end: anything will do that lets every task come forward.
    fn choose_freely(&mut self, ready: &[Ready], current: Option<usize>) -> usize {
        self.patience += 1;
        let stays = |task: &usize| {
            ready.iter().any(|(other, _)| other == task)
                && !gives_way(ready, *task)
                && !self.patience.is_multiple_of(32)
        };
        if let Some(task) = current.filter(stays) {
            return task;
        }
        let after = current.map_or(0, |task| task + 1);
        let next = ready.iter().map(|(task, _)| *task).filter(|task| *task >= after).min();
        next.unwrap_or(ready[0].0)
    }

    /// Whether the current execution is equivalent to one that was explored.
    pub(crate) fn is_redundant(&self) -> bool {
        self.course == Course::Redundant
    }

    /// Whether in the current execution only tasks were left that wait for a change that no task can make.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck && !self.spins.chose && self.course == Course::Fresh
    }

    /// How many tasks have come forward, in any execution: those that are known are numbered below.
    pub(crate) fn tasks(&self) -> usize {
        self.history.tasks()
    }

    /// How far the search is.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            awaited: self.spins.awaited,
            uneven: self.spins.uneven,
            looked_under_lock: self.spins.looked_under_lock,
            silent: self.spins.silent,
            ..self.progress
        }
    }

    /// About how many executions the whole search takes: those that were run, divided by the share of the
    /// tree that they are. Each open alternative of a decision is taken to be as large as each other one,
    /// and there may be more of them than are known by now, so early estimates are low. (The weighted
    /// backtrack estimator of Kilby, Slaney, Thiébaux and Walsh, "Estimating Search Tree Size", AAAI 2006,
    /// which builds on Knuth's of 1975.) `None` if nothing was run.
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 52 bits")]
    pub(crate) fn estimate(&self) -> Option<f64> {
        let (mut share, mut weight) = (0.0, 1.0);
        for frame in self.frames.iter() {
            let all = f64::from((frame.backtrack & !frame.sleep.tasks).count_ones().max(1));
            share += weight * frame.done.len() as f64 / all;
            weight /= all;
            frame.values.weigh(&mut share, &mut weight);
        }
        // The execution that was run last is the leaf at the end of this path.
        share += weight;
        (self.progress.executions > 0).then(|| self.progress.executions as f64 / share.min(1.0))
    }
}

/// Puts to sleep what is asleep after `event`: what was asleep before it, or tried instead of it, and does not
/// depend on it.
fn fall_asleep(frame: &mut SchedulingState, before: &SchedulingState, event: &Event) {
    for (task, operation) in before.sleep.iter().chain(before.done.iter()) {
        if *task != event.task && !relation::dependent((*task, operation), (event.task, &event.operation)) {
            frame.sleep.add((*task, *operation));
        }
    }
}

/// Enters how many preemptions there were before a decision, and who goes on without one.
fn count_preemptions(frame: &mut SchedulingState, previous: &SchedulingState, ready: &[Ready]) {
    frame.preemptions = previous.preemptions_with(previous.chosen);
    let goes_on = |task: &usize| frame.enabled & only(*task) != 0 && !gives_way(ready, *task);
    frame.unbroken = Some(previous.chosen).filter(goes_on);
}

/// Whether a task that can run yields, begins or ends the execution.
fn gives_way(ready: &[Ready], task: usize) -> bool {
    ready.iter().any(|(other, operation)| {
        *other == task && operation.is_none_or(|operation| operation.kind == Kind::Yield)
    })
}
