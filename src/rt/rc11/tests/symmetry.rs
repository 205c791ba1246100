//! Threads alike: the same as without knowing that they are, up to which of them is which; and how many executions are
//! left out.

use super::super::Explorer;
use super::differential::{Word, make_uniform, perform, words_of};
use super::oracle::{self, Modify, Order, Program, Shape, Stmt, Thread};
use super::{Seen, explore, explore_by};
use crate::explore::rc11::Model;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::thread;
use std::ops::Range;

/// The registers of all threads, those of threads alike in order, and the values at the end.
type Outcome = (Vec<Vec<i64>>, Vec<i64>);

/// Runs the program: the threads of this range are alike.
fn run(program: &Program, plain: &[bool], alike: Range<usize>) -> Outcome {
    let words = std::sync::Arc::new(words_of(program, plain));
    let mut actors: Vec<thread::JoinHandle<Vec<i64>>> = Vec::new();
    for (number, body) in program.threads.iter().enumerate() {
        if alike.contains(&number) && number > alike.start {
            actors[number - 1].thread().next_is_alike();
        }
        let (body, words) = (body.clone(), words.clone());
        actors.push(thread::spawn(move || {
            let mut index = 0;
            let registers = oracle::interpret(&body, |operation| {
                index += 1;
                Some(perform(&words, operation, index - 1))
            });
            registers.expect("never halted")
        }));
    }
    let mut registers: Vec<_> = actors.into_iter().map(|actor| actor.join().unwrap()).collect();
    registers[alike].sort();
    let read = |word: &Word| match word {
        Word::Atomic(word) => word.load(Ordering::Relaxed),
        Word::Plain(cell) => cell.get(),
    };
    (registers, words.iter().map(read).collect())
}

fn answers(
    program: &Program,
    plain: &[bool],
    alike: &Range<usize>,
    model: Model,
    symmetric: bool,
) -> Seen<Outcome> {
    let (program, plain, alike) = (program.clone(), plain.to_vec(), alike.clone());
    explore_by(Explorer::new(model).symmetric(symmetric), move || {
        crate::rt::execution::begin();
        run(&program, &plain, alike.clone())
    })
}

/// The outcomes alone.
fn outcomes(seen: &Seen<Outcome>) -> Vec<&Outcome> {
    seen.outcomes.keys().collect()
}

/// A program in which two or three threads, which are next to each other, do the same; and which these are.
fn with_threads_alike(seed: u64) -> (Program, Range<usize>) {
    let default = Shape { threads: 3, events: 6, locations: 2, ..Shape::default() };
    let shape = match seed % 4 {
        0 => Shape { rmw_percent: 90, plain_percent: 0, if_percent: 0, locations: 1, ..default },
        1 => Shape { rmw_percent: 70, plain_percent: 0, ..default },
        2 => Shape { rmw_percent: 60, plain_percent: 40, locations: 3, ..default },
        _ => default,
    };
    let mut program = oracle::random(seed, &shape);
    let count = if seed.is_multiple_of(5) { 3 } else { 2 };
    let first = usize::try_from(seed / 7 % 2).expect("small").min(program.threads.len() - 1);
    let mut alike: Thread = program.threads[first].clone();
    alike.body.truncate(5 - count);
    program.threads.truncate(first + 1 + usize::from(!seed.is_multiple_of(3)));
    program.threads.splice(first..=first, vec![alike; count]);
    (program, first..first + count)
}

/// Whether the thread begins with what always writes and reads.
fn begins_with_an_update(thread: &Thread) -> bool {
    matches!(thread.body.first(), Some(Stmt::Rmw { .. }))
}

#[test]
fn threads_alike_end_as_they_would_by_other_names() {
    let programs: u64 =
        std::env::var("SELVEDGE_ORACLE_PROGRAMS").map_or(500, |count| count.parse().expect("a number"));
    let (mut fewer, mut broken, mut racy, mut left_out) = (0, 0, 0, 0);
    for seed in 0..programs {
        let (mut program, alike) = with_threads_alike(seed);
        let plain = make_uniform(&mut program);
        for model in [Model::Rc11, Model::Sc] {
            let whole = answers(&program, &plain, &alike, model, false);
            let found = answers(&program, &plain, &alike, model, true);
            assert_eq!(whole.races > 0, found.races > 0, "seed {seed}, {model:?}, {alike:?} of {program}");
            racy += u64::from(whole.races > 0);
            broken += u64::from(found.restarts > 0);
            if whole.races > 0 {
                continue;
            }
            assert_eq!(outcomes(&whole), outcomes(&found), "seed {seed}, {model:?}, {alike:?} of {program}");
            let orders = (1..=alike.len() as u64).product::<u64>();
            if begins_with_an_update(&program.threads[alike.start]) && found.restarts == 0 {
                let message = format!("seed {seed}, {model:?}, {alike:?} of {program}");
                assert_eq!(whole.complete, orders * found.complete, "{message}");
                fewer += 1;
            }
            left_out += whole.complete - found.complete;
        }
    }
    println!("{fewer} with n! times fewer, {broken} broken, {racy} racy; {left_out} executions left out");
    assert!(fewer > programs / 5 && broken > programs / 100 && racy > 0, "{fewer} {broken} {racy}");
}

/// Threads alike, which do this to a word and a lock.
fn alike(
    count: u32,
    act: impl Fn(&AtomicU32, &Mutex<u32>) + Clone + Send + Sync + 'static,
) -> Seen<(u32, u32)> {
    explore(Model::Rc11, move || {
        crate::rt::execution::begin();
        // Not one of the facade's: to drop it is an operation, too.
        let shared = std::sync::Arc::new((AtomicU32::new(0), Mutex::new(0)));
        let mut actors: Vec<thread::JoinHandle<()>> = Vec::new();
        for _ in 0..count {
            if let Some(before) = actors.last() {
                before.thread().next_is_alike();
            }
            let (act, shared) = (act.clone(), shared.clone());
            actors.push(thread::spawn(move || act(&shared.0, &shared.1)));
        }
        actors.into_iter().for_each(|actor| actor.join().unwrap());
        (shared.0.load(Ordering::Relaxed), *shared.1.lock().unwrap())
    })
}

#[test]
fn of_n_threads_alike_one_order_is_explored() {
    let counted = |times: u32| {
        move |word: &AtomicU32, _: &Mutex<u32>| {
            (0..times).for_each(|_| _ = word.fetch_add(1, Ordering::Relaxed));
        }
    };
    // (NK)! / (K!)^N / N!
    for (threads, times, executions) in [(2, 1, 1), (5, 1, 1), (7, 1, 1), (3, 2, 15), (4, 2, 105), (2, 3, 10)]
    {
        let seen = alike(threads, counted(times));
        assert_eq!(seen.complete, executions, "{threads} threads, {times} times: {seen:?}");
        assert_eq!(seen.outcomes.into_keys().collect::<Vec<_>>(), [(threads * times, 0)]);
    }
    for threads in 2..=5 {
        let seen = alike(threads, |_, lock| *lock.lock().unwrap() += 1);
        assert_eq!(seen.complete, 1, "{threads} threads that take a lock: {seen:?}");
        assert_eq!(seen.outcomes.into_keys().collect::<Vec<_>>(), [(0, threads)]);
    }
}

/// Taking an own number counts for nothing here: who looks at it is no longer like the others.
#[test]
fn a_thread_that_asks_who_it_is_is_like_no_other() {
    let seen = alike(2, |word, lock| {
        *lock.lock().unwrap() += 1;
        let number = u32::from(format!("{:?}", thread::current().id()) == "ThreadId(1)");
        _ = word.compare_exchange(0, 1 + number, Ordering::Relaxed, Ordering::Relaxed);
    });
    assert_eq!(seen.outcomes.into_keys().collect::<Vec<_>>(), [(1, 2), (2, 2)], "either may be first");
}

/// A write that none of them has seen may come between.
#[test]
fn a_plain_store_between_updates_is_not_left_out() {
    let update = || vec![oracle::rmw(0, Modify::Add, 0, 1, Order::Relaxed)];
    let program = Program::new(&[0], vec![update(), update(), vec![oracle::store(0, 8, Order::Relaxed)]]);
    let whole = answers(&program, &[false], &(0..2), Model::Rc11, false);
    let found = answers(&program, &[false], &(0..2), Model::Rc11, true);
    assert_eq!((whole.outcomes.len(), whole.complete), (3, 6), "{whole:?}");
    assert!(found.restarts == 1 && outcomes(&found) == outcomes(&whole), "{found:?}");
}
