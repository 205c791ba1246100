//! A set as a sorted list with a lock in every node.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_set);

#[derive(Clone, Debug)]
enum Op {
    Insert(u8),
    Remove(u8),
    Contains(u8),
}
use Op::{Contains, Insert, Remove};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Set([bool; KEYS]);

const KEYS: usize = 3;

/// Whether the set was changed, or the key is in it.
impl Model for Set {
    type Op = Op;
    type Ret = bool;

    fn apply(&mut self, op: &Op) -> bool {
        match *op {
            Insert(key) => !std::mem::replace(&mut self.0[usize::from(key)], true),
            Remove(key) => std::mem::replace(&mut self.0[usize::from(key)], false),
            Contains(key) => self.0[usize::from(key)],
        }
    }

    fn part(op: &Op) -> Option<u64> {
        let (Insert(key) | Remove(key) | Contains(key)) = op;
        Some(u64::from(*key))
    }
}

/// The node of a key is one more than the key; node 0 is the head, and the end is beyond all of them.
const END: usize = KEYS + 1;

/// Each node holds the next one, under its lock. With `COUPLED`, a node is locked before the one in front is
/// let go; planted without: the node in front may have left the list by the time it is changed.
struct List<const COUPLED: bool>([Mutex<usize>; KEYS + 1]);

impl<const COUPLED: bool> List<COUPLED> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(END)))
    }

    fn change(&self, op: &Op, wanted: usize) -> Option<bool> {
        let mut before = self.0[0].lock().ok()?;
        while *before < wanted {
            let node = *before;
            if COUPLED {
                before = self.0[node].lock().ok()?;
            } else {
                drop(before);
                before = self.0[node].lock().ok()?;
            }
        }
        let found = *before == wanted;
        match op {
            Insert(_) if !found => {
                *self.0[wanted].lock().ok()? = *before;
                *before = wanted;
            }
            Remove(_) if found => *before = *self.0[wanted].lock().ok()?,
            Insert(_) => return Some(false),
            Remove(_) | Contains(_) => return Some(found),
        }
        Some(true)
    }
}

impl<const COUPLED: bool> Implements<Set> for List<COUPLED> {
    fn apply(&self, op: &Op) -> bool {
        let (Insert(key) | Remove(key) | Contains(key)) = *op;
        self.change(op, usize::from(key) + 1).unwrap_or(false)
    }
}

const TOO_SMALL: &str = "the programs that loom gets through are too small to show it";

fn object_set() -> Object<Set> {
    let key = || 0..u8::try_from(KEYS).unwrap_or(1);
    let operations = prop_oneof![key().prop_map(Insert), key().prop_map(Remove), key().prop_map(Contains)];
    Object::new("Does a key that was inserted stay until it is removed?", Set([false; KEYS]), operations)
        .implementation("hand over hand", Implementation::new(List::<true>::new))
        .implementation(
            "one lock at a time",
            Implementation::new(List::<false>::new).expect(Forbidden).expect_on(Loom, Safe, TOO_SMALL),
        )
}
