//! An object whose model or strategy misbehaves: `HOSTILE_FUNCTION` says how. Both are called while it is registered.

use selvedge::object::proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object);

fn has(fault: &str) -> bool {
    std::env::var("HOSTILE_FUNCTION").is_ok_and(|what| what == fault)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sum(u32);

impl Model for Sum {
    type Op = u32;
    type Ret = u32;

    fn apply(&mut self, add: &u32) -> u32 {
        assert!(!has("panicking model"), "the model gave up");
        while has("endless model") {
            std::hint::spin_loop();
        }
        let before = self.0;
        self.0 += add;
        before
    }
}

struct Adder(AtomicU32);

impl Implements<Sum> for Adder {
    fn apply(&self, add: &u32) -> u32 {
        self.0.fetch_add(*add, Relaxed)
    }
}

fn object() -> Object<Sum> {
    let numbers = (1..100_u32).prop_map(|number| {
        assert!(!has("panicking strategy"), "the strategy gave up");
        while has("endless strategy") {
            std::hint::spin_loop();
        }
        number
    });
    Object::new("Does an object take the run down?", Sum(0), numbers)
        .implementation("adds", Implementation::new(|| Adder(AtomicU32::new(0))))
}
