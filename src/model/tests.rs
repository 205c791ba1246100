//! Models that pass, and models that fail as they should.

use super::{Builder, model};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Mutex};
use crate::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;

/// What a model that fails says.
#[track_caller]
fn fails(f: impl Fn() + Send + Sync + 'static) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| model(f))).expect_err("the model fails");
    *panic.downcast::<String>().expect("in words")
}

#[test]
fn every_execution_of_two_increments_is_explored() {
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&executions);
    model(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let count = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&count);
        let adds = thread::spawn(move || other.fetch_add(1, Ordering::Relaxed));
        count.fetch_add(1, Ordering::Relaxed);
        adds.join().expect("no panic");
        assert_eq!(count.load(Ordering::Relaxed), 2);
    });
    assert!(executions.load(Ordering::Relaxed) >= 2, "both orders");
}

#[test]
fn a_lost_update_is_told_with_its_events_and_a_token() {
    let told = fails(|| {
        let count = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&count);
        let adds = thread::spawn(move || other.store(other.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        adds.join().expect("no panic");
        assert_eq!(count.load(Ordering::Relaxed), 2, "an update is lost");
    });
    assert!(told.contains("an update is lost"), "{told}");
    assert!(told.contains("SELVEDGE_REPLAY="), "{told}");
    assert!(told.contains("load count"), "{told}");
}

#[test]
fn a_deadlock_is_one() {
    let told = fails(|| {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = Arc::clone(&locks);
        let crosses = thread::spawn(move || {
            let _first = other.1.lock();
            let _second = other.0.lock();
        });
        let _first = locks.0.lock();
        let _second = locks.1.lock();
        drop((_first, _second));
        crosses.join().expect("no panic");
    });
    assert!(told.contains("deadlock"), "{told}");
}

#[test]
fn a_panic_that_nobody_joins_is_a_failure_and_one_that_is_joined_is_not() {
    let told = fails(|| drop(thread::spawn(|| panic!("unheard of"))));
    assert!(told.contains("unheard of") || told.contains("nobody joined"), "{told}");
    model(|| assert!(thread::spawn(|| panic!("heard of")).join().is_err()));
}

#[test]
fn a_thread_that_panics_is_told_rather_than_the_one_that_waits_for_it() {
    let told = fails(|| {
        let (sender, receiver) = crate::sync::mpsc::channel::<()>();
        let kept = sender.clone();
        let _dies = thread::spawn(move || {
            if sender.send(()).is_ok() {
                panic!("it gave up");
            }
        });
        let _ = (receiver.recv(), receiver.recv());
        drop(kept);
    });
    assert!(told.contains("it gave up"), "{told}");
}

#[test]
fn what_bounds_a_model_ends_it() {
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&executions);
    let mut builder = Builder::new();
    builder.max_permutations = Some(1);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let count = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&count);
        let adds = thread::spawn(move || other.fetch_add(1, Ordering::Relaxed));
        count.fetch_add(1, Ordering::Relaxed);
        adds.join().expect("no panic");
    });
    assert_eq!(executions.load(Ordering::Relaxed), 1);
}

#[test]
fn a_value_that_is_never_freed_is_a_failure() {
    let told = fails(|| std::mem::forget(Arc::new(AtomicU32::new(0))));
    assert!(told.contains("Arc leaked"), "{told}");
    let told = fails(|| std::mem::forget(crate::alloc::Track::new(1)));
    assert!(told.contains("Track leaked"), "{told}");
    model(|| {
        let pointer = Arc::into_raw(Arc::new(AtomicU32::new(0)));
        // SAFETY: the owner is a pointer, and comes back once.
        let owner = unsafe {
            Arc::increment_strong_count(pointer);
            Arc::decrement_strong_count(pointer);
            Arc::from_raw(pointer)
        };
        assert_eq!(Arc::strong_count(&owner), 1);
        drop(crate::alloc::Track::new(1));
    });
}

/// A flag that is published, and read as plain memory: with an order in between, or without.
fn reads_as_plain_memory(joins: bool) {
    let flag = Arc::new(AtomicU32::new(0));
    let theirs = Arc::clone(&flag);
    let writes = thread::spawn(move || theirs.store(1, Ordering::Relaxed));
    let first = joins.then(|| writes.join());
    // SAFETY: on purpose, it is not where no thread joins.
    let read = unsafe { flag.unsync_load() };
    assert!(!joins || read == 1);
    drop(first);
}

#[test]
fn an_atomic_that_is_read_as_plain_memory_races_with_a_write() {
    let told = fails(|| reads_as_plain_memory(false));
    assert!(told.contains("data race"), "{told}");
    model(|| reads_as_plain_memory(true));
}

#[test]
fn a_future_is_woken_and_one_whose_wake_up_is_lost_is_a_deadlock() {
    use crate::future::{AtomicWaker, block_on};
    use std::task::Poll;
    let waits = |registers_first: bool| {
        let shared = Arc::new((AtomicU32::new(0), AtomicWaker::new()));
        let theirs = Arc::clone(&shared);
        let wakes = thread::spawn(move || {
            theirs.0.store(1, Ordering::Release);
            theirs.1.wake();
        });
        block_on(std::future::poll_fn(|context| {
            if registers_first {
                shared.1.register_by_ref(context.waker());
            }
            if shared.0.load(Ordering::Acquire) == 1 {
                return Poll::Ready(());
            }
            if !registers_first {
                shared.1.register_by_ref(context.waker());
            }
            Poll::Pending
        }));
        wakes.join().expect("no panic");
    };
    let told = fails(move || waits(false));
    assert!(told.contains("deadlock"), "{told}");
    model(move || waits(true));
}

#[test]
fn a_loop_that_does_more_than_look_comes_to_its_end() {
    model(|| {
        let shared = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
        let theirs = Arc::clone(&shared);
        let sets = thread::spawn(move || theirs.0.store(1, Ordering::Release));
        while shared.0.load(Ordering::Acquire) == 0 {
            shared.1.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
        }
        sets.join().expect("no panic");
    });
}
