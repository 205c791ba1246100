use super::{Barrier, LazyLock, Once, OnceLock, mpsc};
use crate::rt::pending;
use crate::testing;
use crate::thread;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn one_leads_each_generation_of_a_barrier() {
    testing::everywhere_bounded(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let both = move |barrier: &Barrier| {
            (0..2).map(|_| usize::from(barrier.wait().is_leader())).collect::<Vec<_>>()
        };
        let child = thread::spawn(move || both(&other));
        let mine = both(&barrier);
        let its = child.join().expect("no panic");
        for generation in 0..2 {
            assert_eq!(mine[generation] + its[generation], 1);
        }
        assert!(Barrier::new(0).wait().is_leader());
    });
}

#[test]
fn once_runs_once_for_everybody() {
    testing::everywhere_bounded(|| {
        let once = Arc::new(Once::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let children: Vec<_> = (0..2)
            .map(|_| {
                let (once, runs) = (once.clone(), runs.clone());
                thread::spawn(move || {
                    once.call_once(|| {
                        thread::yield_now();
                        runs.fetch_add(1, Relaxed);
                    });
                    assert_eq!(runs.load(Relaxed), 1);
                    assert!(once.is_completed());
                })
            })
            .collect();
        for child in children {
            child.join().expect("no panic");
        }
        once.wait();
    });
}

#[test]
fn a_panic_poisons_once_until_forced() {
    testing::everywhere_bounded(|| {
        let once = Once::new();
        assert!(crate::rt::model::catch(|| once.call_once(|| panic!("first"))).is_err());
        assert!(!once.is_completed());
        let again = crate::rt::model::catch(|| once.call_once(|| {})).expect_err("poisoned");
        assert!(crate::rt::panics::text(&*again).is_some_and(|text| text.contains("poisoned")));
        once.call_once_force(|state| assert!(state.is_poisoned()));
        assert!(once.is_completed());
        once.call_once(|| unreachable!("it has completed"));
    });
}

#[test]
fn once_lock_is_written_once() {
    testing::everywhere_bounded(|| {
        let mut cell = OnceLock::new();
        assert_eq!(cell.get(), None);
        assert!(crate::rt::model::catch(|| cell.get_or_init(|| panic!("no"))).is_err());
        assert_eq!(cell.set(3), Ok(()));
        assert_eq!(cell.set(4), Err(4));
        assert_eq!((cell.get(), *cell.get_or_init(|| 5), *cell.wait()), (Some(&3), 3, 3));
        let moved = Box::new(cell);
        assert_eq!(moved.get(), Some(&3));
        cell = *moved;
        *cell.get_mut().expect("a value") += 1;
        assert_eq!(cell.clone(), OnceLock::from(4));
        assert_eq!(cell.take(), Some(4));
        assert_eq!(cell.set(9), Ok(()));
        assert_eq!(cell.into_inner(), Some(9));
    });
}

static MADE: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted(AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Relaxed);
    }
}

static LAZY: LazyLock<Counted> = LazyLock::new(|| {
    MADE.fetch_add(1, Relaxed);
    thread::yield_now();
    Counted(AtomicUsize::new(0))
});

#[test]
fn a_lazy_static_is_fresh_in_every_execution() {
    let body = || {
        let child = thread::spawn(|| LAZY.0.fetch_add(1, Relaxed));
        let mine = LAZY.0.fetch_add(1, Relaxed);
        assert_eq!(mine + child.join().expect("no panic"), 1);
    };
    body();
    assert_eq!((MADE.load(Relaxed), DROPPED.load(Relaxed)), (1, 0));
    let (loom, shuttle) = (testing::in_loom(body), testing::in_shuttle(body));
    assert_eq!((loom.failure, shuttle.failure), (None, None));
    let executions = loom.executions + shuttle.executions;
    assert!(executions > 201, "loom explored something");
    // Code that has got a `&'static` may look at it later.
    assert_eq!((MADE.load(Relaxed), DROPPED.load(Relaxed)), (executions + 1, 0));
}

#[test]
fn what_a_static_gave_out_can_be_looked_at_in_later_executions() {
    static WORDS: OnceLock<Vec<u64>> = OnceLock::new();
    static KEPT: std::sync::Mutex<Vec<&'static [u64]>> = std::sync::Mutex::new(Vec::new());
    let body = || {
        let words = WORDS.get_or_init(|| vec![0x5e1f_ed9e; 4]);
        let child = thread::spawn(|| WORDS.get().map(Vec::len));
        assert!(matches!(child.join(), Ok(Some(4))));
        let mut kept = KEPT.lock().expect("no panic");
        kept.push(words);
        assert!(kept.iter().flat_map(|words| words.iter()).all(|word| *word == 0x5e1f_ed9e));
    };
    let seen = [testing::in_loom(body), testing::in_shuttle(body)];
    assert!(seen.iter().all(|seen| seen.failure.is_none()), "{seen:?}");
    let executions: usize = seen.iter().map(|seen| seen.executions).sum();
    assert_eq!(KEPT.lock().map_or(0, |kept| kept.len()), executions);
    crate::model(body);
    let kept = KEPT.lock().expect("no panic");
    assert!(executions > 200 && kept.len() > executions, "{} after {executions}", kept.len());
    let mut places: Vec<_> = kept.iter().map(|words| words.as_ptr()).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), kept.len(), "each execution has a value of its own");
}

#[test]
fn what_a_static_owns_is_no_leak() {
    static OWNER: LazyLock<Arc<u8>> = LazyLock::new(|| Arc::new(1));
    let body = || drop(thread::spawn(|| Arc::clone(&OWNER)).join());
    let seen = testing::in_loom(body);
    assert!(seen.failure.is_none() && seen.executions > 0, "{seen:?}");
    crate::model(body);
}

struct Watched(crate::sync::atomic::AtomicUsize, crate::cell::UnsafeCell<u8>);
// SAFETY: only used inside loom, on one operating-system thread.
unsafe impl Sync for Watched {}

static WATCHED: LazyLock<Watched> =
    LazyLock::new(|| Watched(crate::sync::atomic::AtomicUsize::new(0), crate::cell::UnsafeCell::new(1)));

#[test]
fn threads_that_race_to_a_lazy_static_do_not_race_in_it() {
    let seen = testing::in_loom_within(Some(3), || {
        let touch = || {
            WATCHED.1.with(|_| ());
            WATCHED.0.fetch_add(1, Relaxed)
        };
        let children = [thread::spawn(touch), thread::spawn(touch)];
        let sum: usize = children.map(|child| child.join().expect("no panic")).iter().sum();
        assert_eq!(sum, 1);
        WATCHED.1.with_mut(|_| ());
    });
    assert_eq!(seen.failure, None);
    assert!(seen.executions > 1);
}

#[test]
fn a_lazy_value_is_poisoned_by_its_initialiser() {
    testing::everywhere_bounded(|| {
        let word = String::from("captured");
        let lazy = LazyLock::new(|| word.len());
        assert_eq!((LazyLock::get(&lazy), *lazy), (None, 8));
        let bad: LazyLock<u8> = LazyLock::new(|| panic!("no value"));
        assert!(crate::rt::model::catch(|| *bad).is_err());
        let again = crate::rt::model::catch(|| *bad).expect_err("poisoned");
        assert_eq!(crate::rt::panics::text(&*again), Some("LazyLock instance has previously been poisoned"));
    });
}

#[test]
fn mpsc_says_why_not() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = mpsc::channel();
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Empty));
        let child = thread::spawn(move || {
            sender.send(1).expect("open");
            sender.clone().send(2).expect("open");
        });
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2]);
        child.join().expect("no panic");
        assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected));
        assert_eq!(receiver.recv(), Err(mpsc::RecvError));
        let timeout = Duration::from_millis(1);
        assert_eq!(receiver.recv_timeout(timeout), Err(mpsc::RecvTimeoutError::Disconnected));

        let (sender, receiver) = mpsc::sync_channel(1);
        assert_eq!(receiver.recv_timeout(timeout), Err(mpsc::RecvTimeoutError::Timeout));
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(sender.try_send(2), Err(mpsc::TrySendError::Full(2)));
        drop(receiver);
        assert_eq!(sender.try_send(3), Err(mpsc::TrySendError::Disconnected(3)));
        assert_eq!(sender.send(4), Err(mpsc::SendError(4)));
    });
}

#[test]
fn a_sync_channel_without_room_meets() {
    testing::everywhere_bounded(|| {
        let (sender, receiver) = mpsc::sync_channel(0);
        assert_eq!(sender.try_send(0), Err(mpsc::TrySendError::Full(0)));
        let sent = Arc::new(AtomicUsize::new(0));
        let seen = sent.clone();
        let child = thread::spawn(move || {
            sender.send(1).expect("open");
            seen.store(1, Relaxed);
        });
        thread::yield_now();
        assert_eq!(sent.load(Relaxed), 0, "nobody has received");
        assert_eq!(receiver.recv(), Ok(1));
        child.join().expect("no panic");
        assert_eq!(receiver.recv(), Err(mpsc::RecvError));
    });
}

/// Whether shuttle finds a race in the cell that `f` touches.
fn races(f: impl Fn(u32) + Send + Sync + 'static) -> bool {
    let seen = testing::in_shuttle(move || f(crate::rt::past::new_object()));
    assert!(seen.raced() || seen.failure.is_none(), "{:?}", seen.failure);
    seen.raced()
}

fn write(cell: u32) {
    pending::write(cell, Location::caller(), false);
}

#[test]
fn barriers_order_arrivals_before_departures() {
    fn meet(cell: u32, early: bool) {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let child = thread::spawn(move || {
            if early {
                write(cell);
            }
            other.wait();
            if !early {
                write(cell);
            }
        });
        barrier.wait();
        write(cell);
        child.join().expect("no panic");
    }
    assert!(!races(|cell| meet(cell, true)));
    assert!(races(|cell| meet(cell, false)));
}

#[test]
fn the_initialiser_comes_before_everybody() {
    fn touch(cell: u32, inside: bool) {
        let once = Arc::new(Once::new());
        let other = once.clone();
        let init = move || {
            if inside {
                write(cell)
            }
        };
        let child = thread::spawn(move || {
            other.call_once(init);
            pending::access(cell, Location::caller(), crate::race::Access::Read, false);
        });
        once.call_once(init);
        if inside {
            pending::access(cell, Location::caller(), crate::race::Access::Read, false);
        } else {
            write(cell);
        }
        child.join().expect("no panic");
    }
    assert!(!races(|cell| touch(cell, true)));
    assert!(races(|cell| touch(cell, false)));
}
