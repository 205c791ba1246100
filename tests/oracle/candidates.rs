//! All candidate executions of a program: every way in which reads take values from writes.
//!
//! RC11 forbids cycles of program order and reads-from, so every execution can be built by adding events one
//! after the other, each read taking a write that is already there. All prefixes are built that way, and a
//! prefix that two ways lead to is kept once.

use super::program::{Answer, Operation, Program, interpret};
use std::collections::HashSet;

/// The `index`-th operation on memory (or fence) that a thread executed, both counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Op {
    pub(crate) thread: usize,
    pub(crate) index: usize,
}

/// The write that a read takes; none is the initial value.
pub(crate) type Source = Option<Op>;

/// An operation that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Done {
    /// Of a fence, none.
    pub(super) location: Option<usize>,
    /// Of a compare-exchange the one that applied.
    pub(super) order: super::program::Order,
    /// From where it read, and what.
    pub(super) read: Option<(Source, i64)>,
    /// What it wrote.
    pub(super) written: Option<i64>,
    /// A weak compare-exchange that failed where it could have succeeded.
    pub(super) spurious: bool,
}

/// What each thread has executed.
pub(super) type Prefix = Vec<Vec<Done>>;

/// How a thread goes on after what it has done.
enum Next {
    Operation(Operation),
    End(Vec<i64>),
}

/// The complete executions, coherence order left open, with the final registers of each. Unless `split`, those
/// are left out in which two read-modify-writes take the same write, which no coherence order makes atomic.
pub(super) fn candidates(program: &Program, split: bool) -> Vec<(Prefix, Vec<Vec<i64>>)> {
    let mut complete = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<Prefix> = vec![vec![Vec::new(); program.threads.len()]];
    while let Some(mut prefix) = waiting.pop() {
        run_ahead(program, &mut prefix);
        if !seen.insert(prefix.clone()) {
            continue;
        }
        let mut registers = Vec::new();
        for thread in 0..prefix.len() {
            match next(program, &prefix, thread) {
                Next::End(values) => registers.push(values),
                Next::Operation(operation) => {
                    for done in ways(program, &prefix, operation) {
                        if !split && takes_taken(&prefix, &done) {
                            continue;
                        }
                        let mut longer = prefix.clone();
                        longer[thread].push(done);
                        waiting.push(longer);
                    }
                }
            }
        }
        if registers.len() == prefix.len() {
            complete.push((prefix, registers));
        }
    }
    complete
}

/// Executes what has one way to be executed: stores and fences.
fn run_ahead(program: &Program, prefix: &mut Prefix) {
    for thread in 0..prefix.len() {
        while let Next::Operation(operation @ (Operation::Store { .. } | Operation::Fence(_))) =
            next(program, prefix, thread)
        {
            let done = ways(program, prefix, operation);
            prefix[thread].extend(done);
        }
    }
}

/// Whether this is a read-modify-write of what another one has taken already.
fn takes_taken(prefix: &Prefix, new: &Done) -> bool {
    let source = |done: &Done| done.written.and(done.read).map(|(source, _)| source);
    let taken = |done: &Done| done.location == new.location && source(done) == source(new);
    source(new).is_some() && prefix.iter().flatten().any(taken)
}

fn next(program: &Program, prefix: &Prefix, thread: usize) -> Next {
    let mut done = prefix[thread].iter();
    let mut pending = None;
    let registers = interpret(&program.threads[thread], |operation| {
        let Some(done) = done.next() else {
            pending = Some(operation);
            return None;
        };
        Some(Answer { value: done.read.map_or(0, |(_, value)| value), success: done.written.is_some() })
    });
    match (registers, pending) {
        (Some(registers), None) => Next::End(registers),
        (_, Some(operation)) => Next::Operation(operation),
        (None, None) => unreachable!("a thread halts at an operation"),
    }
}

/// Every way to execute an operation after a prefix.
fn ways(program: &Program, prefix: &Prefix, operation: Operation) -> Vec<Done> {
    let none = |order| Done { location: None, order, read: None, written: None, spurious: false };
    let read_at = |location: usize| {
        sources(program, prefix, location).into_iter().map(move |read| (Some(location), Some(read)))
    };
    match operation {
        Operation::Fence(order) => vec![none(order)],
        Operation::Store { location, value, order } => {
            vec![Done { location: Some(location), written: Some(value), ..none(order) }]
        }
        Operation::Load { location, order } => {
            read_at(location).map(|(location, read)| Done { location, read, ..none(order) }).collect()
        }
        Operation::Rmw { location, modify, operand, order } => read_at(location)
            .map(|(location, read)| {
                let written = read.map(|(_, old)| modify.apply(old, operand));
                Done { location, read, written, ..none(order) }
            })
            .collect(),
        Operation::Cas { location, expected, new, on_success, on_failure, weak } => read_at(location)
            .flat_map(|(location, read)| {
                let matches = read.is_some_and(|(_, old)| old == expected);
                let success = Done { location, read, written: Some(new), ..none(on_success) };
                let failure = Done { location, read, spurious: matches, ..none(on_failure) };
                let succeeds = matches.then_some(success);
                succeeds.into_iter().chain((!matches || weak).then_some(failure))
            })
            .collect(),
    }
}

/// The writes to a location with their values, the initial one first.
fn sources(program: &Program, prefix: &Prefix, location: usize) -> Vec<(Source, i64)> {
    let mut sources = vec![(None, program.initial[location])];
    for (thread, done) in prefix.iter().enumerate() {
        for (index, done) in done.iter().enumerate() {
            if let Some(value) = done.written.filter(|_| done.location == Some(location)) {
                sources.push((Some(Op { thread, index }), value));
            }
        }
    }
    sources
}
