//! A register with compare-and-set: the object of most textbooks.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_register);

#[derive(Clone, Debug)]
enum Op {
    Read,
    Write(u8),
    CompareAndSet(u8, u8),
}
use Op::{CompareAndSet, Read, Write};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Register(u8);

impl Model for Register {
    type Op = Op;
    type Ret = u8;

    /// Reading returns the value, comparing and setting what was there before, writing nothing.
    fn apply(&mut self, op: &Op) -> u8 {
        let before = self.0;
        match *op {
            Read => before,
            Write(value) => {
                self.0 = value;
                0
            }
            CompareAndSet(expected, value) => {
                if before == expected {
                    self.0 = value;
                }
                before
            }
        }
    }
}

struct Atomic(AtomicU8);

impl Implements<Register> for Atomic {
    fn apply(&self, op: &Op) -> u8 {
        match *op {
            Read => self.0.load(Acquire),
            // loom lets a plain store slip in between the two halves of a compare-and-set.
            Write(value) => {
                self.0.swap(value, AcqRel);
                0
            }
            CompareAndSet(expected, value) => {
                self.0.compare_exchange(expected, value, AcqRel, Acquire).unwrap_or_else(|before| before)
            }
        }
    }
}

struct Locked(RwLock<u8>);

impl Implements<Register> for Locked {
    fn apply(&self, op: &Op) -> u8 {
        if let Read = op {
            return self.0.read().map_or(u8::MAX, |value| *value);
        }
        let Ok(mut value) = self.0.write() else { return u8::MAX };
        let mut register = Register(*value);
        let before = register.apply(op);
        *value = register.0;
        before
    }
}

/// Planted: what is compared may be gone when it is set.
struct InTwoSteps(AtomicU8);

impl Implements<Register> for InTwoSteps {
    fn apply(&self, op: &Op) -> u8 {
        match *op {
            Read => self.0.load(Acquire),
            Write(value) => {
                self.0.store(value, Release);
                0
            }
            CompareAndSet(expected, value) => {
                let before = self.0.load(Acquire);
                if before == expected {
                    self.0.store(value, Release);
                }
                before
            }
        }
    }
}

/// Planted: two halves of four bits, and a reader in between sees half of each value.
struct InHalves([AtomicU8; 2], Mutex<()>);

impl Implements<Register> for InHalves {
    fn apply(&self, op: &Op) -> u8 {
        let [high, low] = &self.0;
        if let Read = op {
            return high.load(Acquire) << 4 | low.load(Acquire);
        }
        let _alone = self.1.lock();
        let mut register = Register(high.load(Acquire) << 4 | low.load(Acquire));
        let before = register.apply(op);
        high.store(register.0 >> 4, Release);
        low.store(register.0 & 0xf, Release);
        before
    }
}

fn object_register() -> Object<Register> {
    let value = || prop::sample::select(vec![0_u8, 0x11, 0x22]);
    let operations = prop_oneof![
        Just(Read),
        value().prop_map(Write),
        (value(), value()).prop_map(|(expected, value)| CompareAndSet(expected, value)),
    ];
    Object::new("Does every read see the latest value, whole?", Register(0), operations)
        .implementation("atomic", Implementation::new(|| Atomic(AtomicU8::new(0))))
        .implementation("rwlock", Implementation::new(|| Locked(RwLock::new(0))))
        .implementation(
            "compared, then set",
            Implementation::new(|| InTwoSteps(AtomicU8::new(0))).expect(Forbidden),
        )
        .implementation(
            "in two halves",
            Implementation::new(|| InHalves([AtomicU8::new(0), AtomicU8::new(0)], Mutex::new(())))
                .expect(Forbidden),
        )
}
