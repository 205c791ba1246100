//! The shortest way to an execution that ends its process, or never ends: every trial is made by a child
//! of this process, which may die of it, and writes down in shared memory what there was to choose.
//!
//! Limits: a child that takes too long over one execution is taken for one that never ends
//! ([`fork`](crate::engine::fork)), so the caller must see the result happen once more. The
//! worker must have no other thread.

use super::context_bound::{ContextBound, Shared};
use super::log::{Log, Logged, Met};
use super::one::{self, Recording};
use super::schedule::{Guided, Path, slices, unsliced};
use super::shrink_schedule::{Follow, Followed, Shortest, Tried, shrink_schedule};
use crate::base::failure::ProcessExit;
use crate::engine::Task;
use crate::engine::fork::{Patience, exit, outlive_child, process_exit_of};
use crate::engine::witness::{Fatal, Shortened, Way};
use crate::rt::pending::Chosen;
use shuttle::scheduler::Scheduler;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The most executions that are tried.
const MAX_TRIED: usize = 1_500;

/// Looks for the shortest schedule that comes to the same end as the design's whole search. `None` if
/// nothing does, or the search cannot be followed.
pub(crate) fn shorten(task: &Task<'_>, end: ProcessExit) -> Option<Shortened> {
    let mut trials = Trials { task, end, log: Log::new()?, patience: Patience::new(MAX_TRIED, end) };
    let Seen { end, path, .. } = trials.child(|log| {
        let task = Task { witnesses: false, log: Some(log), ..task.clone() };
        // Whatever it would have said dies with this process.
        let _ = super::observe(&task);
    })?;
    if end != Some(trials.end) || path.steps.is_empty() {
        return None;
    }
    let Shortest { path, proved } = shrink_schedule(path, &mut trials);
    let way = Way::Schedule { slices: slices(&path.steps), chosen: path.chosen };
    Some(Shortened { way, shortest: proved })
}

/// Follows a schedule to the end of this process, and writes it down on the way.
pub(crate) fn follow_to_the_end(task: &Task<'_>, fatal: &Fatal, slices: &[(u32, u32)], chosen: &[Chosen]) {
    let guided = Guided::new(Path { steps: unsliced(slices), chosen: chosen.to_vec() });
    one::run(&task.program, guided, Recording::Streaming(fatal.clone()), |_| ());
}

/// What came of one child.
struct Seen {
    /// How it died; `None` if it lived.
    end: Option<ProcessExit>,
    met: Vec<Met>,
    path: Path,
}

struct Trials<'a, 't> {
    task: &'a Task<'t>,
    end: ProcessExit,
    log: Log,
    patience: Patience,
}

impl Trials<'_, '_> {
    /// What one execution under this scheduler comes to. `None` if it cannot be known.
    fn trial(&mut self, scheduler: impl Scheduler + Send + 'static) -> Option<Seen> {
        self.patience.spend()?;
        let program = Arc::clone(&self.task.program);
        let seen = self.child(move |log| {
            let logged = Logged { scheduler, log: log.clone(), once: true };
            one::run(&program, logged, Recording::Off, |_| ());
        })?;
        self.task.heartbeat.advance(1);
        self.patience.note(seen.end);
        Some(seen)
    }

    /// What a child comes to that does this. `None` if there is no child, or its log is not whole.
    fn child(&self, act: impl FnOnce(&Log)) -> Option<Seen> {
        self.log.begin();
        let status = match outlive_child().ok()? {
            Some(status) => status,
            None => {
                // A panic is none of this trial's business: the child has lived.
                let _panicked = catch_unwind(AssertUnwindSafe(|| act(&self.log)));
                self.log.note_lived();
                exit(0)
            }
        };
        let (met, path) = self.log.read()?;
        let end = if self.log.has_lived() { None } else { Some(process_exit_of(status)?) };
        Some(Seen { end, met, path })
    }
}

impl Follow for Trials<'_, '_> {
    fn follow(&mut self, path: &Path) -> Followed {
        let seen = self.trial(Guided::new(path.clone()))?;
        (seen.end == Some(self.end)).then_some(seen.path)
    }

    fn try_all(&mut self, switches: usize) -> Tried {
        let search = Shared::new(ContextBound::new(switches, false, self.patience.left()));
        let mut shortest: Option<Path> = None;
        loop {
            // The child's copy advances by itself.
            let Some(seen) = self.trial(search.clone()) else { return Tried::TooMany };
            let mut search = search.lock();
            if !search.advance() {
                break;
            }
            for met in &seen.met {
                match met {
                    Met::Point(point) => drop(search.choose(point)),
                    Met::Value(options) => drop(search.value(*options)),
                }
            }
            let shorter = shortest.as_ref().is_none_or(|best| seen.path.steps.len() < best.steps.len());
            if shorter && search.within() && seen.end == Some(self.end) {
                shortest = Some(seen.path);
            }
        }
        match shortest {
            Some(path) => Tried::Found(path),
            None if search.lock().exhausted() && !self.patience.doubtful() => Tried::None,
            None => Tried::TooMany,
        }
    }
}
