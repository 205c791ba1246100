//! One closure, run on every engine that runs in one process: what the facade's own tests are driven by.

use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::{execution, loom, past, pending};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shuttle executions per closure. Enough for a handful of operations by two or three tasks.
const EXECUTIONS: usize = 200;
const SEED: u64 = 0x5e1f;

/// Everything seen of one closure on one engine.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    pub(crate) outcomes: BTreeSet<T>,
    pub(crate) executions: usize,
    /// What the first failure said.
    pub(crate) failure: Option<String>,
}

impl<T> Seen<T> {
    /// Whether a data race was found, in either engine's words.
    pub(crate) fn raced(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|failure| failure.contains("Causality violation") || failure.contains("data race"))
    }

    /// Whether a deadlock was found, in either engine's words.
    pub(crate) fn deadlocked(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.contains("deadlock"))
    }
}

fn words(payload: Box<dyn std::any::Any + Send>) -> String {
    if payload.is::<pending::RaceFound>() {
        return "data race".into();
    }
    if payload.is::<crate::rt::panics::Deadlocked>() {
        return "deadlock".into();
    }
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .map_or_else(|| "something else than text".into(), ToString::to_string),
    }
}

/// Runs `check` around a closure that counts executions and collects outcomes.
fn observe<T: Ord + Send + 'static>(
    f: impl Fn() -> T + Send + Sync + 'static,
    check: impl FnOnce(Box<dyn Fn() + Send + Sync>),
) -> Seen<T> {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let executions = Arc::new(AtomicUsize::new(0));
    let (collected, counted) = (Arc::clone(&outcomes), Arc::clone(&executions));
    let run = Box::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let outcome = f();
        let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
        collected.insert(outcome);
    });
    let result = catch_unwind(AssertUnwindSafe(|| check(run)));
    let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
    Seen {
        outcomes: std::mem::take(&mut outcomes),
        executions: executions.load(Ordering::Relaxed),
        failure: result.err().map(words),
    }
}

/// Runs the closure once, for real.
pub(crate) fn really<T: Ord + Send + 'static>(f: impl Fn() -> T + Send + Sync + 'static) -> Seen<T> {
    observe(f, |run| run())
}

/// Runs every execution that loom finds.
pub(crate) fn in_loom<T: Ord + Send + 'static>(f: impl Fn() -> T + Send + Sync + 'static) -> Seen<T> {
    in_loom_within(None, f)
}

/// Runs every execution that loom finds with at most so many preemptions.
pub(crate) fn in_loom_within<T: Ord + Send + 'static>(
    preemptions: Option<usize>,
    f: impl Fn() -> T + Send + Sync + 'static,
) -> Seen<T> {
    let seen = observe(f, |run| {
        let _entered = context::enter(Context::Model(Checker::Loom));
        let mut builder = ::loom::model::Builder::new();
        builder.max_branches = 20_000;
        builder.preemption_bound = preemptions;
        let run = Arc::new(run);
        let explore = || {
            let run = Arc::clone(&run);
            catch_unwind(AssertUnwindSafe(|| {
                builder.check(move || {
                    execution::begin();
                    run();
                    execution::end();
                });
            }))
        };
        if let Err(payload) = loom::as_exactly_as_needed(explore, || ()) {
            std::panic::resume_unwind(payload);
        }
    });
    loom::forget_deferred();
    seen
}

/// Runs [`EXECUTIONS`] random executions under shuttle.
pub(crate) fn in_shuttle<T: Ord + Send + 'static>(f: impl Fn() -> T + Send + Sync + 'static) -> Seen<T> {
    in_shuttle_by(::shuttle::scheduler::RandomScheduler::new_from_seed(SEED, EXECUTIONS), f)
}

/// Runs every execution that shuttle finds by a depth-first search.
///
/// # Panics
/// If there are more than `limit`.
#[track_caller]
pub(crate) fn in_shuttle_exhaustively<T: Ord + Send + 'static>(
    limit: usize,
    f: impl Fn() -> T + Send + Sync + 'static,
) -> Seen<T> {
    let seen = in_shuttle_by(::shuttle::scheduler::DfsScheduler::new(Some(limit + 1), false), f);
    assert!(seen.executions <= limit, "there are more than {limit} executions");
    seen
}

fn in_shuttle_by<T: Ord + Send + 'static>(
    scheduler: impl ::shuttle::scheduler::Scheduler + 'static,
    f: impl Fn() -> T + Send + Sync + 'static,
) -> Seen<T> {
    let seen = observe(f, |run| {
        let _entered = context::enter(Context::Model(Checker::Shuttle));
        let mut config = ::shuttle::Config::default();
        config.failure_persistence = ::shuttle::FailurePersistence::None;
        ::shuttle::Runner::new(crate::rt::shuttle::tracking::Tracking(scheduler), config).run(move || {
            execution::begin();
            run();
            crate::rt::model::end_of_execution();
        });
    });
    pending::end();
    seen
}

/// Runs the closure on every engine and returns what each has seen, in this order: real, loom, shuttle.
#[track_caller]
pub(crate) fn everywhere_counted<T: Ord + Send + 'static>(
    f: impl Fn() -> T + Send + Sync + Clone + 'static,
) -> [Seen<T>; 3] {
    let seen = [really(f.clone()), in_loom(f.clone()), in_shuttle(f)];
    for seen in &seen {
        assert!(seen.executions > 0, "an engine ran nothing");
    }
    seen
}

/// Runs the closure on every engine, where it must not fail.
#[track_caller]
pub(crate) fn everywhere(f: impl Fn() + Send + Sync + Clone + 'static) {
    check(everywhere_counted(f));
}

/// As [`everywhere`], but under loom with at most two preemptions: for closures of many operations.
#[track_caller]
pub(crate) fn everywhere_bounded(f: impl Fn() + Send + Sync + Clone + 'static) {
    let bounded = in_loom_within(Some(2), f.clone());
    check([really(f.clone()), bounded, in_shuttle(f)]);
}

#[track_caller]
fn check(seen: [Seen<()>; 3]) {
    for (seen, engine) in seen.into_iter().zip(["real", "loom", "shuttle"]) {
        assert_eq!(seen.failure, None, "on {engine}, execution {}", seen.executions);
        let expected = if engine == "shuttle" { EXECUTIONS } else { 1 };
        assert!(seen.executions >= expected, "{engine} stopped early");
    }
}

/// A thread of the engine that runs.
pub(crate) enum Spawned<T> {
    Real(std::thread::JoinHandle<T>),
    Loom(::loom::thread::JoinHandle<std::thread::Result<T>>),
    Shuttle(::shuttle::thread::JoinHandle<(std::thread::Result<T>, past::Token)>),
}

/// Starts a thread of the engine that runs. Its panics end in `join`, as in std.
#[track_caller]
pub(crate) fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Spawned<T> {
    match context::current() {
        Context::Real | Context::Process | Context::Model(Checker::Rc11) => {
            Spawned::Real(std::thread::spawn(f))
        }
        Context::Model(Checker::Loom) => Spawned::Loom(::loom::thread::spawn(move || {
            catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
                if crate::rt::panics::is_checkers(&*payload) {
                    std::panic::resume_unwind(payload);
                }
                loom::release_deferred();
                payload
            })
        })),
        Context::Model(Checker::Shuttle) => {
            let parent = past::token();
            Spawned::Shuttle(::shuttle::thread::spawn(move || {
                past::receive(&parent);
                let result = catch_unwind(AssertUnwindSafe(f));
                if let Err(payload) = result {
                    if payload.is::<pending::RaceFound>() {
                        std::panic::resume_unwind(payload);
                    }
                    return (Err(payload), past::token());
                }
                (result, past::token())
            }))
        }
    }
}

impl<T> Spawned<T> {
    /// Waits for the thread; its panic is the error.
    #[track_caller]
    pub(crate) fn join(self) -> std::thread::Result<T> {
        match self {
            Spawned::Real(handle) => handle.join(),
            Spawned::Loom(handle) => handle.join()?,
            Spawned::Shuttle(handle) => {
                let joined = handle.join();
                let (result, token) = joined?;
                past::receive(&token);
                result
            }
        }
    }
}

/// Lets others run. False under loom, whose executions must not wait in a loop.
pub(crate) fn yield_now() -> bool {
    match context::current() {
        Context::Real | Context::Process | Context::Model(Checker::Rc11) => std::thread::yield_now(),
        Context::Model(Checker::Loom) => return false,
        Context::Model(Checker::Shuttle) => {
            ::shuttle::thread::yield_now();
        }
    }
    true
}
