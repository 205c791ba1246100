//! A search that begins anew because it must be exact, and what is said of loom's own faults.

use super::super::{Budget, Heartbeat, Observation, Task};
use super::observe;
use crate::base::observation::Caveat;
use crate::scenario::{Design, Grade, Scenario};
use crate::sync::Mutex;
use crate::sync::atomic::AtomicU32;
use std::sync::atomic::{self, Ordering::Relaxed};

/// What the execution of this number, counted over both searches, ends with.
type Outcomes = fn(u32) -> &'static str;

/// Observes two actors who contend for an atomic, until from the second execution on one of them tries a
/// lock, which demands that the search begin anew. Their states tell them apart, as no honest design's
/// would: it stands for an outcome that the second search is too short to see again.
fn observed(executions: u64, outcome: Outcomes) -> Observation {
    let serials = atomic::AtomicU32::new(0);
    let state = move || (serials.fetch_add(1, Relaxed), AtomicU32::new(0), Mutex::new(()));
    let contend = |(serial, counter, mutex): &(u32, AtomicU32, Mutex<()>)| {
        counter.fetch_add(1, Relaxed);
        counter.fetch_add(1, Relaxed);
        if *serial > 0 {
            drop(mutex.try_lock());
        }
    };
    let scenario = Scenario::new("Is what the first search has seen remembered?")
        .acceptable("expected", |outcome: &String| outcome == "expected")
        .forbidden("once only", |outcome| outcome == "once only")
        .design(
            "demanding",
            Design::new(state).actors(2, contend).observe(move |(serial, ..), _| outcome(*serial).to_owned()),
        );
    let design = scenario.erase().designs.remove(0);
    let budget = Budget { executions, random_executions: 0, ..Budget::FOR_TESTS };
    let heartbeat = Box::leak(Box::new(Heartbeat::default()));
    let task = Task::new(&design, budget, heartbeat);
    observe(&task).expect("the engine does its work")
}

fn count(seen: &Observation, grade: Grade) -> u64 {
    seen.outcomes.iter().filter(|outcome| outcome.grade == grade).map(|outcome| outcome.count).sum()
}

#[test]
fn a_forbidden_outcome_is_remembered_though_the_exact_search_runs_out_of_budget() {
    let seen = observed(3, |serial| if serial == 0 { "once only" } else { "expected" });
    assert!(seen.stopped.is_some(), "{seen:?}");
    assert_eq!(count(&seen, Grade::Forbidden), 1, "{seen:?}");
    assert!(count(&seen, Grade::Acceptable) > 0, "the second search has run: {seen:?}");
}

#[test]
fn a_forbidden_outcome_is_remembered_though_the_exact_search_is_complete() {
    let seen = observed(100_000, |serial| if serial == 0 { "once only" } else { "expected" });
    assert_eq!(seen.stopped, None);
    assert_eq!(count(&seen, Grade::Forbidden), 1, "{seen:?}");
}

#[test]
fn without_a_forbidden_outcome_the_exact_search_counts_from_the_beginning() {
    let seen = observed(100_000, |_| "expected");
    assert_eq!(seen.stopped, None);
    assert_eq!(count(&seen, Grade::Acceptable), seen.executions, "{seen:?}");
}

/// One stores 1 beside another's swap, or adds 1: what the swap has found, and what is left.
fn beside_a_swap(store: bool) -> Observation {
    let scenario = Scenario::new("Which comes last?").acceptable("anything", |_: &(u32, u32)| true).design(
        "swap beside it",
        Design::new(|| AtomicU32::new(0))
            .actor("A", move |n| {
                if store {
                    n.store(1, Relaxed);
                    return 0;
                }
                n.fetch_add(1, Relaxed)
            })
            .actor("B", |n| n.swap(2, Relaxed))
            .observe(|n, found| (found[1], n.load(Relaxed))),
    );
    let design = scenario.erase().designs.remove(0);
    let budget = Budget { executions: 1_000, ..crate::base::budget::Effort::Normal.budget(1) };
    observe(&Task::new(&design, budget, Box::leak(Box::default()))).expect("the engine does its work")
}

#[test]
fn a_store_in_the_midst_of_a_swap_is_named_as_looms_fault() {
    let values =
        |seen: &Observation| -> Vec<_> { seen.outcomes.iter().map(|one| one.value.clone()).collect() };
    let whole = beside_a_swap(false);
    assert_eq!(values(&whole), ["(0, 3)", "(1, 2)"]);
    assert!(whole.caveats.is_empty(), "{whole:?}");
    let split = beside_a_swap(true);
    // In the order of the language, a swap that found 0 comes before the store, which then has the last word.
    assert_eq!(values(&split), ["(0, 1)", "(0, 2)", "(1, 2)"], "loom has mended it");
    let said = split.caveats.contains(&Caveat::LoomSplitsRmw);
    assert!(said, "{split:?}");
}
