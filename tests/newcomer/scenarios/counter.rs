//! Counter: a counter against its sequential model.
//!
//! An object has operations, a model that says what each returns when nothing else happens, and implementations. Random
//! programs of operations run on each engine; what they return must fit some order of the operations in which each
//! comes between its call and its return. `cargo test counter` holds the verdicts to what is expected here.

use selvedge::object::proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

// Registers the function at the end; its name is the object's.
selvedge::scenario!(counter);

/// What can be done with it.
#[derive(Clone, Debug)]
enum Op {
    Add(u32),
    Get,
}
use Op::{Add, Get};

/// The model: as simple as can be, for it is right by definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Count(u32);

impl Model for Count {
    type Op = Op;
    type Ret = u32;

    /// Both return what there was before.
    fn apply(&mut self, op: &Op) -> u32 {
        let before = self.0;
        if let Add(n) = op {
            self.0 += n;
        }
        before
    }
}

/// An implementation that is expected to hold.
struct InOneStep(AtomicU32);

impl Implements<Count> for InOneStep {
    fn apply(&self, op: &Op) -> u32 {
        match op {
            Add(n) => self.0.fetch_add(*n, Relaxed),
            Get => self.0.load(Relaxed),
        }
    }
}

/// One that is not: what is added between the load and the store is lost.
struct InTwoSteps(AtomicU32);

impl Implements<Count> for InTwoSteps {
    fn apply(&self, op: &Op) -> u32 {
        let before = self.0.load(SeqCst);
        if let Add(n) = op {
            self.0.store(before + n, SeqCst);
        }
        before
    }
}

fn counter() -> Object<Count> {
    // How operations are drawn: a strategy of proptest.
    let operations = prop_oneof![(1_u32..100).prop_map(Add), Just(Get)];
    Object::new("Does every addition count, once?", Count(0), operations)
        .implementation("in one step", Implementation::new(|| InOneStep(AtomicU32::new(0))))
        .implementation(
            "in two steps",
            Implementation::new(|| InTwoSteps(AtomicU32::new(0))).expect(Forbidden),
        )
}
