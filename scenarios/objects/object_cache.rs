//! A cached value behind a readers-writer lock.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_cache);

#[derive(Clone, Debug)]
enum Op {
    Get,
    Add(u8),
}
use Op::{Add, Get};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cache(u32);

/// The value, after what was added.
impl Model for Cache {
    type Op = Op;
    type Ret = u32;

    fn apply(&mut self, op: &Op) -> u32 {
        if let Add(n) = op {
            self.0 += u32::from(*n);
        }
        self.0
    }
}

/// Planted with `STALE`: what is written was read under a lock that is gone.
struct Guarded<const STALE: bool>(RwLock<u32>);

impl<const STALE: bool> Guarded<STALE> {
    fn new() -> Self {
        Self(RwLock::new(0))
    }

    fn add(&self, n: u32) -> Option<u32> {
        let read = if STALE { Some(*self.0.read().ok()?) } else { None };
        let mut value = self.0.write().ok()?;
        *value = read.unwrap_or(*value) + n;
        Some(*value)
    }
}

impl<const STALE: bool> Implements<Cache> for Guarded<STALE> {
    fn apply(&self, op: &Op) -> u32 {
        match op {
            Get => self.0.read().map_or(u32::MAX, |value| *value),
            Add(n) => self.add(u32::from(*n)).unwrap_or(u32::MAX),
        }
    }
}

fn object_cache() -> Object<Cache> {
    let operations = prop_oneof![(1_u8..50).prop_map(Add), Just(Get)];
    Object::new("Does an update build on the latest value?", Cache(0), operations)
        .implementation("read and written under one lock", Implementation::new(Guarded::<false>::new))
        .implementation("stale", Implementation::new(Guarded::<true>::new).expect(Forbidden))
}
