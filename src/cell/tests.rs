//! Cells: what they hold, which races are found, and which are not there.

use super::*;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::testing::{Seen, everywhere, everywhere_counted, in_loom, in_shuttle, spawn};
use std::sync::Arc;

/// Both checkers on one design.
#[track_caller]
fn check<T: Ord + Send + std::fmt::Debug + 'static>(
    races: bool,
    design: impl Fn() -> T + Send + Sync + Clone + 'static,
) -> [Seen<T>; 2] {
    let seen = [in_loom(design.clone()), in_shuttle(design)];
    for seen in &seen {
        assert_eq!(seen.raced(), races, "{seen:?}");
        assert_eq!(seen.failure.is_some(), races, "{seen:?}");
    }
    seen
}

#[test]
fn holds_what_was_put_in() {
    fn check<T: PlainValue + PartialEq + fmt::Debug>(one: T, other: T) {
        let plain = Plain::new(one);
        assert_eq!(plain.get(), one);
        plain.set(other);
        assert_eq!(plain.get(), other);
        plain.update(|_| one);
        assert_eq!(format!("{plain:?}"), format!("{one:?}"));
        assert_eq!(plain.into_inner(), one);
        assert_eq!(Plain::from(other).into_inner(), other);
    }
    everywhere(|| {
        check((), ());
        check(true, false);
        check('a', '\u{10ffff}');
        check(1_u8, u8::MAX);
        check(-1_i16, i16::MIN);
        check(1_u32, u32::MAX);
        check(u64::MAX, 1);
        check(u128::MAX, 1 << 64);
        check(i128::MIN, -1);
        check(1.5_f32, -0.25);
        check(f64::MIN, f64::MAX);
        check([1_u8, 2, 3], [4, 5, 6]);
        check([[1_u32; 3]; 2], [[2; 3]; 2]);
        check([(); 3], [(); 3]);
        let (mut first, second) = (1, 2);
        check(&raw const first, &raw const second);
        let pointer = Plain::new(&raw mut first);
        // SAFETY: `first` is alive and borrowed by no other thread.
        unsafe { *pointer.get() += 1 };
        assert_eq!(first, 2);
        assert_eq!(Plain::<u8>::default().get(), 0);
    });
}

#[test]
fn a_cell_is_lent() {
    everywhere(|| {
        let cell = UnsafeCell::new(vec![1]);
        // SAFETY: no other thread has the cell.
        cell.with_mut(|value| unsafe { (*value).push(2) });
        // SAFETY: as above.
        unsafe { cell.get_mut().deref().push(3) };
        // SAFETY: as above.
        assert_eq!(unsafe { cell.get().deref().len() }, 3);
        // SAFETY: as above.
        assert_eq!(cell.with(|value| unsafe { (*value).len() }), 3);
        let unsized_cell: &UnsafeCell<[u8]> = &UnsafeCell::new([1, 2]);
        // SAFETY: as above.
        assert_eq!(unsized_cell.with(|value| unsafe { (&*value).len() }), 2);
        assert_eq!(cell.into_inner(), [1, 2, 3]);
    });
}

#[test]
fn a_write_races_with_a_write_and_with_a_read() {
    for both_write in [false, true] {
        check(true, move || {
            let plain = Arc::new(Plain::new(0));
            let theirs = Arc::clone(&plain);
            let thread = spawn(move || theirs.set(1));
            if both_write {
                plain.set(2);
            } else {
                plain.get();
            }
            thread.join().unwrap();
        });
    }
}

#[test]
fn reads_do_not_race_and_a_mutex_protects() {
    check(false, || {
        let plain = Arc::new(Plain::new(7));
        let theirs = Arc::clone(&plain);
        let thread = spawn(move || theirs.get());
        let sum = plain.get() + thread.join().unwrap();
        assert_eq!(sum, 14);
    });
    let seen = check(false, || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let add = |(lock, plain): &(Mutex<()>, Plain<u32>)| {
            let _guard = lock.lock().unwrap();
            plain.update(|n| n + 1);
        };
        let thread = spawn(move || add(&theirs));
        add(&shared);
        thread.join().unwrap();
        shared.1.get()
    });
    assert!(seen.iter().all(|seen| seen.outcomes == [2].into()));
}

#[test]
fn publishing_needs_release_and_acquire() {
    for (release, races, by_exchange) in [
        (Ordering::Release, false, false),
        (Ordering::Relaxed, true, false),
        (Ordering::Release, false, true),
        (Ordering::Relaxed, true, true),
    ] {
        check(races, move || {
            let shared = Arc::new((Plain::new(0), AtomicBool::new(false)));
            let theirs = Arc::clone(&shared);
            let thread = spawn(move || {
                theirs.0.set(1);
                if by_exchange {
                    theirs.1.swap(true, release);
                } else {
                    theirs.1.store(true, release);
                }
            });
            if shared.1.load(Ordering::Acquire) {
                assert_eq!(shared.0.get(), 1);
            }
            thread.join().unwrap();
        });
    }
}

#[test]
fn a_cell_that_is_handed_over_without_ordering_races_with_its_making() {
    use crate::sync::atomic::AtomicPtr;
    for (release, races) in [(Ordering::Release, false), (Ordering::Relaxed, true)] {
        check(races, move || {
            let slot = Arc::new(AtomicPtr::new(std::ptr::null_mut()));
            let theirs = Arc::clone(&slot);
            let thread = spawn(move || {
                theirs.store(Box::into_raw(Box::new(Plain::new(5))), release);
            });
            let found = slot.load(Ordering::Acquire);
            if !found.is_null() {
                // SAFETY: made by `Box::into_raw`, and freed only below.
                assert_eq!(unsafe { &*found }.get(), 5);
            }
            thread.join().unwrap();
            let made = slot.load(Ordering::Relaxed);
            // SAFETY: the thread has stored it, and is done.
            drop(unsafe { Box::from_raw(made) });
        });
    }
}

#[test]
fn a_drop_races_with_a_read() {
    check(true, || {
        let shared = Arc::new((Plain::new(0), AtomicBool::new(false)));
        let theirs = Arc::clone(&shared);
        let thread = spawn(move || {
            theirs.0.get();
            theirs.1.swap(true, Ordering::Relaxed);
        });
        // std's `Arc` gives an order that no checker knows of; who is last is decided here.
        shared.1.swap(true, Ordering::Relaxed);
        drop(shared);
        thread.join().unwrap();
    });
}

#[test]
fn cells_race_as_variables_do() {
    check(true, || {
        struct Shared(UnsafeCell<u32>);
        // SAFETY: wrong, which is what the test is about. Model threads are one real thread.
        unsafe impl Sync for Shared {}
        let shared = Arc::new(Shared(UnsafeCell::new(0)));
        let theirs = Arc::clone(&shared);
        // SAFETY: the pointer is valid while lent.
        let thread = spawn(move || theirs.0.with_mut(|value| unsafe { *value += 1 }));
        // SAFETY: as above.
        shared.0.with(|value| unsafe { *value });
        thread.join().unwrap();
    });
}

#[test]
fn a_large_value_is_one_access_under_the_checkers_and_several_pieces_really() {
    assert_eq!(piece::<[u8; 8]>(), 1);
    assert_eq!(piece::<u128>(), 8);
    assert_eq!(piece::<[u16; 4]>(), 2);
    assert_eq!(size_of::<Plain<u32>>(), 16);
    let [real, ..] = everywhere_counted(|| Plain::new([1_u64, 2, 3]).get());
    assert_eq!(real.outcomes, [[1, 2, 3]].into());
}

#[test]
fn a_panic_with_cells_in_its_hands_is_just_a_panic() {
    for seen in everywhere_counted(|| {
        let plain = Plain::new(1);
        let cell = UnsafeCell::new(2);
        cell.with_mut(|_| panic!("on purpose, with {}", plain.get()));
    }) {
        assert_eq!(seen.failure.as_deref(), Some("on purpose, with 1"));
    }
}
