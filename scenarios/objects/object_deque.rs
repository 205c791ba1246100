//! A work-stealing deque: its owner works at one end, thieves at the other.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_deque);

#[derive(Clone, Debug)]
enum Op {
    Push(u8),
    Pop,
    Steal,
}
use Op::{Pop, Push, Steal};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Deque(Vec<u8>);

impl Model for Deque {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => {
                self.0.push(value);
                None
            }
            Pop => self.0.pop(),
            Steal if self.0.is_empty() => None,
            Steal => Some(self.0.remove(0)),
        }
    }

    /// The first actor owns it.
    fn only_actor(op: &Op) -> Option<usize> {
        (!matches!(op, Steal)).then_some(0)
    }
}

/// What is wrong with it, if anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Planted: the bottom may be seen to rise before the value is there.
    NoRelease,
    /// Planted: the owner takes the last value without asking whether a thief has it.
    NoContest,
}

/// As many values as a program can push.
const CAPACITY: usize = 16;

/// Chase and Lev, "Dynamic Circular Work-Stealing Deque", SPAA 2005, with the orderings of Le, Pop, Cohen and
/// Zappa Nardelli, "Correct and Efficient Work-Stealing for Weak Memory Models", PPoPP 2013, that never grows.
struct ChaseLev {
    top: AtomicUsize,
    bottom: AtomicUsize,
    values: [AtomicU8; CAPACITY],
    wrong: Wrong,
}

impl ChaseLev {
    fn new(wrong: Wrong) -> Self {
        // One, so that the bottom can go below the top.
        Self {
            top: AtomicUsize::new(1),
            bottom: AtomicUsize::new(1),
            values: std::array::from_fn(|_| AtomicU8::new(0)),
            wrong,
        }
    }

    fn push(&self, value: u8) {
        let bottom = self.bottom.load(Relaxed);
        self.values[bottom % CAPACITY].store(value, Relaxed);
        if self.wrong != Wrong::NoRelease {
            fence(Release);
        }
        self.bottom.store(bottom + 1, Relaxed);
    }

    fn pop(&self) -> Option<u8> {
        let bottom = self.bottom.load(Relaxed) - 1;
        self.bottom.store(bottom, Relaxed);
        fence(SeqCst);
        let top = self.top.load(Relaxed);
        if top > bottom {
            self.bottom.store(bottom + 1, Relaxed);
            return None;
        }
        let value = self.values[bottom % CAPACITY].load(Relaxed);
        if top < bottom {
            return Some(value);
        }
        let won = if self.wrong == Wrong::NoContest {
            self.top.store(top + 1, Relaxed);
            true
        } else {
            self.top.compare_exchange(top, top + 1, SeqCst, Relaxed).is_ok()
        };
        self.bottom.store(bottom + 1, Relaxed);
        won.then_some(value)
    }

    fn steal(&self) -> Option<u8> {
        loop {
            let top = self.top.load(Acquire);
            fence(SeqCst);
            if top >= self.bottom.load(Acquire) {
                return None;
            }
            let value = self.values[top % CAPACITY].load(Relaxed);
            if self.top.compare_exchange(top, top + 1, SeqCst, Relaxed).is_ok() {
                return Some(value);
            }
        }
    }
}

impl Implements<Deque> for ChaseLev {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => {
                self.push(value);
                None
            }
            Pop => self.pop(),
            Steal => self.steal(),
        }
    }
}

/// crossbeam's deque. Only its owner touches the owner's end, so the lock around it is always free.
struct Crossbeam(std::sync::Mutex<crossbeam::deque::Worker<u8>>, crossbeam::deque::Stealer<u8>);

impl Crossbeam {
    fn new() -> Self {
        let worker = crossbeam::deque::Worker::new_lifo();
        let stealer = worker.stealer();
        Self(std::sync::Mutex::new(worker), stealer)
    }
}

impl Implements<Deque> for Crossbeam {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => {
                self.0.lock().ok()?.push(value);
                None
            }
            Pop => self.0.lock().ok()?.pop(),
            Steal => loop {
                let stolen = self.1.steal();
                if !stolen.is_retry() {
                    return stolen.success();
                }
            },
        }
    }
}

fn object_deque() -> Object<Deque> {
    let operations = prop_oneof![(1_u8..50).prop_map(Push), Just(Pop), Just(Steal)];
    Object::new("Is every piece of work done once?", Deque(vec![]), operations)
        .operations(2, 3, 1)
        .implementation("fence and contest", Implementation::new(|| ChaseLev::new(Wrong::Nothing)))
        .implementation(
            "crossbeam-deque",
            Implementation::new(Crossbeam::new)
                .only_on(&[Threads], "crossbeam-deque is built on std's atomics and on one heap"),
        )
        .implementation(
            "no release",
            Implementation::new(|| ChaseLev::new(Wrong::NoRelease)).expect(Forbidden).expect_on(
                Shuttle,
                Safe,
                "every load of shuttle's sees the latest store",
            ),
        )
        .implementation(
            "no contest",
            Implementation::new(|| ChaseLev::new(Wrong::NoContest)).expect(Forbidden),
        )
}
