//! The shortest way to an execution that ends its process, or never ends: every trial is made by a child
//! of this process, which may die of it, and writes down in shared memory what there was to choose.
//!
//! Limits: a child that computes for [`COMPUTES_MS`] or sleeps for [`SLEEPS_SECONDS`] in one execution is
//! taken for one that never ends, so whoever is told the result must see it happen once more. The worker
//! must have no other thread.

use super::few::{FewSwitches, Point, Shared};
use super::minimise::{Follow, Followed, Shortest, Tried, minimise};
use super::one::{self, Recording};
use super::schedule::{Guided, Path, find, number, slices, unsliced};
use super::search::MAX_STEPS;
use crate::arm::trace::{self, Chosen};
use crate::engine::Task;
use crate::engine::lockstep::{Mapping, Sharing};
use crate::engine::offspring::{exit, fork_mortal};
use crate::engine::witness::{Doom, Fatal, Shortened};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm};
use shuttle::scheduler::{Schedule, Scheduler, Task as ShuttleTask, TaskId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Computing time after which one execution is taken for endless, in milliseconds.
const COMPUTES_MS: i64 = 250;

/// Wall-clock time after which one execution that does not compute is taken for endless.
const SLEEPS_SECONDS: u32 = 1;

/// The most executions that are tried.
const MAX_TRIED: usize = 1_500;

/// The most of them that may be endless, each of which takes its time.
const MAX_ENDLESS: usize = 12;

/// How long may be tried: for designs whose executions are slow to die.
const PATIENCE: Duration = Duration::from_secs(8);

/// Looks for the shortest schedule that comes to the same end as the design's whole search. `None` if
/// nothing does, or the search cannot be followed.
pub(crate) fn shorten(task: &Task<'_>, end: Doom) -> Option<Shortened> {
    if task.program.generated().is_some() {
        return None;
    }
    let mut trials =
        Trials { task, end, log: Log::new()?, left: MAX_TRIED, endless: 0, begun: Instant::now() };
    let Seen { end, path, .. } = trials.child(|log| {
        let task = Task { witnesses: false, log: Some(log), ..task.clone() };
        // Whatever it would have said dies with this process.
        let _ = super::observe(&task);
    })?;
    if end != Some(trials.end) || path.steps.is_empty() {
        return None;
    }
    let Shortest { path, proved } = minimise(path, &mut trials);
    Some(Shortened { slices: slices(&path.steps), chosen: path.chosen, shortest: proved })
}

/// Follows a schedule to the end of this process, and writes it down on the way.
pub(crate) fn follow_to_the_end(task: &Task<'_>, fatal: &Fatal, slices: &[(u32, u32)], chosen: &[Chosen]) {
    let (guided, _strayed) = Guided::new(Path { steps: unsliced(slices), chosen: chosen.to_vec() });
    one::run(&task.program, guided, Recording::Aloud(fatal.clone()), |_| ());
}

/// What came of one child.
struct Seen {
    /// How it died; `None` if it lived.
    end: Option<Doom>,
    met: Vec<Met>,
    path: Path,
}

/// What there was to choose.
enum Met {
    /// Which task goes on.
    Point(Point),
    /// One of so many values.
    Value(u32),
}

struct Trials<'a, 't> {
    task: &'a Task<'t>,
    end: Doom,
    log: Log,
    /// Executions that may still be tried.
    left: usize,
    endless: usize,
    begun: Instant,
}

impl Trials<'_, '_> {
    fn may_go_on(&self) -> bool {
        self.left > 0 && self.endless < MAX_ENDLESS && self.begun.elapsed() < PATIENCE
    }

    /// What one execution under this scheduler comes to. `None` if it cannot be known.
    fn trial(&mut self, scheduler: impl Scheduler + Send + 'static) -> Option<Seen> {
        self.left = self.left.checked_sub(1)?;
        let program = Arc::clone(&self.task.program);
        let seen = self.child(move |log| {
            let logged = Logged { scheduler, log: log.clone(), once: true };
            one::run(&program, logged, Recording::Off, |_| ());
        })?;
        self.task.pulse.advance(1);
        self.endless += usize::from(seen.end == Some(Doom::Endless));
        Some(seen)
    }

    /// What a child comes to that does this. `None` if there is no child, or its log is not whole.
    fn child(&self, act: impl FnOnce(&Log)) -> Option<Seen> {
        self.log.restart();
        self.log.memory().lived.store(0, Ordering::Relaxed);
        // SAFETY: a worker that explores has no other thread.
        let status = match unsafe { fork_mortal() }.ok()? {
            ForkResult::Parent { child } => waitpid(child, None).ok()?,
            ForkResult::Child => {
                // A panic is none of this trial's business: the child has lived.
                let _panicked = catch_unwind(AssertUnwindSafe(|| act(&self.log)));
                self.log.memory().lived.store(1, Ordering::Relaxed);
                exit(0)
            }
        };
        let (met, path) = self.log.read()?;
        let lived = self.log.memory().lived.load(Ordering::Relaxed) == 1;
        let end = if lived { None } else { Some(doom(status)?) };
        Some(Seen { end, met, path })
    }
}

/// Has this process killed if the execution that begins takes too long.
fn set_limit() {
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let time = libc::timeval { tv_sec: 0, tv_usec: COMPUTES_MS * 1000 };
    let timer = libc::itimerval { it_interval: zero, it_value: time };
    // SAFETY: a valid timer is read, and nothing is written. SIGPROF, unhandled, ends the process.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, std::ptr::null_mut()) };
    alarm::set(SLEEPS_SECONDS);
}

fn doom(status: WaitStatus) -> Option<Doom> {
    match status {
        WaitStatus::Exited(_, code) => Some(Doom::Code(code)),
        WaitStatus::Signaled(_, Signal::SIGPROF | Signal::SIGALRM, _) => Some(Doom::Endless),
        WaitStatus::Signaled(_, signal, _) => Some(Doom::Signal(signal as i32)),
        _ => None,
    }
}

impl Follow for Trials<'_, '_> {
    fn follow(&mut self, path: &Path) -> Followed {
        if !self.may_go_on() {
            return None;
        }
        let seen = self.trial(Guided::new(path.clone()).0)?;
        (seen.end == Some(self.end)).then_some(seen.path)
    }

    fn try_all(&mut self, switches: usize) -> Tried {
        let search = Shared::new(FewSwitches::new(switches, false, self.left));
        let mut shortest: Option<Path> = None;
        loop {
            if !self.may_go_on() {
                return Tried::TooMany;
            }
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
            None if search.lock().exhausted() => Tried::None,
            None => Tried::TooMany,
        }
    }
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
    /// Whether whoever writes came to its end.
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
    fn new() -> Option<Self> {
        let mapping = Mapping::new(size_of::<Memory>(), align_of::<Memory>(), Sharing::Shared).ok()?;
        Some(Log(Arc::new(mapping)))
    }

    fn memory(&self) -> &Memory {
        // SAFETY: mapped with this size and alignment for as long as `self` lives; zeroed memory is a valid
        // log, and everything in it is atomic.
        unsafe { &*self.0.base().cast::<Memory>() }
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
            trace::current().and_then(|task| u32::try_from(task).ok()).filter(|task| *task < MAX_TASKS);
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
    fn read(&self) -> Option<(Vec<Met>, Path)> {
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
        set_limit();
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
        self.log.note_value(trace::options(), u32::try_from(value).unwrap_or(u32::MAX));
        value
    }
}
