//! The oracle for memory models against what the literature says, and with each of its axioms left out.

use crate::oracle::Order::{AcqRel, Acquire, Plain, Relaxed, Release, SeqCst};
use crate::oracle::{
    Model, Modify, Order, Part, Program, Shape, Stmt, Verdict, cas, executions, load, random, rmw, shrink,
    store, when,
};
use std::collections::BTreeSet;

const X: usize = 0;
const Y: usize = 1;
const Z: usize = 2;

/// What a test expects under a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// So many outcomes, without a race.
    Outcomes(usize),
    /// So many executions, without a race.
    Executions(usize),
    /// Whether some outcome begins so: registers of all threads, then memory, in one row. No race.
    Allowed(&'static [i64]),
    Forbidden(&'static [i64]),
    Race,
}
use Answer::{Allowed, Executions, Forbidden, Outcomes, Race};

impl Answer {
    fn is_that_of(self, verdict: &Verdict) -> bool {
        let rows = verdict
            .outcomes
            .iter()
            .map(|outcome| [outcome.registers.concat(), outcome.memory.clone()].concat());
        let rows: BTreeSet<_> = rows.collect();
        assert!(!verdict.executions.is_empty(), "a program has an execution");
        let races = !verdict.races.is_empty();
        match self {
            Outcomes(count) => !races && verdict.outcomes.len() == count,
            Executions(count) => !races && verdict.executions.len() == count,
            Allowed(row) => !races && rows.iter().any(|r| r.starts_with(row)),
            Forbidden(row) => !races && !rows.iter().any(|r| r.starts_with(row)),
            Race => races,
        }
    }
}

struct Known {
    name: &'static str,
    program: Program,
    rc11: Answer,
    sc: Answer,
}

fn known(name: &'static str, threads: Vec<Vec<Stmt>>, rc11: Answer, sc: Answer) -> Known {
    Known { name, program: Program::new(&[0, 0, 0], threads), rc11, sc }
}

fn add(register: usize, location: usize, order: Order) -> Stmt {
    rmw(register, Modify::Add, location, 1, order)
}

fn swap(register: usize, location: usize, value: i64, order: Order) -> Stmt {
    rmw(register, Modify::Swap, location, value, order)
}

/// Store buffering with something between.
fn sb(write: Order, read: Order, between: Option<Order>) -> Vec<Vec<Stmt>> {
    let side = |mine, other| {
        let mut side = vec![store(mine, 1, write), load(0, other, read)];
        between.into_iter().for_each(|order| side.insert(1, Stmt::Fence(order)));
        side
    };
    vec![side(X, Y), side(Y, X)]
}

fn mp(write: Order, read: Order) -> Vec<Vec<Stmt>> {
    vec![vec![store(X, 1, Relaxed), store(Y, 1, write)], vec![load(0, Y, read), load(1, X, Relaxed)]]
}

/// A plain payload behind a flag; the reader looks only if it saw the flag.
fn plain_mp(write: Order, read: Order) -> Vec<Vec<Stmt>> {
    vec![
        vec![store(X, 1, Plain), store(Y, 1, write)],
        vec![load(0, Y, read), when(0, 1, vec![load(1, X, Plain)])],
    ]
}

fn iriw(write: Order, read: Order, between: Option<Order>) -> Vec<Vec<Stmt>> {
    let reader = |first, second| {
        let mut reader = vec![load(0, first, read), load(1, second, read)];
        between.into_iter().for_each(|order| reader.insert(1, Stmt::Fence(order)));
        reader
    };
    vec![vec![store(X, 1, write)], vec![store(Y, 1, write)], reader(X, Y), reader(Y, X)]
}

/// The shapes of two and of four threads whose answers every paper on the subject gives.
fn classics() -> Vec<Known> {
    let lb = |order| {
        vec![vec![load(0, X, order), store(Y, 1, order)], vec![load(0, Y, order), store(X, 1, order)]]
    };
    let two_writes = |order| {
        vec![vec![store(X, 1, order), store(Y, 2, order)], vec![store(Y, 1, order), store(X, 2, order)]]
    };
    vec![
        known("SB relaxed", sb(Relaxed, Relaxed, None), Outcomes(4), Outcomes(3)),
        known("SB acquire release", sb(Release, Acquire, None), Outcomes(4), Outcomes(3)),
        known("SB SeqCst", sb(SeqCst, SeqCst, None), Outcomes(3), Outcomes(3)),
        known("SB SeqCst fences", sb(Relaxed, Relaxed, Some(SeqCst)), Outcomes(3), Outcomes(3)),
        known("SB acquire-release fences", sb(Relaxed, Relaxed, Some(AcqRel)), Outcomes(4), Outcomes(3)),
        known("MP relaxed", mp(Relaxed, Relaxed), Outcomes(4), Outcomes(3)),
        known("MP release acquire", mp(Release, Acquire), Outcomes(3), Outcomes(3)),
        known("MP release relaxed", mp(Release, Relaxed), Outcomes(4), Outcomes(3)),
        known("MP relaxed acquire", mp(Relaxed, Acquire), Outcomes(4), Outcomes(3)),
        known("MP plain, release acquire", plain_mp(Release, Acquire), Outcomes(2), Outcomes(2)),
        known("MP plain, relaxed", plain_mp(Relaxed, Relaxed), Race, Race),
        known("LB relaxed", lb(Relaxed), Outcomes(3), Outcomes(3)),
        known("2+2W relaxed", two_writes(Relaxed), Outcomes(4), Outcomes(3)),
        known("2+2W release", two_writes(Release), Outcomes(4), Outcomes(3)),
        known("2+2W SeqCst", two_writes(SeqCst), Outcomes(3), Outcomes(3)),
        known("IRIW relaxed", iriw(Relaxed, Relaxed, None), Outcomes(16), Outcomes(15)),
        known("IRIW release acquire", iriw(Release, Acquire, None), Outcomes(16), Outcomes(15)),
        known("IRIW SeqCst", iriw(SeqCst, SeqCst, None), Outcomes(15), Outcomes(15)),
        known("IRIW SeqCst fences", iriw(Relaxed, Relaxed, Some(SeqCst)), Outcomes(15), Outcomes(15)),
        known(
            "CoRR",
            vec![
                vec![store(X, 1, Relaxed), store(X, 2, Relaxed)],
                vec![load(0, X, Relaxed), load(1, X, Relaxed)],
            ],
            Outcomes(6),
            Outcomes(6),
        ),
        known("two plain stores", vec![vec![store(X, 1, Plain)], vec![store(X, 2, Plain)]], Race, Race),
        known(
            "two plain loads",
            vec![vec![load(0, X, Plain)], vec![load(0, X, Plain)]],
            Outcomes(1),
            Outcomes(1),
        ),
        known("plain and atomic", vec![vec![store(X, 1, Relaxed)], vec![load(0, X, Plain)]], Race, Race),
        known(
            "plain after an atomic read",
            vec![vec![store(X, 1, Release)], vec![load(0, X, Acquire), when(0, 1, vec![load(1, X, Plain)])]],
            Outcomes(2),
            Outcomes(2),
        ),
    ]
}

/// Lahav et al., PLDI 2017: the figures of the introduction and of section 2, with SeqCst accesses.
fn repaired() -> Vec<Known> {
    // Z6.U: C11 forbade it, Power with leading fences shows it.
    let z6u = vec![
        vec![store(X, 1, SeqCst), store(Y, 1, Release)],
        vec![add(0, Y, SeqCst), load(1, Y, Relaxed)],
        vec![store(Y, 3, SeqCst), load(0, X, SeqCst)],
    ];
    // IRIW-acq-sc: SeqCst writes and second reads, the first reads acquire.
    let iriw_acquire = vec![
        vec![store(X, 1, SeqCst)],
        vec![load(0, X, Acquire), load(1, Y, SeqCst)],
        vec![load(0, Y, Acquire), load(1, X, SeqCst)],
        vec![store(Y, 1, SeqCst)],
    ];
    let rwc_fences = vec![
        vec![store(X, 1, Relaxed)],
        vec![load(0, X, Acquire), Stmt::Fence(SeqCst), load(1, Y, Relaxed)],
        vec![store(Y, 1, Relaxed), Stmt::Fence(SeqCst), load(0, X, Relaxed)],
    ];
    let w_rwc_fences = vec![
        vec![store(Z, 1, Relaxed), store(X, 1, Release)],
        vec![load(0, X, Acquire), Stmt::Fence(SeqCst), load(1, Y, Relaxed)],
        vec![store(Y, 1, Relaxed), Stmt::Fence(SeqCst), load(0, Z, Relaxed)],
    ];
    let z6_fences = vec![
        vec![store(X, 1, Relaxed), Stmt::Fence(SeqCst), store(Y, 1, Relaxed)],
        vec![store(Y, 2, Relaxed), store(Z, 1, Release)],
        vec![load(0, Z, Acquire), Stmt::Fence(SeqCst), load(1, X, Relaxed)],
    ];
    // Between SeqCst accesses of different locations, happens-before through a third one counts.
    let through_flag = vec![
        vec![store(X, 1, SeqCst), store(Z, 1, Release)],
        vec![load(0, Z, Acquire), load(1, Y, SeqCst)],
        vec![store(Y, 1, SeqCst), load(0, X, SeqCst)],
    ];
    vec![
        known("SB in three threads", through_flag, Forbidden(&[1, 0, 0]), Forbidden(&[1, 0, 0])),
        known("Z6.U", z6u, Allowed(&[1, 3, 0]), Forbidden(&[1, 3, 0])),
        known("IRIW-acq-sc", iriw_acquire, Allowed(&[1, 0, 1, 0]), Forbidden(&[1, 0, 1, 0])),
        known("RWC+syncs", rwc_fences, Forbidden(&[1, 0, 0]), Forbidden(&[1, 0, 0])),
        known("W+RWC, SeqCst fences", w_rwc_fences, Forbidden(&[1, 0, 0]), Forbidden(&[1, 0, 0])),
        known("Z6.0, SeqCst fences", z6_fences, Forbidden(&[1, 0, 1, 2]), Forbidden(&[1, 0, 1, 2])),
    ]
}

/// What a release sequence is in C++20, and what fences synchronise.
fn synchronisation() -> Vec<Known> {
    let payload = |middle: Stmt, sequence: Vec<Stmt>, order| {
        let mut threads = vec![
            vec![store(X, 1, Plain), store(Y, 1, Release), middle],
            vec![load(0, Y, order), when(0, 2, vec![load(1, X, Plain)])],
        ];
        threads.extend((!sequence.is_empty()).then_some(sequence));
        threads
    };
    let through_fences = |fence_before: bool, fence_after: bool| {
        let mut writer = vec![store(X, 1, Plain), store(Y, 1, Relaxed)];
        fence_before.then(|| writer.insert(1, Stmt::Fence(Release)));
        let mut then = vec![load(1, X, Plain)];
        fence_after.then(|| then.insert(0, Stmt::Fence(Acquire)));
        vec![writer, vec![load(0, Y, Relaxed), when(0, 1, then)]]
    };
    // An acquire fence does not synchronise with what another thread has read.
    let others_load = vec![
        vec![store(X, 1, Plain), store(Y, 1, Release)],
        vec![load(0, Y, Relaxed), when(0, 1, vec![store(Z, 1, Release)])],
        vec![load(0, Z, Acquire), when(0, 1, vec![Stmt::Fence(Acquire), load(1, X, Plain)])],
    ];
    let idle = Stmt::Fence(Acquire);
    vec![
        known(
            "a store of the same thread breaks the sequence",
            payload(store(Y, 2, Relaxed), vec![], Acquire),
            Race,
            Race,
        ),
        known(
            "a read-modify-write continues it",
            payload(add(0, Y, Relaxed), vec![], Acquire),
            Outcomes(3),
            Outcomes(3),
        ),
        known(
            "that of another thread, too",
            payload(idle.clone(), vec![add(0, Y, Relaxed)], Acquire),
            Outcomes(5),
            Outcomes(5),
        ),
        known(
            "a failed compare-exchange does not",
            payload(idle.clone(), vec![cas(0, Y, 7, 9, Relaxed), store(Y, 2, Relaxed)], Acquire),
            Race,
            Race,
        ),
        known("fences on both sides", through_fences(true, true), Outcomes(2), Outcomes(2)),
        known("no release fence", through_fences(false, true), Race, Race),
        known("no acquire fence", through_fences(true, false), Race, Race),
        known("an acquire fence after another thread's load", others_load, Race, Race),
    ]
}

/// Read-modify-writes: no two from one write, nothing between, and no more than their orderings say.
fn modifications() -> Vec<Known> {
    let adds = |threads: usize, each: usize| {
        let body = || (0..each).map(|register| add(register, X, Relaxed)).collect();
        (0..threads).map(|_| body()).collect::<Vec<Vec<Stmt>>>()
    };
    let load_store = |threads: usize| {
        let body = |thread| vec![load(0, X, Relaxed), store(X, thread + 1, Relaxed)];
        (0..threads).map(|thread| body(i64::try_from(thread).unwrap())).collect::<Vec<_>>()
    };
    // A payload stored relaxed, taken by swap after the flag was announced: RC11 lets the swap read 0.
    let taken = vec![
        vec![store(X, 1, Relaxed), store(Y, 1, Relaxed)],
        vec![load(0, Y, Relaxed), swap(1, X, 2, Relaxed)],
    ];
    let split = vec![vec![add(0, X, Relaxed)], vec![store(X, 5, Relaxed)]];
    vec![
        known("2 × fetch_add", adds(2, 1), Executions(2), Executions(2)),
        known("3 × 2 fetch_add", adds(3, 2), Executions(90), Executions(90)),
        known("2 × load, store", load_store(2), Executions(4), Executions(4)),
        known("3 × load, store", load_store(3), Executions(36), Executions(36)),
        known("4 × load, store", load_store(4), Executions(576), Executions(576)),
        known("a store does not split a fetch_add", split, Outcomes(2), Outcomes(2)),
        known("a payload taken by swap", taken, Allowed(&[1, 0]), Forbidden(&[1, 0])),
        known(
            "one of two compare-exchanges",
            vec![vec![cas(0, X, 0, 1, Relaxed)], vec![cas(0, X, 0, 2, Relaxed)]],
            Outcomes(2),
            Outcomes(2),
        ),
    ]
}

fn all_known() -> Vec<Known> {
    [classics(), repaired(), synchronisation(), modifications()].into_iter().flatten().collect()
}

#[test]
fn the_oracle_says_what_the_literature_says() {
    let all = all_known();
    assert!(all.len() >= 40, "{} known answers", all.len());
    let mut wrong = Vec::new();
    for known in &all {
        for (model, answer) in [(Model::Rc11, known.rc11), (Model::Sc, known.sc)] {
            let verdict = executions(&known.program, model);
            if !answer.is_that_of(&verdict) {
                let (executions, outcomes) = (verdict.executions.len(), verdict.outcomes.len());
                wrong.push(format!(
                    "{} {model:?}: expected {answer:?}, got {executions} executions, {outcomes} outcomes, races {:?}\n{:?}",
                    known.name, verdict.races, verdict.outcomes.iter().map(|o| &o.registers).collect::<Vec<_>>(),
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Which of the known answers each part of the model is needed for.
#[test]
fn each_axiom_is_seen_to_be_missing() {
    let parts = [
        Part::Coherence,
        Part::Atomicity,
        Part::PscBase,
        Part::PscFence,
        Part::ScbSameLocation,
        Part::ScbHappensBefore,
        Part::Synchronises,
        Part::SynchronisingFence,
        Part::ReleaseSequence,
    ];
    for part in parts {
        let wrong = |known: &Known| !known.rc11.is_that_of(&executions(&known.program, Model::Without(part)));
        let noticed: Vec<_> = all_known().into_iter().filter(wrong).map(|known| known.name).collect();
        println!("without {part:?}: {noticed:?}");
        assert!(!noticed.is_empty(), "no known answer needs {part:?}");
    }
}

/// How often random programs differ is counted: a generator of dull programs would prove nothing.
#[test]
fn random_programs_are_no_dull_ones() {
    let (mut stale, mut racy, mut executed) = (0, 0, 0);
    for seed in 0..300 {
        let program = random(seed, &Shape::default());
        let (rc11, sc) = (executions(&program, Model::Rc11), executions(&program, Model::Sc));
        assert!(sc.executions.is_subset(&rc11.executions), "{program}");
        assert!(sc.races.is_subset(&rc11.races), "{program}");
        stale += usize::from(sc.outcomes != rc11.outcomes);
        racy += usize::from(!rc11.races.is_empty());
        executed += rc11.executions.len();
    }
    assert!(stale > 30 && racy > 30 && executed > 10_000, "{stale} stale, {racy} racy, {executed}");
}

#[test]
fn shrinking_keeps_what_it_is_told_to_keep() {
    let stale = |program: &Program| {
        executions(program, Model::Rc11).outcomes != executions(program, Model::Sc).outcomes
    };
    let large = (0..).map(|seed| random(seed, &Shape::default())).find(stale).expect("a stale read");
    let small = shrink(&large, stale);
    assert!(stale(&small));
    let operations: usize = small.threads.iter().map(|thread| thread.body.len()).sum();
    assert!((3..=4).contains(&operations), "{small}");
}
