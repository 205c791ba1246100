//! The shortest way to an execution that ends its process, or never ends: every trial is made by a child
//! of this process, which may die of it, and writes down in shared memory where it was asked to choose.
//!
//! Limits: a child that computes for [`COMPUTES_MS`] or sleeps for [`SLEEPS_SECONDS`] in one execution is
//! taken for one that never ends, so whoever is told the result must see it happen once more. The worker
//! must have no other thread.

use super::few::{FewSwitches, Point, Shared};
use super::minimise::{Follow, Followed, Tried, minimise};
use super::one::{self, Recording};
use super::schedule::{Guided, Steps, find, number, slices, unsliced};
use super::search::MAX_STEPS;
use crate::engine::Task;
use crate::engine::lockstep::{Mapping, Sharing};
use crate::engine::witness::{Doom, Fatal, Shortened};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork, getpid, getppid};
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
    let Seen { end, points, chosen } = trials.child(|log| {
        let task = Task { witnesses: false, log: Some(log), ..task.clone() };
        // Whatever it would have said dies with this process.
        let _ = super::observe(&task);
    })?;
    if end != Some(trials.end) || points.is_empty() {
        return None;
    }
    let shortest = minimise(chosen, &mut trials);
    Some(Shortened { slices: slices(&shortest.steps), shortest: shortest.proved })
}

/// Follows a schedule to the end of this process, and writes it down on the way.
pub(crate) fn follow_to_the_end(task: &Task<'_>, fatal: &Fatal, slices: &[(u32, u32)]) {
    let (guided, _strayed) = Guided::new(unsliced(slices));
    one::run(&task.program, guided, Recording::Aloud(fatal.clone()), |_| ());
}

/// What came of one child.
struct Seen {
    /// How it died; `None` if it lived.
    end: Option<Doom>,
    points: Vec<Point>,
    chosen: Steps,
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
        let parent = getpid();
        // SAFETY: a worker that explores has no other thread that could hold a lock while memory is copied.
        let status = match unsafe { fork() }.ok()? {
            ForkResult::Parent { child } => waitpid(child, None).ok()?,
            ForkResult::Child => {
                // A panic is none of this trial's business: the child has lived.
                let _panicked = catch_unwind(AssertUnwindSafe(|| {
                    let mortal = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
                    if mortal.is_ok() && getppid() == parent {
                        act(&self.log);
                    }
                }));
                self.log.memory().lived.store(1, Ordering::Relaxed);
                // SAFETY: `_exit` runs no handlers and returns to nobody.
                unsafe { libc::_exit(0) }
            }
        };
        let (points, chosen) = self.log.read()?;
        let lived = self.log.memory().lived.load(Ordering::Relaxed) == 1;
        let end = if lived { None } else { Some(doom(status)?) };
        Some(Seen { end, points, chosen })
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
    fn follow(&mut self, steps: &[u32]) -> Followed {
        if !self.may_go_on() {
            return None;
        }
        let seen = self.trial(Guided::new(steps.to_vec()).0)?;
        (seen.end == Some(self.end)).then_some(seen.chosen)
    }

    fn try_all(&mut self, switches: usize) -> Tried {
        let search = Shared::new(FewSwitches::new(switches, false, self.left));
        let mut shortest: Option<Steps> = None;
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
            for point in &seen.points {
                search.choose(point);
            }
            let shorter = shortest.as_ref().is_none_or(|best| seen.chosen.len() < best.len());
            if shorter && search.within() && seen.end == Some(self.end) {
                shortest = Some(seen.chosen);
            }
        }
        match shortest {
            Some(steps) => Tried::Found(steps),
            None if search.lock().exhausted() => Tried::None,
            None => Tried::TooMany,
        }
    }
}

/// Where an execution was asked to choose, and what it chose, in memory that outlives its process.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mapping>);

/// The most tasks whose number fits into a [`Slot`].
const MAX_TASKS: u32 = 64;

/// Zeroed memory is an empty log.
#[repr(C)]
struct Memory {
    /// Scheduling points, those that found no room included.
    length: AtomicU32,
    /// Whether it is whole so far: no, if anything but 0.
    spoilt: AtomicU32,
    /// Whether whoever writes came to its end.
    lived: AtomicU32,
    slots: [Slot; MAX_STEPS],
}

/// One scheduling point.
#[repr(C)]
struct Slot {
    /// The tasks that could run, one bit each.
    runnable: AtomicU64,
    /// Bytes: the task that was chosen, the one that ran last, whether there was one, whether it yields.
    choice: AtomicU32,
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

    fn note(&self, point: &Point, chosen: Option<u32>) {
        let memory = self.memory();
        let at = memory.length.load(Ordering::Relaxed);
        let current = point.current.unwrap_or(0);
        let most = point.runnable.iter().copied().chain([current]).max().unwrap_or(0);
        let (Some(chosen), Some(slot), true) = (chosen, memory.slots.get(at as usize), most < MAX_TASKS)
        else {
            memory.spoilt.store(1, Ordering::Relaxed);
            return;
        };
        let runnable = point.runnable.iter().fold(0_u64, |mask, task| mask | 1 << task);
        slot.runnable.store(runnable, Ordering::Relaxed);
        let flags = u32::from(point.current.is_some()) << 16 | u32::from(point.yields) << 24;
        slot.choice.store(chosen | current << 8 | flags, Ordering::Relaxed);
        memory.length.store(at + 1, Ordering::Relaxed);
    }

    /// The points and the choices of the last execution; `None` if not all found room.
    fn read(&self) -> Option<(Vec<Point>, Steps)> {
        let memory = self.memory();
        if memory.spoilt.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let length = memory.length.load(Ordering::Relaxed) as usize;
        let read = |slot: &Slot| {
            let (mask, choice) = (slot.runnable.load(Ordering::Relaxed), slot.choice.load(Ordering::Relaxed));
            let byte = |index: u32| choice >> (8 * index) & 0xff;
            let runnable = (0..MAX_TASKS).filter(|task| mask >> task & 1 == 1).collect();
            let current = (byte(2) == 1).then(|| byte(1));
            (Point { runnable, current, yields: byte(3) == 1 }, byte(0))
        };
        Some(memory.slots.iter().take(length).map(read).unzip())
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
        self.log.note(&Point::of(runnable, current, yielding), chosen.map(number));
        chosen.and_then(|chosen| find(runnable, number(chosen)))
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}
