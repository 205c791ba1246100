//! Exploring on the checkers, in this process: seeded bugs found, their twins passed, counts that hold.

use super::generate::{Random, makes_sense};
use super::{Implementation, Implements, Model, Object, Program};
use crate::base::budget::{DEFAULT_SEED, Effort};
use crate::base::observation::{Caveat, Observation, Shrunk};
use crate::base::shard::{Shard, seed_of_stream, stream};
use crate::engine::{Heartbeat, Task};
use crate::registry::Asked as _;
use crate::scenario::{Engine, Expected};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::verdict::{Expectation, Verdict, judge};
use proptest::prelude::*;
use std::collections::HashSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Count(u32);

impl Model for Count {
    type Op = u32;
    type Ret = u32;

    fn apply(&mut self, add: &u32) -> u32 {
        self.0 += add;
        self.0
    }
}

/// Adds in one step, or in two, or what was not asked for.
enum Counter {
    Right(AtomicU32),
    TwoSteps(AtomicU32),
    OffByOne(AtomicU32),
    Unseen(std::sync::atomic::AtomicU32),
}
use Counter::{OffByOne, Right, TwoSteps, Unseen};

impl Implements<Count> for Counter {
    fn apply(&self, add: &u32) -> u32 {
        match self {
            Right(count) => count.fetch_add(*add, Ordering::AcqRel) + add,
            OffByOne(count) => count.fetch_add(*add, Ordering::AcqRel) + add + 1,
            TwoSteps(count) => {
                let sum = count.load(Ordering::Acquire) + add;
                count.store(sum, Ordering::Release);
                sum
            }
            Unseen(count) => count.fetch_add(*add, Ordering::AcqRel) + add,
        }
    }
}

fn counter(make: impl Fn() -> Counter + Send + Sync + 'static) -> Object<Count> {
    Object::new("Is every addition counted?", Count(0), 1_u32..100)
        .implementation("counter", Implementation::new(make))
}

fn explored(engine: Engine, object: Object<Count>, seed: u64) -> Observation {
    let found = object.made().named("object", file!());
    let design = &found.scenario.designs[0];
    let heartbeat: &'static Heartbeat = Box::leak(Box::default());
    let task = Task::new(design, Effort::Quick.budget(seed), heartbeat);
    let generated = found.generated(design).expect("generated programs");
    generated.explore(engine, &task).expect("the engine does its work")
}

fn verdict(seen: &Observation) -> Verdict {
    let expectation = Expectation { engine: Engine::Shuttle, expected: Expected::Safe, must_see: false };
    judge(expectation, seen).verdict
}

#[test]
fn what_is_right_is_safe_and_sampled() {
    for engine in [Engine::Loom, Engine::Shuttle] {
        let seen = explored(engine, counter(|| Right(AtomicU32::new(0))), DEFAULT_SEED);
        assert_eq!(verdict(&seen), Verdict::Safe, "{engine}: {seen:?}");
        assert!(seen.executions > 100, "{engine}: {seen:?}");
        let counted: u64 = seen.outcomes.iter().map(|outcome| outcome.count).sum();
        assert_eq!(counted, seen.executions, "{engine}: {seen:?}");
    }
}

#[test]
fn two_steps_are_found_and_shrunk_to_two_operations_and_one_switch() {
    let smallest = "A  B\n        1  1\n";
    for engine in [Engine::Loom, Engine::Shuttle] {
        let explored = || explored(engine, counter(|| TwoSteps(AtomicU32::new(0))), DEFAULT_SEED);
        let seen = explored();
        assert_eq!(verdict(&seen), Verdict::Forbidden, "{engine}: {seen:?}");
        let [witness] = &seen.witnesses[..] else { panic!("{engine}: {seen:?}") };
        let program = witness.program.as_ref().expect("a program that was generated");
        assert!(program.table.contains(smallest), "{engine}: {}", program.table);
        assert!(program.history.as_ref().is_some_and(|history| history.contains("cannot be explained")));
        assert!(program.test.contains("vec![1],"), "{}", program.test);
        assert!(witness.shortest && witness.switches <= 4, "{engine}: {witness:?}");
        assert_eq!(seen, explored(), "{engine}: the same seed leads to the same observation");
    }
}

#[test]
fn what_is_wrong_alone_is_found_by_the_first_program_and_shrunk_to_one_operation() {
    let seen = explored(Engine::Shuttle, counter(|| OffByOne(AtomicU32::new(0))), DEFAULT_SEED);
    assert_eq!(verdict(&seen), Verdict::Forbidden, "{seen:?}");
    let found =
        |caveat: &Caveat| matches!(caveat, Caveat::Shrunk(Shrunk { number: 0, operations_after: 1, .. }));
    assert!(seen.caveats.iter().any(found), "{seen:?}");
}

#[test]
fn what_a_checker_cannot_see_is_not_called_safe() {
    for engine in [Engine::Loom, Engine::Shuttle] {
        let seen = explored(engine, counter(|| Unseen(std::sync::atomic::AtomicU32::new(0))), DEFAULT_SEED);
        assert_eq!(verdict(&seen), Verdict::Inconclusive, "{engine}: {seen:?}");
    }
}

#[test]
fn a_regression_test_runs_one_program() {
    let program = Program { prefix: vec![], parts: vec![vec![1], vec![1]], suffix: vec![] };
    let executions = counter(|| Right(AtomicU32::new(0))).check("counter", Engine::Shuttle, &program);
    assert!(executions > 1, "{executions}");
    let wrong = || counter(|| TwoSteps(AtomicU32::new(0)));
    let failed = std::panic::catch_unwind(|| wrong().check("counter", Engine::Shuttle, &program));
    let words = failed.expect_err("two steps fail").downcast::<String>().expect("a message");
    assert!(words.contains("forbidden in") && words.contains("cannot be explained"), "{words}");
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Permits(u8);

#[derive(Clone, Copy, Debug)]
enum Permit {
    Take,
    Give,
    /// Only while there is a permit.
    Look,
}
use Permit::{Give, Look, Take};

impl Model for Permits {
    type Op = Permit;
    type Ret = u8;

    fn apply(&mut self, op: &Permit) -> u8 {
        match op {
            Take => self.0 -= 1,
            Give => self.0 += 1,
            Look => {}
        }
        self.0
    }

    fn ready(&self, op: &Permit) -> bool {
        self.0 > 0 || !matches!(op, Take)
    }

    fn precondition(&self, op: &Permit) -> bool {
        self.0 > 0 || !matches!(op, Look)
    }
}

#[test]
fn a_program_makes_sense_if_every_order_of_it_does() {
    let sense = |prefix: &[Permit], parts: &[&[Permit]], suffix: &[Permit]| {
        let parts = parts.iter().map(|part| part.to_vec()).collect();
        let program = Program { prefix: prefix.to_vec(), parts, suffix: suffix.to_vec() };
        makes_sense(&Permits(0), &program)
    };
    assert!(sense(&[], &[&[Take], &[Give]], &[]));
    assert!(!sense(&[], &[&[Take], &[]], &[]), "nobody gives");
    assert!(!sense(&[], &[&[Take], &[Take], &[Give]], &[]), "one waits for ever");
    assert!(sense(&[Give], &[&[Take], &[Take], &[Give]], &[]));
    assert!(!sense(&[], &[&[Look], &[Give]], &[]), "it may look first");
    assert!(sense(&[], &[&[Give], &[Give]], &[Look]));
    assert!(!sense(&[], &[&[Give], &[Take]], &[Take]), "the suffix waits for ever");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exploring_never_fails_what_is_right(seed: u64) {
        let seen = explored(Engine::Shuttle, counter(|| Right(AtomicU32::new(0))), seed);
        prop_assert_eq!(verdict(&seen), Verdict::Safe);
    }
}

#[test]
fn no_shard_and_no_round_draws_a_program_from_the_seed_of_another() {
    const PROGRAMS: usize = 10_000;
    let mut seeds = HashSet::new();
    for (shard, round) in (1..=8).flat_map(|shard| (0..4).map(move |round| (shard, round))) {
        let shard: Shard = format!("{shard}/8").parse().expect("a shard");
        let mut random = Random(seed_of_stream(DEFAULT_SEED, stream(shard, round)));
        for _ in 0..PROGRAMS {
            assert!(seeds.insert(random.next()), "{shard}, round {round}");
        }
    }
    assert_eq!(seeds.len(), 8 * 4 * PROGRAMS);
    // And they do draw other programs: what both saw, both are right.
    let of = |seed| explored(Engine::Shuttle, counter(|| Right(AtomicU32::new(0))), seed);
    let other = seed_of_stream(DEFAULT_SEED, stream("2/8".parse().expect("a shard"), 0));
    assert_ne!(of(DEFAULT_SEED).executions, of(other).executions);
}
