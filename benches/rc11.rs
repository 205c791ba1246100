//! How the exact engine grows, and how fast it is: tables within one run.
//!
//! `cargo bench --bench rc11` prints for each program and number of threads the executions, the runs that came to
//! nothing (blocked on a value that is not the latest, or made for their last write only), the time, and the peak of
//! memory so far. Exit code 1 if a rate or a ratio is below its bound.
//!
//! Where it grows faster than the number of classes: a compare-exchange that fails in a retry loop is one execution
//! for each write that it may have seen, and each round of the loop is explored as it is, because a round that
//! changes private memory is no loop that only looks. That is the Treiber stack's row; locks, whose wait is one
//! blocked read, have none of it.
//!
//! Actors that do the same and return nothing are explored in one of their orders, where their first operations allow it:
//! `told apart` are those that return something.

use selvedge::__private::bench::{self, Explored};
use selvedge::prelude::*;
use std::process::ExitCode;

/// Executions after which a row is given up.
const LIMIT: u64 = 600_000;

type Program = fn(usize) -> Scenario<u32>;

/// The families of programs, and up to how many threads each is tried.
const FAMILIES: [(&str, Program, usize); 11] = [
    ("N x fetch_add", fetch_add, 8),
    ("N x fetch_add, told apart", told_apart, 8),
    ("N x load; store", load_store, 6),
    ("1 writer, N readers", readers, 8),
    ("N x lock, unlock", lock, 6),
    ("N x ticket lock", ticket_lock, 6),
    ("N x MCS lock", mcs_lock, 5),
    ("N x test-and-test-and-set", spin_lock, 4),
    ("N x seqlock read beside one write", seqlock, 4),
    ("N x Treiber push, pop", treiber, 4),
    ("N x Michael-Scott enqueue, dequeue", michael_scott, 4),
];

fn main() -> ExitCode {
    for (what, program, most) in FAMILIES {
        println!("{what}");
        println!(
            "  {:>2} {:>12} {:>12} {:>10} {:>12} {:>10}",
            "N", "executions", "others", "seconds", "per second", "MiB"
        );
        for n in 2..=most {
            let explored = bench::explore(Engine::Rc11, program(n), LIMIT);
            println!("  {n:>2} {} {:>10}", row(&explored), peak_mib());
            if !explored.complete {
                println!("     not finished in {LIMIT} executions");
                break;
            }
        }
    }
    let mut below = false;
    let mut bound = |what: &str, figure: f64, at_least: f64| {
        let mark = if figure < at_least { "  below its bound" } else { "" };
        below |= figure < at_least;
        println!("{what}: {figure:.2} (at least {at_least}){mark}");
    };
    println!();
    let rate = |program: Scenario<u32>| {
        let explored = bench::explore(Engine::Rc11, program, LIMIT);
        per_second(explored)
    };
    bound("load; store x 6: thousand executions per second", rate(load_store(6)) / 1e3, 150.0);
    let seconds_on = |cores| bench::explore_on(cores, Engine::Rc11, load_store(6), LIMIT).seconds;
    bound("load; store x 6: two cores against one", median(|| seconds_on(1) / seconds_on(2)), 1.7);
    let seconds = bench::explore(Engine::Rc11, additions(4), LIMIT).seconds;
    bound("4 x 2 fetch_add: runs in 60 ms", 0.060 / seconds, 1.0);
    bound("IRIW: SeqCst against relaxed", median(|| rate(iriw(SeqCst)) / rate(iriw(Relaxed))), 0.2);
    bound("Dekker x 3: SeqCst against relaxed", median(|| rate(dekker(SeqCst)) / rate(dekker(Relaxed))), 0.2);
    let against_loom = || {
        let ours = bench::explore(Engine::Rc11, additions(3), LIMIT);
        let loom = bench::explore(Engine::Loom, additions(3), LIMIT);
        per_second(ours) / per_second(loom)
    };
    bound("executions per second against loom, 3 x 2 fetch_add", median(against_loom), 30.0);
    ExitCode::from(u8::from(below))
}

fn row(explored: &Explored) -> String {
    let Explored { executions, others, seconds, .. } = *explored;
    format!("{executions:>12} {others:>12} {seconds:>10.4} {:>12.0}", per_second(*explored))
}

fn per_second(explored: Explored) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let executions = explored.executions as f64;
    executions / explored.seconds
}

/// Of five.
fn median(mut figure: impl FnMut() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..5).map(|_| figure()).collect();
    all.sort_by(f64::total_cmp);
    all[2]
}

/// The most memory that this process has had so far, in mebibytes.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}

fn scenario() -> Scenario<u32> {
    Scenario::new("How many executions are there?").acceptable("any", |_| true)
}

fn fetch_add(n: usize) -> Scenario<u32> {
    let design = Design::new(|| AtomicU32::new(0))
        .actors(n, |word| _ = word.fetch_add(1, Relaxed))
        .observe(|word, _| word.load(Relaxed));
    scenario().design("fetch_add", design.expect(Safe))
}

fn told_apart(n: usize) -> Scenario<u32> {
    let design = Design::new(|| AtomicU32::new(0))
        .actors(n, |word| word.fetch_add(1, Relaxed))
        .observe(|word, _| word.load(Relaxed));
    scenario().design("fetch_add", design.expect(Safe))
}

fn additions(n: usize) -> Scenario<u32> {
    let design = Design::new(|| AtomicU32::new(0))
        .actors(n, |word| word.fetch_add(1, Relaxed) + word.fetch_add(1, Relaxed))
        .observe(|word, _| word.load(Relaxed));
    scenario().design("additions", design.expect(Safe))
}

fn load_store(n: usize) -> Scenario<u32> {
    let design = Design::new(|| AtomicU32::new(0))
        .actors(n, |word| word.store(word.load(Relaxed) + 1, Relaxed))
        .observe(|word, _| word.load(Relaxed));
    scenario().design("load, store", design.expect(Safe))
}

fn readers(n: usize) -> Scenario<u32> {
    let design = Design::new(|| AtomicU32::new(0))
        .actor("writer", |word| {
            word.store(1, Relaxed);
            0
        })
        .actors(n, |word| word.load(Relaxed))
        .observe(|word, _| word.load(Relaxed));
    scenario().design("readers", design.expect(Safe))
}

fn lock(n: usize) -> Scenario<u32> {
    let design = Design::new(|| Mutex::new(0))
        .actors(n, |word| *word.lock().unwrap() += 1)
        .observe(|word, _| *word.lock().unwrap());
    scenario().design("lock", design.expect(Safe))
}

fn ticket_lock(n: usize) -> Scenario<u32> {
    let design = Design::new(|| (AtomicU32::new(0), AtomicU32::new(0), Plain::new(0)))
        .actors(n, |(next, serving, count)| {
            let ticket = next.fetch_add(1, Relaxed);
            while serving.load(Acquire) != ticket {
                hint::spin_loop();
            }
            count.set(count.get() + 1);
            serving.store(ticket + 1, Release);
        })
        .observe(|(_, _, count), _| count.get());
    scenario().design("ticket lock", design.expect(Safe))
}

/// The queue lock of Mellor-Crummey and Scott, of numbered nodes.
struct Waiters {
    taken: AtomicU32,
    tail: AtomicU32,
    next: [AtomicU32; 8],
    waits: [AtomicBool; 8],
    count: Plain<u32>,
}

fn mcs_lock(n: usize) -> Scenario<u32> {
    let state = || Waiters {
        taken: AtomicU32::new(1),
        tail: AtomicU32::new(0),
        next: std::array::from_fn(|_| AtomicU32::new(0)),
        waits: std::array::from_fn(|_| AtomicBool::new(true)),
        count: Plain::new(0),
    };
    let design = Design::new(state)
        .actors(n, |waiters| {
            let own = waiters.taken.fetch_add(1, Relaxed);
            let before = waiters.tail.swap(own, AcqRel);
            if before != 0 {
                waiters.next[before as usize].store(own, Release);
                while waiters.waits[own as usize].load(Acquire) {
                    hint::spin_loop();
                }
            }
            waiters.count.set(waiters.count.get() + 1);
            if waiters.tail.compare_exchange(own, 0, Release, Relaxed).is_err() {
                let next = loop {
                    match waiters.next[own as usize].load(Acquire) {
                        0 => hint::spin_loop(),
                        next => break next,
                    }
                };
                waiters.waits[next as usize].store(false, Release);
            }
        })
        .observe(|waiters, _| waiters.count.get());
    scenario().design("MCS lock", design.expect(Safe))
}

fn spin_lock(n: usize) -> Scenario<u32> {
    let design = Design::new(|| (AtomicBool::new(false), Plain::new(0)))
        .actors(n, |(locked, count)| {
            loop {
                while locked.load(Relaxed) {
                    hint::spin_loop();
                }
                if locked.compare_exchange(false, true, Acquire, Relaxed).is_ok() {
                    break;
                }
            }
            count.set(count.get() + 1);
            locked.store(false, Release);
        })
        .observe(|(_, count), _| count.get());
    scenario().design("test-and-test-and-set", design.expect(Safe))
}

fn seqlock(n: usize) -> Scenario<u32> {
    let design = Design::new(|| (AtomicU32::new(0), [AtomicU32::new(0), AtomicU32::new(0)]))
        .actor("writer", |(sequence, words)| {
            sequence.store(1, Relaxed);
            fence(Release);
            words[0].store(1, Relaxed);
            words[1].store(1, Relaxed);
            sequence.store(2, Release);
        })
        .actors(n, |(sequence, words)| {
            let before = sequence.load(Acquire);
            let read = words[0].load(Relaxed) + words[1].load(Relaxed);
            fence(Acquire);
            let whole = before % 2 == 1 || sequence.load(Relaxed) != before || read % 2 == 0;
            assert!(whole, "torn");
        })
        .observe(|(sequence, _), _| sequence.load(Relaxed));
    scenario().design("seqlock", design.expect(Safe))
}

/// A stack of numbered slots, so that nothing is freed.
struct Stack {
    head: AtomicU32,
    next: [AtomicU32; 8],
    taken: AtomicU32,
}

fn treiber(n: usize) -> Scenario<u32> {
    let state = || Stack {
        head: AtomicU32::new(0),
        next: std::array::from_fn(|_| AtomicU32::new(0)),
        taken: AtomicU32::new(1),
    };
    let design = Design::new(state)
        .actors(n, |stack| {
            let own = stack.taken.fetch_add(1, Relaxed);
            loop {
                let head = stack.head.load(Relaxed);
                stack.next[own as usize].store(head, Relaxed);
                if stack.head.compare_exchange(head, own, Release, Relaxed).is_ok() {
                    break;
                }
            }
            loop {
                let head = stack.head.load(Acquire);
                let next = stack.next[head as usize].load(Relaxed);
                if stack.head.compare_exchange(head, next, Acquire, Relaxed).is_ok() {
                    break;
                }
            }
        })
        .observe(|stack, _| stack.head.load(Relaxed));
    scenario().design("Treiber", design.expect(Safe))
}

/// A queue of numbered nodes, the first of which is the dummy.
struct Queue {
    taken: AtomicU32,
    head: AtomicU32,
    tail: AtomicU32,
    next: [AtomicU32; 8],
}

fn michael_scott(n: usize) -> Scenario<u32> {
    let state = || Queue {
        taken: AtomicU32::new(2),
        head: AtomicU32::new(1),
        tail: AtomicU32::new(1),
        next: std::array::from_fn(|_| AtomicU32::new(0)),
    };
    let design = Design::new(state)
        .actors(n, |queue| {
            let own = queue.taken.fetch_add(1, Relaxed);
            loop {
                let last = queue.tail.load(Acquire);
                match queue.next[last as usize].compare_exchange(0, own, AcqRel, Acquire) {
                    Ok(_) => {
                        _ = queue.tail.compare_exchange(last, own, Release, Relaxed);
                        break;
                    }
                    Err(after) => _ = queue.tail.compare_exchange(last, after, Release, Relaxed),
                }
            }
            loop {
                let first = queue.head.load(Acquire);
                let next = queue.next[first as usize].load(Acquire);
                if next == 0 || queue.head.compare_exchange(first, next, AcqRel, Relaxed).is_ok() {
                    break;
                }
            }
        })
        .observe(|queue, _| queue.head.load(Relaxed));
    scenario().design("Michael-Scott", design.expect(Safe))
}

fn iriw(order: Ordering) -> Scenario<u32> {
    let design = Design::new(|| [AtomicU32::new(0), AtomicU32::new(0)])
        .actor("x", move |words| words[0].store(1, order))
        .actor("y", move |words| words[1].store(1, order))
        .actor("xy", move |words| _ = (words[0].load(order), words[1].load(order)))
        .actor("yx", move |words| _ = (words[1].load(order), words[0].load(order)))
        .observe(|words, _| words[0].load(Relaxed));
    scenario().design("IRIW", design.expect(Safe))
}

fn dekker(order: Ordering) -> Scenario<u32> {
    let design = Design::new(|| [AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)]);
    let enter = move |words: &[AtomicU32; 3], own: usize| {
        words[own].store(1, order);
        _ = (words[(own + 1) % 3].load(order), words[(own + 2) % 3].load(order));
    };
    let design = design
        .actor("A", move |words| enter(words, 0))
        .actor("B", move |words| enter(words, 1))
        .actor("C", move |words| enter(words, 2))
        .observe(|words, _| words[0].load(Relaxed));
    scenario().design("Dekker", design.expect(Safe))
}
