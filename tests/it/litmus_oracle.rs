//! The shipped litmus tests against the oracle: what each file says its answers are is what the axioms say.

use crate::oracle::{self, Model, Order};
use selvedge::litmus::answer::Statement;
use selvedge::litmus::ast::{Binary, Expr, Modify, Place, Stmt, Unary};
use selvedge::litmus::{Frequency, Test, parse};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// The folder of the shipped litmus tests.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/litmus")
}

/// Every shipped litmus test, in the order of the file names.
pub(crate) fn shipped() -> Vec<Test> {
    let entries = std::fs::read_dir(folder()).expect("the folder of litmus tests");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.display().to_string();
        assert!(name.ends_with(".litmus"), "{name} is no litmus test");
        let text = std::fs::read_to_string(file).expect("a file");
        parse(&name, &text).unwrap_or_else(|error| panic!("{error}"))
    };
    files.iter().map(read).collect()
}

fn order(order: Option<Ordering>) -> Order {
    match order {
        None => Order::Plain,
        Some(Ordering::Relaxed) => Order::Relaxed,
        Some(Ordering::Acquire) => Order::Acquire,
        Some(Ordering::Release) => Order::Release,
        Some(Ordering::AcqRel) => Order::AcqRel,
        Some(_) => Order::SeqCst,
    }
}

fn expr(from: &Expr) -> oracle::Expr {
    use oracle::Operator;
    let binary = |operator, a, b| oracle::Expr::Binary(operator, Box::new(a), Box::new(b));
    let constant = oracle::Expr::Const;
    match from {
        Expr::Const(value) => constant(*value),
        Expr::Register(register) => oracle::Expr::Reg(*register),
        Expr::Unary(operator, operand) => match operator {
            Unary::Minus => binary(Operator::Sub, constant(0), expr(operand)),
            Unary::Not => binary(Operator::Eq, expr(operand), constant(0)),
            Unary::Complement => binary(Operator::Sub, constant(-1), expr(operand)),
        },
        Expr::Binary(operator, a, b) => {
            let truth = |of| binary(Operator::Ne, expr(of), constant(0));
            let operator = match operator {
                Binary::And => return binary(Operator::And, truth(a), truth(b)),
                Binary::Or => return binary(Operator::Or, truth(a), truth(b)),
                Binary::Add => Operator::Add,
                Binary::Sub => Operator::Sub,
                Binary::Mul => Operator::Mul,
                Binary::BitAnd => Operator::And,
                Binary::BitOr => Operator::Or,
                Binary::BitXor => Operator::Xor,
                Binary::Equal => Operator::Eq,
                Binary::Differ => Operator::Ne,
                Binary::Less => Operator::Lt,
                Binary::AtMost => Operator::Le,
                Binary::Greater => Operator::Gt,
                Binary::AtLeast => Operator::Ge,
            };
            binary(operator, expr(a), expr(b))
        }
    }
}

fn stmt(from: &Stmt) -> oracle::Stmt {
    match from {
        Stmt::Load { register, location, order: o } => {
            oracle::Stmt::Load { register: *register, location: *location, order: order(*o) }
        }
        Stmt::Store { location, value, order: o } => {
            oracle::Stmt::Store { location: *location, value: expr(value), order: order(*o) }
        }
        Stmt::Modify { register, location, modify, operand, order: o } => oracle::Stmt::Rmw {
            register: *register,
            location: *location,
            modify: match modify {
                Modify::Swap => oracle::Modify::Swap,
                Modify::Add => oracle::Modify::Add,
                Modify::Sub => oracle::Modify::Sub,
                Modify::Or => oracle::Modify::Or,
                Modify::And => oracle::Modify::And,
                Modify::Xor => oracle::Modify::Xor,
            },
            operand: expr(operand),
            order: order(Some(*o)),
        },
        Stmt::CompareExchange { old, success, location, expected, new, orders, weak } => oracle::Stmt::Cas {
            old: *old,
            success: *success,
            location: *location,
            expected: expr(expected),
            new: expr(new),
            on_success: order(Some(orders[0])),
            on_failure: order(Some(orders[1])),
            weak: *weak,
        },
        Stmt::Fence(o) => oracle::Stmt::Fence(order(Some(*o))),
        Stmt::Assign(register, value) => oracle::Stmt::Assign(*register, expr(value)),
        Stmt::If(condition, then, otherwise) => oracle::Stmt::If(
            expr(condition),
            then.iter().map(stmt).collect(),
            otherwise.iter().map(stmt).collect(),
        ),
    }
}

/// The same program in the oracle's words.
pub(crate) fn program(test: &Test) -> oracle::Program {
    let thread = |thread: &selvedge::litmus::ast::Thread| oracle::Thread {
        registers: thread.registers.len(),
        body: thread.body.iter().map(stmt).collect(),
    };
    oracle::Program {
        initial: test.locations.iter().map(|location| location.initial).collect(),
        threads: test.threads.iter().map(thread).collect(),
    }
}

/// The final states that a model allows, or none if there is a data race.
pub(crate) fn states(test: &Test, model: Model) -> Option<BTreeSet<Vec<i64>>> {
    let verdict = oracle::executions(&program(test), model);
    assert!(!verdict.executions.is_empty(), "{}: no execution", test.file);
    let state = |outcome: &oracle::Outcome| {
        let value = |place: &Place| match *place {
            Place::Location(location) => outcome.memory[location],
            Place::Register(thread, register) => outcome.registers[thread][register],
        };
        test.observed.iter().map(value).collect()
    };
    verdict.races.is_empty().then(|| verdict.outcomes.iter().map(state).collect())
}

/// What the oracle says, in the words of a file's answers.
pub(crate) fn statement(test: &Test, model: Model) -> Statement {
    let Some(states) = states(test, model) else { return Statement::Race };
    let positive = states.iter().filter(|state| test.is_true_of(state)).count();
    let frequency = Frequency::of(positive, states.len() - positive);
    Statement::States { frequency, count: states.len() }
}

#[test]
fn every_shipped_litmus_test_states_the_oracles_answers() {
    let tests = shipped();
    assert!(tests.len() >= 60, "{} litmus tests", tests.len());
    let mut wrong = Vec::new();
    for test in &tests {
        for (name, model) in [("rc11", Model::Rc11), ("sc", Model::Sc)] {
            let stated = test.answers.iter().find(|answer| answer.of == name);
            let right = statement(test, model);
            if stated.is_none_or(|answer| answer.statement != right) {
                wrong.push(format!("{}: {name} is {right:?}, stated {stated:?}", test.file));
            }
        }
        if !test.answers.iter().any(|answer| answer.of == "from" && answer.reason.len() > 10) {
            wrong.push(format!("{}: no paper", test.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file is named as its test, and no two ask the same of the same program.
#[test]
fn no_shipped_litmus_test_is_there_twice() {
    let tests = shipped();
    let mut seen = std::collections::BTreeMap::new();
    for test in &tests {
        let stem = Path::new(&test.file).file_stem().and_then(|stem| stem.to_str());
        assert_eq!(stem, Some(test.name.as_str()), "the name of {}", test.file);
        let key = format!("{}{:?}", program(test), test.condition);
        if let Some(other) = seen.insert(key, &test.name) {
            panic!("{other} and {} are the same", test.name);
        }
    }
}

/// What the oracle prints, the parser reads as the same program.
#[test]
fn random_programs_are_read_as_they_are_printed() {
    let mut compared = 0;
    for seed in 0..200 {
        let shape = oracle::Shape { events: 7, weak: true, ..oracle::Shape::default() };
        let printed = oracle::random(seed, &shape);
        let read =
            parse("random.litmus", &printed.to_string()).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        let verdict = oracle::executions(&printed, Model::Rc11);
        let row = |outcome: &oracle::Outcome| [outcome.registers.concat(), outcome.memory.clone()].concat();
        let expected = verdict.races.is_empty().then(|| verdict.outcomes.iter().map(row).collect());
        compared += usize::from(expected.is_some());
        assert_eq!(states(&read, Model::Rc11), expected, "{printed}");
    }
    assert!(compared > 100, "{compared} programs without a race");
}
