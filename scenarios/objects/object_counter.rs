//! The smallest object there is: a number that everybody adds to.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_counter);

#[derive(Clone, Debug)]
enum Op {
    Add(u32),
    Get,
}
use Op::{Add, Get};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Count(u32);

impl Model for Count {
    type Op = Op;
    type Ret = u32;

    /// Adding returns what there was before.
    fn apply(&mut self, op: &Op) -> u32 {
        let before = self.0;
        if let Add(n) = op {
            self.0 += n;
        }
        before
    }
}

struct Atomic(AtomicU32);

impl Implements<Count> for Atomic {
    fn apply(&self, op: &Op) -> u32 {
        match op {
            Add(n) => self.0.fetch_add(*n, Relaxed),
            Get => self.0.load(Relaxed),
        }
    }
}

struct Locked(Mutex<u32>);

impl Implements<Count> for Locked {
    fn apply(&self, op: &Op) -> u32 {
        let Ok(mut count) = self.0.lock() else { return u32::MAX };
        let before = *count;
        if let Add(n) = op {
            *count += n;
        }
        before
    }
}

/// Planted: what is added between the load and the store is lost.
struct LoadThenStore(AtomicU32);

impl Implements<Count> for LoadThenStore {
    fn apply(&self, op: &Op) -> u32 {
        let before = self.0.load(SeqCst);
        if let Add(n) = op {
            self.0.store(before + n, SeqCst);
        }
        before
    }
}

/// Planted: a number in plain memory.
struct Unguarded(Plain<u32>);

impl Implements<Count> for Unguarded {
    fn apply(&self, op: &Op) -> u32 {
        let before = self.0.get();
        if let Add(n) = op {
            self.0.set(before + n);
        }
        before
    }
}

fn object_counter() -> Object<Count> {
    let operations = prop_oneof![(1_u32..100).prop_map(Add), Just(Get)];
    Object::new(
        "A counter returns what it held before. Does every addition count, once?",
        Count(0),
        operations,
    )
    .implementation("fetch_add", Implementation::new(|| Atomic(AtomicU32::new(0))))
    .implementation("mutex", Implementation::new(|| Locked(Mutex::new(0))))
    .implementation(
        "load, then store",
        Implementation::new(|| LoadThenStore(AtomicU32::new(0))).expect(Forbidden),
    )
    .implementation("plain memory", Implementation::new(|| Unguarded(Plain::new(0))).expect(DataRace))
}
