//! The shortest witness against all executions.

use super::*;
use crate::base::failure::{Crash, How, Who};
use crate::base::location::Site;
use crate::cell::Plain;
use crate::engine::seeded_bugs::erased_forbidding as erased;
use crate::engine::{Budget, Heartbeat, Observation, Task, loom};
use crate::scenario::{Design, ErasedDesign};
use crate::sync::atomic::{AtomicU32, Ordering::*};
use crate::sync::{Condvar, Mutex};

fn observed(design: &ErasedDesign) -> Observation {
    let budget = Budget { executions: 5_000, ..crate::base::budget::Effort::Normal.budget(1) };
    crate::rt::panics::install();
    loom::observe(&Task::new(design, budget, Box::leak(Box::new(Heartbeat::default()))))
        .expect("loom does its work")
}

/// The least cost of all executions that show this failure, in every order and without any bound.
fn least(design: &ErasedDesign, goal: &Failure) -> (usize, usize) {
    let search = Arc::new(Shared::new(Search::new(None, Manner::Every)));
    let (seen, goal) = (Arc::clone(&search), goal.clone());
    let complete = in_manner(Manner::Every, || {
        explore(&design.program, &builder(None), true, move |ran: Ran| lock(&seen).look(&ran, &goal))
    });
    assert!(complete, "a failure has ended the search");
    let search = lock(&search);
    let cost = search.best.as_ref().expect("it fails").cost;
    (cost.switches, cost.events)
}

/// Checks that loom's witness of this design is called the shortest, and is.
#[track_caller]
fn check(design: &ErasedDesign, goal: &Failure, cost: (usize, usize)) {
    check_by_hand(design, cost);
    assert_eq!(least(design, goal), cost, "of all");
}

#[track_caller]
fn check_by_hand(design: &ErasedDesign, cost: (usize, usize)) {
    let seen = observed(design);
    let [witness] = &seen.witnesses[..] else { panic!("{seen:?}") };
    let done = witness.events.iter().filter(|event| !event.blocked);
    let switches = crate::engine::witness::switches(done.map(|event| event.thread));
    assert_eq!((switches, witness.events.len()), cost, "{:#?}", witness.events);
    assert!(witness.shortest);
}

fn lost_update() -> ErasedDesign {
    let add = |n: &AtomicU32| n.store(n.load(Relaxed) + 1, Relaxed);
    erased(Design::new(|| AtomicU32::new(0)).actors(2, add).observe(|n, _| n.load(Relaxed)), |&n| n == 1)
}

#[test]
fn a_forbidden_outcome() {
    let lost = Failure::Forbidden { outcome: "1".to_owned(), sentence: String::new() };
    check(&lost_update(), &lost, (3, 6));
}

/// The first actor has nothing to do with the race between the others, and runs first as loom has it.
fn race_of_the_last() -> ErasedDesign {
    let design = Design::new(|| (AtomicU32::new(0), Plain::new(0)))
        .actor("A", |(n, _)| {
            n.fetch_add(1, Relaxed);
        })
        .actor("B", |(_, data)| data.set(1))
        .actor("C", |(_, data)| data.set(2))
        .observe(|_, _| ());
    erased(design, |()| false)
}

#[test]
fn a_race_is_shown_without_those_who_have_nothing_to_do_with_it() {
    check(&race_of_the_last(), &Failure::DATA_RACE, (2, 4));
}

/// By loom's first choice the race comes after all that A does.
#[test]
fn a_race_is_shown_as_early_as_it_can_come() {
    let design = Design::new(|| (AtomicU32::new(0), Plain::new(0)))
        .actor("A", |(n, data)| {
            data.set(1);
            for _ in 0..2 {
                n.fetch_add(1, Relaxed);
            }
        })
        .actor("B", |(n, data)| {
            n.fetch_add(1, Relaxed);
            data.set(2);
        })
        .observe(|_, _| ());
    check(&erased(design, |()| false), &Failure::DATA_RACE, (2, 5));
}

#[test]
fn a_crash() {
    let design = Design::new(|| (AtomicU32::new(0), AtomicU32::new(0)))
        .actor("A", |(n, _)| n.store(7, Relaxed))
        .actor("B", |(_, other)| other.store(1, Relaxed))
        .actor("C", |(n, _)| assert!(n.load(Relaxed) != 7, "seven"))
        .observe(|_, _| ());
    let design = erased(design, |()| false);
    let site = Some(Site { file: file!().to_owned(), line: line!() - 3 });
    let how = How::Panic { message: Some("seven".to_owned()), site };
    check(&design, &Failure::Crash(Crash::new(Who::Actor(2), how)), (2, 4));
}

#[test]
fn a_deadlock() {
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
    check(&erased(design, |()| false), &Failure::DEADLOCK, (2, 6));
}

#[test]
fn a_wait_in_vain() {
    let design = Design::new(|| (Mutex::new(false), Condvar::new()))
        .actor("A", |(ready, told)| {
            let waits = !*ready.lock().unwrap();
            if waits {
                drop(told.wait(ready.lock().unwrap()));
            }
        })
        .actor("B", |(ready, told)| {
            *ready.lock().unwrap() = true;
            told.notify_one();
        })
        .observe(|_, _| ());
    check(&erased(design, |()| false), &Failure::DEADLOCK, (3, 10));
}

/// The budget ends before all executions are tried that could have fewer switches than the best.
#[test]
fn what_nobody_has_proved_is_not_called_the_shortest() {
    fn busily(own: &AtomicU32) {
        for _ in 0..20 {
            own.fetch_add(1, Relaxed);
        }
    }
    let add = |(n, own): &(AtomicU32, [AtomicU32; 3]), me: usize| {
        n.store(n.load(Relaxed) + 1, Relaxed);
        busily(&own[me]);
    };
    let design = Design::new(|| (AtomicU32::new(0), [0; 3].map(AtomicU32::new)))
        .actor("A", move |state| add(state, 0))
        .actor("B", move |state| add(state, 1))
        .actor("C", |(_, own)| busily(&own[2]))
        .observe(|(n, _), _| n.load(Relaxed));
    let seen = observed(&erased(design, |&n| n == 1));
    let [witness] = &seen.witnesses[..] else { panic!("{seen:?}") };
    assert!(!witness.shortest, "{:#?}", witness.events);
}

/// What the others do first is beside the point of who fails before it does anything, or after it has yielded.
#[test]
fn who_fails_at_once_needs_nobody_else() {
    let design = |panics: fn(&AtomicU32)| {
        let busy = |n: &AtomicU32| {
            n.fetch_add(1, Relaxed);
        };
        erased(
            Design::new(|| AtomicU32::new(0)).actor("A", busy).actor("B", panics).observe(|_, _| ()),
            |()| false,
        )
    };
    // The making of the state, and then B.
    check_by_hand(&design(|_| panic!("at once")), (0, 1));
    let after_yielding = |_: &AtomicU32| {
        crate::thread::yield_now();
        panic!("at once");
    };
    check_by_hand(&design(after_yielding), (1, 2));
}
