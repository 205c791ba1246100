//! A bounded ring for many producers and many consumers.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_ring);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Push(u8),
    Pop,
}
use Op::{Pop, Push};

const CAPACITY: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ring(Vec<u8>);

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
}

/// A model of crossbeam's `ArrayQueue`: each slot has a stamp that says whose turn it is. The stamp of a
/// slot is twice the lap, and one more while there is a value. Planted with `TOO_EARLY`: a consumer gives the slot
/// free before it has taken the value.
struct Stamped<const TOO_EARLY: bool> {
    head: AtomicUsize,
    tail: AtomicUsize,
    stamps: [AtomicUsize; CAPACITY],
    slots: [Plain<u8>; CAPACITY],
}

impl<const TOO_EARLY: bool> Stamped<TOO_EARLY> {
    fn new() -> Self {
        Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            stamps: std::array::from_fn(|_| AtomicUsize::new(0)),
            slots: std::array::from_fn(|_| Plain::new(0)),
        }
    }

    fn push(&self, value: u8) -> Option<u8> {
        let mut tail = self.tail.load(SeqCst);
        loop {
            let (slot, lap) = (tail % CAPACITY, tail / CAPACITY);
            let stamp = self.stamps[slot].load(Acquire);
            if stamp == 2 * lap {
                match self.tail.compare_exchange(tail, tail + 1, SeqCst, Relaxed) {
                    Ok(_) => {
                        self.slots[slot].set(value);
                        self.stamps[slot].store(stamp + 1, Release);
                        return Some(value);
                    }
                    Err(newer) => tail = newer,
                }
            } else {
                if stamp + 1 == 2 * lap {
                    fence(SeqCst);
                    if self.head.load(Relaxed) + CAPACITY == tail {
                        return None;
                    }
                }
                thread::yield_now();
                tail = self.tail.load(SeqCst);
            }
        }
    }

    fn pop(&self) -> Option<u8> {
        let mut head = self.head.load(SeqCst);
        loop {
            let (slot, lap) = (head % CAPACITY, head / CAPACITY);
            let stamp = self.stamps[slot].load(Acquire);
            if stamp == 2 * lap + 1 {
                match self.head.compare_exchange(head, head + 1, SeqCst, Relaxed) {
                    Ok(_) => {
                        if TOO_EARLY {
                            self.stamps[slot].store(stamp + 1, Release);
                            return Some(self.slots[slot].get());
                        }
                        let value = self.slots[slot].get();
                        self.stamps[slot].store(stamp + 1, Release);
                        return Some(value);
                    }
                    Err(newer) => head = newer,
                }
            } else {
                if stamp == 2 * lap {
                    fence(SeqCst);
                    if self.tail.load(Relaxed) == head {
                        return None;
                    }
                }
                thread::yield_now();
                head = self.head.load(SeqCst);
            }
        }
    }
}

impl<const TOO_EARLY: bool> Implements<Ring> for Stamped<TOO_EARLY> {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => self.push(value),
            Pop => self.pop(),
        }
    }
}

struct ArrayQueue(crossbeam::queue::ArrayQueue<u8>);

impl Implements<Ring> for ArrayQueue {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => self.0.push(value).ok().map(|()| value),
            Pop => self.0.pop(),
        }
    }
}

pub(crate) fn object_ring() -> Object<Ring> {
    let operations = prop_oneof![(1_u8..50).prop_map(Push), Just(Pop)];
    Object::new("Does a full ring refuse, and lose and repeat nothing?", Ring(vec![]), operations)
        .operations(2, 3, 2)
        .implementation("stamped slots", Implementation::new(Stamped::<false>::new))
        .implementation(
            "crossbeam's ArrayQueue",
            Implementation::new(|| ArrayQueue(crossbeam::queue::ArrayQueue::new(CAPACITY)))
                .only_on(&[Threads], "ArrayQueue is built on std's atomics and on one heap"),
        )
        .implementation("free too early", Implementation::new(Stamped::<true>::new).expect(DataRace))
}
