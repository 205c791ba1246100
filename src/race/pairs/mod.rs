//! Tiny programs in pairs: one that races and its corrected twin, one pair for each happens-before edge
//! that C++20 and Rust give, and for each tempting one that they do not give.
//!
//! Each row is `pair!(name, racy, corrected, loom)`. Under shuttle both programs are searched exhaustively
//! by depth first: the race must be found, and the twin must pass in every interleaving. loom must come to
//! the same verdicts, unless the row says why not. (loom may get by with a single execution, if nothing
//! that it can switch at depends on anything else.)
//!
//! Limits: programs whose race needs a stale value are not here, for shuttle shows none.

mod atomics;
mod cells;
mod fences;
mod locks;
mod messages;
mod once;
mod threads;

use crate::cell::Plain;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{self, Relaxed};
use crate::testing;
use crate::thread;
use std::sync::Arc;

/// More executions than any pair has under shuttle.
const EXECUTIONS: usize = 60_000;

/// Whether loom comes to the same verdicts.
enum Loom {
    Same,
    /// It misses the race, because it gives an edge that the language does not, or cannot switch there: why.
    Misses(&'static str),
}

/// Checks both programs of a pair under both checkers.
#[track_caller]
fn check(racy: fn(), corrected: fn(), loom: &Loom) {
    let seen = testing::in_shuttle_exhaustively(EXECUTIONS, racy);
    assert!(seen.raced() && seen.executions > 0, "shuttle misses the race: {seen:?}");
    let seen = testing::in_shuttle_exhaustively(EXECUTIONS, corrected);
    assert_eq!(seen.failure, None, "shuttle, the corrected program, execution {}", seen.executions);
    assert!(seen.executions > 1, "shuttle tried one interleaving only");

    let seen = testing::in_loom(racy);
    match loom {
        Loom::Same => assert!(seen.raced() && seen.executions > 0, "loom misses the race: {seen:?}"),
        Loom::Misses(why) => assert_eq!(seen.failure, None, "loom finds what it was said to miss: {why}"),
    }
    let seen = testing::in_loom(corrected);
    assert_eq!(seen.failure, None, "loom, the corrected program, execution {}", seen.executions);
    assert!(seen.executions > 0, "loom ran nothing");
}

/// One row of the table; a test of this name.
macro_rules! pair {
    ($name:ident, $racy:expr, $corrected:expr, $loom:expr $(,)?) => {
        #[test]
        fn $name() {
            $crate::race::pairs::check($racy, $corrected, &$loom);
        }
    };
}
use pair;

/// Runs all of `actors` at once, the last of them on the main thread, and waits for them. The state goes
/// when all have ended.
fn run<S: Send + Sync + 'static, const N: usize>(state: S, actors: [fn(&S); N]) {
    let state = Arc::new(state);
    let (mine, others) = actors.split_last().expect("somebody acts");
    let others: Vec<_> = others
        .iter()
        .map(|&other| {
            let state = Arc::clone(&state);
            thread::spawn(move || other(&state))
        })
        .collect();
    mine(&state);
    for other in others {
        other.join().expect("no panic");
    }
}

/// Runs two or three actors on a [`Shared`].
fn share<const N: usize>(actors: [fn(&Shared); N]) {
    run(Shared::new(), actors);
}

/// What most pairs are about: plain data, and two atomics to tell of it, all zero at first.
struct Shared {
    data: Plain<u32>,
    flag: AtomicU32,
    other: AtomicU32,
}

impl Shared {
    fn new() -> Self {
        Self { data: Plain::new(0), flag: AtomicU32::new(0), other: AtomicU32::new(0) }
    }

    fn write(&self) {
        self.data.set(1);
    }

    fn read(&self) {
        let _ = self.data.get();
    }

    /// Says, without ordering anything, that the data is written.
    fn tell(&self) {
        self.flag.store(1, Relaxed);
    }

    fn told(&self) -> bool {
        self.flag.load(Relaxed) == 1
    }

    /// Reads the data if the flag says so.
    fn read_if(&self, flag: u32, order: Ordering) {
        if self.flag.load(order) == flag {
            self.read();
        }
    }
}
