//! Witnesses of seeded bugs, under both checkers.

use super::seeded_bugs::erased_forbidding as erased;
use super::{Budget, Heartbeat, Observation, Task, loom, replay, shuttle};
use crate::base::engine::Engine;
use crate::base::failure::{AccessKind, Crash, Failure, How};
use crate::base::observation::Stop;
use crate::cell::Plain;
use crate::scenario::{Design, ErasedDesign};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::sync::{Arc, Condvar, Mutex};
use crate::witness::{Witness, token};

type Checker = fn(&Task<'_>) -> anyhow::Result<Observation>;
const CHECKERS: [(&str, Checker); 2] = [("loom", loom::observe), ("shuttle", shuttle::observe)];

fn observed(checker: Checker, design: &ErasedDesign) -> Observation {
    let budget = Budget { random_executions: 500, ..Budget::FOR_TESTS };
    let task = Task::new(design, budget, Box::leak(Box::new(Heartbeat::default())));
    crate::rt::panics::install();
    checker(&task).expect("the checker does its work")
}

/// The events of the actors: who, what, found and left.
fn actors_events(witness: &Witness) -> Vec<String> {
    let shown = witness.events.iter().filter(|event| event.thread > 0 && event.operation != "drop");
    shown
        .map(|event| {
            let mut text = format!("{} {}", witness.threads[event.thread], event.operation);
            for value in [&event.read, &event.written].into_iter().flatten() {
                text += &format!(" {value}");
            }
            if event.blocked {
                text += " (waits)";
            }
            text
        })
        .collect()
}

fn lost_update() -> ErasedDesign {
    let design = Design::new(|| AtomicU32::new(0))
        .actor("A", |n| n.store(n.load(Relaxed) + 1, Relaxed))
        .actor("B", |n| n.store(n.load(Relaxed) + 1, Relaxed))
        .observe(|n, _| n.load(Relaxed));
    erased(design, |&n| n == 1)
}

#[test]
fn a_lost_update_is_shown_in_four_events() {
    for (name, checker) in CHECKERS {
        let seen = observed(checker, &lost_update());
        assert_eq!(seen.witnesses.len(), 1, "{name}: {seen:?}");
        let witness = &seen.witnesses[0];
        assert!(matches!(&witness.shows, Failure::Forbidden { outcome, .. } if outcome == "1"));
        assert!(witness.shortest, "{name}");
        // loom needs no switch in between: B may read what A has overwritten.
        let expected = match name {
            "loom" => ["A load 0", "A store 1", "B load 0", "B store 1"],
            _ => ["A load 0", "B load 0", "B store 1", "A store 1"],
        };
        assert_eq!(actors_events(witness), expected, "{name}");
        let stale = witness.events.iter().filter(|event| event.stale.is_some()).count();
        assert_eq!(stale, usize::from(name == "loom"));
    }
}

fn observed_by_rc11(design: &ErasedDesign) -> (Task<'_>, Observation) {
    let task = Task::new(design, Budget::FOR_TESTS, Box::leak(Box::new(Heartbeat::default())));
    crate::rt::panics::install();
    let seen = super::observe(Engine::Rc11, &task).expect("the checker does its work");
    (task, seen)
}

/// A loop that waits for 2, which is stored after 1 or not at all; with a yield between two looks or without.
#[test]
fn a_loop_without_end_is_told_and_shown_by_rc11() {
    for between in [crate::thread::yield_now, || ()] {
        let design = |last: u32| {
            let design = Design::new(|| AtomicU32::new(0))
                .actor("A", move |n| {
                    n.store(1, Release);
                    if last > 1 {
                        n.store(last, Release);
                    }
                })
                .actor("B", move |n| {
                    while n.load(Acquire) != 2 {
                        between();
                    }
                })
                .observe(|n, _| n.load(Relaxed));
            erased(design, |_| false)
        };
        let endless = design(1);
        let (task, seen) = observed_by_rc11(&endless);
        let [Failure::Hang(hang)] = &seen.failures[..] else { panic!("{seen:?}") };
        assert_eq!((&hang.spinning[..], &seen.stopped), (&[2][..], &None), "{seen:?}");
        let [witness] = &seen.witnesses[..] else { panic!("{seen:?}") };
        let events = actors_events(witness);
        assert!(events.iter().any(|event| event == "B load 1"), "{events:?}");
        let token = token::decode(&witness.token).expect("a token");
        assert_eq!(actors_events(&replay(&task, &token).expect("the same way")), events);

        let (_, seen) = observed_by_rc11(&design(2));
        assert!(seen.failures.is_empty() && seen.stopped.is_none() && seen.executions > 0, "{seen:?}");
    }
}

/// It is wrong once, long after the executions that are executed again.
#[test]
fn a_failure_that_the_same_execution_does_not_show_again_is_not_repeatable() {
    static OBSERVED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let design = |wrong: u32| {
        let design = Design::new(|| AtomicU32::new(0)).actors(5, |n| n.fetch_add(1, Relaxed));
        let design = design.observe(move |_, _| OBSERVED.fetch_add(1, Relaxed) == wrong);
        erased(design, |&wrong| wrong)
    };
    let (wrong, right) = (design(60), design(u32::MAX));
    let (_, seen) = observed_by_rc11(&wrong);
    assert!(seen.outcomes.iter().any(|outcome| outcome.is_violation()), "{seen:?}");
    assert!(matches!(seen.stopped, Some(Stop::NotRepeatable(_))), "{seen:?}");
    let (_, seen) = observed_by_rc11(&right);
    assert!(seen.stopped.is_none() && seen.executions == 120, "{seen:?}");
}

/// Where owners are counted, clones are events, which turns out while the design is explored.
#[test]
fn what_a_count_of_owners_found_is_shown_and_found_again() {
    let design = Design::new(|| (Arc::new(0_usize), AtomicBool::new(false)))
        .actor("counts", |(owner, looks)| {
            looks.store(true, Relaxed);
            Arc::strong_count(owner)
        })
        .actor("clones", |(owner, _)| *Arc::clone(owner))
        .observe(|_, returns| returns[0]);
    let design = erased(design, |&owners| owners == 2);
    let (task, seen) = observed_by_rc11(&design);
    assert!(seen.stopped.is_none(), "{seen:?}");
    let [witness] = &seen.witnesses[..] else { panic!("{seen:?}") };
    assert!(witness.events.iter().any(|event| event.operation == "store"), "{witness:?}");
    let token = token::decode(&witness.token).expect("a token");
    assert_eq!(replay(&task, &token).expect("the same way").events, witness.events);
}

#[test]
fn a_race_ends_with_its_second_access() {
    for (name, checker) in CHECKERS {
        let first = line!();
        let design = Design::new(|| (AtomicBool::new(false), Plain::new(0)))
            .actor("A", |(ready, data)| {
                data.set(42);
                ready.store(true, Relaxed);
                0
            })
            .actor("B", |(ready, data)| if ready.load(Acquire) { data.get() } else { 42 })
            .observe(|_, returns| returns[1]);
        let seen = observed(checker, &erased(design, |&n| n != 42));
        let [witness] = &seen.witnesses[..] else { panic!("{name}: {seen:?}") };
        assert!(matches!(witness.shows, Failure::DataRace(_)), "{witness:?}");
        assert_eq!(
            actors_events(witness),
            ["A write 42", "A store true", "B load true", "B read 42"],
            "{name}"
        );
        let [Failure::DataRace(race)] = &seen.failures[..] else { panic!("{name}: {seen:?}") };
        let mut lines: Vec<_> = race
            .accesses
            .iter()
            .map(|access| {
                (access.kind == AccessKind::Write, access.site.as_ref().map(|site| site.line - first))
            })
            .collect();
        lines.sort_unstable();
        assert_eq!(lines, [(false, Some(7)), (true, Some(3))], "{name}: {race:?}");
    }
}

#[test]
fn a_deadlock_shows_who_waits() {
    for (name, checker) in CHECKERS {
        let design = Design::new(|| (Mutex::new(()), Mutex::new(())))
            .actor("A", |(first, second)| {
                let _first = first.lock();
                let _second = second.lock();
            })
            .actor("B", |(first, second)| {
                let _second = second.lock();
                let _first = first.lock();
            })
            .observe(|_, _| ());
        let seen = observed(checker, &erased(design, |()| false));
        let [witness] = &seen.witnesses[..] else { panic!("{name}: {seen:?}") };
        assert!(matches!(witness.shows, Failure::Deadlock(_)), "{witness:?}");
        assert_eq!(
            actors_events(witness),
            ["A lock", "B lock", "A lock (waits)", "B lock (waits)"],
            "{name}"
        );
    }
}

#[test]
fn a_panic_is_shown_with_what_led_to_it() {
    for (name, checker) in CHECKERS {
        let design = Design::new(|| AtomicU32::new(0))
            .actor("A", |n| n.store(7, Relaxed))
            .actor("B", |n| assert!(n.load(Relaxed) != 7, "seven"))
            .observe(|_, _| ());
        let seen = observed(checker, &erased(design, |()| false));
        let [witness] = &seen.witnesses[..] else { panic!("{name}: {seen:?}") };
        let Failure::Crash(Crash { how: How::Panic { message, .. }, .. }) = &witness.shows else {
            panic!("{witness:?}")
        };
        assert_eq!(message.as_deref(), Some("seven"));
        assert_eq!(actors_events(witness), ["A store 7", "B load 7"], "{name}");
    }
}

/// A semaphore that wakes a thread only for the first of several permits.
fn wakes_once() -> ErasedDesign {
    let take = |(permits, given): &(Mutex<u8>, Condvar)| {
        let mut permits = permits.lock().unwrap();
        while *permits == 0 {
            permits = given.wait(permits).unwrap();
        }
        *permits -= 1;
    };
    let design = Design::new(|| (Mutex::new(0), Condvar::new()))
        .actor("A", |(permits, given)| {
            for _ in 0..2 {
                let mut permits = permits.lock().unwrap();
                *permits += 1;
                if *permits == 1 {
                    given.notify_one();
                }
            }
        })
        .actor("B", take)
        .actor("C", take)
        .observe(|_, _| ());
    erased(design, |()| false)
}

#[test]
fn a_wakeup_that_is_lost_is_found_and_shown() {
    for (name, checker) in CHECKERS {
        let seen = observed(checker, &wakes_once());
        assert!(matches!(seen.failures[..], [Failure::Deadlock(_)]), "{name}: {seen:?}");
        let [witness] = &seen.witnesses[..] else { panic!("{name}: {seen:?}") };
        let waits = actors_events(witness).iter().filter(|event| event.contains("waits")).count();
        assert_eq!(waits, 1, "{name}: {witness:?}");
    }
}
