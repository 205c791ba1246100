//! Closed forms, textbook programs, and random programs against brute force.

use super::brute::{outcomes, outcomes_within, search};
use super::toy::Instruction;
use Instruction::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

pub(super) type Program = Vec<Vec<Instruction>>;

/// Checks how many executions a program takes, and that none is redundant.
#[track_caller]
fn check(program: Program, executions: u64) {
    let found = search(&program, None);
    assert_eq!((found.executions, found.redundant), (executions, 0), "{program:?}");
}

/// As [`check`], for programs where some executions are redundant.
#[track_caller]
fn check_with_redundant(program: Program, executions: u64) {
    let found = search(&program, None);
    assert_eq!(found.executions, executions, "{} redundant", found.redundant);
}

#[test]
fn one_execution_per_order_of_the_additions() {
    // (actors * 2)! / 2^actors
    check(vec![vec![Add(0); 2]; 2], 6);
    check(vec![vec![Add(0); 2]; 3], 90);
    check(vec![vec![Add(0); 2]; 4], 2_520);
}

#[test]
fn load_then_store() {
    check(vec![vec![Load(0), Store(0, 1)]; 2], 4);
    check(vec![vec![Load(0), Store(0, 1)]; 3], 36);
    check(vec![vec![Load(0), Store(0, 1)]; 4], 576);
}

#[test]
fn what_is_independent_takes_one_execution() {
    check((0..4).map(|task| vec![Add(task), Load(task), Add(task)]).collect(), 1);
    check(vec![vec![Load(0); 5]; 4], 1);
    check(vec![vec![Read(0), Read(1), ReadUnlock(0), ReadUnlock(1)]; 3], 1);
}

#[test]
fn sections_of_one_lock_come_with_unreduced() {
    check(vec![vec![Lock(0), Note(0), Unlock(0)]; 2], 2);
    check(vec![vec![Lock(0), Note(0), Unlock(0)]; 4], 24);
    check(vec![vec![Lock(0), Note(0), Unlock(0), Lock(0), Note(0), Unlock(0)]; 3], 90);
    check(vec![vec![Write(0), Note(0), WriteUnlock(0)]; 3], 6);
}

#[test]
fn readers_beside_one_writer() {
    for n in 1..=12 {
        let mut program = vec![vec![Load(0)]; n];
        program.push(vec![Store(0, 1)]);
        check(program, 1 << n);
    }
    // Under a lock, each reader comes before or after the writer.
    let mut program = vec![vec![Read(0), ReadUnlock(0)]; 5];
    program.push(vec![Write(0), WriteUnlock(0)]);
    check_with_redundant(program, 1 << 5);
}

/// The two programs of POPL 2014, section 9; there are (n + 3) * 2^(n - 2) classes of `lastzero(n)`, and of
/// `indexer(n)` 1 up to 11 and 8^(n - 11) from there.
#[test]
fn textbook_programs() {
    for (n, executions) in [(2, 5), (5, 64), (8, 704)] {
        let mut program = vec![vec![LastZero(n)]];
        program.extend((0..n).map(|writer| vec![Carry(writer)]));
        check_with_redundant(program, executions);
    }
    for (n, executions) in [(2, 1), (11, 1), (12, 8), (13, 64)] {
        check(vec![vec![Insert]; n], executions);
    }
}

#[test]
fn a_writer_may_come_between_two_readers_that_overlapped() {
    let program = vec![
        vec![Read(0), ReadUnlock(0)],
        vec![Read(0), Load(1), ReadUnlock(0)],
        vec![Write(0), Store(1, 1), WriteUnlock(0)],
        vec![Read(0), Load(1), ReadUnlock(0)],
    ];
    check_with_redundant(program.clone(), 8);
    assert_eq!(search(&program, None).outcomes, outcomes(&program));
}

#[test]
fn every_value_is_picked_with_unreduced() {
    check(vec![vec![Toss(3)]; 2], 9);
    // 3^2 values, in each of 2 orders.
    check(vec![vec![Add(0), Toss(3)]; 2], 9 * 2);
    // Who picks 1 leaves out the first addition: 2^2 orders where no task does, 2 where one or both do.
    check_with_redundant(vec![vec![Toss(2), Add(1), Add(0)]; 2], 4 + 2 + 2 + 2);
    // What is picked between two steps: 2^2 values in each of 6 orders.
    check(vec![vec![Add(0), Toss(1), Toss(2), Load(1), Add(0)]; 2], 6 * 4);
}

#[test]
fn deadlocks_are_outcomes_like_others() {
    let program = vec![vec![Lock(0), Lock(1)], vec![Lock(1), Lock(0)]];
    assert_eq!(search(&program, None).outcomes, outcomes(&program));
    let program = vec![vec![Lock(0), Wait(0, 0), Unlock(0)], vec![NotifyOne(0)]];
    assert_eq!(search(&program, None).outcomes.len(), 2);
}

#[test]
fn a_loop_that_waits_ends_and_loses_nothing() {
    let program = vec![vec![Await(0, 1), Add(1)], vec![Store(0, 1)], vec![Add(1)]];
    let found = search(&program, None);
    assert_eq!(found.outcomes, outcomes(&program));
    assert!(found.executions < 40, "{}", found.executions);
    assert!(found.explorer.progress().awaited);
    assert_eq!(found.explorer.progress().silent, None);
    // A loop that gives up by itself does so, however late.
    for limit in [1, 2, 5, 40] {
        let program = vec![vec![Poll(0, 1, limit, true), Add(1)], vec![Store(0, 1)]];
        assert_eq!(search(&program, None).outcomes, outcomes(&program), "after {limit} rounds");
    }
}

#[test]
fn a_loop_that_never_yields_is_found() {
    let program = vec![vec![Poll(0, 1, u8::MAX, false)], vec![Store(0, 1)]];
    let found = search(&program, None);
    assert_eq!(found.explorer.progress().silent, Some(0));
    assert!(found.outcomes.is_superset(&outcomes(&program)));
}

#[test]
fn loops_that_wait_for_nothing_are_told_from_those_that_wait_for_others() {
    let mut explorer = super::Explorer::new(None);
    assert!(explorer.begin());
    let mut machine = super::toy::Machine::new(vec![vec![Await(0, 1)], vec![Await(1, 1)]]);
    let mut current = None;
    for _ in 0..2_000 {
        let task = explorer.choose(&machine.ready(), current);
        let effect = machine.step(task, |options| explorer.pick(options));
        explorer.learn(effect);
        current = Some(task);
    }
    assert!(explorer.is_stuck());
}

#[test]
fn an_estimate_grows_towards_the_truth() {
    let found = search(&vec![vec![Add(0); 2]; 4], None);
    let early = found.early_estimate.expect("fifty executions are an early moment");
    assert!((100.0..100_000.0).contains(&early), "{early}");
}

fn atomic() -> impl Strategy<Value = Vec<Instruction>> {
    prop_oneof![
        3 => (0..2_usize).prop_map(|a| vec![Load(a)]),
        2 => (0..2_usize, 1..3_u8).prop_map(|(a, v)| vec![Store(a, v)]),
        1 => (0..2_usize).prop_map(|a| vec![Add(a)]),
        1 => (0..2_usize, 0..2_u8).prop_map(|(a, v)| vec![Cas(a, v, v + 1)]),
    ]
}

/// A few instructions that belong together.
fn phrase() -> impl Strategy<Value = Vec<Instruction>> {
    let object = 0..2_usize;
    let inner = prop_oneof![atomic(), Just(vec![Note(0)]), (0..2_usize).prop_map(|c| vec![NotifyOne(c)]),];
    let around = |take: fn(usize) -> Vec<Instruction>, give: fn(usize) -> Instruction| {
        move |(object, inner): (usize, Vec<Instruction>)| {
            let mut all = take(object);
            // Each lock guards data of its own, which readers only may not write to.
            let inner: Vec<_> = inner
                .into_iter()
                .map(|instruction| match (instruction, give(object)) {
                    (Note(_), Unlock(m)) => Note(m),
                    (Note(_), WriteUnlock(l)) => Note(2 + l),
                    (Note(_), _) => Load(0),
                    (other, _) => other,
                })
                .collect();
            if let [TryLock(_, skip) | TryRead(_, skip) | TryWrite(_, skip)] = &mut all[..] {
                *skip = inner.len() + 1;
            }
            all.extend(inner);
            all.push(give(object));
            all
        }
    };
    let held = (object.clone(), inner);
    prop_oneof![
        4 => atomic(),
        3 => held.clone().prop_map(around(|m| vec![Lock(m)], Unlock)),
        2 => held.clone().prop_map(around(|m| vec![TryLock(m, 0)], Unlock)),
        2 => held.clone().prop_map(around(|l| vec![Read(l)], ReadUnlock)),
        2 => held.clone().prop_map(around(|l| vec![Write(l)], WriteUnlock)),
        1 => held.clone().prop_map(around(|l| vec![TryRead(l, 0)], ReadUnlock)),
        1 => held.clone().prop_map(around(|l| vec![TryWrite(l, 0)], WriteUnlock)),
        2 => held.clone().prop_map(around(|c| vec![Lock(c), Wait(c, c)], Unlock)),
        1 => held.prop_map(around(|c| vec![Lock(c), TimedWait(c, c)], Unlock)),
        2 => object.clone().prop_map(|c| vec![NotifyOne(c)]),
        1 => object.clone().prop_map(|c| vec![NotifyAll(c)]),
        2 => (object.clone(), 1..3_u8).prop_map(|(c, v)| vec![Send(c, v)]),
        2 => object.clone().prop_map(|c| vec![Receive(c)]),
        2 => object.clone().prop_map(|c| vec![TryReceive(c)]),
        1 => (object, 1..3_u8).prop_map(|(a, v)| vec![Await(a, v)]),
        // No more is left out than the phrase that follows: half a critical section is no program.
        2 => (2..4_u32, atomic()).prop_map(|(n, after)| {
            let most = u32::try_from(after.len()).unwrap_or(0) + 1;
            [vec![Toss(n.min(most))], after].concat()
        }),
    ]
}

fn programs() -> impl Strategy<Value = Program> {
    let task = |phrases| prop::collection::vec(phrase(), 1..=phrases).prop_map(|all| all.concat());
    prop_oneof![
        prop::collection::vec(task(4), 2),
        prop::collection::vec(task(2), 3),
        prop::collection::vec(task(1), 4),
    ]
}

/// Runs `property` on so many random programs, the same ones every time.
pub(super) fn on_programs(cases: u32, property: impl Fn(&Program) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x5e; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let ran = Cell::new(0);
    let result = runner.run(&programs(), |program| {
        ran.set(ran.get() + 1);
        property(&program)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert_eq!(ran.get(), cases);
}

/// How many random programs the comparison with brute force tries.
const PROGRAMS: u32 = 3_000;

/// How many random programs are tried: as many times more as the environment asks of the comparison with brute
/// force.
pub(super) fn cases(normally: u32) -> u32 {
    let asked = std::env::var("SELVEDGE_DPOR_PROGRAMS").ok().and_then(|cases| cases.parse::<u64>().ok());
    let cases = asked.map(|asked| (u64::from(normally) * asked / u64::from(PROGRAMS)).max(1));
    cases.map_or(normally, |cases| u32::try_from(cases).unwrap_or(u32::MAX))
}

#[test]
fn outcomes_are_those_of_brute_force() {
    let (executions, redundant) = (Cell::new(0), Cell::new(0));
    on_programs(cases(PROGRAMS), |program| {
        let found = search(program, None);
        executions.set(executions.get() + found.executions);
        redundant.set(redundant.get() + found.redundant);
        let all = outcomes(program);
        let missing = all.difference(&found.outcomes).next();
        prop_assert!(missing.is_none(), "missed {:?}", missing);
        prop_assert_eq!(found.outcomes.len(), all.len(), "made up");
        Ok(())
    });
    println!("{} executions, {} redundant", executions.get(), redundant.get());
    assert!(redundant.get() * 2 < executions.get(), "{} redundant of {}", redundant.get(), executions.get());
}

#[test]
fn outcomes_within_a_bound_are_those_of_brute_force_within_it() {
    on_programs(cases(1_000), |program| {
        if program.iter().flatten().any(|instruction| matches!(instruction, Await(..) | TimedWait(..))) {
            return Ok(());
        }
        let most = outcomes(program);
        for bound in 0..3 {
            let found = search(program, Some(bound));
            let least = outcomes_within(program, bound);
            let missing = least.difference(&found.outcomes).next();
            prop_assert!(missing.is_none(), "within {}, missed {:?}", bound, missing);
            prop_assert!(found.outcomes.is_subset(&most), "within {bound}");
            if !found.explorer.progress().bounded {
                prop_assert_eq!(found.outcomes.len(), most.len(), "although {} was never in the way", bound);
            }
        }
        Ok(())
    });
}
