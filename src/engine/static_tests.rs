//! Objects that lie in a `static`, and others that a const fn has made, under the checkers.

use super::seeded_bugs::{erased_accepting as erased, explored, verdict};
use crate::base::observation::{Observation, Stop};
use crate::cell::{Cell, Plain, UnsafeCell};
use crate::scenario::{Design, Engine, ErasedDesign, Outcome};
use crate::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use crate::sync::{Barrier, Condvar, Mutex, Notify, RwLock};
use crate::verdict::Verdict;
use std::sync::atomic::AtomicUsize as Untold;

const CHECKERS: [Engine; 3] = [Engine::Rc11, Engine::Loom, Engine::Shuttle];

/// Two actors that do the same to what lies in statics, and an outcome that need be so.
fn twice<O: Outcome>(
    act: fn(),
    observe: fn() -> O,
    acceptable: impl Fn(&O) -> bool + Send + Sync + 'static,
) -> ErasedDesign {
    let design = Design::new(|| ()).actors(2, move |(): &()| act()).observe(move |(), _| observe());
    erased(design, acceptable)
}

fn both<O: Outcome>(
    one: fn(),
    other: fn(),
    observe: fn() -> O,
    acceptable: impl Fn(&O) -> bool + Send + Sync + 'static,
) -> ErasedDesign {
    let design = Design::new(|| ())
        .actor("A", move |(): &()| one())
        .actor("B", move |(): &()| other())
        .observe(move |(), _| observe());
    erased(design, acceptable)
}

#[track_caller]
fn check(design: &ErasedDesign, expected: Verdict) -> [Observation; 3] {
    CHECKERS.map(|engine| {
        let seen = explored(engine, design);
        assert_eq!(verdict(engine, &seen), expected, "{engine}: {seen:?}");
        seen
    })
}

/// The same program with its objects in statics and in its state has the same executions and outcomes.
#[track_caller]
fn check_alike(of_statics: &[Observation; 3], of_state: &ErasedDesign, expected: Verdict) {
    let of_state = check(of_state, expected);
    for (one, other) in of_statics.iter().zip(&of_state).take(1) {
        assert_eq!((one.executions, &one.outcomes), (other.executions, &other.outcomes), "{one:?} {other:?}");
    }
}

#[test]
fn a_static_counter_loses_an_update_and_its_twin_does_not() {
    static LOADED: AtomicU32 = AtomicU32::const_new(0);
    static ADDED: AtomicU32 = AtomicU32::const_new(0);
    let lost =
        twice(|| LOADED.store(LOADED.load(Relaxed) + 1, Relaxed), || LOADED.load(Relaxed), |&n| n == 2);
    let in_state = Design::new(|| AtomicU32::made_here(0))
        .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
        .observe(|n, _| n.load(Relaxed));
    check_alike(&check(&lost, Verdict::Forbidden), &erased(in_state, |&n| n == 2), Verdict::Forbidden);
    let added = twice(
        || {
            ADDED.fetch_add(1, Relaxed);
        },
        || ADDED.load(Relaxed),
        |&n| n == 2,
    );
    let in_state = Design::new(|| AtomicU32::made_here(0))
        .actors(2, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(|n, _| n.load(Relaxed));
    check_alike(&check(&added, Verdict::Safe), &erased(in_state, |&n| n == 2), Verdict::Safe);
    assert_eq!((LOADED.load(Relaxed), ADDED.load(Relaxed)), (0, 0), "outside of executions it is another");
}

#[test]
fn atomics_of_every_kind_begin_anew_with_their_own_values() {
    static VALUE: u32 = 7;
    static WIDE: AtomicU64 = AtomicU64::const_new(u64::MAX);
    static FLAG: AtomicBool = AtomicBool::const_new(true);
    static POINTER: AtomicPtr<u32> = AtomicPtr::const_new((&raw const VALUE).cast_mut());
    static OTHERS: [AtomicUsize; 2] = [AtomicUsize::const_new(3), AtomicUsize::const_new(4)];
    // What is done outside is not seen inside.
    OTHERS[0].store(5, Relaxed);
    fn act() -> bool {
        let first = (WIDE.swap(1, AcqRel), FLAG.swap(false, AcqRel));
        // SAFETY: it points to `VALUE`, or nowhere.
        let pointed = unsafe { POINTER.swap(std::ptr::null_mut(), AcqRel).as_ref() };
        let others = OTHERS.each_ref().map(|other| other.fetch_add(2, AcqRel));
        matches!(first, (u64::MAX | 1, _))
            && matches!(pointed, None | Some(&7))
            && matches!(others, [3, 4] | [3, 6] | [5, 4] | [5, 6])
            && FLAG.compare_exchange(true, false, AcqRel, Relaxed).is_err()
    }
    let design = Design::new(|| (OTHERS[0].load(Relaxed), FLAG.load(Relaxed)))
        .actors(2, |_| act())
        .observe(|&begun, returns| (begun, returns.to_vec(), OTHERS[1].load(Relaxed)));
    let design =
        erased(design, |(begun, acts, last)| (*begun, &acts[..], *last) == ((3, true), &[true, true][..], 8));
    check(&design, Verdict::Safe);
    assert_eq!((OTHERS[0].load(Relaxed), WIDE.load(Relaxed)), (5, u64::MAX));
}

#[test]
fn the_first_value_of_plain_memory_is_known_to_all_and_later_ones_are_not() {
    static READ: Plain<[u32; 3]> = Plain::const_new([1, 2, 3]);
    static WRITTEN: Plain<u32> = Plain::const_new(4);
    static SAID: AtomicBool = AtomicBool::const_new(false);
    let design = twice(
        || {
            SAID.store(true, Relaxed);
            SAID.load(Relaxed);
            assert_eq!(READ.get(), [1, 2, 3]);
        },
        || READ.get(),
        |read| *read == [1, 2, 3],
    );
    check(&design, Verdict::Safe);
    let said = |order| {
        let write = move || {
            WRITTEN.set(5);
            SAID.store(true, order);
        };
        let read = || if SAID.load(Acquire) { WRITTEN.get() } else { 0 };
        let design = Design::new(|| ())
            .actor("writer", move |(): &()| {
                write();
                0
            })
            .actor("reader", move |(): &()| read())
            .observe(|(), returns| (returns[1], WRITTEN.get()));
        erased(design, |&(read, last)| matches!(read, 0 | 5) && last == 5)
    };
    check(&said(Release), Verdict::Safe);
    check(&said(Relaxed), Verdict::DataRace);
    let read_and_write = both(|| WRITTEN.set(5), || assert!(matches!(WRITTEN.get(), 4 | 5)), || (), |_| true);
    check(&read_and_write, Verdict::DataRace);
    assert_eq!(format!("{WRITTEN:?}"), "4");
}

/// A cell that is shared, as by a lock of one's own.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: under a checker all threads are one.
unsafe impl<T: Send> Sync for Shared<T> {}

#[test]
fn a_race_on_a_static_cell_is_found() {
    static RACED: Shared<[u8; 3]> = Shared(UnsafeCell::const_new([1, 2, 3]));
    static LOCKED: Shared<Vec<u8>> = Shared(UnsafeCell::const_new(Vec::new()));
    static LOCK: AtomicBool = AtomicBool::const_new(false);
    // SAFETY: a checker stops the one that races.
    let add = || RACED.0.with_mut(|value| unsafe { (*value)[0] += 1 });
    check(&twice(add, || (), |_| true), Verdict::DataRace);
    let locked = twice(
        || {
            if LOCK.compare_exchange(false, true, Acquire, Relaxed).is_ok() {
                // SAFETY: the lock is held.
                LOCKED.0.with_mut(|value| unsafe { (*value).push(1) });
                LOCK.store(false, Release);
            }
        },
        // SAFETY: the actors have ended.
        || LOCKED.0.with(|value| unsafe { (*value).len() }),
        |&pushed| pushed == 1 || pushed == 2,
    );
    check(&locked, Verdict::Safe);
    // SAFETY: no other thread has it.
    assert_eq!(LOCKED.0.with(|value| unsafe { (*value).capacity() }), 0, "what lies here is as it was");
}

#[test]
fn a_cell_for_one_thread_at_a_time() {
    struct Owned(Cell<u32>);
    // SAFETY: as for `Shared`.
    unsafe impl Sync for Owned {}
    static CELL: Owned = Owned(Cell::const_new(6));
    let add = || CELL.0.set(CELL.0.get() + 1);
    check(&twice(add, || (), |_| true), Verdict::DataRace);
    check(&both(add, || (), || CELL.0.get(), |&n| n == 7), Verdict::Safe);
}

#[test]
fn a_static_mutex_begins_anew_with_what_it_protects() {
    static COUNT: Mutex<u32> = Mutex::const_new(5);
    static LIST: Mutex<Vec<u32>> = Mutex::const_new(Vec::new());
    static BESIDE: Plain<u32> = Plain::const_new(0);
    let count = twice(|| *COUNT.lock().unwrap() += 1, || *COUNT.lock().unwrap(), |&n| n == 7);
    let in_state = Design::new(|| Mutex::made_here(5))
        .actors(2, |count| *count.lock().unwrap() += 1)
        .observe(|count, _| *count.lock().unwrap());
    check_alike(&check(&count, Verdict::Safe), &erased(in_state, |&n| n == 7), Verdict::Safe);
    let list = twice(
        || {
            let mut list = LIST.lock().unwrap();
            let next = u32::try_from(list.len()).unwrap();
            list.push(next);
        },
        || LIST.lock().unwrap().clone(),
        |list| *list == [0, 1],
    );
    check(&list, Verdict::Safe);
    let beside = twice(
        || {
            drop(COUNT.lock().unwrap());
            BESIDE.set(1);
        },
        || (),
        |_| true,
    );
    check(&beside, Verdict::DataRace);
    let inside = twice(
        || {
            let _guard = COUNT.lock().unwrap();
            BESIDE.set(BESIDE.get() + 1);
        },
        || BESIDE.get(),
        |&n| n == 2,
    );
    check(&inside, Verdict::Safe);
    assert_eq!((*COUNT.lock().unwrap(), LIST.lock().unwrap().capacity()), (5, 0));
}

#[test]
fn a_static_lock_for_readers_and_a_slice_in_a_mutex() {
    static WORDS: RwLock<[u8; 2]> = RwLock::const_new([1, 2]);
    static UNREAD: Plain<u8> = Plain::const_new(0);
    let write = both(
        || WORDS.write().unwrap().copy_from_slice(&[3, 4]),
        || assert!(matches!(*WORDS.read().unwrap(), [1, 2] | [3, 4])),
        || *WORDS.read().unwrap(),
        |words| *words == [3, 4],
    );
    check(&write, Verdict::Safe);
    let readers = twice(
        || {
            let _reader = WORDS.read().unwrap();
            UNREAD.set(1);
        },
        || (),
        |_| true,
    );
    check(&readers, Verdict::DataRace);
    static SLICE: Mutex<[u8; 3]> = Mutex::const_new([1, 2, 3]);
    let unsized_to = twice(
        || {
            let slice: &Mutex<[u8]> = &SLICE;
            slice.lock().unwrap().iter_mut().for_each(|byte| *byte += 1);
        },
        || SLICE.lock().unwrap().to_vec(),
        |slice| *slice == [3, 4, 5],
    );
    check(&unsized_to, Verdict::Safe);
}

#[test]
fn a_static_condition_is_waited_for() {
    static READY: Mutex<bool> = Mutex::const_new(false);
    static CHANGED: Condvar = Condvar::const_new();
    let wait = || drop(CHANGED.wait_while(READY.lock().unwrap(), |ready| !*ready).unwrap());
    let told = || {
        *READY.lock().unwrap() = true;
        CHANGED.notify_one();
    };
    check(&both(told, wait, || *READY.lock().unwrap(), |&ready| ready), Verdict::Safe);
    let forgotten = || *READY.lock().unwrap() = true;
    check(&both(forgotten, wait, || (), |_| true), Verdict::Deadlock);
}

#[test]
fn a_static_barrier_and_a_static_permit() {
    static BOTH: Barrier = Barrier::const_new(2);
    static MINE: [Plain<u32>; 2] = [Plain::const_new(0), Plain::const_new(0)];
    let meet = both(
        || {
            MINE[0].set(1);
            BOTH.wait();
            assert_eq!(MINE[1].get(), 2);
        },
        || {
            MINE[1].set(2);
            BOTH.wait();
            assert_eq!(MINE[0].get(), 1);
        },
        || (),
        |_| true,
    );
    check(&meet, Verdict::Safe);
    static PERMIT: Notify = Notify::const_new();
    static GIVEN: Plain<u32> = Plain::const_new(0);
    let given = || {
        GIVEN.set(1);
        PERMIT.notify();
    };
    let taken = || {
        PERMIT.wait();
        assert_eq!(GIVEN.get(), 1);
    };
    check(&both(given, taken, || (), |_| true), Verdict::Safe);
    check(&both(taken, || (), || (), |_| true), Verdict::Deadlock);
}

#[test]
fn a_panic_poisons_a_static_mutex_for_one_execution() {
    static POISONED: Mutex<u32> = Mutex::const_new(0);
    let design = Design::new(|| POISONED.is_poisoned())
        .actor("A", |_| {
            let panics = crate::thread::spawn(|| {
                let _guard = POISONED.lock();
                panic!("on purpose");
            });
            panics.join().is_err()
        })
        .observe(|&before, returns| (before, returns[0], POISONED.is_poisoned(), POISONED.lock().is_err()));
    check(&erased(design, |all| *all == (false, true, true, true)), Verdict::Safe);
    assert!(!POISONED.is_poisoned());
}

/// A lock that no checker knows. An exploration that begins anew poisons it.
fn entered<T>(lock: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn what_is_kept_of_a_static_outlives_its_execution() {
    static CELL: Shared<u32> = Shared(UnsafeCell::const_new(7));
    static GUARDED: Mutex<[u64; 4]> = Mutex::const_new([1; 4]);
    type Kept = Vec<(&'static u32, &'static mut [u64; 4])>;
    static KEPT: std::sync::Mutex<Kept> = std::sync::Mutex::new(Vec::new());
    let design = Design::new(|| ())
        .actors(1, |()| {
            let mut kept = entered(&KEPT);
            let untouched = kept.iter_mut().all(|(cell, guarded)| {
                guarded[0] += 1;
                **cell == 7 && guarded[0] > 2 && guarded[1] == 1
            });
            // SAFETY: nothing writes to it.
            let cell: &'static u32 = unsafe { &*CELL.0.with(|cell| cell) };
            let guard = GUARDED.lock().unwrap();
            assert_eq!(*guard, [1; 4]);
            let leaked = Box::leak(Box::new(guard));
            let guarded: &'static mut [u64; 4] = leaked;
            guarded[0] = 2;
            if kept.len() < 50 {
                kept.push((cell, guarded));
            }
            untouched
        })
        .observe(|(), returns| returns[0]);
    let design = erased(design, |&untouched| untouched);
    check(&design, Verdict::Safe);
    check(&design, Verdict::Safe);
    assert!(entered(&KEPT).len() > 3, "several executions have kept something");
}

/// Counts how many there are.
struct Counted(u32);

static COUNTED: Untold = Untold::new(0);

impl Counted {
    fn new(value: u32) -> Self {
        COUNTED.fetch_add(1, Relaxed);
        Counted(value)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTED.fetch_sub(1, Relaxed);
    }
}

#[test]
fn what_is_made_while_the_program_runs_belongs_to_one_execution() {
    let design = Design::new(|| {
        let made = (Mutex::const_new(vec![Counted::new(1)]), AtomicU32::const_new(3), Plain::const_new(1));
        (made, Shared(UnsafeCell::const_new(Box::new(Counted::new(2)))))
    })
    .actors(2, |((list, count, _), _)| {
        list.lock().unwrap().push(Counted::new(count.fetch_add(1, Relaxed)));
    })
    .observe(|((list, count, plain), cell), _| {
        plain.set(plain.get() + 1);
        let sum = list.lock().unwrap().iter().map(|counted| counted.0).sum::<u32>();
        // SAFETY: the actors have ended.
        (sum, count.load(Relaxed), plain.get(), cell.0.with(|cell| unsafe { (**cell).0 }))
    });
    check(&erased(design, |all| *all == (8, 5, 2, 2)), Verdict::Safe);
    // Where an exploration under loom begins anew, what its threads own is lost.
    let left = COUNTED.load(Relaxed);
    assert!(left <= 4, "all others are dropped, and none twice: {left}");
    let raced = Design::new(|| Plain::const_new(1)).actors(2, |plain| plain.set(2)).observe(|_, _| ());
    check(&erased(raced, |_| true), Verdict::DataRace);
}

#[track_caller]
fn check_outlived(design: &ErasedDesign) {
    for seen in check(design, Verdict::Inconclusive) {
        assert!(matches!(&seen.stopped, Some(Stop::NotRepeatable(_))), "{seen:?}");
    }
}

#[test]
fn what_one_execution_makes_is_not_for_the_next() {
    use std::sync::OnceLock;
    static LIST: OnceLock<Mutex<Vec<u32>>> = OnceLock::new();
    static COUNT: OnceLock<AtomicU32> = OnceLock::new();
    let list = twice(
        || LIST.get_or_init(|| Mutex::const_new(vec![1])).lock().unwrap().push(2),
        || LIST.get().unwrap().lock().unwrap().len(),
        |_| true,
    );
    check_outlived(&list);
    let count = twice(
        || {
            COUNT.get_or_init(|| AtomicU32::const_new(1)).fetch_add(1, Relaxed);
        },
        || COUNT.get().unwrap().load(Relaxed),
        |_| true,
    );
    check_outlived(&count);
}

#[test]
fn what_is_put_in_the_place_of_a_static_is_not_taken_for_it() {
    static PLACE: std::sync::Mutex<Mutex<Vec<u32>>> = std::sync::Mutex::new(Mutex::const_new(Vec::new()));
    let design = Design::new(|| *entered(&PLACE) = Mutex::const_new(vec![1, 2]))
        .actors(1, |()| entered(&PLACE).lock().unwrap().push(3))
        .observe(|(), _| std::mem::take(entered(&PLACE).get_mut().unwrap()));
    check(&erased(design, |list| *list == [1, 2, 3]), Verdict::Safe);
}

#[test]
fn a_static_that_one_thread_has_for_itself() {
    static COUNT: std::sync::Mutex<Mutex<Vec<u32>>> = std::sync::Mutex::new(Mutex::const_new(Vec::new()));
    static WORD: std::sync::Mutex<Option<AtomicU32>> = std::sync::Mutex::new(Some(AtomicU32::const_new(4)));
    let design =
        Design::new(|| ()).actors(1, |()| entered(&COUNT).lock().unwrap().push(3)).observe(|(), _| {
            let mut count = entered(&COUNT);
            count.get_mut().unwrap().push(4);
            count.lock().unwrap().clone()
        });
    check(&erased(design, |list| *list == [3, 4]), Verdict::Safe);
    assert_eq!(WORD.lock().unwrap().take().map(AtomicU32::into_inner), Some(4));
}

#[test]
fn no_more_is_made_of_atomics_than_there_was() {
    assert!(size_of::<AtomicU32>() <= 24 && size_of::<AtomicU64>() <= 24, "{}", size_of::<AtomicU64>());
    assert_eq!((size_of::<Plain<u64>>(), size_of::<UnsafeCell<u64>>()), (16, 16));
}
