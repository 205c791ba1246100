//! Treiber's stack, and the ABA problem of one whose nodes come back too soon.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_stack);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Push(u8),
    Pop,
}
use Op::{Pop, Push};

/// A stack of a few nodes. Pushing may be refused for want of a node at any time, since a node that is
/// being popped is neither here nor there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stack(Vec<u8>);

/// What was pushed or popped; `None` for a push that was refused or a pop of nothing.
impl Model for Stack {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match *op {
            Push(value) => {
                self.0.push(value);
                Some(value)
            }
            Pop => self.0.pop(),
        }
    }

    fn choices(&self, op: &Op) -> Option<Vec<(Self, Option<u8>)>> {
        let mut done = self.clone();
        let ret = done.apply(op);
        let refused = matches!(op, Push(_)).then(|| (self.clone(), None));
        Some([(done, ret)].into_iter().chain(refused).collect())
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.0.capacity()
    }
}

const NODES: usize = 2;
/// No node.
const NONE: u32 = 0xff;

/// Nodes by index, the free ones in a queue under a lock: the one that is free for longest comes next.
struct Nodes {
    next: [AtomicU32; NODES],
    value: [AtomicU8; NODES],
    free: Mutex<[u32; NODES]>,
}

impl Nodes {
    fn new() -> Self {
        Self {
            next: std::array::from_fn(|_| AtomicU32::new(NONE)),
            value: std::array::from_fn(|_| AtomicU8::new(0)),
            free: Mutex::new(std::array::from_fn(|node| node as u32)),
        }
    }

    fn take(&self) -> Option<usize> {
        let mut free = self.free.lock().ok()?;
        let node = std::mem::replace(&mut free[0], NONE);
        free.rotate_left(1);
        (node != NONE).then_some(node as usize)
    }

    fn give_back(&self, node: u32) {
        if let Ok(mut free) = self.free.lock()
            && let Some(place) = free.iter_mut().find(|place| **place == NONE)
        {
            *place = node;
        }
    }
}

/// The head is a node's index, and with `TAGGED` a number above it that no two heads share. Planted without:
/// a head that is the same again may have another node behind it.
struct Treiber<const TAGGED: bool> {
    head: AtomicU32,
    nodes: Nodes,
}

impl<const TAGGED: bool> Treiber<TAGGED> {
    fn new() -> Self {
        Self { head: AtomicU32::new(NONE), nodes: Nodes::new() }
    }

    fn swing(&self, from: u32, node: u32) -> bool {
        let tag = if TAGGED { (from >> 8) + 1 } else { 0 };
        self.head.compare_exchange(from, tag << 8 | node, AcqRel, Acquire).is_ok()
    }
}

impl<const TAGGED: bool> Implements<Stack> for Treiber<TAGGED> {
    fn apply(&self, op: &Op) -> Option<u8> {
        let nodes = &self.nodes;
        if let Push(value) = *op {
            let node = nodes.take()?;
            nodes.value[node].store(value, Relaxed);
            loop {
                let head = self.head.load(Acquire);
                nodes.next[node].store(head & 0xff, Relaxed);
                if self.swing(head, node as u32) {
                    return Some(value);
                }
            }
        }
        loop {
            let head = self.head.load(Acquire);
            let node = head & 0xff;
            if node == NONE {
                return None;
            }
            let next = nodes.next[node as usize].load(Relaxed);
            if self.swing(head, next) {
                let value = nodes.value[node as usize].load(Relaxed);
                nodes.give_back(node);
                return Some(value);
            }
        }
    }
}

struct Locked(Mutex<Vec<u8>>);

impl Implements<Stack> for Locked {
    fn apply(&self, op: &Op) -> Option<u8> {
        let mut stack = self.0.lock().ok()?;
        match *op {
            Push(value) => {
                stack.push(value);
                Some(value)
            }
            Pop => stack.pop(),
        }
    }
}

/// Nodes of the heap, freed when nobody can look at them any more, by a crate that many rely on.
mod reclaimed {
    use super::{Op, Pop, Push, Stack};
    use crossbeam::epoch::{self, Atomic, Owned};
    use selvedge::object::Implements;
    use std::mem::ManuallyDrop;
    use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

    struct Node {
        value: ManuallyDrop<u8>,
        next: Atomic<Node>,
    }

    pub(super) struct Reclaimed(Atomic<Node>);

    impl Reclaimed {
        pub(super) fn new() -> Self {
            Self(Atomic::null())
        }
    }

    impl Drop for Reclaimed {
        fn drop(&mut self) {
            while self.apply(&Pop).is_some() {}
        }
    }

    impl Implements<Stack> for Reclaimed {
        fn apply(&self, op: &Op) -> Option<u8> {
            let guard = &epoch::pin();
            if let Push(value) = *op {
                let mut node = Owned::new(Node { value: ManuallyDrop::new(value), next: Atomic::null() });
                loop {
                    let head = self.0.load(Relaxed, guard);
                    node.next.store(head, Relaxed);
                    match self.0.compare_exchange(head, node, AcqRel, Relaxed, guard) {
                        Ok(_) => return Some(value),
                        Err(lost) => node = lost.new,
                    }
                }
            }
            loop {
                let head = self.0.load(Acquire, guard);
                // SAFETY: whoever unlinks a node leaves it to the epoch, and this guard holds the epoch.
                let node = unsafe { head.as_ref() }?;
                let next = node.next.load(Relaxed, guard);
                if self.0.compare_exchange(head, next, AcqRel, Relaxed, guard).is_ok() {
                    let value = *node.value;
                    // SAFETY: this thread alone has unlinked the node, so nobody finds it from now on.
                    unsafe { guard.defer_destroy(head) };
                    return Some(value);
                }
            }
        }
    }
}

const TOO_SMALL: &str = "the programs that loom gets through are too small to show it";

pub(crate) fn object_stack() -> Object<Stack> {
    let operations = prop_oneof![(1_u8..50).prop_map(Push), Just(Pop)];
    Object::new("Does a stack give back each value once, the last one first?", Stack(vec![]), operations)
        .actors(2..=2)
        .operations(2, 3, 2)
        .implementation("mutex", Implementation::new(|| Locked(Mutex::new(vec![]))))
        .implementation("tagged index", Implementation::new(Treiber::<true>::new))
        .implementation(
            "epochs",
            Implementation::new(reclaimed::Reclaimed::new)
                .only_on(&[Threads], "crossbeam-epoch is built on std's atomics and on one heap"),
        )
        .implementation(
            "bare index",
            Implementation::new(Treiber::<false>::new).expect(Forbidden).expect_on(Loom, Safe, TOO_SMALL),
        )
}
