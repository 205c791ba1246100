//! The engine of real threads: the actors run on this machine's cores, millions of samples per second.
//!
//! Each actor is one long-lived thread. All of them together walk arrays of fresh states
//! ([`super::lockstep`]), and in between each observes and remakes its own slice of the array, so that no
//! core is ever idle. The first actor also looks at the clock and lets the tuner choose how to walk on.
//!
//! Limits: it shows what this processor and this kernel do, and nothing of what they might. An actor that
//! panics ends the sampling; the states of that array are leaked, since nothing can tell who is done with
//! them. An actor that never returns is left to the supervisor, which sees that samples no longer advance.

use super::lockstep::{
    self, Barrier, BatchConfig, Broken, Cores, Leg, Mapping, Pace, Patience, Plot, Sharing, Tuner, Walker,
};
use super::{Adapter, Heartbeat, Programs, Task};
use crate::base::budget::Budget;
use crate::base::failure::{Crash, Failure, How, Who};
use crate::base::observation::{Exploration, NotApplicable, Observation, Sampling};
use crate::choice;
use crate::rt::context::{self, Context};
use crate::scenario::Exit;
use crate::scenario::program::Program;
use anyhow::{Context as _, ensure};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the other actors have to come home after one of them panicked.
const HOMECOMING: Duration = Duration::from_millis(500);

/// The engine of real threads.
pub(super) struct Threads;

impl Adapter for Threads {
    fn context(&self) -> Context {
        Context::Real
    }

    fn observe(&self, task: &Task<'_>) -> anyhow::Result<Observation> {
        observe(task)
    }

    fn programs(&self, budget: &Budget) -> Programs {
        Programs::sampled(budget)
    }
}

/// Samples a design on threads, for as long as its budget says.
///
/// # Errors
/// If the system gives no memory or no threads, or there are more actors than the engine runs.
pub(crate) fn observe(task: &Task<'_>) -> anyhow::Result<Observation> {
    if task.facts.isolated {
        return Ok(Observation::not_applicable(NotApplicable::SharedMemory));
    }
    let actors = task.program.actors();
    ensure!(
        (1..=lockstep::MOST_ACTORS).contains(&actors),
        "the threads engine runs 1 to {} actors, not {actors}",
        lockstep::MOST_ACTORS
    );
    let course = Arc::new(Course::lay_out(task)?);
    task.heartbeat.watch_actors(actors);
    let (ended, threads) = send_off(&course)?;
    let crash = await_all(&course, &ended);
    see_off(threads);
    task.heartbeat.watch_actors(0);

    let mut observation = Observation::new(Exploration::Sampled { how: Sampling::Threads });
    observation.executions = course.executions.load(Ordering::Acquire);
    observation.outcomes = task.program.outcomes();
    observation.failures.extend(crash.map(Failure::Crash));
    Ok(observation)
}

/// What the actors' threads share.
struct Course {
    program: Arc<dyn Program>,
    names: Vec<String>,
    heartbeat: &'static Heartbeat,
    seed: u64,
    cores: Cores,
    barrier: Barrier,
    pace: Pace,
    plot: Plot,
    tuner: Mutex<Tuner>,
    /// The config of this leg; a stride of 0 ends the walk. Set by the first actor while all others are at
    /// the barrier.
    stride: AtomicUsize,
    chunk: AtomicUsize,
    skew: AtomicU32,
    /// Whether this array is the last of the leg. Set before an array is walked, read while it is.
    leg_ends: AtomicBool,
    executions: AtomicU64,
    exits: Vec<Exit<()>>,
    /// Keeps the memory of the plot mapped.
    _states: Mapping,
    _returns: Mapping,
}

impl Course {
    fn lay_out(task: &Task<'_>) -> anyhow::Result<Self> {
        let layouts = task.program.layouts();
        let actors = task.program.actors();
        let capacity = lockstep::capacity(&layouts, actors, &task.budget);
        let (state_bytes, return_bytes) = Plot::bytes(&layouts, actors, capacity);
        let states = Mapping::new(state_bytes, layouts.state.align(), Sharing::Private)?;
        let returns = Mapping::new(return_bytes, layouts.returned.align(), Sharing::Private)?;
        let plot = Plot::new(&layouts, actors, capacity, states.base(), returns.base());
        Ok(Self {
            program: Arc::clone(&task.program),
            names: task.facts.actors.clone(),
            heartbeat: task.heartbeat,
            seed: task.budget.seed,
            cores: Cores::of_this_thread(),
            barrier: Barrier::new(actors),
            pace: Pace::default(),
            plot,
            tuner: Mutex::new(Tuner::new(capacity, task.budget.sampling())),
            stride: AtomicUsize::new(0),
            chunk: AtomicUsize::new(0),
            skew: AtomicU32::new(0),
            leg_ends: AtomicBool::new(false),
            executions: AtomicU64::new(0),
            exits: vec![Exit::Returned(()); actors],
            _states: states,
            _returns: returns,
        })
    }

    fn set_config(&self, config: BatchConfig) {
        self.stride.store(config.stride, Ordering::Relaxed);
        self.chunk.store(config.chunk, Ordering::Relaxed);
        self.skew.store(config.skew, Ordering::Relaxed);
    }

    fn config(&self) -> BatchConfig {
        BatchConfig {
            stride: self.stride.load(Ordering::Relaxed),
            chunk: self.chunk.load(Ordering::Relaxed),
            skew: self.skew.load(Ordering::Relaxed),
        }
    }
}

/// What an actor's thread is doing, for what is said of its panic.
#[derive(Clone, Copy)]
enum Doing {
    Making,
    Acting,
    Observing,
}

/// How each actor ended, as they end, and the threads that they run on.
type SentOff = (Receiver<Option<Crash>>, Vec<JoinHandle<()>>);

/// Starts a thread for each actor; each sends what it ended with, `None` if all went well.
fn send_off(course: &Arc<Course>) -> anyhow::Result<SentOff> {
    let (sender, ended) = mpsc::channel();
    let mut threads = Vec::new();
    for actor in 0..course.exits.len() {
        let (course_of_actor, sender) = (Arc::clone(course), sender.clone());
        let started =
            std::thread::Builder::new().name(format!("actor {}", course.names[actor])).spawn(move || {
                let crash = run(&course_of_actor, actor);
                drop(course_of_actor);
                // If this comes late, the receiver is gone and need not know.
                let _unheard = sender.send(crash);
            });
        match started {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                course.barrier.break_up();
                return Err(error).context("cannot start a thread for an actor");
            }
        }
    }
    Ok((ended, threads))
}

/// Waits, within reason, until the threads are gone with their thread-locals: a destructor that panics ends the process.
fn see_off(threads: Vec<JoinHandle<()>>) {
    let begun = Instant::now();
    for thread in threads {
        while !thread.is_finished() {
            if begun.elapsed() >= HOMECOMING {
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        // What it panicked with was sent.
        let _ended = thread.join();
    }
}

/// Waits for all actors, or, once one has panicked, for those that come home in time.
fn await_all(course: &Course, ended: &Receiver<Option<Crash>>) -> Option<Crash> {
    let mut crash = None;
    for _ in 0..course.exits.len() {
        let crashed = match crash {
            None => ended.recv().ok(),
            Some(_) => ended.recv_timeout(HOMECOMING).ok(),
        };
        match crashed {
            Some(Some(first)) => crash = crash.or(Some(first)),
            Some(None) => {}
            None => break,
        }
    }
    crash
}

/// The life of an actor's thread.
fn run(course: &Course, actor: usize) -> Option<Crash> {
    let _silence = lockstep::silence();
    course.cores.pin_to(actor);
    context::install_waiting_flag(course.heartbeat.waiting_flag(actor));
    choice::begin_stream(course.seed, actor, 0);
    let doing = Cell::new(Doing::Making);
    let mut runner = Runner {
        course,
        actor,
        walker: Walker::new(actor, std::process::id()),
        patience: Patience::with_own_core(course.exits.len() <= course.cores.count()),
        doing: &doing,
    };
    // A barrier that is broken up ends the walk too; the actor that broke it up says why.
    let walked = catch_unwind(AssertUnwindSafe(|| runner.walk()));
    context::install_waiting_flag(None);
    let payload = walked.err()?;
    course.barrier.break_up();
    let how = How::panicked(lockstep::words_of(&*payload));
    // Dropping a payload runs code of the design, which may panic again.
    std::mem::forget(payload);
    let who = match doing.get() {
        Doing::Making => Who::State,
        Doing::Acting => Who::Actor(actor),
        Doing::Observing => Who::Observation,
    };
    Some(Crash { who, how })
}

/// An actor's thread at work.
struct Runner<'a> {
    course: &'a Course,
    actor: usize,
    walker: Walker,
    patience: Patience,
    doing: &'a Cell<Doing>,
}

impl Runner<'_> {
    /// Walks leg after leg until the tuner has none left.
    fn walk(&mut self) -> Result<(), Broken> {
        let conducting = self.actor == 0;
        let mut leg = None;
        loop {
            if conducting {
                leg = conduct(self.course, leg);
            }
            self.course.barrier.wait(self.patience)?;
            let config = self.course.config();
            if config.stride == 0 {
                return Ok(());
            }
            let until = leg.map(|(start, lasting)| start + lasting);
            self.walk_leg(config, until)?;
            self.course.barrier.wait(self.patience)?;
        }
    }

    /// Walks arrays of one config. The first actor knows `until` when, and tells the others.
    fn walk_leg(&mut self, config: BatchConfig, until: Option<Instant>) -> Result<(), Broken> {
        let course = self.course;
        let program = &*course.program;
        let slice = course.plot.share(self.actor, config.stride);
        loop {
            self.doing.set(Doing::Making);
            // SAFETY: this slice is this actor's until the barrier, and its old states were dropped.
            unsafe { course.plot.make(program, slice.clone()) };
            if let Some(until) = until {
                let ends = Instant::now() >= until;
                course.leg_ends.store(ends, Ordering::Relaxed);
            }
            course.pace.rewind(self.actor);
            course.barrier.wait(self.patience)?;
            let last = course.leg_ends.load(Ordering::Relaxed);
            self.doing.set(Doing::Acting);
            // SAFETY: every actor has made its slice before the barrier, so all of the array is there.
            unsafe {
                course.plot.walk(program, &mut self.walker, config, &course.pace);
            }
            course.barrier.wait(self.patience)?;
            self.doing.set(Doing::Observing);
            // SAFETY: every actor has walked the array before the barrier, so none but this actor
            // touches this slice until the next one.
            unsafe { course.plot.observe(program, slice.clone(), &course.exits) };
            let samples = slice.len() as u64;
            course.executions.fetch_add(samples, Ordering::Relaxed);
            course.heartbeat.advance(samples);
            if last {
                return Ok(());
            }
        }
    }
}

/// Tells the tuner what the last leg came to, and sets out the next one.
fn conduct(course: &Course, before: Option<(Instant, Duration)>) -> Option<(Instant, Duration)> {
    let mut tuner = course.tuner.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((start, _)) = before {
        let leg = Leg { executions: course.executions.load(Ordering::Relaxed), took: start.elapsed() };
        tuner.walked(leg, || course.program.outcomes());
    }
    let next = tuner.next_leg();
    let none = BatchConfig { stride: 0, chunk: 0, skew: 0 };
    course.set_config(next.map_or(none, |(config, _)| config));
    next.map(|(_, lasting)| (Instant::now(), lasting))
}

#[cfg(test)]
mod tests;
