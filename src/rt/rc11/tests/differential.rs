//! Random programs through the facade against the brute-force oracle: the same executions, each once, the same
//! outcomes, the same verdict on data races, under RC11 and under sequential consistency.
//!
//! `SELVEDGE_ORACLE_PROGRAMS` says how many programs there are to be, instead of a few thousand.

use super::super::{End, Explorer, run};
use super::oracle::{self, Answer, Execution, Modify, Op, Operation, Outcome, Program, Shape, Stmt, Verdict};
use crate::cell::Plain;
use crate::explore::rc11::{EventId, Graph, Kind, Model};
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::sync::atomic::{AtomicI64, Ordering, fence};
use crate::thread;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as RealMutex};

/// The environment variable for the number of programs.
const PROGRAMS: &str = "SELVEDGE_ORACLE_PROGRAMS";

/// A location of a program: all its accesses are plain, or none is.
pub(super) enum Word {
    Atomic(AtomicI64),
    Plain(Plain<i64>),
}

/// The events of one operation: from the first up to the second, which is the next operation's.
type Span = (EventId, EventId);

/// What one execution left behind.
struct Trace {
    registers: Vec<Vec<i64>>,
    memory: Vec<i64>,
    spans: Vec<Vec<Span>>,
    /// Whether a weak compare-exchange chose to fail that read what it did not expect: the same as one that did not
    /// choose so.
    redundant: bool,
}

/// What the engine says of a program, and what the oracle says, in the same terms.
#[derive(Debug, Default, PartialEq)]
struct Answers {
    executions: BTreeSet<Execution>,
    outcomes: BTreeSet<Outcome>,
    races: bool,
}

/// How a program was explored.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    programs: u64,
    racy: u64,
    executions: u64,
    dropped: u64,
}

/// Of each location of the program, whether its accesses are plain: where loads and stores are, some of them plain,
/// and nothing else. The orderings are made to fit.
pub(super) fn make_uniform(program: &mut Program) -> Vec<bool> {
    fn visit(body: &mut [Stmt], see: &mut dyn FnMut(&mut Stmt)) {
        for stmt in body {
            if let Stmt::If(_, then, otherwise) = stmt {
                visit(then, see);
                visit(otherwise, see);
            } else {
                see(stmt);
            }
        }
    }
    let (mut touched, mut updated) = (BTreeSet::new(), BTreeSet::new());
    let mut note = |stmt: &mut Stmt| match stmt {
        Stmt::Load { location, order: oracle::Order::Plain, .. }
        | Stmt::Store { location, order: oracle::Order::Plain, .. } => {
            touched.insert(*location);
        }
        Stmt::Rmw { location, .. } | Stmt::Cas { location, .. } => {
            updated.insert(*location);
        }
        _ => {}
    };
    program.threads.iter_mut().for_each(|thread| visit(&mut thread.body, &mut note));
    let plain: Vec<bool> =
        (0..program.initial.len()).map(|at| touched.contains(&at) && !updated.contains(&at)).collect();
    let mut fit = |stmt: &mut Stmt| {
        if let Stmt::Load { location, order, .. } | Stmt::Store { location, order, .. } = stmt {
            if plain[*location] {
                *order = oracle::Order::Plain;
            } else if *order == oracle::Order::Plain {
                *order = oracle::Order::Relaxed;
            }
        }
    };
    program.threads.iter_mut().for_each(|thread| visit(&mut thread.body, &mut fit));
    plain
}

/// Performs one operation on the facade.
///
/// `index` is that of the operation in its thread: a weak compare-exchange fails for no reason once at each place of
/// the code, so each has one of its own.
pub(super) fn perform(words: &[Word], operation: Operation, index: usize) -> Answer {
    let at = |location: usize| &words[location];
    let ordering = |order: oracle::Order| order.atomic().expect("atomic");
    let (value, success) = match operation {
        Operation::Fence(order) => {
            fence(ordering(order));
            (0, false)
        }
        Operation::Load { location, order } => match at(location) {
            Word::Atomic(word) => (word.load(ordering(order)), false),
            Word::Plain(cell) => (cell.get(), false),
        },
        Operation::Store { location, value, order } => {
            match at(location) {
                Word::Atomic(word) => word.store(value, ordering(order)),
                Word::Plain(cell) => cell.set(value),
            }
            (0, true)
        }
        Operation::Rmw { location, modify, operand, order } => {
            let Word::Atomic(word) = at(location) else { unreachable!("only atomics are updated") };
            let order = ordering(order);
            let old = match modify {
                Modify::Add => word.fetch_add(operand, order),
                Modify::Sub => word.fetch_sub(operand, order),
                Modify::And => word.fetch_and(operand, order),
                Modify::Or => word.fetch_or(operand, order),
                Modify::Xor => word.fetch_xor(operand, order),
                Modify::Swap => word.swap(operand, order),
            };
            (old, true)
        }
        Operation::Cas { location, expected, new, on_success, on_failure, weak } => {
            let Word::Atomic(word) = at(location) else { unreachable!("only atomics are updated") };
            let orders: [Ordering; 2] = [on_success, on_failure].map(ordering);
            let result = if weak {
                weakly(word, [expected, new], orders, index)
            } else {
                word.compare_exchange(expected, new, orders[0], orders[1])
            };
            (result.unwrap_or_else(|old| old), result.is_ok())
        }
    };
    Answer { value, success }
}

/// A weak compare-exchange at the place for this number.
#[allow(clippy::match_same_arms, reason = "each is a place of its own")]
fn weakly(
    word: &AtomicI64,
    [from, to]: [i64; 2],
    [yes, no]: [Ordering; 2],
    place: usize,
) -> Result<i64, i64> {
    match place {
        0 => word.compare_exchange_weak(from, to, yes, no),
        1 => word.compare_exchange_weak(from, to, yes, no),
        2 => word.compare_exchange_weak(from, to, yes, no),
        3 => word.compare_exchange_weak(from, to, yes, no),
        4 => word.compare_exchange_weak(from, to, yes, no),
        5 => word.compare_exchange_weak(from, to, yes, no),
        6 => word.compare_exchange_weak(from, to, yes, no),
        _ => unreachable!("programs with weak compare-exchanges have at most eight operations"),
    }
}

/// The locations of a program, made here.
pub(super) fn words_of(program: &Program, plain: &[bool]) -> Vec<Word> {
    let word = |(value, plain): (&i64, &bool)| match plain {
        true => Word::Plain(Plain::new(*value)),
        false => Word::Atomic(AtomicI64::new(*value)),
    };
    program.initial.iter().zip(plain).map(word).collect()
}

/// The main thread: starts all, waits for all, and reads the final memory.
fn main_thread(program: &Arc<Program>, plain: &[bool]) -> Trace {
    let words = Arc::new(words_of(program, plain));
    let actors: Vec<_> = (0..program.threads.len())
        .map(|number| {
            let (program, words) = (program.clone(), words.clone());
            thread::spawn(move || {
                let (mut spans, mut redundant) = (Vec::new(), false);
                let registers = oracle::interpret(&program.threads[number], |operation| {
                    let begin = run::next_event();
                    let answer = perform(&words, operation, spans.len());
                    let end = run::next_event();
                    if let Operation::Cas { expected, weak: true, .. } = operation {
                        redundant |= answer.value != expected && run::chose_other(begin);
                    }
                    spans.push((begin, end));
                    Some(answer)
                });
                (registers.expect("never halted"), spans, redundant)
            })
        })
        .collect();
    let (mut registers, mut spans, mut redundant) = (Vec::new(), Vec::new(), false);
    for actor in actors {
        let of_one = actor.join().unwrap();
        registers.push(of_one.0);
        spans.push(of_one.1);
        redundant |= of_one.2;
    }
    let read = |word: &Word| match word {
        Word::Atomic(word) => word.load(Ordering::Relaxed),
        Word::Plain(cell) => cell.get(),
    };
    Trace { registers, memory: words.iter().map(read).collect(), spans, redundant }
}

/// The execution that a graph is, in the oracle's terms, without what is plain.
fn canonical(graph: &Graph, trace: &Trace, locations: usize) -> Execution {
    let mut op_of = BTreeMap::new();
    for (thread, spans) in trace.spans.iter().enumerate() {
        for (index, (begin, end)) in spans.iter().enumerate() {
            for event in begin.index..end.index {
                op_of.insert(EventId { index: event, ..*begin }, Op { thread, index });
            }
        }
    }
    // Locations are numbered as they are made; the plain ones, and what does not belong to the program, are left out.
    let mut execution =
        Execution { reads_from: Vec::new(), coherence: vec![Vec::new(); locations], spurious: Vec::new() };
    for (id, event) in graph.events() {
        let Some(op) = op_of.get(&id) else { continue };
        match event.kind {
            Kind::Read { from, .. } => {
                execution.reads_from.push((*op, (!from.is_init()).then(|| op_of[&from])));
            }
            Kind::Choice { value: 1, .. } => execution.spurious.push(*op),
            _ => {}
        }
    }
    let mut coherence: Vec<Vec<Op>> = graph
        .locations()
        .map(|location| location.writes.iter().filter_map(|write| op_of.get(write).copied()).collect())
        .collect();
    coherence.retain(|writes| !writes.is_empty());
    coherence.sort();
    execution.coherence = coherence;
    execution
}

/// Explores a program through the facade.
fn by_engine(program: &Program, plain: &[bool], model: Model, tally: &mut Tally) -> Result<Answers, String> {
    let program = Arc::new(program.clone());
    let mut explorer = Explorer::new(model);
    let mut answers = Answers::default();
    let _entered = context::enter(Context::Model(Checker::Rc11));
    loop {
        let trace = Arc::new(RealMutex::new(None));
        let main = {
            let (program, plain, trace) = (program.clone(), plain.to_vec(), trace.clone());
            Box::new(move || {
                crate::rt::execution::begin();
                let result = main_thread(&program, &plain);
                super::super::wait_for_others();
                *trace.lock().unwrap() = Some(result);
                crate::rt::execution::end();
            })
        };
        let Some(end) = explorer.execute(main) else { break };
        match end {
            End::Complete => {
                tally.executions += 1;
                let trace = trace.lock().unwrap().take().expect("a complete run leaves a trace");
                if trace.redundant {
                    continue;
                }
                let execution = canonical(explorer.graph(), &trace, program.initial.len());
                answers.outcomes.insert(Outcome { registers: trace.registers, memory: trace.memory });
                if !answers.executions.insert(execution.clone()) {
                    return Err(format!("explored twice: {execution:?}"));
                }
            }
            End::Dropped => tally.dropped += 1,
            End::Race(_) => answers.races = true,
            End::Failed(payload) => {
                return Err(format!("panicked: {:?}", crate::rt::panics::text(payload.as_ref())));
            }
            End::Trouble(trouble) => return Err(format!("{trouble:?}")),
            End::Unseen | End::Deadlock | End::Endless | End::Restart => {
                return Err("nothing in these programs waits".to_owned());
            }
        }
    }
    Ok(answers)
}

/// What the oracle says, without what is plain.
fn by_oracle(verdict: Verdict, program: &Program, plain: &[bool]) -> Result<Answers, String> {
    let races = !verdict.races.is_empty();
    let mut answers = Answers { executions: BTreeSet::new(), outcomes: verdict.outcomes, races };
    for mut execution in verdict.executions {
        let mut coherence = Vec::new();
        let mut gone = BTreeSet::new();
        for (writes, plain) in execution.coherence.iter().zip(plain) {
            if *plain {
                gone.extend(writes.iter().copied());
            } else if !writes.is_empty() {
                coherence.push(writes.clone());
            }
        }
        coherence.sort();
        execution.coherence = coherence;
        let atomic_read = |op: &Op| {
            let location = location_of(program, &execution, *op);
            location.is_none_or(|location| !plain[location])
        };
        let kept: Vec<_> = execution.reads_from.iter().copied().filter(|(op, _)| atomic_read(op)).collect();
        execution.reads_from = kept;
        if !answers.executions.insert(execution) && !races {
            return Err("the oracle has two executions that differ in plain memory alone".to_owned());
        }
    }
    Ok(answers)
}

/// The location of an operation in an execution, found by running its thread along.
fn location_of(program: &Program, execution: &Execution, op: Op) -> Option<usize> {
    // What each operation read is known once the writes' values are; so values are computed as they are asked for.
    fn value_of(program: &Program, execution: &Execution, source: Option<Op>, location: usize) -> i64 {
        match source {
            None => program.initial[location],
            Some(write) => along(program, execution, write).1.expect("a write that is read writes"),
        }
    }
    /// The location of an operation, and what it writes.
    fn along(program: &Program, execution: &Execution, op: Op) -> (Option<usize>, Option<i64>) {
        let mut index = 0;
        let mut found = (None, None);
        oracle::interpret(&program.threads[op.thread], |operation| {
            let here = Op { thread: op.thread, index };
            index += 1;
            let read = |location: usize| {
                let from = execution.reads_from.iter().find(|(read, _)| *read == here).expect("it reads").1;
                value_of(program, execution, from, location)
            };
            let last = here == op;
            let (location, value, written) = match operation {
                Operation::Fence(_) => (None, 0, None),
                Operation::Load { location, .. } if last => (Some(location), 0, None),
                Operation::Load { location, .. } => (Some(location), read(location), None),
                Operation::Store { location, value, .. } => (Some(location), 0, Some(value)),
                Operation::Rmw { location, modify, operand, .. } => {
                    let old = read(location);
                    (Some(location), old, Some(modify.apply(old, operand)))
                }
                Operation::Cas { location, expected, new, .. } => {
                    let old = read(location);
                    let fails = old != expected || execution.spurious.contains(&here);
                    (Some(location), old, (!fails).then_some(new))
                }
            };
            found = (location, written);
            (!last).then_some(Answer { value, success: written.is_some() })
        });
        found
    }
    along(program, execution, op).0
}

/// Compares both on a program. The message says how they differ.
fn compare(program: &Program, model: Model, tally: &mut Tally) -> Result<(), String> {
    let mut program = program.clone();
    let plain = make_uniform(&mut program);
    let theirs = match model {
        Model::Rc11 => oracle::Model::Rc11,
        Model::Sc => oracle::Model::Sc,
    };
    let expected = by_oracle(oracle::executions(&program, theirs), &program, &plain)?;
    tally.programs += 1;
    let found = by_engine(&program, &plain, model, tally)?;
    if expected.races || found.races {
        tally.racy += 1;
        return if expected.races == found.races {
            Ok(())
        } else {
            Err(format!("races: {} and not {}", found.races, expected.races))
        };
    }
    if expected == found {
        return Ok(());
    }
    let missed: Vec<_> = expected.executions.difference(&found.executions).take(3).collect();
    let made_up: Vec<_> = found.executions.difference(&expected.executions).take(3).collect();
    let outcomes: Vec<_> = expected.outcomes.symmetric_difference(&found.outcomes).take(3).collect();
    Err(format!("missed {missed:#?}\nmade up {made_up:#?}\noutcomes of one only {outcomes:?}"))
}

/// Shapes of programs, so that there are some of each kind; the longest only where there is time.
fn shape(seed: u64) -> Shape {
    let at_length = std::env::var_os(PROGRAMS).is_some();
    let default = Shape { events: if at_length { 10 } else { 8 }, ..Shape::default() };
    match seed % 8 {
        0 => Shape { weak: true, rmw_percent: 45, events: 8, ..default },
        1 => Shape { plain_percent: 100, ..default },
        2 => Shape { fence_percent: 30, plain_percent: 0, ..default },
        3 => Shape { locations: 1, events: 7, rmw_percent: 40, plain_percent: 0, ..default },
        4 => Shape { rmw_percent: 50, if_percent: 30, events: 8, ..default },
        5 => Shape { threads: 2, ..default },
        6 => Shape {
            locations: 2,
            fence_percent: 35,
            rmw_percent: 0,
            plain_percent: 0,
            if_percent: 0,
            ..default
        },
        _ => default,
    }
}

/// A cycle through two to four threads, of which each accesses two neighbouring locations, perhaps with a fence between
/// and an access more: where `psc` decides, as random programs seldom let it.
fn cycle(seed: u64) -> Program {
    use oracle::Order::{Acquire, Relaxed, Release, SeqCst};
    let mut numbers = oracle::Generator::new(seed);
    let mut below = move |bound: u64| usize::try_from(numbers.number() % bound).expect("small");
    let threads = 2 + below(3);
    let mut value = 0;
    let mut body = |thread: usize| {
        let mut body = Vec::new();
        let mut registers = 0;
        for place in 0..2 + usize::from(below(6) == 0) {
            if place > 0 && below(2) == 0 {
                body.push(Stmt::Fence([SeqCst, SeqCst, SeqCst, Acquire, Release][below(5)]));
            }
            let location = (thread + place) % threads;
            if below(2) == 0 {
                value += 1;
                body.push(oracle::store(location, value, [Relaxed, Release, SeqCst][below(3)]));
            } else {
                body.push(oracle::load(registers, location, [Relaxed, Acquire, SeqCst][below(3)]));
                registers += 1;
            }
        }
        body
    };
    let bodies = (0..threads).map(&mut body).collect();
    Program::new(&vec![0; threads], bodies)
}

fn check(model: Model, seeds: std::ops::Range<u64>) -> Tally {
    crate::rt::panics::install_once();
    let mut tally = Tally::default();
    for seed in seeds {
        let program = if seed % 2 == 1 { cycle(seed) } else { oracle::random(seed / 2, &shape(seed / 2)) };
        if let Err(difference) = compare(&program, model, &mut tally) {
            let differs = |program: &Program| compare(program, model, &mut Tally::default()).is_err();
            let mut small = oracle::shrink(&program, differs);
            let difference = compare(&small, model, &mut Tally::default()).err().unwrap_or(difference);
            make_uniform(&mut small);
            panic!("seed {seed} under {model:?}:\n{small}\n{difference}");
        }
    }
    println!("{model:?}: {tally:?}");
    tally
}

/// Programs that tell one rule each, whatever the random ones happen to be.
fn classics() -> Vec<Program> {
    use oracle::Order::{AcqRel, Acquire, Plain, Relaxed, Release, SeqCst};
    use oracle::{load, rmw, store, when};
    let fence = Stmt::Fence;
    let two = |a: Vec<Stmt>, b: Vec<Stmt>| Program::new(&[0, 0], vec![a, b]);
    let mut programs = Vec::new();
    // Message passing with a fence on either side, on both, or on none that helps.
    for (before, written) in [(Release, Relaxed), (AcqRel, Relaxed), (SeqCst, Relaxed), (Acquire, Relaxed)] {
        for (read, after) in [(Acquire, Release), (Relaxed, Acquire), (Relaxed, SeqCst), (Relaxed, Release)] {
            for payload in [Plain, Relaxed] {
                programs.push(two(
                    vec![store(0, 1, payload), fence(before), store(1, 1, written)],
                    vec![load(0, 1, read), fence(after), when(0, 1, vec![load(1, 0, payload)])],
                ));
            }
        }
    }
    // A release sequence that a read-modify-write continues, or a plain store ends.
    for middle in [rmw(0, Modify::Add, 1, 1, Relaxed), store(1, 2, Relaxed)] {
        programs.push(Program::new(
            &[0, 0],
            vec![
                vec![store(0, 1, Relaxed), store(1, 1, Release)],
                vec![middle],
                vec![load(0, 1, Acquire), when(0, 2, vec![load(1, 0, Relaxed)])],
            ],
        ));
    }
    // Store buffering, and reads of independent writes, with each mix of orderings and fences.
    for (stored, loaded) in [(SeqCst, SeqCst), (Relaxed, SeqCst), (SeqCst, Relaxed), (Relaxed, Relaxed)] {
        let side = |own, other, middle: &[Stmt]| {
            let ends = (store(own, 1, stored), load(0, other, loaded));
            [&[ends.0], middle, &[ends.1]].concat()
        };
        let sc = [fence(SeqCst)];
        for (left, right) in [(&sc[..], &sc[..]), (&sc[..], &[]), (&[], &[])] {
            programs.push(two(side(0, 1, left), side(1, 0, right)));
        }
        for middle in [&sc[..], &[]] {
            let reads = |a, b| [&[load(0, a, loaded)], middle, &[load(1, b, loaded)]].concat();
            programs.push(Program::new(
                &[0, 0],
                vec![vec![store(0, 1, stored)], vec![store(1, 1, stored)], reads(0, 1), reads(1, 0)],
            ));
            // Write to read causality, then a write that is not seen (RWC), and Z6.0 of the paper.
            let last = [&[store(1, 1, stored)], middle, &[load(0, 0, loaded)]].concat();
            programs.push(Program::new(&[0, 0], vec![vec![store(0, 1, stored)], reads(0, 1), last.clone()]));
            programs.push(Program::new(
                &[0, 0, 0],
                vec![
                    vec![store(0, 1, stored), store(1, 1, Release)],
                    vec![rmw(0, Modify::Add, 1, 1, stored), load(1, 2, Relaxed)],
                    [&[store(2, 1, stored)], middle, &[load(0, 0, loaded)]].concat(),
                ],
            ));
        }
    }
    // A compare-exchange that was to succeed is given another write and fails, with a stronger ordering.
    let cas = Stmt::Cas {
        old: 0,
        success: 1,
        location: 1,
        expected: oracle::Expr::Const(2),
        new: oracle::Expr::Const(5),
        on_success: Relaxed,
        on_failure: SeqCst,
        weak: false,
    };
    programs.push(Program::new(
        &[0, 0],
        vec![
            vec![store(1, 2, SeqCst), load(0, 0, SeqCst)],
            vec![store(0, 1, SeqCst), cas],
            vec![store(1, 1, Relaxed)],
        ],
    ));
    programs
}

#[test]
fn the_engine_and_the_oracle_agree_on_classics() {
    crate::rt::panics::install_once();
    let classics = classics();
    assert!(classics.len() > 60, "{}", classics.len());
    for model in [Model::Rc11, Model::Sc] {
        let mut tally = Tally::default();
        for program in &classics {
            if let Err(difference) = compare(program, model, &mut tally) {
                panic!("under {model:?}:\n{program}\n{difference}");
            }
        }
        assert!(tally.executions > 200 && tally.racy > 5, "{tally:?}");
    }
}

/// How many programs there are to be.
fn wanted(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn the_engine_and_the_oracle_agree_under_rc11() {
    let wanted = wanted(PROGRAMS, 3_000);
    let tally = check(Model::Rc11, 0..wanted);
    assert_eq!(tally.programs, wanted);
    assert!(tally.racy * 40 > wanted && tally.racy * 2 < wanted, "{tally:?}");
    assert!(tally.executions > 5 * wanted, "{tally:?}");
}

#[test]
fn the_engine_and_the_oracle_agree_under_sequential_consistency() {
    let wanted = wanted(PROGRAMS, 3_000);
    let tally = check(Model::Sc, 1 << 32..(1 << 32) + wanted);
    assert_eq!(tally.programs, wanted);
    assert!(tally.racy * 40 > wanted && tally.racy * 2 < wanted, "{tally:?}");
    assert!(tally.executions > 5 * wanted, "{tally:?}");
}
