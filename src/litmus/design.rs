//! A litmus test as a scenario of one design, whose actors interpret its threads.

use super::ast::{Expr, Location, Modify, Place, Stmt, Test, Thread};
use super::{Error, parse};
use crate::cell::Plain;
use crate::registry::Found;
use crate::scenario::{Design, ErasedScenario, Scenario};
use crate::sync::atomic::{AtomicI64, Ordering, fence};
use std::sync::Arc;

/// The name of the one design.
pub(crate) const DESIGN: &str = "litmus";

/// Why a location that is accessed both ways and modified cannot be run.
const MIXED: &str =
    "is modified atomically and accessed plainly as well, which the facade's types do not have";

/// What the observed places hold at the end, in the test's order.
type State = Box<[i64]>;

/// The scenario of a litmus file.
///
/// # Errors
/// As [`parse`].
pub(crate) fn found(file: &str, text: &str) -> Result<(Test, Found), Error> {
    let test = parse(file, text)?;
    let scenario = scenario(&test);
    let found = Found {
        name: test.name.clone(),
        file: file.to_owned(),
        scenario,
        generated: Vec::new(),
        litmus: Some(text.to_owned()),
    };
    Ok((test, found))
}

/// The values of a final state as an observation spells it.
///
/// # Panics
/// If it is no such.
pub(crate) fn values(state: &str) -> Vec<i64> {
    let list = state.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).expect("a list");
    let values = list.split(", ").filter(|value| !value.is_empty());
    values.map(|value| value.parse().expect("a list of numbers")).collect()
}

fn scenario(test: &Test) -> ErasedScenario {
    let test = Arc::new(test.clone());
    let made = Arc::clone(&test);
    let state = move || Memory::new(&made);
    let actor = |thread: usize| {
        let test = Arc::clone(&test);
        move |memory: &Memory| run(&test.threads[thread], thread, memory)
    };
    let mut design = Design::new(state).actor("P0", actor(0));
    for thread in 1..test.threads.len() {
        design = design.actor(&format!("P{thread}"), actor(thread));
    }
    let observed = Arc::clone(&test);
    let mut design = design.observe(move |memory, registers: &[Vec<i64>]| seen(&observed, memory, registers));
    let mixed = test.locations.iter().find(|location| location.plain && location.modified);
    if let Some(Location { name, .. }) = mixed {
        design = design.only_on(&[], &format!("`{name}` {MIXED}"));
    }
    let proposition = Arc::clone(&test);
    Scenario::new(&test.condition_text())
        .acceptable("the proposition is true", move |state: &State| proposition.is_true_of(state))
        .acceptable("the proposition is false", |_| true)
        .design(DESIGN, design)
        .erase()
}

/// What the observed places hold once all threads have ended.
fn seen(test: &Test, memory: &Memory, registers: &[Vec<i64>]) -> State {
    let value = |place: &Place| match *place {
        Place::Location(location) => memory.cells[location].last(),
        Place::Register(thread, register) => registers[thread][register],
    };
    test.observed.iter().map(value).collect()
}

/// Reads any bytes as a test, and runs one that they are: its threads one after another, for tests and for fuzzing.
///
/// # Panics
/// If a complaint names a place that is not there, or says nothing.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn survive(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let test = match parse("test.litmus", &text) {
        Ok(test) => test,
        Err(wrong) => {
            let lines = text.lines().count() + 1;
            assert!((1..=lines).contains(&wrong.line) && !wrong.message.is_empty(), "{wrong} of {text:?}");
            return false;
        }
    };
    assert!(!test.condition_text().is_empty() && !test.threads.is_empty());
    if test.locations.iter().all(|location| !(location.plain && location.modified)) {
        let memory = Memory::new(&test);
        let threads = test.threads.iter().enumerate();
        let registers: Vec<_> = threads.map(|(number, thread)| run(thread, number, &memory)).collect();
        let state = seen(&test, &memory, &registers);
        assert_eq!(values(&format!("{state:?}")), *state);
        let _either = test.is_true_of(&state);
        assert_eq!(test.state(&state).matches('=').count(), state.len());
    }
    true
}

/// What the threads share.
struct Memory {
    cells: Vec<Cell>,
}

enum Cell {
    Atomic(AtomicI64),
    Plain(Plain<i64>),
    Mixed(Mixed),
}

impl Memory {
    fn new(test: &Test) -> Self {
        let cell = |location: &Location| match (location.atomic, location.plain) {
            (true, true) => Cell::Mixed(Mixed::new(location.initial, test.threads.len())),
            (true, false) => Cell::Atomic(AtomicI64::made_here(location.initial)),
            (false, _) => Cell::Plain(Plain::made_here(location.initial)),
        };
        Memory { cells: test.locations.iter().map(cell).collect() }
    }
}

impl Cell {
    fn atomic(&self) -> &AtomicI64 {
        match self {
            Cell::Atomic(atomic) => atomic,
            Cell::Plain(_) | Cell::Mixed(_) => unreachable!("what is modified is atomic and not plain"),
        }
    }

    fn load(&self, thread: usize, order: Option<Ordering>) -> i64 {
        match (self, order) {
            (Cell::Atomic(atomic), Some(order)) => atomic.load(order),
            (Cell::Plain(plain), None) => plain.get(),
            (Cell::Mixed(mixed), order) => mixed.load(thread, order),
            (Cell::Atomic(_), None) | (Cell::Plain(_), Some(_)) => {
                unreachable!("a location is of its accesses' kind")
            }
        }
    }

    fn store(&self, thread: usize, value: i64, order: Option<Ordering>) {
        match (self, order) {
            (Cell::Atomic(atomic), Some(order)) => atomic.store(value, order),
            (Cell::Plain(plain), None) => plain.set(value),
            (Cell::Mixed(mixed), order) => mixed.store(thread, value, order),
            (Cell::Atomic(_), None) | (Cell::Plain(_), Some(_)) => {
                unreachable!("a location is of its accesses' kind")
            }
        }
    }

    /// The last value, once all threads have ended.
    fn last(&self) -> i64 {
        match self {
            Cell::Atomic(atomic) => atomic.load(Ordering::Relaxed),
            Cell::Plain(plain) => plain.get(),
            Cell::Mixed(mixed) => mixed.value.load(Ordering::Relaxed),
        }
    }
}

/// A location that is loaded and stored both atomically and plainly.
///
/// The value is atomic, and plain accesses are relaxed ones. That a plain access races with an atomic one of
/// another thread is seen on marks in plain memory: each thread has one that its atomic accesses write, an
/// atomic load right after it and an atomic store right before it, and plain accesses read those of all other
/// threads. So a mark is ordered with whatever its access is ordered with, and nothing more: a load begins no
/// synchronisation, and a store ends none. A read-modify-write does both, which is why it is left out. Where
/// nothing races, happens-before leaves plain reads one value, and relaxed ones the same.
struct Mixed {
    value: AtomicI64,
    /// Written by plain stores, read by plain loads.
    plain: Plain<u8>,
    loaded: Vec<Plain<u8>>,
    stored: Vec<Plain<u8>>,
}

impl Mixed {
    fn new(initial: i64, threads: usize) -> Self {
        let marks = || (0..threads).map(|_| Plain::made_here(0)).collect();
        Mixed {
            value: AtomicI64::made_here(initial),
            plain: Plain::made_here(0),
            loaded: marks(),
            stored: marks(),
        }
    }

    fn load(&self, thread: usize, order: Option<Ordering>) -> i64 {
        if let Some(order) = order {
            let value = self.value.load(order);
            self.loaded[thread].set(1);
            return value;
        }
        self.plain.get();
        others(&self.stored, thread);
        self.value.load(Ordering::Relaxed)
    }

    fn store(&self, thread: usize, value: i64, order: Option<Ordering>) {
        if let Some(order) = order {
            self.stored[thread].set(1);
            return self.value.store(value, order);
        }
        self.plain.set(1);
        others(&self.stored, thread);
        others(&self.loaded, thread);
        self.value.store(value, Ordering::Relaxed);
    }
}

/// Reads the marks of all threads but this one.
fn others(marks: &[Plain<u8>], thread: usize) {
    marks.iter().enumerate().filter(|(other, _)| *other != thread).for_each(|(_, mark)| {
        mark.get();
    });
}

/// Runs a thread and returns its registers.
fn run(thread: &Thread, number: usize, memory: &Memory) -> Vec<i64> {
    let mut registers = vec![0; thread.registers.len()];
    block(&thread.body, number, memory, &mut registers);
    registers
}

fn block(body: &[Stmt], thread: usize, memory: &Memory, registers: &mut [i64]) {
    for stmt in body {
        match stmt {
            Stmt::Load { register, location, order } => {
                registers[*register] = memory.cells[*location].load(thread, *order);
            }
            Stmt::Store { location, value, order } => {
                memory.cells[*location].store(thread, value.value(registers), *order);
            }
            Stmt::Modify { register, location, modify, operand, order } => {
                let operand = operand.value(registers);
                registers[*register] = change(memory.cells[*location].atomic(), *modify, operand, *order);
            }
            Stmt::CompareExchange { .. } => compare_exchange(stmt, memory, registers),
            Stmt::Fence(order) => fence(*order),
            Stmt::Assign(register, value) => registers[*register] = value.value(registers),
            Stmt::If(condition, then, otherwise) => {
                let taken = if condition.value(registers) == 0 { otherwise } else { then };
                block(taken, thread, memory, registers);
            }
        }
    }
}

fn change(atomic: &AtomicI64, modify: Modify, operand: i64, order: Ordering) -> i64 {
    match modify {
        Modify::Swap => atomic.swap(operand, order),
        Modify::Add => atomic.fetch_add(operand, order),
        Modify::Sub => atomic.fetch_sub(operand, order),
        Modify::Or => atomic.fetch_or(operand, order),
        Modify::And => atomic.fetch_and(operand, order),
        Modify::Xor => atomic.fetch_xor(operand, order),
    }
}

fn compare_exchange(stmt: &Stmt, memory: &Memory, registers: &mut [i64]) {
    let Stmt::CompareExchange { old, success, location, expected, new, orders, weak } = stmt else {
        unreachable!("called for a compare-exchange");
    };
    let (expected, new): (i64, i64) = (Expr::value(expected, registers), new.value(registers));
    let atomic = memory.cells[*location].atomic();
    let result = if *weak {
        atomic.compare_exchange_weak(expected, new, orders[0], orders[1])
    } else {
        atomic.compare_exchange(expected, new, orders[0], orders[1])
    };
    registers[*old] = result.unwrap_or_else(|seen| seen);
    registers[*success] = i64::from(result.is_ok());
}
