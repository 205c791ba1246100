//! Explorations with helpers in processes of their own, against the same exploration without: what is observed is the
//! same to the letter, also where helpers die, or go beyond the end of the budget.

use crate::cell::Plain;
use crate::choose;
use crate::engine::parallel_testing::{
    additions, child, compare, compare_helped, heartbeat, helped_by_others, killed, late, observed,
    only_in_helpers, single,
};
use crate::engine::seeded_bugs::erased;
use crate::engine::worker_pool::STARTED;
use crate::engine::{Budget, Engine};
use crate::scenario::{Design, ErasedDesign};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::thread;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};

const BUDGET: Budget = Budget { executions: 20_000, random_executions: 20, ..Budget::FOR_TESTS };

fn lost_updates(actors: usize) -> ErasedDesign {
    erased(
        Design::new(|| AtomicU32::new(0))
            .actors(actors, |n| n.store(n.load(Relaxed) + 1, Relaxed))
            .observe(|n, _| n.load(Relaxed)),
    )
}

#[test]
fn closed_forms_are_the_same_on_several_cores() {
    single("engine::rc11::parallel_tests::closed_forms_are_the_same_on_several_cores", || {
        // Each execution has an outcome of its own here, and all must come back from the helpers.
        compare_helped(Engine::Rc11, || additions(4, 2), BUDGET);
        compare_helped(Engine::Rc11, || lost_updates(4), BUDGET);
        compare_helped(Engine::Rc11Sc, || lost_updates(4), BUDGET);
        assert_eq!(observed(Engine::Rc11, &additions(4, 2), BUDGET, 3, heartbeat()).executions, 2_520);
    });
}

#[test]
fn an_exploration_that_the_budget_ends_is_the_same_on_several_cores() {
    single(
        "engine::rc11::parallel_tests::an_exploration_that_the_budget_ends_is_the_same_on_several_cores",
        || {
            let before = STARTED.load(Relaxed);
            for executions in [7, 100, 777, 2_519, 2_520, 2_521] {
                compare(Engine::Rc11, || additions(4, 2), Budget { executions, ..BUDGET });
            }
            assert!(STARTED.load(Relaxed) > before);
        },
    );
}

#[test]
fn loops_choices_and_failures_are_the_same_on_several_cores() {
    single("engine::rc11::parallel_tests::loops_choices_and_failures_are_the_same_on_several_cores", || {
        let awaits = || {
            erased(
                Design::new(|| (AtomicBool::new(false), AtomicU32::new(0)))
                    .actor("waits", |(ready, n)| {
                        while !ready.load(Acquire) {
                            thread::yield_now();
                        }
                        n.fetch_add(choose(3), Relaxed)
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
        compare_helped(Engine::Rc11, awaits, BUDGET);
        // The third to come takes the locks in another order: in some executions a deadlock. What they return keeps the
        // three from being alike.
        let deadlocks = || {
            erased(
                Design::new(|| (AtomicU32::new(0), [0, 1].map(Mutex::new)))
                    .actors(3, |(turn, [a, b])| {
                        let turn = turn.fetch_add(1, Relaxed);
                        let (first, second) = if turn == 2 { (b, a) } else { (a, b) };
                        let guard = first.lock().unwrap();
                        *second.lock().unwrap() += *guard;
                        turn
                    })
                    .observe(|_, _| ()),
            )
        };
        compare_helped(Engine::Rc11, deadlocks, BUDGET);
        // Two who come first and second race; the search goes on.
        let races = || {
            erased(
                Design::new(|| (AtomicU32::new(0), Plain::new(0)))
                    .actors(3, |(turn, cell)| {
                        let first = turn.fetch_add(1, Relaxed);
                        if turn.fetch_add(1, Relaxed) == 5 {
                            cell.set(cell.get() + 1);
                        }
                        first
                    })
                    .actor("other", |(turn, cell)| {
                        if turn.load(Relaxed) == 6 {
                            cell.set(1);
                        }
                        0
                    })
                    .observe(|(_, cell), _| cell.get()),
            )
        };
        compare_helped(Engine::Rc11, races, BUDGET);
    });
}

#[test]
fn forbidden_outcomes_are_the_same_on_several_cores() {
    single("engine::rc11::parallel_tests::forbidden_outcomes_are_the_same_on_several_cores", || {
        let forbidden = |value: u32| {
            move || {
                let design = Design::new(|| AtomicU32::new(0))
                    .actors(4, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                    .observe(|n, _| n.load(Relaxed));
                let scenario = crate::Scenario::new("How many?")
                    .forbidden("it is this", move |n| *n == value)
                    .acceptable("any other", |_| true)
                    .design("it", design);
                scenario.erase().designs.remove(0)
            }
        };
        for (value, count) in [(1, 144), (4, 24)] {
            compare_helped(Engine::Rc11, forbidden(value), BUDGET);
            let seen = observed(Engine::Rc11, &forbidden(value)(), BUDGET, 3, heartbeat());
            let violations = seen.outcomes.iter().filter(|outcome| outcome.is_violation());
            assert_eq!(violations.map(|outcome| outcome.count).sum::<u64>(), count);
        }
    });
}

#[test]
fn what_a_helper_leaves_undone_is_done_by_its_giver() {
    single("engine::rc11::parallel_tests::what_a_helper_leaves_undone_is_done_by_its_giver", || {
        helped_by_others();
        for act in [
            || only_in_helpers(killed),
            || only_in_helpers(|| std::process::abort()),
            || only_in_helpers(|| std::process::exit(0)),
        ] as [fn(); 3]
        {
            compare_helped(Engine::Rc11, || late(act), BUDGET);
        }
    });
}

#[test]
fn a_design_that_kills_its_process_does_so_after_the_same_executions() {
    single(
        "engine::rc11::parallel_tests::a_design_that_kills_its_process_does_so_after_the_same_executions",
        || {
            let after = |cores| {
                let told = heartbeat();
                let worker = child(|| drop(observed(Engine::Rc11, &late(killed), BUDGET, cores, told)));
                let Ok(WaitStatus::Signaled(_, died_of, _)) = waitpid(worker, None) else {
                    panic!("no death")
                };
                assert_eq!(died_of, Signal::SIGKILL);
                told.executions()
            };
            let one = after(1);
            assert_eq!((after(2), after(3)), (one, one));
        },
    );
}
