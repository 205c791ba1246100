//! Michael and Scott's queue.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_queue);

#[derive(Clone, Debug)]
enum Op {
    Enqueue(u8),
    Dequeue,
}
use Op::{Dequeue, Enqueue};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Queue(Vec<u8>);

impl Model for Queue {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match *op {
            Enqueue(value) => {
                self.0.push(value);
                None
            }
            Dequeue if self.0.is_empty() => None,
            Dequeue => Some(self.0.remove(0)),
        }
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.0.capacity()
    }
}

/// As many nodes as a program has operations, and the first; a node is never used twice.
const NODES: usize = 16;

/// Nodes by index; 0 is the first dummy, and as a next node it means that there is none. Planted without
/// `COMPARED`: a node is linked without a look at what is linked already.
struct MichaelScott<const COMPARED: bool> {
    head: AtomicUsize,
    tail: AtomicUsize,
    fresh: AtomicUsize,
    next: [AtomicUsize; NODES],
    value: [AtomicU8; NODES],
}

impl<const COMPARED: bool> MichaelScott<COMPARED> {
    fn new() -> Self {
        Self {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            fresh: AtomicUsize::new(1),
            next: std::array::from_fn(|_| AtomicUsize::new(0)),
            value: std::array::from_fn(|_| AtomicU8::new(0)),
        }
    }

    fn enqueue(&self, value: u8) {
        let node = self.fresh.fetch_add(1, Relaxed);
        self.value[node].store(value, Relaxed);
        loop {
            let tail = self.tail.load(Acquire);
            let next = self.next[tail].load(Acquire);
            if next != 0 {
                self.tail.compare_exchange(tail, next, AcqRel, Relaxed).ok();
                continue;
            }
            let linked = if COMPARED {
                self.next[tail].compare_exchange(0, node, AcqRel, Relaxed).is_ok()
            } else {
                self.next[tail].store(node, Release);
                true
            };
            if linked {
                self.tail.compare_exchange(tail, node, AcqRel, Relaxed).ok();
                return;
            }
        }
    }

    fn dequeue(&self) -> Option<u8> {
        loop {
            let head = self.head.load(Acquire);
            let tail = self.tail.load(Acquire);
            let next = self.next[head].load(Acquire);
            if next == 0 {
                return None;
            }
            if head == tail {
                self.tail.compare_exchange(tail, next, AcqRel, Relaxed).ok();
            }
            let value = self.value[next].load(Relaxed);
            if self.head.compare_exchange(head, next, AcqRel, Relaxed).is_ok() {
                return Some(value);
            }
        }
    }
}

impl<const COMPARED: bool> Implements<Queue> for MichaelScott<COMPARED> {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Enqueue(value) => {
                self.enqueue(value);
                None
            }
            Dequeue => self.dequeue(),
        }
    }
}

struct Locked(Mutex<std::collections::VecDeque<u8>>);

impl Implements<Queue> for Locked {
    fn apply(&self, op: &Op) -> Option<u8> {
        let mut queue = self.0.lock().ok()?;
        match *op {
            Enqueue(value) => {
                queue.push_back(value);
                None
            }
            Dequeue => queue.pop_front(),
        }
    }
}

struct SegQueue(crossbeam::queue::SegQueue<u8>);

impl Implements<Queue> for SegQueue {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Enqueue(value) => {
                self.0.push(value);
                None
            }
            Dequeue => self.0.pop(),
        }
    }
}

const TOO_SMALL: &str = "the programs that loom gets through are too small to show it";

fn object_queue() -> Object<Queue> {
    let operations = prop_oneof![(1_u8..50).prop_map(Enqueue), Just(Dequeue)];
    Object::new("Does a queue give out what came in, each once, in its order?", Queue(vec![]), operations)
        .implementation("mutex", Implementation::new(|| Locked(Mutex::default())))
        .implementation("compare and link", Implementation::new(MichaelScott::<true>::new))
        .implementation(
            "crossbeam's SegQueue",
            Implementation::new(|| SegQueue(crossbeam::queue::SegQueue::new()))
                .only_on(&[Threads], "SegQueue is built on std's atomics and on one heap"),
        )
        .implementation(
            "linked blindly",
            Implementation::new(MichaelScott::<false>::new)
                .expect(Forbidden)
                .expect_on(Loom, Safe, TOO_SMALL),
        )
}
