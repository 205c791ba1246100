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
