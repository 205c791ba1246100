//! A channel for a single message.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_oneshot);

#[derive(Clone, Debug)]
enum Op {
    Send(u8),
    TryReceive,
}
use Op::{Send, TryReceive};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum OneShot {
    Empty,
    Full(u8),
    Taken,
}

impl Model for OneShot {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match (op, &*self) {
            (Send(message), _) => {
                *self = OneShot::Full(*message);
                None
            }
            (TryReceive, OneShot::Full(message)) => {
                let message = Some(*message);
                *self = OneShot::Taken;
                message
            }
            (TryReceive, _) => None,
        }
    }

    /// There is one message and no more.
    fn precondition(&self, op: &Op) -> bool {
        matches!(op, TryReceive) || *self == OneShot::Empty
    }

    fn only_actor(op: &Op) -> Option<usize> {
        Some(match op {
            Send(_) => 0,
            TryReceive => 1,
        })
    }
}

/// Planted with `TOO_EARLY`: the flag goes up before the message is there.
struct Flagged<const TOO_EARLY: bool> {
    full: AtomicBool,
    message: Plain<u8>,
}

impl<const TOO_EARLY: bool> Flagged<TOO_EARLY> {
    fn new() -> Self {
        Self { full: AtomicBool::new(false), message: Plain::new(0) }
    }
}

impl<const TOO_EARLY: bool> Implements<OneShot> for Flagged<TOO_EARLY> {
    fn apply(&self, op: &Op) -> Option<u8> {
        match *op {
            Send(message) => {
                if TOO_EARLY {
                    self.full.store(true, Release);
                }
                self.message.set(message);
                self.full.store(true, Release);
                None
            }
            // Nobody else takes the flag down, and nobody puts it up again.
            TryReceive => self.full.load(Acquire).then(|| {
                self.full.store(false, Relaxed);
                self.message.get()
            }),
        }
    }
}

fn object_oneshot() -> Object<OneShot> {
    let operations = prop_oneof![(1_u8..50).prop_map(Send), Just(TryReceive)];
    Object::new("Does the one message arrive once and whole?", OneShot::Empty, operations)
        .actors(2..=2)
        .implementation("message, then flag", Implementation::new(Flagged::<false>::new))
        .implementation("flag, then message", Implementation::new(Flagged::<true>::new).expect(DataRace))
}
