//! A hash map with a lock for each bucket.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_map);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Get(u8),
    GetOrInsert(u8, u8),
    Remove(u8),
}
use Op::{Get, GetOrInsert, Remove};

/// One key's value: each key is a part of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Map([Option<u8>; KEYS]);

const KEYS: usize = 3;

impl Model for Map {
    type Op = Op;
    type Ret = Option<u8>;

    fn apply(&mut self, op: &Op) -> Option<u8> {
        match *op {
            Get(key) => self.0[usize::from(key)],
            GetOrInsert(key, value) => Some(*self.0[usize::from(key)].get_or_insert(value)),
            Remove(key) => self.0[usize::from(key)].take(),
        }
    }

    fn part(op: &Op) -> Option<u64> {
        let (Get(key) | GetOrInsert(key, _) | Remove(key)) = op;
        Some(u64::from(*key))
    }
}

const BUCKETS: usize = 2;
type Bucket = [Option<(u8, u8)>; KEYS];

/// Planted if not `ATOMIC`: between the look and the insertion the bucket is not locked.
struct Buckets<const ATOMIC: bool>([Mutex<Bucket>; BUCKETS]);

impl<const ATOMIC: bool> Buckets<ATOMIC> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new([None; KEYS])))
    }
}

fn find(bucket: &Bucket, key: u8) -> Option<usize> {
    bucket.iter().position(|entry| entry.is_some_and(|(found, _)| found == key))
}

fn get(bucket: &Bucket, key: u8) -> Option<u8> {
    find(bucket, key).and_then(|place| bucket[place]).map(|(_, value)| value)
}

/// Inserts a key, or replaces its value.
fn insert(bucket: &mut Bucket, key: u8, value: u8) {
    let place = find(bucket, key).or_else(|| bucket.iter().position(Option::is_none));
    if let Some(place) = place {
        bucket[place] = Some((key, value));
    }
}

impl<const ATOMIC: bool> Implements<Map> for Buckets<ATOMIC> {
    fn apply(&self, op: &Op) -> Option<u8> {
        let (Get(key) | GetOrInsert(key, _) | Remove(key)) = *op;
        let lock = &self.0[usize::from(key) % BUCKETS];
        let mut bucket = lock.lock().ok()?;
        match *op {
            Get(_) => get(&bucket, key),
            Remove(_) => find(&bucket, key).and_then(|place| bucket[place].take()).map(|(_, value)| value),
            GetOrInsert(_, value) => {
                if let Some(value) = get(&bucket, key) {
                    return Some(value);
                }
                if !ATOMIC {
                    drop(bucket);
                    bucket = lock.lock().ok()?;
                }
                insert(&mut bucket, key, value);
                Some(value)
            }
        }
    }
}

pub(crate) fn object_map() -> Object<Map> {
    let key = || 0..u8::try_from(KEYS).unwrap_or(1);
    let operations = prop_oneof![
        key().prop_map(Get),
        (key(), 1_u8..50).prop_map(|(key, value)| GetOrInsert(key, value)),
        key().prop_map(Remove),
    ];
    Object::new("Does get-or-insert insert once?", Map([None; KEYS]), operations)
        .implementation("one lock for both", Implementation::new(Buckets::<true>::new))
        .implementation("look, then insert", Implementation::new(Buckets::<false>::new).expect(Forbidden))
}
