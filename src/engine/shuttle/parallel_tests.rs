//! Searches of the reduction with helpers in processes of their own, against the same search without: what is observed
//! is the same to the letter, also where helpers die, hang, or go beyond the end of the budget.

use super::differential::programs;
use crate::cell::Plain;
use crate::choose;
use crate::engine::parallel_testing::{
    additions, child, compare, compare_helped, heartbeat, helped_by_others, killed, late, observed,
    only_in_helpers, single, slots,
};
use crate::engine::seeded_bugs::erased;
use crate::engine::worker_pool::STARTED;
use crate::engine::{Budget, Engine, Fatal, Helping, Task, Way};
use crate::scenario::Design;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::thread;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::time::Duration;

const BUDGET: Budget = Budget { executions: 20_000, random_executions: 20, ..Budget::FOR_TESTS };

#[test]
fn closed_forms_are_the_same_on_several_cores() {
    single("engine::shuttle::parallel_tests::closed_forms_are_the_same_on_several_cores", || {
        // Each execution has an outcome of its own here, and all must come back from the helpers.
        compare_helped(Engine::Shuttle, || additions(3, 2), BUDGET);
        compare_helped(Engine::Shuttle, || additions(4, 2), BUDGET);
        let lost_updates = || {
            erased(
                Design::new(|| AtomicU32::new(0))
                    .actors(4, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                    .observe(|n, _| n.load(Relaxed)),
            )
        };
        compare_helped(Engine::Shuttle, lost_updates, BUDGET);
        for preemptions in [1, 2] {
            compare_helped(
                Engine::Shuttle,
                lost_updates,
                Budget { preemptions: Some(preemptions), ..BUDGET },
            );
        }
    });
}

#[test]
fn a_search_that_the_budget_ends_is_the_same_on_several_cores() {
    single(
        "engine::shuttle::parallel_tests::a_search_that_the_budget_ends_is_the_same_on_several_cores",
        || {
            for executions in [7, 100, 777, 2_519, 2_520] {
                compare(Engine::Shuttle, || additions(4, 2), Budget { executions, ..BUDGET });
            }
        },
    );
}

#[test]
fn random_programs_are_the_same_on_several_cores() {
    single("engine::shuttle::parallel_tests::random_programs_are_the_same_on_several_cores", || {
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
                erased(all.observe(|(), returns| returns[0].clone()))
            };
            helpers
                .set(helpers.get() + compare(Engine::Shuttle, make, Budget { executions: 2_000, ..BUDGET }));
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
        assert!(helpers.get() > 3, "only {} helpers", helpers.get());
    });
}

#[test]
fn loops_locks_and_failures_are_the_same_on_several_cores() {
    single("engine::shuttle::parallel_tests::loops_locks_and_failures_are_the_same_on_several_cores", || {
        let awaits = || {
            erased(
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
        compare_helped(Engine::Shuttle, awaits, BUDGET);
        // The third to come takes the locks in another order: found late in the search.
        let deadlocks = || {
            erased(
                Design::new(|| (AtomicU32::new(0), [0, 1].map(Mutex::new)))
                    .actors(3, |(turn, [a, b])| {
                        let (first, second) = if turn.fetch_add(1, Relaxed) == 2 { (b, a) } else { (a, b) };
                        let guard = first.lock().unwrap();
                        *second.lock().unwrap() += *guard;
                    })
                    .observe(|_, _| ()),
            )
        };
        compare(Engine::Shuttle, deadlocks, BUDGET);
        let panics = || {
            erased(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| {
                        n.fetch_add(1, Relaxed);
                        n.fetch_add(1, Relaxed);
                    })
                    .actor("last", |n| assert!(n.fetch_add(1, Relaxed) > 0, "it came first"))
                    .observe(|_, _| ()),
            )
        };
        compare_helped(Engine::Shuttle, panics, BUDGET);
    });
}

#[test]
fn values_that_are_chosen_are_the_same_on_several_cores() {
    single("engine::shuttle::parallel_tests::values_that_are_chosen_are_the_same_on_several_cores", || {
        // Only who comes first chooses, which takes a while: the helpers are at work by then.
        let late = |actors: usize| {
            erased(
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
        compare_helped(Engine::Shuttle, || late(3), BUDGET);
        for executions in [50, 540, 541, 600] {
            compare(Engine::Shuttle, || late(3), Budget { executions, ..BUDGET });
        }
        // A design that chooses at once is never helped.
        let early = || {
            erased(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| n.fetch_add(choose(2), Relaxed) + n.fetch_add(choose(2), Relaxed))
                    .observe(|n, returns| (n.load(Relaxed), returns.to_vec())),
            )
        };
        assert_eq!(compare(Engine::Shuttle, early, BUDGET), 0);
        assert_eq!(observed(Engine::Shuttle, &early(), BUDGET, 1, heartbeat()).executions, 90 * 64);
    });
}

#[test]
fn who_asks_for_more_than_interleavings_is_not_helped() {
    single("engine::shuttle::parallel_tests::who_asks_for_more_than_interleavings_is_not_helped", || {
        let racing = || {
            Design::new(|| (Plain::new(0_u32), AtomicU32::new(0))).actors(3, |(n, order)| {
                order.fetch_add(1, Relaxed);
                n.set(n.get() + 1);
            })
        };
        let past = || erased(racing().past_races().observe(|(n, _), _| n.get()));
        assert_eq!(compare(Engine::Shuttle, past, BUDGET), 0);
        assert!(observed(Engine::Shuttle, &past(), BUDGET, 1, heartbeat()).raced > 0);
        let woken = || {
            erased(
                Design::new(|| AtomicU32::new(0))
                    .actors(3, |n| n.fetch_add(1, Relaxed) + n.fetch_add(1, Relaxed))
                    .spurious_wakeups()
                    .observe(|_, returns| returns.to_vec()),
            )
        };
        assert_eq!(compare(Engine::Shuttle, woken, BUDGET), 0);
        // Nor is a process that is to write down its end.
        let whole = additions(3, 2);
        let file = "/dev/null".into();
        let fatal = Some(Fatal { way: Way::Last, file });
        let helping = Some(Helping { slots: slots(3), own: 0, after: Duration::ZERO });
        let before = STARTED.load(Relaxed);
        let task = Task { helping, ..Task::new(&whole, BUDGET, heartbeat()) };
        let seen = super::observe(&Task { fatal, ..task.clone() }).expect("the engine works");
        assert_eq!((seen.executions, STARTED.load(Relaxed)), (90, before));
        whole.program.forget_outcomes();
        let seen = super::observe(&task).expect("the engine works");
        assert!(seen.executions == 90 && STARTED.load(Relaxed) > before);
    });
}

#[test]
fn what_a_helper_leaves_undone_is_done_by_its_giver() {
    single("engine::shuttle::parallel_tests::what_a_helper_leaves_undone_is_done_by_its_giver", || {
        helped_by_others();
        for act in [
            || only_in_helpers(killed),
            || only_in_helpers(|| std::process::abort()),
            || only_in_helpers(|| std::process::exit(0)),
            || only_in_helpers(|| panic!("not here")),
        ] as [fn(); 4]
        {
            compare_helped(Engine::Shuttle, || late(act), BUDGET);
        }
    });
}

#[test]
fn a_design_that_kills_its_process_does_so_after_the_same_executions() {
    single(
        "engine::shuttle::parallel_tests::a_design_that_kills_its_process_does_so_after_the_same_executions",
        || {
            for (act, signal) in
                [(killed as fn(), Signal::SIGKILL), (|| std::process::abort(), Signal::SIGABRT)]
            {
                let after = |cores| {
                    let told = heartbeat();
                    let worker = child(|| drop(observed(Engine::Shuttle, &late(act), BUDGET, cores, told)));
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
        },
    );
}

#[test]
fn an_execution_that_does_not_end_stands_still_at_the_same_place() {
    single(
        "engine::shuttle::parallel_tests::an_execution_that_does_not_end_stands_still_at_the_same_place",
        || {
            let stands_still_at = |cores, expected: Option<u64>| {
                let told = heartbeat();
                let for_ever = || loop {
                    std::thread::sleep(Duration::from_millis(1));
                };
                let worker =
                    child(move || drop(observed(Engine::Shuttle, &late(for_ever), BUDGET, cores, told)));
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
        },
    );
}
