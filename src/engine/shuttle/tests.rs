//! Whole designs through the engine: how many executions there are of each, and what is said about the search.

use super::search::{MAX_STEPS, Strategy};
use crate::base::budget::{Budget, DEFAULT_SEED};
use crate::base::engine::Engine;
use crate::base::failure::{Failure, Hang};
use crate::base::observation::{Bound, Caveat, Exploration, Observation, Sampling};
use crate::base::shard::{Shard, seed_of_stream, stream};
use crate::channel;
use crate::engine::Task;
use crate::scenario::{Design, Outcome, Scenario};
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use crate::sync::{Condvar, Mutex, RwLock};
use crate::{hint, thread};
use std::collections::HashSet;
use std::time::Duration;

const BUDGET: Budget = Budget::FOR_TESTS;

fn observed_within<S, R, O>(budget: Budget, design: Design<S, R, O>) -> Observation
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    let scenario = Scenario::new("What comes of it?").acceptable("anything", |_| true).design("it", design);
    let design = scenario.erase().designs.remove(0);
    crate::rt::panics::install();
    super::observe(&Task::new(&design, budget, Box::leak(Box::default()))).expect("the engine does its work")
}

fn observed<S, R, O>(design: Design<S, R, O>) -> Observation
where
    S: Send + Sync + 'static,
    R: Send + Sync + 'static,
    O: Outcome,
{
    observed_within(BUDGET, design)
}

/// The outcomes, in order.
fn outcomes(seen: &Observation) -> Vec<&str> {
    let mut outcomes: Vec<_> = seen.outcomes.iter().map(|outcome| outcome.value.as_str()).collect();
    outcomes.sort_unstable();
    outcomes
}

/// So many executions are everything, and nothing is wrong.
fn assert_exhausted(seen: &Observation, executions: u64) {
    assert_eq!(
        (seen.executions, seen.redundant, &seen.exploration),
        (executions, 0, &Exploration::Exhaustive)
    );
    assert_fine(seen);
    assert!(seen.caveats.is_empty(), "{seen:?}");
}

fn assert_fine(seen: &Observation) {
    assert_eq!(seen.stopped, None);
    assert!(seen.failures.is_empty() && seen.witnesses.is_empty(), "{seen:?}");
}

fn additions(actors: usize, each: usize) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(actors, move |n| {
            for _ in 0..each {
                n.fetch_add(1, Relaxed);
            }
        })
        .observe(|n, _| n.load(Relaxed))
}

fn lost_updates(actors: usize) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(actors, |n| n.store(n.load(Relaxed) + 1, Relaxed))
        .observe(|n, _| n.load(Relaxed))
}

#[test]
fn additions_come_with_unreduced() {
    // (2n)! / 2^n
    for (actors, executions) in [(2, 6), (3, 90), (4, 2_520)] {
        let seen = observed(additions(actors, 2));
        assert_exhausted(&seen, executions);
        assert_eq!(outcomes(&seen), [(actors * 2).to_string()]);
    }
}

#[test]
fn looking_comes_in_no_order() {
    // n! orders of the stores, and for the last load of each any place before its store: (n!)^2.
    for (actors, executions) in [(2, 4), (3, 36), (4, 576)] {
        let seen = observed(lost_updates(actors));
        assert_exhausted(&seen, executions);
        assert_eq!(outcomes(&seen).len(), actors);
    }
}

#[test]
fn what_has_nothing_to_do_with_each_other_comes_once() {
    let atomics = Design::new(|| [0, 1, 2].map(AtomicU32::new))
        .actor("A", |[a, ..]| a.fetch_add(1, Relaxed) + a.fetch_add(1, Relaxed))
        .actor("B", |[_, b, _]| b.fetch_add(1, Relaxed) + b.fetch_add(1, Relaxed))
        .actor("C", |[.., c]| c.fetch_add(1, Relaxed) + c.fetch_add(1, Relaxed))
        .observe(|_, returns| returns.to_vec());
    assert_exhausted(&observed(atomics), 1);
    let mutexes = Design::new(|| [0, 1].map(Mutex::new))
        .actor("A", |[a, _]| *a.lock().unwrap() += 1)
        .actor("B", |[_, b]| *b.lock().unwrap() += 1)
        .observe(|_, _| ());
    assert_exhausted(&observed(mutexes), 1);
}

#[test]
fn readers_come_before_or_after_the_writer() {
    for readers in 1..5_u32 {
        let atomics = Design::new(|| AtomicU32::new(0))
            .actor("writer", |n| {
                n.store(1, Relaxed);
                0
            })
            .actors(readers as usize, |n| n.load(Relaxed))
            .observe(|_, returns| returns.to_vec());
        assert_exhausted(&observed(atomics), 1 << readers);
        let locks = Design::new(|| RwLock::new(0))
            .actor("writer", |n| {
                *n.write().unwrap() = 1;
                0
            })
            .actors(readers as usize, |n| *n.read().unwrap())
            .observe(|_, returns| returns.to_vec());
        let seen = observed(locks);
        assert_eq!((seen.executions, &seen.exploration), (1 << readers, &Exploration::Exhaustive));
        assert_eq!(outcomes(&seen).len(), 1 << readers);
    }
}

/// A waits, with something between its looks, until B has set the flag.
fn waits(between: fn()) -> Design<AtomicBool, (), ()> {
    Design::new(|| AtomicBool::new(false))
        .actor("A", move |ready| {
            while !ready.load(Acquire) {
                between();
            }
        })
        .actor("B", |ready| ready.store(true, Release))
        .observe(|_, _| ())
}

#[test]
fn a_loop_that_yields_is_explored_and_does_not_go_on_for_ever() {
    for between in [thread::yield_now, hint::spin_loop] {
        let seen = observed(waits(between));
        assert_eq!(seen.exploration, Exploration::Exhaustive);
        assert_fine(&seen);
        assert!((2..10).contains(&seen.executions), "{seen:?}");
        assert_eq!(outcomes(&seen), ["()"]);
    }
}

#[test]
fn a_loop_that_never_yields_is_reported_and_bounds_the_search() {
    let seen = observed(waits(|| ()));
    assert_fine(&seen);
    assert_eq!(seen.exploration, Exploration::Bounded { by: vec![Bound::LoopRounds(2)] });
    assert_eq!(seen.caveats, [Caveat::SilentLoop { thread: 1 }]);
}

/// A looks up to `limit` times whether B has set the flag, and returns when it saw that.
fn polls(limit: u32, between: fn(u32)) -> Design<AtomicBool, u32, u32> {
    Design::new(|| AtomicBool::new(false))
        .actor("A", move |ready| {
            for round in 0..limit {
                if ready.load(Acquire) {
                    return round;
                }
                between(round);
            }
            99
        })
        .actor("B", |ready| {
            ready.store(true, Release);
            0
        })
        .observe(|_, returns| returns[0])
}

/// Not all rounds are explored in which the flag could be found set, and in the end A tells which it was.
#[test]
fn a_loop_that_counts_its_rounds_bounds_the_search() {
    let bounded = Exploration::Bounded { by: vec![Bound::LoopRounds(2)] };
    for limit in [4, 5, 10, 40] {
        let seen = observed(polls(limit, |_| thread::yield_now()));
        assert_fine(&seen);
        assert_eq!(seen.exploration, bounded, "{limit}: {seen:?}");
        assert_eq!(seen.caveats.len(), 1, "{seen:?}");
    }
    let backs_off = observed(polls(u32::MAX, |round| (0..=round.min(3)).for_each(|_| thread::yield_now())));
    assert_eq!(backs_off.exploration, bounded, "{backs_off:?}");
}

#[test]
fn a_loop_with_few_rounds_is_explored_in_full() {
    for (limit, expected) in [(1, vec!["0", "99"]), (2, vec!["0", "1", "99"]), (3, vec!["0", "1", "2", "99"])]
    {
        let seen = observed(polls(limit, |_| thread::yield_now()));
        assert_fine(&seen);
        assert_eq!((outcomes(&seen), &seen.exploration), (expected, &Exploration::Exhaustive));
        assert!(seen.caveats.is_empty(), "{seen:?}");
    }
}

#[test]
fn a_loop_that_waits_for_what_nobody_does_is_a_hang() {
    for between in [thread::yield_now, || ()] {
        let design = Design::new(|| (AtomicBool::new(false), AtomicU32::new(0)))
            .actor("A", move |(ready, _)| {
                while !ready.load(Acquire) {
                    between();
                }
            })
            .actor("B", |(_, n)| n.store(1, Release))
            .observe(|_, _| ());
        let seen = observed(design);
        let hang = Failure::Hang(Hang { spinning: vec![1], steps: MAX_STEPS, asleep: false });
        assert_eq!(seen.failures, [hang], "{seen:?}");
        assert!(seen.outcomes.is_empty(), "{seen:?}");
    }
}

#[test]
fn preemptions_bound_the_search() {
    let within = |preemptions| Budget { preemptions: Some(preemptions), ..BUDGET };
    let bounded = |preemptions| Exploration::Bounded { by: vec![Bound::Preemptions(preemptions)] };
    let seen = observed_within(within(0), lost_updates(2));
    assert_eq!((outcomes(&seen), &seen.exploration), (vec!["2"], &bounded(0)));
    let seen = observed_within(within(1), lost_updates(2));
    assert_eq!((outcomes(&seen), &seen.exploration), (vec!["1", "2"], &bounded(1)));
    // A is interrupted by B, and later by C.
    let twice = || {
        Design::new(|| [0, 1].map(|_| AtomicU32::new(0)))
            .actor("A", |[first, second]| {
                let before = (first.load(Relaxed), second.load(Relaxed));
                (before.0 == 0 && first.load(Relaxed) == 1 && second.load(Relaxed) == 0)
                    && second.load(Relaxed) == 1
            })
            .actor("B", |[first, _]| {
                first.store(1, Relaxed);
                false
            })
            .actor("C", |[_, second]| {
                second.store(1, Relaxed);
                false
            })
            .observe(|_, returns| returns[0])
    };
    for (preemptions, expected) in [(0, vec!["false"]), (1, vec!["false"]), (2, vec!["false", "true"])] {
        let seen = observed_within(within(preemptions), twice());
        assert_eq!(outcomes(&seen), expected, "{preemptions}");
        assert_fine(&seen);
    }
    // A bound that is never in the way is none.
    let seen = observed_within(within(20), lost_updates(2));
    assert_eq!((outcomes(&seen), &seen.exploration), (vec!["1", "2"], &Exploration::Exhaustive));
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_timed_wait_ends_both_ways() {
    let design = Design::new(|| (Mutex::new(false), Condvar::new()))
        .actor("waits", |(set, condvar)| {
            let guard = set.lock().unwrap();
            let (guard, result) = condvar.wait_timeout(guard, SECOND).unwrap();
            (*guard, result.timed_out())
        })
        .actor("sets", |(set, condvar)| {
            *set.lock().unwrap() = true;
            condvar.notify_one();
            (false, false)
        })
        .observe(|_, returns| returns[0]);
    let seen = observed(design);
    assert_eq!(seen.exploration, Exploration::Exhaustive, "{seen:?}");
    assert_fine(&seen);
    assert_eq!(outcomes(&seen), ["(false, true)", "(true, false)", "(true, true)"]);
}

#[test]
fn a_timed_receive_ends_both_ways() {
    for capacity in [Some(0), Some(1), None] {
        let design = Design::new(move || match capacity {
            Some(capacity) => channel::bounded::<u32>(capacity),
            None => channel::unbounded(),
        })
        .actor("receives", |(_, receiver)| receiver.recv_timeout(SECOND).ok())
        .actor("sends", |(sender, _)| sender.send_timeout(7, SECOND).ok().map(|()| 1))
        .observe(|_, returns| (returns[0], returns[1].is_some()));
        let seen = observed(design);
        assert_eq!(seen.exploration, Exploration::Exhaustive, "{seen:?}");
        assert_fine(&seen);
        let expected = match capacity {
            Some(0) => ["(None, false)", "(Some(7), true)"],
            _ => ["(None, true)", "(Some(7), true)"],
        };
        assert_eq!(outcomes(&seen), expected, "{capacity:?}");
    }
}

#[test]
fn a_timed_park_ends_both_ways() {
    let design = Design::new(|| (Mutex::new(None::<thread::Thread>), AtomicU32::new(0)))
        .actor("parks", |(parked, n)| {
            *parked.lock().unwrap() = Some(thread::current());
            thread::park_timeout(SECOND);
            n.load(Acquire)
        })
        .actor("unparks", |(parked, n)| {
            n.store(1, Release);
            if let Some(thread) = parked.lock().unwrap().take() {
                thread.unpark();
            }
            0
        })
        .observe(|_, returns| returns[0]);
    let seen = observed(design);
    assert_eq!(seen.exploration, Exploration::Exhaustive, "{seen:?}");
    assert_fine(&seen);
    assert_eq!(outcomes(&seen), ["0", "1"]);
}

/// The main thread is one more than the actors.
#[test]
fn more_threads_than_a_search_can_follow_are_not_called_exhausted() {
    let seen = observed(additions(64, 1));
    assert_fine(&seen);
    assert!(matches!(seen.exploration, Exploration::Sampled { .. }), "{seen:?}");
    assert_eq!(seen.caveats, [Caveat::TooManyThreads { at_most: 64 }]);
    let apart = Design::new(|| ()).actors(63, |()| thread::yield_now()).observe(|(), _| ());
    assert!(observed_within(Budget { executions: 2, ..BUDGET }, apart).caveats.is_empty());
}

/// What a search that `executions` end says about how many there are.
fn estimated(executions: u64, design: Design<AtomicU32, (), u32>) -> f64 {
    let seen = observed_within(Budget { executions, ..BUDGET }, design);
    assert_eq!(seen.executions, executions + 2 * BUDGET.random_executions);
    assert_fine(&seen);
    match seen.exploration {
        Exploration::Sampled {
            how: Sampling::SearchThenRandom { executions: tried, of_about: Some(estimate) },
        } => {
            assert_eq!(tried, executions);
            estimate
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_search_that_the_budget_ends_says_how_far_it_got() {
    // 369,600 there are: what is far from its end is underestimated.
    let early = estimated(1_000, additions(4, 3));
    assert!((1_001.0..400_000.0).contains(&early), "{early}");
    let late = estimated(2_000, additions(4, 2));
    assert!((2_001.0..3_500.0).contains(&late), "{late}");
}

/// Of two shards one counts the search, and each what it drew: their sum is what was executed without anything twice.
#[test]
fn another_shard_counts_what_it_drew_and_not_the_search() {
    for engine in [Engine::Shuttle, Engine::Rc11] {
        let seen = |again| {
            let scenario = Scenario::new("What comes of it?").acceptable("anything", |_| true);
            let design = scenario.design("it", additions(4, 3)).erase().designs.remove(0);
            let budget = Budget { executions: 1_000, again, ..BUDGET };
            crate::rt::panics::install();
            let task = Task::new(&design, budget, Box::leak(Box::default()));
            crate::engine::observe(engine, &task).expect("the engine does its work")
        };
        let (first, other) = (seen(false), seen(true));
        let counted = |seen: &Observation| seen.outcomes.iter().map(|outcome| outcome.count).sum::<u64>();
        assert_eq!(first.exploration, other.exploration, "{engine}");
        assert_eq!(first.executions, other.executions + 1_000, "{engine}");
        assert_eq!((counted(&first), counted(&other)), (first.executions, other.executions), "{engine}");
        assert!(other.executions >= 2 * BUDGET.random_executions || engine == Engine::Rc11, "{engine}");
        assert!(other.executions > 0 && other.stopped.is_none(), "{engine}: {other:?}");
    }
    // What is explored in full is counted by every shard.
    let full = |again| observed_within(Budget { again, ..BUDGET }, additions(2, 1));
    assert_eq!(full(true), full(false));
}

#[test]
fn no_shard_and_no_round_draws_a_schedule_from_the_seed_of_another() {
    const EXECUTIONS: u64 = 2_000;
    let mut seeds = HashSet::new();
    for (shard, round) in (1..=8).flat_map(|shard| (0..3).map(move |round| (shard, round))) {
        let shard: Shard = format!("{shard}/8").parse().expect("a shard");
        let seed = seed_of_stream(DEFAULT_SEED, stream(shard, round));
        let mut scheduler = Strategy::Random { seed, executions: EXECUTIONS }.scheduler();
        while let Some(schedule) = scheduler.new_execution() {
            assert!(seeds.insert(schedule.seed), "{shard}, round {round}: {} comes again", schedule.seed);
        }
    }
    assert_eq!(seeds.len() as u64, 8 * 3 * EXECUTIONS);
}
