//! Searches with helpers in processes of their own, against the same search without: what both engines that have
//! helpers are tested with.

use super::lockstep::{Mapping, Sharing};
use super::seeded_bugs::{alone, erased};
use super::worker_pool::STARTED;
use super::{Budget, Engine, Heartbeat, Helping, Holder, Observation, Slots, Task, adapter};
use crate::scenario::{Design, ErasedDesign};
use crate::sync::atomic::{AtomicU32, Ordering::*};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicI32;
use std::time::Duration;

/// Starts a process with a single thread, which alone may fork helpers.
pub(super) fn child(body: impl FnOnce()) -> Pid {
    // SAFETY: this process was started for one test, whose other thread waits for it and holds no lock.
    match unsafe { fork() }.expect("a process for the test") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let failed = catch_unwind(AssertUnwindSafe(body)).is_err();
            // SAFETY: `_exit` runs no handlers and returns to no caller.
            unsafe { libc::_exit(i32::from(failed)) }
        }
    }
}

/// Runs a test in a process with a single thread.
pub(super) fn single(test_name: &str, test: impl FnOnce()) {
    alone(test_name, || {
        let child = child(test);
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    });
}

/// A value that is seen by this process and its children.
///
/// # Safety
/// Zeroed memory is a valid value, and it is made of atomics.
unsafe fn shared<T>() -> &'static T {
    let memory = Mapping::new(size_of::<T>(), align_of::<T>(), Sharing::Shared).expect("a page");
    let value = memory.base().cast::<T>();
    std::mem::forget(memory);
    // SAFETY: large enough, aligned, never unmapped; the caller says that zeroes are a value.
    unsafe { &*value }
}

pub(super) fn heartbeat() -> &'static Heartbeat {
    // SAFETY: a heartbeat is atomics, for which zero is a value.
    unsafe { shared() }
}

/// Slots for so many processes, of which this one has the first.
pub(super) fn slots(count: usize) -> &'static Slots {
    // SAFETY: slots are atomics, for which zero is a value.
    let slots: &'static Slots = unsafe { shared() };
    slots.open(count);
    let me = std::process::id();
    assert_eq!(slots.claim(Holder { family: me, process: me }), Some(0));
    slots
}

/// What is observed on so many cores.
pub(super) fn observed(
    engine: Engine,
    design: &ErasedDesign,
    budget: Budget,
    cores: usize,
    heartbeat: &'static Heartbeat,
) -> Observation {
    crate::rt::panics::install();
    let slots = slots(cores);
    let helping = Some(Helping { slots, own: 0, after: Duration::ZERO }).filter(|_| cores > 1);
    let task = Task { helping, ..Task::new(design, budget, heartbeat) };
    let seen = adapter(engine).observe(&task).expect("the engine works");
    assert_eq!(wait(), Err(Errno::ECHILD), "no helper is left");
    assert_eq!(slots.held(), 1, "no slot is left taken");
    seen
}

/// Compares the search on two and three cores with that on one, and tells how many helpers there were.
#[track_caller]
pub(super) fn compare(engine: Engine, make: impl Fn() -> ErasedDesign, budget: Budget) -> u64 {
    let (before, alone) = (STARTED.load(Relaxed), heartbeat());
    let one = observed(engine, &make(), budget, 1, alone);
    for cores in [2, 3] {
        let told = heartbeat();
        let several = observed(engine, &make(), budget, cores, told);
        assert_eq!(several, one, "on {cores} cores");
        assert_eq!(told.executions(), alone.executions(), "on {cores} cores");
    }
    STARTED.load(Relaxed) - before
}

/// As [`compare`], again until there were helpers: on a busy machine a short search is over before they come.
#[track_caller]
pub(super) fn compare_helped(engine: Engine, make: impl Fn() -> ErasedDesign, budget: Budget) {
    let helped = (0..50).any(|_| compare(engine, &make, budget) > 0);
    assert!(helped, "fifty searches on several cores had no helper");
}

pub(super) fn additions(actors: usize, each: usize) -> ErasedDesign {
    erased(
        Design::new(|| AtomicU32::new(0))
            .actors(actors, move |n| (0..each).map(|_| n.fetch_add(1, Relaxed)).collect::<Vec<_>>())
            .observe(|_, returns| returns.to_vec()),
    )
}

/// The process whose helpers are all others; 0 if any process is meant.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// From here on this process is the one whose helpers [`only_in_helpers`] means.
pub(super) fn helped_by_others() {
    PARENT.store(getpid().as_raw(), Relaxed);
}

pub(super) fn only_in_helpers(act: fn()) {
    if getpid().as_raw() != PARENT.load(Relaxed) {
        act();
    }
}

pub(super) fn killed() {
    kill(getpid(), Signal::SIGKILL).expect("a process can kill itself");
}

/// Additions of which the last actor's come first in one part of the search, far from its beginning; `act` happens
/// there.
pub(super) fn late(act: fn()) -> ErasedDesign {
    erased(
        Design::new(|| AtomicU32::new(0))
            .actors(3, |n| {
                n.fetch_add(1, Relaxed);
                n.fetch_add(1, Relaxed);
            })
            .actor("last", move |n| {
                if n.fetch_add(1, Relaxed) == 0 {
                    act();
                }
            })
            .observe(|n, _| n.load(Relaxed)),
    )
}
