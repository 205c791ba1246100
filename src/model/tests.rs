//! Models that pass, and models that fail as they should.

use super::closure::Closure;
use super::run::{self, Bounds, Identity};
use super::{Builder, model};
use crate::base::budget::{Budget, Effort};
use crate::base::engine::Engine;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Condvar, Mutex};
use crate::thread;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

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
fn a_loop_that_never_ends_is_told_with_its_events_and_a_token() {
    let told = fails(|| {
        let flag = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&flag);
        let waits = thread::spawn(move || {
            while other.load(Ordering::Acquire) != 2 {
                crate::hint::spin_loop();
            }
        });
        flag.store(1, Ordering::Release);
        waits.join().expect("no panic");
    });
    assert!(told.contains("a loop waits for what never comes"), "{told}");
    assert!(told.contains("load flag") && told.contains("SELVEDGE_REPLAY="), "{told}");
}

/// Progress that only `std` sees, as in a collector with epochs of its own.
fn waits_for_what_std_counts(rounds: u32, most: u32) {
    let counted = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let freed = Arc::new(AtomicU32::new(0));
    let waits = thread::spawn({
        let freed = Arc::clone(&freed);
        move || {
            while freed.load(Ordering::Relaxed) == 0 {
                // The round with this number sets the flag, as a collector's last epoch frees a block.
                if counted.load(Ordering::Relaxed) < most
                    && counted.fetch_add(1, Ordering::Relaxed) + 1 == rounds
                {
                    freed.store(1, Ordering::Relaxed);
                }
                thread::yield_now();
            }
        }
    });
    waits.join().expect("no panic");
    assert_eq!(freed.load(Ordering::Relaxed), 1);
}

#[test]
fn a_loop_that_std_ends_is_none_without_end() {
    model(|| waits_for_what_std_counts(40, 100));
}

#[test]
fn a_loop_that_std_does_not_end_has_no_end() {
    let told = fails(|| waits_for_what_std_counts(200, 100));
    assert!(told.contains("a loop waits for what never comes"), "{told}");
}

/// The second hears of the first through std: a graph in which the first waits for what the second does then cannot be
/// followed.
fn hears_of_it_through_std() -> u32 {
    let told = std::sync::Arc::new(AtomicUsize::new(0));
    let [word, heard] = [(); 2].map(|()| Arc::new(AtomicU32::new(0)));
    let first = {
        let (told, word) = (std::sync::Arc::clone(&told), Arc::clone(&word));
        thread::spawn(move || {
            word.fetch_add(1, Ordering::Relaxed);
            told.store(1, Ordering::Relaxed);
        })
    };
    let second = {
        let (word, heard) = (Arc::clone(&word), Arc::clone(&heard));
        thread::spawn(move || {
            if told.load(Ordering::Relaxed) == 1 {
                heard.fetch_add(1, Ordering::Relaxed);
            }
            word.fetch_add(1, Ordering::Relaxed);
        })
    };
    [first, second].into_iter().for_each(|thread| thread.join().expect("no panic"));
    word.load(Ordering::Relaxed) + heard.load(Ordering::Relaxed)
}

#[test]
fn what_no_checker_sees_is_explored_on_loom() {
    let explored = explored_within(Effort::Quick.budget(1), || _ = hears_of_it_through_std());
    assert!(matches!(&explored, Err(fault) if fault.loom_may_know), "{explored:?}");
    model(|| assert!(matches!(hears_of_it_through_std(), 2 | 3)));
    let told = fails(|| assert_eq!(hears_of_it_through_std(), 2));
    assert!(told.contains("left == right"), "{told}");
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

/// A pool whose destructor waits for its worker, on what it makes for that.
struct Pool(Arc<Mutex<Work>>);

#[derive(Default)]
struct Work {
    done: bool,
    waits: Option<Arc<(Mutex<bool>, Condvar)>>,
}

impl Pool {
    fn finish(work: &Mutex<Work>) {
        let waits = {
            let mut work = work.lock().expect("no panic");
            work.done = true;
            work.waits.take()
        };
        if let Some(waits) = waits {
            *waits.0.lock().expect("no panic") = true;
            waits.1.notify_one();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let waits = Arc::new((Mutex::new(false), Condvar::new()));
        {
            let mut work = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if work.done {
                return;
            }
            work.waits = Some(Arc::clone(&waits));
        }
        let mut woken = waits.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while !*woken {
            woken = waits.1.wait(woken).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

#[test]
fn a_thread_that_was_spawned_before_a_write_that_is_read_is_there_when_it_is_read() {
    model(|| {
        let value = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&value);
        let outer = thread::spawn(move || {
            let innermost = Arc::clone(&theirs);
            let inner = thread::spawn(move || innermost.load(Ordering::Relaxed));
            theirs.store(1, Ordering::Relaxed);
            inner.join().expect("no panic")
        });
        let seen = value.load(Ordering::Relaxed);
        let inner = outer.join().expect("no panic");
        assert!(seen <= 1 && inner <= 1);
    });
}

/// Ends the process if it unwinds.
struct NeverUnwinds;

impl Drop for NeverUnwinds {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

#[test]
fn an_execution_that_comes_to_nothing_unwinds_no_thread() {
    model(|| {
        let _never = NeverUnwinds;
        let lock = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&lock);
        let adds = thread::spawn(move || {
            let _never = NeverUnwinds;
            *theirs.lock().expect("no panic") += 1;
        });
        *lock.lock().expect("no panic") += 1;
        adds.join().expect("no panic");
    });
}

#[test]
fn a_destructor_that_waits_for_another_thread_ends_with_an_execution_that_comes_to_nothing() {
    model(|| {
        let pool = Pool(Arc::default());
        let works = Arc::clone(&pool.0);
        let worker = thread::spawn(move || Pool::finish(&works));
        // In some runs it waits here for what the worker has done already: they come to nothing.
        drop(pool.0.lock());
        drop(pool);
        worker.join().expect("no panic");
    });
    assert!(!std::thread::panicking());
    let told = fails(|| reads_as_plain_memory(false));
    assert!(told.contains("data race"), "races are told all the same: {told}");
}

/// Of four threads that add to one counter, again and again: more executions than anyone will see.
fn adds_without_end() {
    let count = Arc::new(AtomicU32::new(0));
    let adds: Vec<_> = (0..4)
        .map(|_| {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                for _ in 0..20 {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    adds.into_iter().for_each(|adds| adds.join().expect("no panic"));
}

#[test]
fn a_model_that_has_no_budget_of_executions_ends_by_the_clock() {
    let begun = Instant::now();
    let budget = Budget {
        executions: u64::MAX,
        random_executions: 1_000_000_000,
        wall_ms: 400,
        ..Effort::Normal.budget(1)
    };
    let ran = explored_within(budget, adds_without_end);
    assert!(ran.is_ok_and(|executions| executions > 0), "what was drawn at random is no failure");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

fn explored_within(budget: Budget, f: impl Fn() + Send + Sync + 'static) -> Result<u64, run::Fault> {
    let bounds = Bounds {
        budget,
        deadline: None,
        max_operations: None,
        max_branches: 4_000,
        ends_by_request: false,
        repeatable: false,
    };
    let identity = Identity::of(Location::caller());
    run::on(Engine::Rc11, &bounds, &identity, &std::sync::Arc::new(Closure::new(f)))
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

/// A thread uses an atomic while another frees the memory that it lies in: with an order in between, or without.
fn frees_what_another_uses(joins: bool) {
    let layout = std::alloc::Layout::new::<AtomicU32>();
    // SAFETY: the layout has a size.
    let memory = unsafe { crate::alloc::alloc(layout) }.cast::<AtomicU32>();
    // SAFETY: it is as long and as aligned as the atomic, which nothing else uses yet.
    let theirs: &AtomicU32 = unsafe {
        memory.write(AtomicU32::new(0));
        &*memory
    };
    let uses = thread::spawn(move || theirs.fetch_add(1, Ordering::Relaxed));
    let first = joins.then(|| uses.join());
    // SAFETY: on purpose, the atomic is still used where no thread joins.
    unsafe { crate::alloc::dealloc(memory.cast(), layout) };
    drop(first);
}

#[test]
fn memory_that_is_freed_while_another_thread_uses_it_is_a_failure() {
    let told = fails(|| frees_what_another_uses(false));
    assert!(told.contains("data race"), "{told}");
    assert!(told.contains("are not ordered"), "{told}");
    model(|| frees_what_another_uses(true));
}

#[test]
fn memory_that_was_freed_is_neither_used_nor_freed_again() {
    let after_the_end = |act: fn(*mut AtomicU32)| {
        fails(move || {
            let layout = std::alloc::Layout::new::<AtomicU32>();
            // SAFETY: as above, but for the act.
            unsafe {
                let memory = crate::alloc::alloc(layout).cast::<AtomicU32>();
                memory.write(AtomicU32::new(0));
                crate::alloc::dealloc(memory.cast(), layout);
                act(memory);
            }
        })
    };
    // SAFETY: on purpose, it is freed; the memory is still there.
    let told = after_the_end(|memory| unsafe { (*memory).store(1, Ordering::Relaxed) });
    assert!(told.contains("memory is used after it was freed at"), "{told}");
    let told = after_the_end(|memory| {
        // SAFETY: as before.
        unsafe { crate::alloc::dealloc(memory.cast(), std::alloc::Layout::new::<AtomicU32>()) };
    });
    assert!(told.contains("memory is freed again"), "{told}");
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
    assert!(told.contains("data race") && told.contains("SELVEDGE_REPLAY="), "{told}");
    model(|| reads_as_plain_memory(true));
}

#[test]
fn a_waker_is_dropped_by_the_thread_that_is_last() {
    use crate::future::{AtomicWaker, block_on};
    model(|| {
        // Of std: no checker sees which of its owners is the last.
        let shared = std::sync::Arc::new(AtomicWaker::new());
        for _ in 0..2 {
            let theirs = std::sync::Arc::clone(&shared);
            drop(thread::spawn(move || drop(theirs.take_waker())));
        }
        block_on(std::future::poll_fn(move |context| {
            shared.register_by_ref(context.waker());
            std::task::Poll::Ready(())
        }));
    });
    let told = fails(|| {
        block_on(std::future::poll_fn(|context| {
            std::mem::forget(context.waker().clone());
            std::task::Poll::Ready(())
        }));
    });
    assert!(told.contains("waker leaked"), "{told}");
}

/// The thread that wakes has not learnt of the waker's making by anything that a checker sees.
#[test]
fn a_waker_that_std_hands_on_is_no_race() {
    use crate::future::block_on;
    use std::task::Poll;
    let waits = |wakes: bool| {
        let handed: std::sync::Arc<std::sync::Mutex<Option<std::task::Waker>>> = std::sync::Arc::default();
        let (is_handed, is_done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let theirs = (std::sync::Arc::clone(&handed), Arc::clone(&is_handed), Arc::clone(&is_done));
        let other = thread::spawn(move || {
            let (handed, is_handed, is_done) = theirs;
            while is_handed.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            is_done.store(1, Ordering::Relaxed);
            let waker = handed.lock().unwrap().take();
            if wakes {
                waker.unwrap().wake();
            }
        });
        block_on(std::future::poll_fn(|context| {
            if is_done.load(Ordering::Relaxed) == 1 {
                return Poll::Ready(());
            }
            if is_handed.load(Ordering::Relaxed) == 0 {
                *handed.lock().unwrap() = Some(context.waker().clone());
                is_handed.store(1, Ordering::Relaxed);
            }
            Poll::Pending
        }));
        other.join().expect("no panic");
    };
    let told = fails(move || waits(false));
    assert!(told.contains("deadlock"), "{told}");
    model(move || waits(true));
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

/// A pointer of std's orders the drop of what it counts, and no checker sees how.
#[test]
fn a_cell_that_a_pointer_of_stds_frees_is_no_race_and_its_use_is() {
    struct Shared(crate::cell::UnsafeCell<u32>);
    // SAFETY: not so: a checker is to find the race.
    unsafe impl Sync for Shared {}
    fn shared() -> std::sync::Arc<Shared> {
        std::sync::Arc::new(Shared(crate::cell::UnsafeCell::new(0)))
    }
    for engine in [Engine::Rc11, Engine::Loom, Engine::Shuttle] {
        let explored = |f: fn()| {
            let bounds = Bounds {
                budget: Effort::Quick.budget(1),
                deadline: None,
                max_operations: None,
                max_branches: 4_000,
                ends_by_request: false,
                repeatable: false,
            };
            run::on(engine, &bounds, &Identity::of(Location::caller()), &std::sync::Arc::new(Closure::new(f)))
        };
        let freed = explored(|| {
            let value = shared();
            let theirs = std::sync::Arc::clone(&value);
            let reads = thread::spawn(move || drop(theirs));
            drop(value);
            reads.join().expect("no panic");
        });
        assert!(freed.is_ok_and(|executions| executions > 0), "{engine}");
        let raced = explored(|| {
            let value = shared();
            let theirs = std::sync::Arc::clone(&value);
            // SAFETY: one thread runs at a time.
            let writes = thread::spawn(move || theirs.0.with_mut(|value| unsafe { *value = 1 }));
            // SAFETY: as above.
            value.0.with_mut(|value| unsafe { *value = 2 });
            writes.join().expect("no panic");
        });
        assert!(raced.is_err(), "{engine}");
    }
}
