//! A cell that is filled on first use.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_lazy);

/// Gets the value, or fills the cell with this one.
#[derive(Clone, Debug)]
struct GetOr(u8);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cell(Option<u8>);

impl Model for Cell {
    type Op = GetOr;
    type Ret = u8;

    fn apply(&mut self, op: &GetOr) -> u8 {
        *self.0.get_or_insert(op.0)
    }
}

struct Once(OnceLock<u8>);

impl Implements<Cell> for Once {
    fn apply(&self, op: &GetOr) -> u8 {
        *self.0.get_or_init(|| op.0)
    }
}

/// 0 while it is empty. Planted with `TWICE`: two that find it empty both fill it.
struct Numbered<const TWICE: bool>(AtomicU8);

impl<const TWICE: bool> Numbered<TWICE> {
    fn new() -> Self {
        Self(AtomicU8::new(0))
    }
}

impl<const TWICE: bool> Implements<Cell> for Numbered<TWICE> {
    fn apply(&self, op: &GetOr) -> u8 {
        let value = self.0.load(Acquire);
        if value != 0 {
            return value;
        }
        if TWICE {
            self.0.store(op.0, Release);
            return op.0;
        }
        match self.0.compare_exchange(0, op.0, AcqRel, Acquire) {
            Ok(_) => op.0,
            Err(value) => value,
        }
    }
}

fn object_lazy() -> Object<Cell> {
    Object::new("Does everybody get the same value?", Cell(None), (1_u8..50).prop_map(GetOr))
        .implementation("OnceLock", Implementation::new(|| Once(OnceLock::new())))
        .implementation("compare and set", Implementation::new(Numbered::<false>::new))
        .implementation("look, then fill", Implementation::new(Numbered::<true>::new).expect(Forbidden))
}
