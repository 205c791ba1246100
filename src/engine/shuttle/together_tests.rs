//! Searches with helpers in processes of their own, against the same search without: what is observed is the
//! same to the letter, also where helpers die, hang, or go beyond the end of the budget.

use super::agreement::programs;
use super::crew::STARTED;
use crate::cell::Plain;
use crate::choose;
use crate::engine::lockstep::{Mapping, Sharing};
use crate::engine::planted::alone;
use crate::engine::{Budget, Fatal, Helping, Holder, Observation, Pulse, Slots, Task, Way};
use crate::scenario::{Design, ErasedDesign, Outcome, Scenario};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::thread;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicI32;
use std::time::Duration;

const BUDGET: Budget = Budget { executions: 20_000, random_executions: 20, ..Budget::FOR_TESTS };

/// Starts a process with a single thread, which alone may fork helpers.
fn child(body: impl FnOnce()) -> Pid {
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
fn single(name: &str, test: impl FnOnce()) {
    alone(&format!("engine::shuttle::together_tests::{name}"), || {
        let child = child(test);
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    });
}

fn design<S, R, O>(design: Design<S, R, O>) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?").acceptable("anything", |_| true).design("it", design);
    scenario.erase().designs.remove(0)
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

fn pulse() -> &'static Pulse {
    // SAFETY: a pulse is atomics, for which zero is a value.
    unsafe { shared() }
}

/// Slots for so many processes, of which this one has the first.
fn slots(count: usize) -> &'static Slots {
    // SAFETY: slots are atomics, for which zero is a value.
    let slots: &'static Slots = unsafe { shared() };
    slots.open(count);
    let me = std::process::id();
    assert_eq!(slots.claim(Holder { family: me, process: me }), Some(0));
    slots
}

/// What is observed on so many cores.
fn observed(design: &ErasedDesign, budget: Budget, cores: usize, pulse: &'static Pulse) -> Observation {
    crate::panics::install();
    let slots = slots(cores);
    let helping = Some(Helping { slots, own: 0, after: Duration::ZERO }).filter(|_| cores > 1);
    let seen =
        super::observe(&Task { helping, ..Task::new(design, budget, pulse) }).expect("the engine works");
    assert_eq!(wait(), Err(Errno::ECHILD), "no helper is left");
    assert_eq!(slots.held(), 1, "no slot is left taken");
    seen
}

/// Compares the search on two and three cores with that on one, and tells how many helpers there were.
#[track_caller]
fn compare(make: impl Fn() -> ErasedDesign, budget: Budget) -> u64 {
    let (before, alone) = (STARTED.load(Relaxed), pulse());
    let one = observed(&make(), budget, 1, alone);
    for cores in [2, 3] {
        let told = pulse();
        let several = observed(&make(), budget, cores, told);
        assert_eq!(several, one, "on {cores} cores");
        assert_eq!(told.executions(), alone.executions(), "on {cores} cores");
    }
    STARTED.load(Relaxed) - before
}

/// As [`compare`], again until there were helpers: on a busy machine a short search is over before they come.
#[track_caller]
fn compare_helped(make: impl Fn() -> ErasedDesign, budget: Budget) {
    let helped = (0..50).any(|_| compare(&make, budget) > 0);
    assert!(helped, "fifty searches on several cores had no helper");
}

fn additions(actors: usize, each: usize) -> ErasedDesign {
    design(
        Design::new(|| AtomicU32::new(0))
            .actors(actors, move |n| (0..each).map(|_| n.fetch_add(1, Relaxed)).collect::<Vec<_>>())
            .observe(|_, returns| returns.to_vec()),
    )
}

#[test]
fn closed_forms_are_the_same_on_several_cores() {
    single("closed_forms_are_the_same_on_several_cores", || {
        // Each execution has an outcome of its own here, and all must come back from the helpers.
        compare_helped(|| additions(3, 2), BUDGET);
        compare_helped(|| additions(4, 2), BUDGET);
        let lost_updates = || {
            design(
                Design::new(|| AtomicU32::new(0))
                    .actors(4, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                    .observe(|n, _| n.load(Relaxed)),
            )
        };
        compare_helped(lost_updates, BUDGET);
        for preemptions in [1, 2] {
            compare_helped(lost_updates, Budget { preemptions: Some(preemptions), ..BUDGET });
        }
    });
}

#[test]
fn a_search_that_the_budget_ends_is_the_same_on_several_cores() {
    single("a_search_that_the_budget_ends_is_the_same_on_several_cores", || {
        for executions in [7, 100, 777, 2_519, 2_520] {
            compare(|| additions(4, 2), Budget { executions, ..BUDGET });
        }
    });
}

#[test]
fn random_programs_are_the_same_on_several_cores() {
    single("random_programs_are_the_same_on_several_cores", || {
        let config =
            Config { cases: 20, failure_persistence: None, max_shrink_iters: 50, ..Config::default() };
        let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x2c; 32]);
        let helpers = Cell::new(0);
        let result = TestRunner::new_with_rng(config, seed).run(&programs(), |program| {
            let make = || {
                let (program, options) = (program.clone(), program.options);
                let all = Design::new(|| ()).actor("all", move |()| program.execute());
                let all = if options.spurious_wakeups { all.spurious_wakeups() } else { all };
                let all = if options.past_races { all.past_races() } else { all };
                design(all.observe(|(), returns| returns[0].clone()))
            };
            helpers.set(helpers.get() + compare(make, Budget { executions: 2_000, ..BUDGET }));
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
        assert!(helpers.get() > 3, "only {} helpers", helpers.get());
    });
}

#[test]
fn loops_locks_and_failures_are_the_same_on_several_cores() {
    single("loops_locks_and_failures_are_the_same_on_several_cores", || {
        let awaits = || {
            design(
                Design::new(|| (AtomicBool::new(false), AtomicU32::new(0)))
                    .actor("waits", |(ready, n)| {
                        while !ready.load(Acquire) {
                            thread::yield_now();
                        }
                        n.fetch_add(1, Relaxed)
                    })
                    .actor("sets", |(ready, n)| {
                        let before = n.fetch_add(1, Relaxed);
                        ready.store(true, Release);
                        before
                    })
                    .actor("adds", |(_, n)| n.fetch_add(1, Relaxed) + n.fetch_add(1, Relaxed))
                    .observe(|_, returns| returns.to_vec()),
            )
        };
        compare_helped(awaits, BUDGET);
        // The third to come takes the locks in another order: found late in the search.
        let deadlocks = || {
            design(
                Design::new(|| (AtomicU32::new(0), [0, 1].map(Mutex::new)))
                    .actors(3, |(turn, [a, b])| {
                        let (first, second) = if turn.fetch_add(1, Relaxed) == 2 { (b, a) } else { (a, b) };
                        let guard = first.lock().unwrap();
                        *second.lock().unwrap() += *guard;
                    })
                    .observe(|_, _| ()),
            )
        };
        compare(deadlocks, BUDGET);
        let panics = || {
            design(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| {
                        n.fetch_add(1, Relaxed);
                        n.fetch_add(1, Relaxed);
                    })
                    .actor("last", |n| assert!(n.fetch_add(1, Relaxed) > 0, "it came first"))
                    .observe(|_, _| ()),
            )
        };
        compare_helped(panics, BUDGET);
    });
}

#[test]
fn values_that_are_chosen_are_the_same_on_several_cores() {
    single("values_that_are_chosen_are_the_same_on_several_cores", || {
        // Only who comes first chooses, which takes a while: the helpers are at work by then.
        let late = |actors: usize| {
            design(
                Design::new(|| AtomicU32::new(0))
                    .actors(actors, |n| {
                        n.fetch_add(10, Relaxed);
                        n.fetch_add(10, Relaxed);
                    })
                    .actor("last", |n| {
                        if n.fetch_add(10, Relaxed) == 0 {
                            n.fetch_add(choose(3), Relaxed);
                        }
                    })
                    .observe(|n, _| n.load(Relaxed)),
            )
        };
        compare_helped(|| late(3), BUDGET);
        for executions in [50, 540, 541, 600] {
            compare(|| late(3), Budget { executions, ..BUDGET });
        }
        // A design that chooses at once is never helped.
        let early = || {
            design(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| n.fetch_add(choose(2), Relaxed) + n.fetch_add(choose(2), Relaxed))
                    .observe(|n, returns| (n.load(Relaxed), returns.to_vec())),
            )
        };
        assert_eq!(compare(early, BUDGET), 0);
        assert_eq!(observed(&early(), BUDGET, 1, pulse()).executions, 90 * 64);
    });
}

#[test]
fn who_asks_for_more_than_interleavings_is_not_helped() {
    single("who_asks_for_more_than_interleavings_is_not_helped", || {
        let racing = || {
            Design::new(|| (Plain::new(0_u32), AtomicU32::new(0))).actors(3, |(n, order)| {
                order.fetch_add(1, Relaxed);
                n.set(n.get() + 1);
            })
        };
        let past = || design(racing().past_races().observe(|(n, _), _| n.get()));
        assert_eq!(compare(past, BUDGET), 0);
        assert!(observed(&past(), BUDGET, 1, pulse()).raced > 0);
        let woken = || {
            design(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| n.fetch_add(1, Relaxed) + n.fetch_add(1, Relaxed))
                    .spurious_wakeups()
                    .observe(|_, returns| returns.to_vec()),
            )
        };
        assert_eq!(compare(woken, BUDGET), 0);
        // Nor is a process that is to write down its end.
        let whole = additions(3, 2);
        let file = "/dev/null".into();
        let fatal = Some(Fatal { way: Way::Last, file });
        let helping = Some(Helping { slots: slots(3), own: 0, after: Duration::ZERO });
        let before = STARTED.load(Relaxed);
        let task = Task { helping, ..Task::new(&whole, BUDGET, pulse()) };
        let seen = super::observe(&Task { fatal, ..task.clone() }).expect("the engine works");
        assert_eq!((seen.executions, STARTED.load(Relaxed)), (90, before));
        whole.program.forget_outcomes();
        let seen = super::observe(&task).expect("the engine works");
        assert!(seen.executions == 90 && STARTED.load(Relaxed) > before);
    });
}

/// The process whose helpers are all others; 0 if any process is meant.
static GIVER: AtomicI32 = AtomicI32::new(0);

/// Additions of which the last actor's come first in one part of the search, far from its beginning; `act`
/// happens there.
fn late(act: fn()) -> ErasedDesign {
    design(
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

fn only_in_helpers(act: fn()) {
    if getpid().as_raw() != GIVER.load(Relaxed) {
        act();
    }
}

fn killed() {
    kill(getpid(), Signal::SIGKILL).expect("a process can kill itself");
}

#[test]
fn what_a_helper_leaves_undone_is_done_by_its_giver() {
    single("what_a_helper_leaves_undone_is_done_by_its_giver", || {
        GIVER.store(getpid().as_raw(), Relaxed);
        for act in [
            || only_in_helpers(killed),
            || only_in_helpers(|| std::process::abort()),
            || only_in_helpers(|| std::process::exit(0)),
            || only_in_helpers(|| panic!("not here")),
        ] as [fn(); 4]
        {
            compare_helped(|| late(act), BUDGET);
        }
    });
}

#[test]
fn a_design_that_kills_its_process_does_so_after_the_same_executions() {
    single("a_design_that_kills_its_process_does_so_after_the_same_executions", || {
        for (act, signal) in [(killed as fn(), Signal::SIGKILL), (|| std::process::abort(), Signal::SIGABRT)]
        {
            let after = |cores| {
                let told = pulse();
                let worker = child(|| drop(observed(&late(act), BUDGET, cores, told)));
                let Ok(WaitStatus::Signaled(_, died_of, _)) = waitpid(worker, None) else {
                    panic!("no death")
                };
                assert_eq!(died_of, signal);
                told.executions()
            };
            let one = after(1);
            assert!(one > 100, "it dies at once: after {one} executions");
            assert_eq!((after(2), after(3)), (one, one));
        }
    });
}

#[test]
fn an_execution_that_does_not_end_stands_still_at_the_same_place() {
    single("an_execution_that_does_not_end_stands_still_at_the_same_place", || {
        let stands_still_at = |cores, expected: Option<u64>| {
            let told = pulse();
            let for_ever = || loop {
                std::thread::sleep(Duration::from_millis(1));
            };
            let worker = child(move || drop(observed(&late(for_ever), BUDGET, cores, told)));
            let (mut last, mut still) = (0, 0);
            // As long as it takes: a helper that has not come back has executions to show.
            while still < 150 || last == 0 || expected.is_some_and(|expected| last != expected) {
                std::thread::sleep(Duration::from_millis(2));
                let now = told.executions();
                still = if now == last { still + 1 } else { 0 };
                last = now;
                assert!(expected.is_none_or(|expected| now <= expected), "{now} instead of {expected:?}");
            }
            kill(worker, Signal::SIGKILL).expect("it does not end");
            waitpid(worker, None).expect("its end");
            last
        };
        let one = stands_still_at(1, None);
        assert_eq!(stands_still_at(2, Some(one)), one);
    });
}
