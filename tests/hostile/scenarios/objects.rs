//! An object whose programs are kept: see the tests of damaged files.

use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(losing_object);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sum(u32);

impl Model for Sum {
    type Op = u32;
    type Ret = u32;

    fn apply(&mut self, add: &u32) -> u32 {
        let before = self.0;
        self.0 += add;
        before
    }
}

struct Loser(AtomicU32);

impl Implements<Sum> for Loser {
    fn apply(&self, add: &u32) -> u32 {
        let before = self.0.load(Relaxed);
        self.0.store(before + add, Relaxed);
        before
    }
}

fn losing_object() -> Object<Sum> {
    Object::new("Is every addition counted?", Sum(0), 1..100_u32)
        .implementation("loses", Implementation::new(|| Loser(AtomicU32::new(0))))
}
