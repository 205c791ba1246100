//! Safe code that would break memory if it were let.

use selvedge::prelude::*;
use selvedge::sync::{MutexGuard, OnceLock};
use std::sync::atomic::{AtomicBool, AtomicUsize};

selvedge::scenario!(destructors);
selvedge::scenario!(kept_references);
selvedge::scenario!(growing);
selvedge::scenario!(threaded);

/// How a design says that memory was broken: no verdict of a harness has this exit code.
const BROKEN: i32 = 77;

/// A mutex that knows whether a guard of it is alive.
struct Watched {
    mutex: Mutex<u32>,
    inside: AtomicBool,
}

struct Inside<'a>(&'a Watched, Option<MutexGuard<'a, u32>>);

impl Watched {
    fn new() -> Self {
        Watched { mutex: Mutex::new(0), inside: AtomicBool::new(false) }
    }

    fn lock(&self) -> Inside<'_> {
        let guard = self.mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.inside.swap(true, SeqCst) {
            std::process::exit(BROKEN);
        }
        Inside(self, Some(guard))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.store(false, SeqCst);
        self.1.take();
    }
}

/// Locks when it is dropped.
struct LocksAtTheEnd<'a>(&'a Watched);

impl Drop for LocksAtTheEnd<'_> {
    fn drop(&mut self) {
        drop(self.0.lock());
    }
}

fn crossed(mine: &Watched, other: &Watched) {
    let _mine = mine.lock();
    let _at_the_end = LocksAtTheEnd(other);
    let _both = other.lock();
}

fn apart(mine: &Watched, other: &Watched) {
    drop(mine.lock());
    let _at_the_end = LocksAtTheEnd(other);
}

fn two(actor: fn(&Watched, &Watched)) -> Design<(Watched, Watched), (), u32> {
    Design::new(|| (Watched::new(), Watched::new()))
        .actor("A", move |(one, other)| actor(one, other))
        .actor("B", move |(one, other)| actor(other, one))
        .observe(|(one, other), _| *one.lock().1.take().unwrap() + *other.lock().1.take().unwrap())
}

/// A panics while B waits, with a destructor that locks what C holds.
fn panics_among_holders(panics: bool) -> Design<(Watched, AtomicU32), (), u32> {
    Design::new(|| (Watched::new(), AtomicU32::new(0)))
        .actor("A", move |(_, n)| {
            n.fetch_add(1, Relaxed);
            assert!(!panics, "the third has it");
        })
        .actor("B", |(watched, n)| {
            let _at_the_end = LocksAtTheEnd(watched);
            n.fetch_add(1, Relaxed);
            n.fetch_add(1, Relaxed);
        })
        .actor("C", |(watched, n)| {
            let _inside = watched.lock();
            n.fetch_add(1, Relaxed);
            n.fetch_add(1, Relaxed);
        })
        .observe(|(_, n), _| n.load(Relaxed))
}

fn destructors() -> Scenario<u32> {
    Scenario::new("Is a mutex ever held twice?")
        .acceptable("all", |_| true)
        .design("deadlocked, and locks while it unwinds", two(crossed).expect(Deadlock))
        .design("locks in a destructor", two(apart))
        .design("panics among holders", panics_among_holders(true).expect(Crash))
        .design("returns among holders", panics_among_holders(false))
}

struct Value(Box<u64>);

/// How many values were dropped.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

impl Drop for Value {
    fn drop(&mut self) {
        *self.0 = 0;
        DROPPED.fetch_add(1, SeqCst);
    }
}

static VALUE: OnceLock<Value> = OnceLock::new();
static KEPT: std::sync::Mutex<Vec<&'static Value>> = std::sync::Mutex::new(Vec::new());

fn keep() {
    let value = VALUE.get_or_init(|| Value(Box::new(42)));
    let mut kept = KEPT.lock().unwrap();
    if kept.iter().any(|value| *value.0 != 42) || DROPPED.load(SeqCst) > 0 {
        std::process::exit(BROKEN);
    }
    if kept.len() < 1000 {
        kept.push(value);
    }
}

fn kept_references() -> Scenario<()> {
    Scenario::new("Does a `&'static` outlive its execution?").acceptable("all", |_| true).design(
        "keeps what a static gave it",
        Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                keep();
            })
            .observe(|_, _| ()),
    )
}

/// A vector that grows in the sample with this number, counted in each process.
fn grows_in(sample: usize) -> Design<(Mutex<Vec<u64>>, AtomicU32), (), usize> {
    static SAMPLES: AtomicUsize = AtomicUsize::new(0);
    Design::new(|| (Mutex::new(Vec::new()), AtomicU32::new(0)))
        .actors(2, move |(numbers, _)| {
            let mut numbers = numbers.lock().unwrap();
            if SAMPLES.fetch_add(1, SeqCst) >= sample {
                numbers.extend([1, 2, 3]);
            }
        })
        .observe(|(numbers, _), _| numbers.lock().unwrap().len())
}

fn growing() -> Scenario<usize> {
    Scenario::new("Does a state come to own heap memory?")
        .acceptable("all", |_| true)
        .design("at once", grows_in(0))
        .design("late", grows_in(100))
        .design("never", grows_in(usize::MAX))
}

fn threaded() -> Scenario<u32> {
    let design = |state: fn() -> AtomicU32| {
        Design::new(state)
            .actors(3, |n| {
                n.fetch_add(1, Relaxed);
                n.fetch_add(1, Relaxed);
                n.fetch_add(1, Relaxed);
            })
            .observe(|n, _| n.load(Relaxed))
    };
    Scenario::new("Is a process with threads forked?")
        .acceptable("all", |n| *n == 9)
        .design(
            "starts a thread",
            design(|| {
                static STARTED: std::sync::Once = std::sync::Once::new();
                STARTED.call_once(|| {
                    std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(3600)));
                });
                AtomicU32::new(0)
            }),
        )
        .design("starts none", design(|| AtomicU32::new(0)))
}
