//! Every operation of every atomic against std's, on every engine.

use super::*;
use crate::rt::context::{self, Context};
use crate::testing::{everywhere, everywhere_counted, in_loom, in_shuttle, spawn};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic as real;

const ORDERS: [Ordering; 5] =
    [Ordering::Relaxed, Ordering::Acquire, Ordering::Release, Ordering::AcqRel, Ordering::SeqCst];

/// One operation: which, with what, and how ordered.
type Step = (u8, u64, u64, usize);

/// Programs that mix random operands with the values at which integers behave oddly.
fn programs() -> Vec<Vec<Step>> {
    let value = prop_oneof![
        any::<u64>(),
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(1 << 63),
        Just(0x8080_8080_8080_8080),
        Just(0x7f7f_7f7f_7f7f_7f7f),
    ];
    let step = (any::<u8>(), value.clone(), value, 0..5_usize);
    let program = prop::collection::vec(step, 30);
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let programs = prop::collection::vec(program, 16);
    programs.new_tree(&mut runner).unwrap().current()
}

fn load_order(order: Ordering) -> Ordering {
    match order {
        Ordering::Release => Ordering::Relaxed,
        Ordering::AcqRel => Ordering::Acquire,
        order => order,
    }
}

fn store_order(order: Ordering) -> Ordering {
    match order {
        Ordering::Acquire => Ordering::Relaxed,
        Ordering::AcqRel => Ordering::Release,
        order => order,
    }
}

/// The result of one step on an integer atomic, of ours or of std's, as text.
macro_rules! integer_step {
    ($atomic:expr, $value:ident, ($operation:expr, $a:expr, $b:expr, $order:expr)) => {{
        let (atomic, a, b, order) = ($atomic, $a as $value, $b as $value, ORDERS[$order]);
        let load = load_order(order);
        match $operation % 18 {
            0 => format!("{:?}", atomic.load(load)),
            1 => format!("{:?}", atomic.store(a, store_order(order))),
            2 => format!("{:?}", atomic.swap(a, order)),
            3 => format!("{:?}", atomic.compare_exchange(a, b, order, load)),
            4 => {
                let current = atomic.load(Ordering::Relaxed);
                format!("{:?}", atomic.compare_exchange(current, b, order, load))
            }
            // The strong one stands in where the value differs, as the weak one may fail at will.
            5 => {
                format!("{:?}", atomic.compare_exchange_weak(!atomic.load(Ordering::Relaxed), b, order, load))
            }
            6 => format!("{:?}", atomic.fetch_add(a, order)),
            7 => format!("{:?}", atomic.fetch_sub(a, order)),
            8 => format!("{:?}", atomic.fetch_and(a, order)),
            9 => format!("{:?}", atomic.fetch_nand(a, order)),
            10 => format!("{:?}", atomic.fetch_or(a, order)),
            11 => format!("{:?}", atomic.fetch_xor(a, order)),
            12 => format!("{:?}", atomic.fetch_max(a, order)),
            13 => format!("{:?}", atomic.fetch_min(a, order)),
            14 => format!("{:?}", atomic.fetch_update(order, load, |v| (v > a).then_some(b))),
            15 => format!("{:?}", atomic.try_update(order, load, |v| v.checked_add(a))),
            16 => format!("{:?}", atomic.update(order, load, |v| v.rotate_left(3))),
            _ => {
                *atomic.get_mut() ^= a;
                format!("{atomic:?}")
            }
        }
    }};
}

macro_rules! integer_test {
    ($($name:ident: $atomic:ident, $value:ident;)*) => {$(
        #[test]
        fn $name() {
            let programs = programs();
            everywhere(move || {
                for program in &programs {
                    let mut ours = $atomic::new(program[0].1 as $value);
                    let mut std = real::$atomic::new(program[0].1 as $value);
                    for &(operation, a, b, order) in program {
                        let (ours, std) = (&mut ours, &mut std);
                        assert_eq!(
                            integer_step!(ours, $value, (operation, a, b, order)),
                            integer_step!(std, $value, (operation, a, b, order)),
                            "operation {operation} with {a}, {b}"
                        );
                    }
                    assert_eq!(ours.into_inner(), std.into_inner());
                }
                assert_eq!($atomic::default().into_inner(), 0);
                assert_eq!($atomic::from(7).into_inner(), 7);
            });
        }
    )*};
}

integer_test! {
    u8_is_std: AtomicU8, u8;
    u16_is_std: AtomicU16, u16;
    u32_is_std: AtomicU32, u32;
    u64_is_std: AtomicU64, u64;
    usize_is_std: AtomicUsize, usize;
    i8_is_std: AtomicI8, i8;
    i16_is_std: AtomicI16, i16;
    i32_is_std: AtomicI32, i32;
    i64_is_std: AtomicI64, i64;
    isize_is_std: AtomicIsize, isize;
}

macro_rules! bool_step {
    ($atomic:expr, ($operation:expr, $a:expr, $b:expr, $order:expr)) => {{
        let (atomic, a, b, order) = ($atomic, $a & 1 == 1, $b & 2 == 2, ORDERS[$order]);
        let load = load_order(order);
        match $operation % 13 {
            0 => format!("{:?}", atomic.load(load)),
            1 => format!("{:?}", atomic.store(a, store_order(order))),
            2 => format!("{:?}", atomic.swap(a, order)),
            3 => format!("{:?}", atomic.compare_exchange(a, b, order, load)),
            4 => format!("{:?}", atomic.fetch_not(order)),
            5 => format!("{:?}", atomic.fetch_and(a, order)),
            6 => format!("{:?}", atomic.fetch_nand(a, order)),
            7 => format!("{:?}", atomic.fetch_or(a, order)),
            8 => format!("{:?}", atomic.fetch_xor(a, order)),
            9 => format!("{:?}", atomic.fetch_update(order, load, |v| (v == a).then_some(b))),
            10 => format!("{:?}", atomic.try_update(order, load, |v| (v != a).then_some(b))),
            11 => format!("{:?}", atomic.update(order, load, |v| v ^ b)),
            _ => {
                *atomic.get_mut() ^= a;
                format!("{atomic:?}")
            }
        }
    }};
}

#[test]
fn bool_is_std() {
    let programs = programs();
    everywhere(move || {
        for program in &programs {
            let (mut ours, mut std) = (AtomicBool::new(true), real::AtomicBool::new(true));
            for &(operation, a, b, order) in program {
                let (ours, std) = (&mut ours, &mut std);
                assert_eq!(
                    bool_step!(ours, (operation, a, b, order)),
                    bool_step!(std, (operation, a, b, order)),
                    "operation {operation} with {a}, {b}"
                );
            }
            assert_eq!(ours.into_inner(), std.into_inner());
        }
        assert!(!AtomicBool::default().into_inner());
    });
}

macro_rules! pointer_step {
    ($atomic:expr, $base:expr, ($operation:expr, $a:expr, $b:expr, $order:expr)) => {{
        let (atomic, order) = ($atomic, ORDERS[$order]);
        let a = $base.wrapping_add(($a % 8) as usize);
        let b = $base.wrapping_add(($b % 8) as usize);
        let count = ($a % 5) as usize;
        let load = load_order(order);
        match $operation % 15 {
            0 => format!("{:?}", atomic.load(load)),
            1 => format!("{:?}", atomic.store(a, store_order(order))),
            2 => format!("{:?}", atomic.swap(a, order)),
            3 => format!("{:?}", atomic.compare_exchange(a, b, order, load)),
            4 => format!("{:?}", atomic.fetch_ptr_add(count, order)),
            5 => format!("{:?}", atomic.fetch_ptr_sub(count, order)),
            6 => format!("{:?}", atomic.fetch_byte_add(count, order)),
            7 => format!("{:?}", atomic.fetch_byte_sub(count, order)),
            8 => format!("{:?}", atomic.fetch_or(count, order)),
            9 => format!("{:?}", atomic.fetch_and(!count, order)),
            10 => format!("{:?}", atomic.fetch_xor(count, order)),
            11 => format!("{:?}", atomic.fetch_update(order, load, |p| (p != a).then_some(b))),
            12 => format!("{:?}", atomic.update(order, load, |p| p.wrapping_add(1))),
            13 => format!("{:p}", *atomic),
            _ => {
                *atomic.get_mut() = a;
                format!("{atomic:?}")
            }
        }
    }};
}

#[test]
fn pointer_is_std() {
    let programs = programs();
    everywhere(move || {
        let mut array = [0_u32; 8];
        let base = array.as_mut_ptr();
        for program in &programs {
            let (mut ours, mut std) = (AtomicPtr::new(base), real::AtomicPtr::new(base));
            for &(operation, a, b, order) in program {
                let (ours, std) = (&mut ours, &mut std);
                assert_eq!(
                    pointer_step!(ours, base, (operation, a, b, order)),
                    pointer_step!(std, base, (operation, a, b, order)),
                    "operation {operation} with {a}, {b}"
                );
            }
            assert_eq!(ours.into_inner(), std.into_inner());
        }
        assert!(AtomicPtr::<u8>::default().into_inner().is_null());
    });
}

#[test]
fn weak_exchange_succeeds_in_the_end() {
    everywhere(|| {
        let atomic = AtomicU32::new(1);
        while atomic.compare_exchange_weak(1, 2, Ordering::AcqRel, Ordering::Acquire).is_err() {}
        assert_eq!(atomic.load(Ordering::Relaxed), 2);
    });
}

/// What a call panics with, if it does.
fn panic_text<R>(f: impl FnOnce() -> R) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

/// The panics of every misuse of one atomic, ours or std's.
macro_rules! misuse {
    ($atomic:expr, $fence:path) => {{
        let atomic = $atomic;
        let mut texts = Vec::new();
        for order in ORDERS {
            texts.push(panic_text(|| atomic.load(order)));
            texts.push(panic_text(|| atomic.store(1, order)));
            texts.push(panic_text(|| atomic.swap(1, order)));
            texts.push(panic_text(|| atomic.compare_exchange(1, 1, Ordering::SeqCst, order)));
            texts.push(panic_text(|| atomic.compare_exchange(9, 1, Ordering::SeqCst, order)));
            texts.push(panic_text(|| atomic.compare_exchange_weak(1, 1, Ordering::Relaxed, order)));
            texts.push(panic_text(|| atomic.fetch_update(order, order, Some)));
            texts.push(panic_text(|| atomic.try_update(order, order, |_| None)));
            texts.push(panic_text(|| atomic.update(order, order, |v| v)));
            texts.push(panic_text(|| $fence(order)));
        }
        texts
    }};
}

#[test]
fn misuse_panics_in_the_words_of_std() {
    let expected = misuse!(real::AtomicU32::new(1), real::fence);
    assert!(expected.iter().flatten().count() > 10);
    everywhere(move || assert_eq!(misuse!(AtomicU32::new(1), fence), expected));
}

#[test]
fn misuse_leaves_the_value_alone() {
    everywhere(|| {
        let atomic = AtomicU8::new(1);
        assert!(panic_text(|| atomic.store(2, Ordering::Acquire)).is_some());
        assert_eq!(atomic.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn increments_are_lost_only_when_split() {
    fn count(split: bool) -> impl Fn() -> u32 + Send + Sync + Clone {
        move || {
            let counter = std::sync::Arc::new(AtomicU32::new(0));
            let theirs = std::sync::Arc::clone(&counter);
            let add = move |counter: &AtomicU32| {
                if split {
                    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                } else {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            };
            let thread = spawn(move || add(&theirs));
            add(&counter);
            thread.join().unwrap();
            counter.load(Ordering::Relaxed)
        }
    }
    for seen in everywhere_counted(count(false)) {
        assert_eq!(seen.failure, None);
        assert_eq!(seen.outcomes, [2].into());
    }
    let [_, loom, shuttle] = everywhere_counted(count(true));
    assert_eq!(loom.outcomes, [1, 2].into());
    assert_eq!(shuttle.outcomes, [1, 2].into());
}

#[test]
fn store_buffering_is_weak_in_loom_only() {
    let [_, loom, shuttle] = everywhere_counted(|| {
        let cells = std::sync::Arc::new([AtomicU8::new(0), AtomicU8::new(0)]);
        let theirs = std::sync::Arc::clone(&cells);
        let thread = spawn(move || {
            theirs[0].store(1, Ordering::Relaxed);
            theirs[1].load(Ordering::Relaxed)
        });
        cells[1].store(1, Ordering::Relaxed);
        let mine = cells[0].load(Ordering::Relaxed);
        (mine, thread.join().unwrap())
    });
    assert_eq!(loom.outcomes, [(0, 0), (0, 1), (1, 0), (1, 1)].into());
    assert_eq!(shuttle.outcomes, [(0, 1), (1, 0), (1, 1)].into());
}

#[test]
fn exclusive_access_that_is_not_ordered_is_a_race_in_loom() {
    let [_, loom, _] = everywhere_counted(|| {
        let atomic = std::sync::Arc::new(AtomicU8::new(0));
        let theirs = std::sync::Arc::clone(&atomic);
        let thread = spawn(move || theirs.store(1, Ordering::Relaxed));
        // std's `Arc` is no edge that loom knows of.
        let last = std::sync::Arc::into_inner(atomic).map(AtomicU8::into_inner);
        thread.join().unwrap();
        last
    });
    assert!(loom.raced() || loom.outcomes.contains(&None), "{loom:?}");
}

#[test]
fn written_back_values_are_seen_by_all() {
    everywhere(|| {
        let mut atomic = AtomicU8::new(0);
        *atomic.get_mut() = 5;
        let atomic = std::sync::Arc::new(atomic);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let atomic = std::sync::Arc::clone(&atomic);
                spawn(move || atomic.load(Ordering::Relaxed))
            })
            .collect();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 5);
        }
    });
}

#[test]
fn atomics_outlive_their_model() {
    // Made under loom, used in a destructor while the model is dead.
    struct Last(AtomicU32);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            AtomicU32::new(0).store(1, Ordering::Release);
        }
    }
    let seen = crate::testing::in_loom(|| {
        let last = Last(AtomicU32::new(0));
        let thread = spawn(move || {
            let _last = last;
            ::loom::thread::park();
        });
        thread.join().unwrap();
    });
    assert!(seen.deadlocked(), "{seen:?}");
}

#[test]
fn the_real_thing_is_small() {
    assert!(size_of::<AtomicU32>() <= 16);
    assert_eq!(context::current(), Context::Real);
}

/// What two actors that each load and then store read: with loom's own search the last pair is never tried.
#[test]
fn either_of_two_actors_can_load_after_the_other_has_stored() {
    let design = || {
        let number = std::sync::Arc::new(AtomicU32::new(0));
        let actors = [0, 1].map(|_| {
            let number = std::sync::Arc::clone(&number);
            spawn(move || {
                let read = number.load(Ordering::Relaxed);
                number.store(read + 1, Ordering::Relaxed);
                read
            })
        });
        actors.map(|actor| actor.join().unwrap())
    };
    for seen in [in_loom(design), in_shuttle(design)] {
        assert_eq!(seen.failure, None);
        assert_eq!(seen.outcomes, [[0, 0], [0, 1], [1, 0]].into());
    }
}
