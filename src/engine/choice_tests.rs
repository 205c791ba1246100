//! Designs that choose, that are woken spuriously, and that go on past a data race, under both checkers: how many
//! executions there are, and what they show.

use super::seeded_bugs::{explored, verdict};
use super::{Heartbeat, Task, replay};
use crate::base::budget::Budget;
use crate::base::failure::Failure;
use crate::base::observation::{Bound, Caveat, Exploration, Observation};
use crate::cell::{Plain, UnsafeCell};
use crate::choose;
use crate::scenario::{Design, Engine, ErasedDesign, Outcome, Scenario};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::sync::{Condvar, Mutex};
use crate::thread;
use crate::verdict::Verdict;
use crate::witness::{Event, token};
use std::sync::Arc;

const BUDGET: Budget = Budget::FOR_TESTS;

/// The design of a scenario that accepts these outcomes and no others.
fn erased<S, R, O>(design: Design<S, R, O>, acceptable: fn(&O) -> bool) -> ErasedDesign
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?").acceptable("fine", acceptable).design("it", design);
    scenario.erase().designs.remove(0)
}

/// Checks that so many executions are everything, and returns the outcomes with their counts.
#[track_caller]
fn check(engine: Engine, design: &ErasedDesign, executions: u64) -> Vec<(String, u64)> {
    let seen = explored(engine, design);
    assert_eq!((seen.executions, &seen.exploration), (executions, &Exploration::Exhaustive), "{seen:?}");
    let counted: u64 = seen.outcomes.iter().map(|outcome| outcome.count).sum();
    assert_eq!(counted, executions, "{seen:?}");
    assert!(seen.outcomes.iter().all(|outcome| outcome.count > 0), "{seen:?}");
    seen.outcomes.into_iter().map(|outcome| (outcome.value, outcome.count)).collect()
}

/// Every witness of a design is found again by its token.
#[track_caller]
fn assert_replays(design: &ErasedDesign, seen: &Observation) {
    assert!(!seen.witnesses.is_empty(), "{seen:?}");
    for witness in &seen.witnesses {
        let token = token::decode(&witness.token).expect("a token");
        let task = Task::new(design, BUDGET, Box::leak(Box::new(Heartbeat::default())));
        let again = replay(&task, &token).expect("the same way");
        assert_eq!(token::events_digest(&again), token.events_digest, "{witness:?}");
        assert_eq!(again.events, witness.events);
    }
}

const CHECKERS: [Engine; 2] = [Engine::Loom, Engine::Shuttle];

/// Each actor adds as often as it says, each time what it has chosen.
fn additions(options: u32, times: u32) -> ErasedDesign {
    let design = Design::new(|| AtomicU32::new(0))
        .actors(2, move |n| {
            for _ in 0..times {
                n.fetch_add(10 + choose(options), Relaxed);
            }
        })
        .observe(|n, _| n.load(Relaxed));
    erased(design, |_| true)
}

#[test]
fn every_value_is_tried_with_unreduced() {
    // One of two orders, and of the values of each, all.
    for options in [1, 2, 3] {
        let outcomes = check(Engine::Shuttle, &additions(options, 1), 2 * u64::from(options).pow(2));
        let sums: Vec<_> = (20..=20 + 2 * (options - 1)).map(|sum| sum.to_string()).collect();
        assert_eq!(
            outcomes.iter().map(|(value, _)| value).collect::<Vec<_>>(),
            sums.iter().collect::<Vec<_>>()
        );
        let without = explored(Engine::Loom, &additions(1, 1)).executions;
        assert_eq!(
            check(Engine::Loom, &additions(options, 1), without * u64::from(options).pow(2)).len(),
            sums.len()
        );
    }
    // 4! / (2! 2!) orders, and 2^4 values.
    assert_eq!(explored(Engine::Shuttle, &additions(2, 2)).redundant, 0);
    check(Engine::Shuttle, &additions(2, 2), 6 * 16);
}

#[test]
fn what_is_chosen_decides_what_depends_on_what() {
    let design = Design::new(|| [0, 0].map(AtomicU32::new))
        .actors(2, |n| n[choose(2) as usize].fetch_add(1, Relaxed))
        .observe(|_, found| (found[0], found[1]));
    let design = erased(design, |_| true);
    // Two orders where both chose alike, and one where they did not.
    let outcomes = check(Engine::Shuttle, &design, 6);
    let counts: Vec<_> = outcomes.iter().map(|(value, count)| (value.as_str(), *count)).collect();
    assert_eq!(counts, [("(0, 0)", 2), ("(0, 1)", 2), ("(1, 0)", 2)]);
    let found = explored(Engine::Loom, &design);
    let values: Vec<_> = found.outcomes.iter().map(|outcome| outcome.value.as_str()).collect();
    assert_eq!(values, ["(0, 0)", "(0, 1)", "(1, 0)"]);
    assert!(found.outcomes.iter().all(|outcome| outcome.count > 0), "{found:?}");
}

/// B chooses only if it comes after A, and from as many as A has chosen.
#[test]
fn whether_there_is_a_choice_may_depend_on_others() {
    let design = Design::new(|| AtomicU32::new(0))
        .actor("A", |n| {
            n.store(1 + choose(3), Relaxed);
            0
        })
        .actor("B", |n| match n.load(Relaxed) {
            0 => 9,
            options => choose(options),
        })
        .observe(|n, chosen| (n.load(Relaxed), chosen[1]));
    let design = erased(design, |_| true);
    // B first, with three values of A's; or A first, with 1 + 2 + 3 of both.
    let expected = ["(1, 0)", "(1, 9)", "(2, 0)", "(2, 1)", "(2, 9)", "(3, 0)", "(3, 1)", "(3, 2)", "(3, 9)"];
    for (value, count) in check(Engine::Shuttle, &design, 9) {
        assert_eq!(count, 1, "{value}");
    }
    for engine in CHECKERS {
        let seen = explored(engine, &design);
        let values: Vec<_> = seen.outcomes.iter().map(|outcome| outcome.value.as_str()).collect();
        assert_eq!(values, expected, "{engine}");
        assert!(seen.outcomes.iter().all(|outcome| outcome.count > 0), "{engine}: {seen:?}");
    }
}

#[test]
fn copies_of_a_state_choose_alike() {
    let design = Design::new(|| AtomicU32::new(choose(3)))
        .actors(2, |n| n.load(Relaxed))
        .observe(|n, read| (n.load(Relaxed), read[0], read[1]))
        .isolated();
    let design = erased(design, |_| true);
    for engine in CHECKERS {
        let seen = explored(engine, &design);
        let values: Vec<_> = seen.outcomes.iter().map(|outcome| outcome.value.as_str()).collect();
        assert_eq!(values, ["(0, 0, 0)", "(1, 1, 1)", "(2, 2, 2)"], "{engine}");
    }
}

/// Two take one of three seats each; whether everyone has a seat to himself.
fn seats(at_once: bool) -> ErasedDesign {
    let design = Design::new(|| [false; 3].map(AtomicBool::new))
        .actors(2, move |taken: &[AtomicBool; 3]| {
            let seat = &taken[choose(3) as usize];
            if at_once {
                return !seat.swap(true, Relaxed);
            }
            let free = !seat.load(Relaxed);
            seat.store(true, Relaxed);
            free
        })
        .observe(|taken, sat| {
            let seated = sat.iter().filter(|sat| **sat).count();
            seated == taken.iter().filter(|taken| taken.load(Relaxed)).count()
        });
    erased(design, |alone| *alone)
}

#[test]
fn a_seat_that_was_looked_at_before_it_was_taken_is_taken_twice() {
    for engine in CHECKERS {
        let design = seats(false);
        let seen = explored(engine, &design);
        assert_eq!(verdict(engine, &seen), Verdict::Forbidden, "{seen:?}");
        let witness = seen.witnesses.first().expect("a failure has a witness");
        let choices = witness.events.iter().filter(|event| event.operation == "choose");
        let chosen: Vec<_> = choices.map(|event| event.read.clone()).collect();
        assert_eq!(chosen.len(), 2, "{witness:?}");
        assert_eq!(chosen[0], chosen[1], "{witness:?}");
        assert_replays(&design, &seen);
        let seen = explored(engine, &seats(true));
        assert_eq!(verdict(engine, &seen), Verdict::Safe, "{seen:?}");
    }
    // Nine pairs of seats: the two that are alike have two orders of two exchanges, or four of looking and
    // taking, and the others one.
    check(Engine::Shuttle, &seats(true), 6 + 3 * 2);
    let counts = check(Engine::Shuttle, &seats(false), 6 + 3 * 4);
    assert_eq!(counts, [("false".to_owned(), 3 * 2), ("true".to_owned(), 6 + 3 * 2)]);
}

/// A waits for what B tells, looking once more after it was woken, or not. Whether it was told in the end.
fn told(again: bool) -> Design<(Mutex<bool>, Condvar), bool, bool> {
    Design::new(|| (Mutex::new(false), Condvar::new()))
        .actor("A", move |(told, condvar)| {
            let mut guard = told.lock().unwrap();
            while !*guard {
                guard = condvar.wait(guard).unwrap();
                if !again {
                    break;
                }
            }
            *guard
        })
        .actor("B", |(told, condvar)| {
            *told.lock().unwrap() = true;
            condvar.notify_one();
            true
        })
        .observe(|_, told| told[0])
}

fn bounded_by_wakeups() -> Exploration {
    Exploration::Bounded { by: vec![Bound::SpuriousWakeups] }
}

#[test]
fn who_waits_without_a_loop_goes_on_untold() {
    // B comes first, or while A waits.
    let values = check(Engine::Shuttle, &erased(told(false), |told| *told), 2);
    assert_eq!(values, [("true".to_owned(), 2)]);
    // Or between the two sections of A, who is woken spuriously, or after them.
    let design = erased(told(false).spurious_wakeups(), |told| *told);
    let values = check(Engine::Shuttle, &design, 4);
    assert_eq!(values, [("false".to_owned(), 1), ("true".to_owned(), 3)]);
    for engine in CHECKERS {
        let without = explored(engine, &erased(told(false), |told| *told));
        assert_eq!(verdict(engine, &without), Verdict::Safe, "{without:?}");
        let seen = explored(engine, &design);
        assert_eq!(verdict(engine, &seen), Verdict::Forbidden, "{seen:?}");
        let spurious = |event: &Event| event.operation == "woken spuriously, lock" && event.thread == 1;
        assert!(seen.witnesses[0].events.iter().any(spurious), "{seen:?}");
        assert_replays(&design, &seen);
    }
}

#[test]
fn who_waits_in_a_loop_does_not() {
    let design = erased(told(true).spurious_wakeups(), |told| *told);
    for engine in CHECKERS {
        let seen = explored(engine, &design);
        assert_eq!(verdict(engine, &seen), Verdict::Safe, "{seen:?}");
        assert_eq!(seen.exploration, bounded_by_wakeups(), "{engine}");
        assert_eq!(seen.outcomes.len(), 1, "{seen:?}");
    }
    // As without the loop; and who is still untold waits once more.
    assert_eq!(explored(Engine::Shuttle, &design).executions, 4);
}

/// As [`told`], for a permit.
fn parked(again: bool) -> ErasedDesign {
    let design = Design::new(|| Arc::new(AtomicBool::new(false)))
        .actor("A", move |told: &Arc<AtomicBool>| {
            let (teller, parked) = (Arc::clone(told), thread::current());
            let child = thread::spawn(move || {
                teller.store(true, Release);
                parked.unpark();
            });
            while !told.load(Acquire) {
                thread::park();
                if !again {
                    break;
                }
            }
            let seen = told.load(Acquire);
            child.join().unwrap();
            seen
        })
        .observe(|_, told| told[0])
        .spurious_wakeups();
    erased(design, |told| *told)
}

#[test]
fn who_parks_without_a_loop_goes_on_untold() {
    for engine in CHECKERS {
        let (design, corrected) = (parked(false), parked(true));
        let seen = explored(engine, &design);
        assert_eq!(verdict(engine, &seen), Verdict::Forbidden, "{seen:?}");
        assert_replays(&design, &seen);
        let seen = explored(engine, &corrected);
        assert_eq!(verdict(engine, &seen), Verdict::Safe, "{seen:?}");
        assert_eq!(seen.exploration, bounded_by_wakeups(), "{engine}");
    }
}

/// A wakeup that may come need not come.
#[test]
fn nobody_is_saved_by_a_spurious_wakeup() {
    let design = || {
        Design::new(|| (Mutex::new(false), Condvar::new()))
            .actor("A", |(told, condvar)| drop(condvar.wait(told.lock().unwrap()).unwrap()))
            .actor("B", |(told, _)| *told.lock().unwrap() = true)
            .observe(|_, _| true)
    };
    for engine in CHECKERS {
        for design in [design(), design().spurious_wakeups()] {
            let seen = explored(engine, &erased(design, |_| true));
            assert_eq!(verdict(engine, &seen), Verdict::Deadlock, "{seen:?}");
        }
    }
}

/// So many actors add one each to plain memory, and go on past the race.
fn lost_updates(actors: usize) -> ErasedDesign {
    let design = Design::new(|| Plain::new(0))
        .actors(actors, |n: &Plain<usize>| n.set(n.get() + 1))
        .observe(|n, _| n.get())
        .past_races();
    if actors == 2 { erased(design, |&n| n == 2) } else { erased(design, |&n| n == 3) }
}

#[test]
fn beyond_a_data_race_an_update_is_lost() {
    // As for loads and stores: (n!)^2.
    for (actors, executions) in [(2, 4), (3, 36)] {
        let design = lost_updates(actors);
        let outcomes = check(Engine::Shuttle, &design, executions);
        assert_eq!(outcomes.len(), actors, "{outcomes:?}");
        let seen = explored(Engine::Shuttle, &design);
        assert_eq!(
            (verdict(Engine::Shuttle, &seen), seen.failures.len()),
            (Verdict::DataRace, 1),
            "{seen:?}"
        );
        assert_eq!((seen.raced, seen.redundant), (executions, 0), "every execution has a race");
        assert!(seen.caveats.contains(&Caveat::PastRaces), "{seen:?}");
        let shown: Vec<_> = seen.witnesses.iter().map(|witness| witness.shows.clone()).collect();
        assert_eq!(shown.len(), actors, "the race, and each forbidden outcome: {shown:?}");
        assert_eq!(
            shown.iter().filter(|shows| matches!(shows, Failure::DataRace(_))).count(),
            1,
            "{shown:?}"
        );
        assert_replays(&design, &seen);
    }
    // Where a checker ends at the race, all is as it was.
    let seen = explored(Engine::Loom, &lost_updates(2));
    assert_eq!((verdict(Engine::Loom, &seen), seen.raced), (Verdict::DataRace, 0), "{seen:?}");
}

#[test]
fn under_a_lock_there_is_no_race_to_go_past() {
    let design = Design::new(|| (Mutex::new(()), Plain::new(0)))
        .actors(2, |(mutex, n): &(Mutex<()>, Plain<u32>)| {
            let _guard = mutex.lock().unwrap();
            n.set(n.get() + 1);
        })
        .observe(|(_, n), _| n.get())
        .past_races();
    let design = erased(design, |&n| n == 2);
    let seen = explored(Engine::Shuttle, &design);
    assert_eq!((verdict(Engine::Shuttle, &seen), seen.raced), (Verdict::Safe, 0), "{seen:?}");
    assert!(seen.caveats.is_empty(), "{seen:?}");
    check(Engine::Shuttle, &design, 2);
}

struct Shared(UnsafeCell<u32>);

// SAFETY: no thread touches what is in it.
unsafe impl Sync for Shared {}

#[test]
fn a_race_on_what_is_not_accessed_as_a_whole_ends_the_execution() {
    let design = Design::new(|| Shared(UnsafeCell::new(0)))
        .actors(2, |n| n.0.with_mut(|_| ()))
        .observe(|n, _| n.0.with(|_| ()))
        .past_races();
    let seen = explored(Engine::Shuttle, &erased(design, |_| true));
    assert_eq!((verdict(Engine::Shuttle, &seen), seen.raced), (Verdict::DataRace, 0), "{seen:?}");
    assert_eq!(seen.executions, 1);
}
