//! An object that is another one from run to run, as after an edit: for tokens that are out of date. And an
//! implementation that ends its process.

use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(shifting_object);

fn has_changed(what: &str) -> bool {
    std::env::var("SHIFTING").is_ok_and(|changed| changed == what)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sum(u32);

/// Adding returns what there was before.
impl Model for Sum {
    type Op = u32;
    type Ret = u32;

    fn apply(&mut self, add: &u32) -> u32 {
        let before = self.0;
        self.0 += add;
        before
    }

    fn precondition(&self, add: &u32) -> bool {
        *add < if has_changed("model") { 1 } else { 100 }
    }
}

enum Wrong {
    Loses,
    Aborts,
}

struct Adder {
    sum: AtomicU32,
    wrong: Wrong,
}

impl Implements<Sum> for Adder {
    fn apply(&self, add: &u32) -> u32 {
        match self.wrong {
            Wrong::Loses => {
                let before = self.sum.load(Relaxed);
                if has_changed("steps") {
                    self.sum.load(Relaxed);
                }
                self.sum.store(before + add, Relaxed);
                before
            }
            Wrong::Aborts => {
                let before = self.sum.fetch_add(*add, Relaxed);
                if self.sum.load(Relaxed) != before + add {
                    std::process::abort();
                }
                before
            }
        }
    }
}

fn shifting_object() -> Object<Sum> {
    let least = if has_changed("operations") { 50 } else { 1 };
    let adder = |wrong: fn() -> Wrong| Implementation::new(move || Adder { sum: AtomicU32::new(0), wrong: wrong() });
    Object::new("Is every addition counted?", Sum(0), least..100_u32)
        .implementation("loses", adder(|| Wrong::Loses).expect(Forbidden))
        .implementation("loses, unexpectedly", adder(|| Wrong::Loses))
        .implementation("aborts", adder(|| Wrong::Aborts).expect(Crash))
}
