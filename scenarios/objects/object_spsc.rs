//! A ring for one producer and one consumer.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_spsc);

#[derive(Clone, Debug)]
enum Op {
    Push(u8),
    Pop,
}
use Op::{Pop, Push};

const CAPACITY: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ring(Vec<u8>);

/// What was pushed or popped; `None` for a push into a full ring or a pop from an empty one.
impl Model for Ring {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match *op {
            Push(_) if self.0.len() == CAPACITY => None,
            Push(value) => {
                self.0.push(value);
                Some(value)
            }
            Pop if self.0.is_empty() => None,
            Pop => Some(self.0.remove(0)),
        }
    }

    fn only_actor(op: &Op) -> Option<usize> {
        Some(match op {
            Push(_) => 0,
            Pop => 1,
        })
    }
}

/// Planted if not `RELEASED`: the slot may be seen as full before its value is there.
struct Spsc<const RELEASED: bool> {
    head: AtomicUsize,
    tail: AtomicUsize,
    slots: [Plain<u8>; CAPACITY],
}

impl<const RELEASED: bool> Spsc<RELEASED> {
    fn new() -> Self {
        Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            slots: std::array::from_fn(|_| Plain::new(0)),
        }
    }
}

impl<const RELEASED: bool> Implements<Ring> for Spsc<RELEASED> {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => {
                let tail = self.tail.load(Relaxed);
                if tail - self.head.load(Acquire) == CAPACITY {
                    return None;
                }
                self.slots[tail % CAPACITY].set(value);
                self.tail.store(tail + 1, if RELEASED { Release } else { Relaxed });
                Some(value)
            }
            Pop => {
                let head = self.head.load(Relaxed);
                if head == self.tail.load(Acquire) {
                    return None;
                }
                let value = self.slots[head % CAPACITY].get();
                self.head.store(head + 1, Release);
                Some(value)
            }
        }
    }
}

fn object_spsc() -> Object<Ring> {
    let operations = prop_oneof![(1_u8..50).prop_map(Push), Just(Pop)];
    Object::new("Does one consumer get what one producer put in?", Ring(vec![]), operations)
        .actors(2..=2)
        .implementation("release", Implementation::new(Spsc::<true>::new))
        .implementation("no release", Implementation::new(Spsc::<false>::new).expect(DataRace))
}
