//! A brute-force oracle for memory models, in the style of herd: slow, and meant to be seen to be right.
//!
//! A [`Program`] is loop-free plain data. [`executions`] takes all its candidate executions (every way to
//! read from, every coherence order), keeps those that satisfy the axioms of RC11 as the paper writes them,
//! in relation algebra over bit matrices and without any clock, and says what they are, how they end and
//! what races. Nothing is shared with the engines that are tested against it.
//!
//! # How to call it
//!
//! From an integration test, `#[path = "../oracle/mod.rs"] mod oracle;`; from a unit test of the library the
//! same with a path from there, below `#[cfg(test)]`. It names nothing outside of itself.
//!
//! ```text
//! let program = oracle::random(seed, &Shape::default());      // the same for the same seed, or:
//! let program = Program::new(&[0, 0], vec![vec![store(0, 1, Relaxed), load(0, 1, Relaxed)], …]);
//! let answer = oracle::executions(&program, Model::Rc11);     // or Model::Sc
//! answer.executions   // each once: who reads from whom, and the coherence orders
//! answer.outcomes     // final registers of each thread and final memory
//! answer.races        // pairs of operations that race in some execution
//! println!("{program}");                                     // as herd's C dialect, for a report
//! let small = oracle::shrink(&program, |program| disagrees(program));
//! ```
//!
//! To run the same program on an engine, call [`interpret`] for each thread with a closure that performs
//! each [`Operation`] on the engine's memory and answers with what it read. The events of an [`Execution`]
//! are named by [`Op`]: the place of an operation in its thread, fences counted, a read-modify-write or
//! compare-exchange as one. Registers start as 0; final memory is the last write in coherence order, as a
//! read after joining all threads sees it.
//!
//! # Limits
//!
//! 64 events (a read-modify-write is two, each location has an initial write). No loops, no load buffering
//! (RC11 forbids cycles of program order and reads-from). A program that races has undefined behaviour:
//! compare its races and not its executions, which are here as if plain accesses were weaker than relaxed.

#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

mod axioms;
mod candidates;
mod generate;
mod program;
mod relation;

pub(crate) use axioms::{Model, Part};
pub(crate) use candidates::{Op, Source};
pub(crate) use generate::{Generator, Shape, random, shrink};
pub(crate) use program::{
    Answer, Expr, Modify, Operation, Operator, Order, Program, Stmt, Thread, cas, interpret, load, rmw,
    store, when,
};

use axioms::Graph;
use std::collections::BTreeSet;

/// One consistent execution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Execution {
    /// For each operation that reads, in the order of [`Op`], the write that it takes.
    pub(crate) reads_from: Vec<(Op, Source)>,
    /// For each location its writes in coherence order, without the initial one.
    pub(crate) coherence: Vec<Vec<Op>>,
    /// Weak compare-exchanges that failed though they read what they expected.
    pub(crate) spurious: Vec<Op>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Outcome {
    /// Of each thread.
    pub(crate) registers: Vec<Vec<i64>>,
    pub(crate) memory: Vec<i64>,
}

/// All that a model says of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) executions: BTreeSet<Execution>,
    pub(crate) outcomes: BTreeSet<Outcome>,
    /// The lesser operation first.
    pub(crate) races: BTreeSet<(Op, Op)>,
}

/// The consistent executions of a program.
///
/// # Panics
/// With more than 64 events.
pub(crate) fn executions(program: &Program, model: Model) -> Verdict {
    let mut verdict = Verdict::default();
    for (prefix, registers) in candidates::candidates(program, model.splits()) {
        let graph = Graph::new(program.initial.len(), &prefix, model);
        let orders = (0..program.initial.len()).map(|location| {
            let mut orders =
                permutations(&graph.writes(location), &|a, b| graph.must_precede(location, a, b));
            orders.retain(|order| graph.location_allows(location, order));
            orders
        });
        let mut found = false;
        for coherence in product(&orders.collect::<Vec<_>>()) {
            if !graph.whole_allows(&coherence) {
                continue;
            }
            found = true;
            let memory = (coherence.iter().zip(&program.initial))
                .map(|(order, initial)| {
                    order.last().map_or(*initial, |op| {
                        prefix[op.thread][op.index].written.expect("coherence orders writes")
                    })
                })
                .collect();
            verdict.outcomes.insert(Outcome { registers: registers.clone(), memory });
            let new = verdict.executions.insert(execution(&prefix, coherence));
            assert!(new, "an execution was listed twice");
        }
        if found {
            verdict.races.extend(graph.races());
        }
    }
    verdict
}

fn execution(prefix: &candidates::Prefix, coherence: Vec<Vec<Op>>) -> Execution {
    let (mut reads_from, mut spurious) = (Vec::new(), Vec::new());
    for (thread, done) in prefix.iter().enumerate() {
        for (index, done) in done.iter().enumerate() {
            let op = Op { thread, index };
            reads_from.extend(done.read.map(|(source, _)| (op, source)));
            spurious.extend(done.spurious.then_some(op));
        }
    }
    Execution { reads_from, coherence, spurious }
}

/// Every order of some operations that puts none before one that must precede it.
fn permutations(of: &[Op], must_precede: &impl Fn(Op, Op) -> bool) -> Vec<Vec<Op>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut orders = Vec::new();
    for order in permutations(rest, must_precede) {
        for place in 0..=order.len() {
            let (before, after) = order.split_at(place);
            if before.iter().any(|op| must_precede(*first, *op))
                || after.iter().any(|op| must_precede(*op, *first))
            {
                continue;
            }
            orders.push([before, &[*first], after].concat());
        }
    }
    orders
}

/// Every choice of one order for each location.
fn product(orders: &[Vec<Vec<Op>>]) -> Vec<Vec<Vec<Op>>> {
    let mut all = vec![Vec::new()];
    for orders in orders {
        let longer = |chosen: &Vec<Vec<Op>>, order: &Vec<Op>| {
            let mut chosen = chosen.clone();
            chosen.push(order.clone());
            chosen
        };
        all = all.iter().flat_map(|chosen| orders.iter().map(move |order| longer(chosen, order))).collect();
    }
    all
}
