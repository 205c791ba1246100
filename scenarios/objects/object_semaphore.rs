//! A semaphore whose waiters sleep.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_semaphore);

#[derive(Clone, Debug)]
enum Op {
    Take,
    TryTake,
    Give,
}
use Op::{Give, Take, TryTake};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Semaphore(u8);

/// Whether a permit was taken or given.
impl Model for Semaphore {
    type Op = Op;
    type Ret = bool;

    fn apply(&mut self, op: &Op) -> bool {
        match op {
            TryTake if self.0 == 0 => return false,
            Take | TryTake => self.0 -= 1,
            Give => self.0 += 1,
        }
        true
    }

    /// Taking a permit waits for one.
    fn ready(&self, op: &Op) -> bool {
        self.0 > 0 || !matches!(op, Take)
    }
}

/// What is wrong with it, if anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Planted: whoever wakes believes that there is a permit.
    LooksOnce,
    /// Planted: only the first of several permits wakes anybody.
    WakesOnce,
}

struct Sleeping {
    permits: Mutex<u8>,
    given: Condvar,
    wrong: Wrong,
}

impl Sleeping {
    fn new(wrong: Wrong) -> Self {
        Self { permits: Mutex::new(0), given: Condvar::new(), wrong }
    }

    fn take(&self) -> Option<bool> {
        let mut permits = self.permits.lock().ok()?;
        while *permits == 0 {
            permits = self.given.wait(permits).ok()?;
            if self.wrong == Wrong::LooksOnce {
                break;
            }
        }
        *permits = permits.saturating_sub(1);
        Some(true)
    }

    fn try_take(&self) -> Option<bool> {
        let mut permits = self.permits.lock().ok()?;
        let there_is = *permits > 0;
        *permits -= u8::from(there_is);
        Some(there_is)
    }

    fn give(&self) -> Option<bool> {
        let mut permits = self.permits.lock().ok()?;
        *permits += 1;
        if *permits == 1 || self.wrong != Wrong::WakesOnce {
            self.given.notify_one();
        }
        Some(true)
    }
}

impl Implements<Semaphore> for Sleeping {
    fn apply(&self, op: &Op) -> bool {
        let done = match op {
            Take => self.take(),
            TryTake => self.try_take(),
            Give => self.give(),
        };
        done.unwrap_or(false)
    }
}

const TOO_SMALL: &str = "the programs that loom gets through are too small to show it";
const MAY_HANG: &str = "whoever is not woken would hold up the machine";

fn object_semaphore() -> Object<Semaphore> {
    let operations = prop_oneof![3 => Just(Take), 1 => Just(TryTake), 3 => Just(Give)];
    Object::new("Does each permit let one through, and does nobody wait for ever?", Semaphore(0), operations)
        .actors(3..=3)
        .operations(0, 4, 0)
        .implementation("condition variable", Implementation::new(|| Sleeping::new(Wrong::Nothing)))
        .implementation(
            "looks once",
            Implementation::new(|| Sleeping::new(Wrong::LooksOnce))
                .expect(Forbidden)
                .expect_on(Loom, Safe, TOO_SMALL),
        )
        .implementation(
            "wakes once",
            Implementation::new(|| Sleeping::new(Wrong::WakesOnce))
                .only_on(&[Loom, Shuttle], MAY_HANG)
                .expect(Deadlock)
                .expect_on(Loom, Safe, TOO_SMALL),
        )
}
