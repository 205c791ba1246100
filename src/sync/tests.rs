//! Locks and condition variables, by the same behaviour on every engine.

use super::atomic::{AtomicU32, Ordering};
use super::*;
use crate::cell::Plain;
use crate::testing::{everywhere, everywhere_counted, in_loom, in_shuttle, spawn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_mutex_lets_one_in() {
    for seen in everywhere_counted(|| {
        let count = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&count);
        let add = |count: &Mutex<u32>| {
            let mut guard = count.lock().unwrap();
            let before = *guard;
            *guard = before + 1;
        };
        let thread = spawn(move || add(&theirs));
        add(&count);
        thread.join().unwrap();
        Arc::into_inner(count).unwrap().into_inner().unwrap()
    }) {
        assert_eq!(seen.failure, None);
        assert_eq!(seen.outcomes, [2].into());
    }
}

#[test]
fn a_mutex_is_stds() {
    everywhere(|| {
        let mut mutex = Mutex::new(1);
        assert_eq!(format!("{mutex:?}"), "Mutex { data: 1, poisoned: false, .. }");
        let guard = mutex.lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(
            format!("{mutex:?} {guard:?} {guard}"),
            "Mutex { data: \"<locked>\", poisoned: false, .. } 1 1"
        );
        drop(guard);
        *mutex.try_lock().unwrap() += 1;
        *mutex.get_mut().unwrap() += 1;
        assert_eq!(mutex.into_inner().unwrap(), 3);
        assert_eq!(*Mutex::<u8>::default().lock().unwrap(), 0);
        let slice: &Mutex<[u8]> = &Mutex::from([1, 2]);
        assert_eq!(slice.lock().unwrap().len(), 2);
    });
}

#[test]
fn a_panic_poisons_a_mutex() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(1));
        let theirs = Arc::clone(&mutex);
        let thread = spawn(move || {
            let _guard = theirs.lock().unwrap();
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert!(mutex.is_poisoned());
        assert_eq!(**mutex.lock().unwrap_err().get_ref(), 1);
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
        assert!(format!("{mutex:?}").contains("poisoned: true"));
        mutex.clear_poison();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_lock_taken_and_let_go_by_a_destructor_in_a_panic_is_not_poisoned() {
    struct Locks<'a>(&'a Mutex<u8>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    everywhere(|| {
        let mutex = Mutex::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _locks = Locks(&mutex);
            panic!("on purpose");
        }));
        assert!(caught.is_err());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_panic_with_the_lock_can_lock_it_again_in_a_destructor() {
    struct Locks<'a>(&'a Mutex<u8>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
    }
    everywhere(|| {
        let mutex = Mutex::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _locks = Locks(&mutex);
            let _guard = mutex.lock().unwrap();
            panic!("on purpose");
        }));
        assert!(caught.is_err());
        assert_eq!(**mutex.lock().unwrap_err().get_ref(), 1);
    });
}

#[test]
fn who_waits_for_a_poisoned_lock_gets_it() {
    for seen in everywhere_counted(|| {
        let mutex = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&mutex);
        let thread = spawn(move || {
            let _guard = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            panic!("on purpose");
        });
        let poisoned = mutex.lock().is_err();
        assert!(thread.join().is_err());
        assert!(mutex.is_poisoned());
        poisoned
    }) {
        assert_eq!(seen.failure, None);
        assert!(seen.executions == 1 || seen.outcomes == [false, true].into());
    }
}

#[test]
fn a_panic_elsewhere_poisons_nothing() {
    // One unwinds, and is made to switch by its destructors; the other uses its lock meanwhile.
    struct Touches(Arc<AtomicU32>);
    impl Drop for Touches {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    everywhere(|| {
        let touched = Arc::new(AtomicU32::new(0));
        let touches = Touches(Arc::clone(&touched));
        let mutex = Mutex::new(0);
        let thread = spawn(move || {
            let _touches = touches;
            panic!("on purpose");
        });
        let guard = mutex.lock().unwrap();
        touched.load(Ordering::Relaxed);
        drop(guard);
        assert!(!mutex.is_poisoned());
        assert!(thread.join().is_err());
        drop(mutex.lock().unwrap());
    });
}

#[test]
fn locks_in_the_wrong_order_deadlock() {
    let design = || {
        let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
        let theirs = Arc::clone(&locks);
        let thread = spawn(move || {
            let _first = theirs.0.lock().unwrap();
            let _second = theirs.1.lock().unwrap();
        });
        let second = locks.1.lock().unwrap();
        let first = locks.0.lock().unwrap();
        drop((first, second));
        thread.join().unwrap();
    };
    assert!(in_loom(design).deadlocked());
    assert!(in_shuttle(design).deadlocked());
}

#[test]
fn a_lock_taken_twice_is_a_deadlock() {
    let design = || {
        let mutex = Mutex::new(0);
        let _first = mutex.lock().unwrap();
        let _second = mutex.lock().unwrap();
    };
    assert!(in_loom(design).deadlocked());
    assert!(in_shuttle(design).deadlocked());
}

#[test]
fn a_lost_wakeup_is_a_deadlock() {
    let design = || {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let thread = spawn(move || theirs.1.notify_one());
        let guard = shared.0.lock().unwrap();
        drop(shared.1.wait(guard).unwrap());
        thread.join().unwrap();
    };
    let seen = in_loom(design);
    assert!(seen.deadlocked(), "{seen:?}");
    assert!(in_shuttle(design).deadlocked());
}

#[test]
fn readers_share_and_writers_do_not() {
    everywhere(|| {
        let mut lock = RwLock::new(1);
        assert_eq!(format!("{lock:?}"), "RwLock { data: 1, poisoned: false, .. }");
        let reader = lock.read().unwrap();
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        assert_eq!(format!("{reader:?} {reader}"), "1 1");
        drop(reader);
        let mut writer = lock.write().unwrap();
        *writer += 1;
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        assert!(format!("{lock:?}").contains("<locked>"));
        drop(writer);
        assert_eq!(*lock.try_read().unwrap(), 2);
        *lock.try_write().unwrap() += 1;
        *lock.get_mut().unwrap() += 1;
        assert_eq!(lock.into_inner().unwrap(), 4);
        let slice: &RwLock<[u8]> = &RwLock::from([1, 2]);
        assert_eq!(slice.read().unwrap().len(), 2);
    });
}

#[test]
fn two_readers_are_inside_at_once() {
    for seen in everywhere_counted(|| {
        let lock = Arc::new((RwLock::new(()), AtomicU32::new(0)));
        let theirs = Arc::clone(&lock);
        let visit = |lock: &(RwLock<()>, AtomicU32)| {
            let _guard = lock.0.read().unwrap();
            let others = lock.1.fetch_add(1, Ordering::Relaxed);
            lock.1.fetch_sub(1, Ordering::Relaxed);
            others
        };
        let thread = spawn(move || visit(&theirs));
        let seen = visit(&lock);
        thread.join().unwrap().max(seen)
    }) {
        assert_eq!(seen.failure, None);
        assert!(seen.executions == 1 || seen.outcomes == [0, 1].into());
    }
}

#[test]
fn only_writers_poison() {
    everywhere(|| {
        for writes in [false, true] {
            let lock = RwLock::new(0);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                if writes {
                    let _guard = lock.write().unwrap();
                    panic!("on purpose");
                }
                let _guard = lock.read().unwrap();
                panic!("on purpose");
            }));
            assert!(caught.is_err());
            assert_eq!(lock.is_poisoned(), writes);
            assert_eq!(lock.read().is_err(), writes);
            lock.clear_poison();
            assert!(lock.write().is_ok());
        }
    });
}

#[test]
fn a_read_lock_orders_after_writers_and_not_after_readers() {
    let design = |writes: bool| {
        move || {
            let shared = Arc::new((RwLock::new(()), Plain::new(0)));
            let theirs = Arc::clone(&shared);
            let thread = spawn(move || {
                let _guard = theirs.0.write().unwrap();
                theirs.1.set(1);
            });
            if writes {
                let _guard = shared.0.write().unwrap();
                shared.1.set(2);
            } else {
                let _guard = shared.0.read().unwrap();
                shared.1.get();
            }
            thread.join().unwrap();
        }
    };
    everywhere(design(false));
    everywhere(design(true));
    let wrong = in_shuttle(|| {
        let shared = Arc::new((RwLock::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let write = |shared: &(RwLock<()>, Plain<u32>)| {
            let _guard = shared.0.read().unwrap();
            shared.1.set(1);
        };
        let thread = spawn(move || write(&theirs));
        write(&shared);
        thread.join().unwrap();
    });
    assert!(wrong.raced(), "{wrong:?}");
}

#[test]
fn a_value_is_handed_over() {
    for (all, while_) in [(false, false), (true, false), (false, true), (true, true)] {
        everywhere(move || {
            let shared = Arc::new((Mutex::new(None), Condvar::new(), Plain::new(0)));
            let theirs = Arc::clone(&shared);
            let thread = spawn(move || {
                theirs.2.set(7);
                *theirs.0.lock().unwrap() = Some(1);
                if all {
                    theirs.1.notify_all();
                } else {
                    theirs.1.notify_one();
                }
            });
            let mut guard = shared.0.lock().unwrap();
            if while_ {
                guard = shared.1.wait_while(guard, |value| value.is_none()).unwrap();
            } else {
                while guard.is_none() {
                    guard = shared.1.wait(guard).unwrap();
                }
            }
            assert_eq!(guard.take(), Some(1));
            drop(guard);
            assert_eq!(shared.2.get(), 7);
            thread.join().unwrap();
        });
    }
}

#[test]
fn a_timed_wait_is_notified_in_time() {
    everywhere(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let thread = spawn(move || {
            *theirs.0.lock().unwrap() = true;
            theirs.1.notify_one();
        });
        let minute = Duration::from_secs(60);
        let guard = shared.0.lock().unwrap();
        let waited = shared.1.wait_timeout_while(guard, minute, |set| !*set);
        let (guard, result) = waited.unwrap();
        // Under shuttle the time may be over at any moment.
        let may_be_late =
            crate::rt::context::current() == crate::rt::context::Context::Model(crate::rt::Checker::Shuttle);
        assert!(*guard && !result.timed_out() || may_be_late && !*guard && result.timed_out());
        drop(guard);
        thread.join().unwrap();
    });
}

#[test]
fn under_shuttle_a_timed_wait_ends_either_way() {
    let seen = in_shuttle(|| {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let guard = shared.0.lock().unwrap();
        let thread = spawn(move || {
            drop(theirs.0.lock().unwrap());
            theirs.1.notify_one();
        });
        let (guard, result) = shared.1.wait_timeout(guard, Duration::from_secs(60)).unwrap();
        drop(guard);
        thread.join().unwrap();
        result.timed_out()
    });
    assert_eq!((seen.failure, seen.outcomes.len()), (None, 2));
}

#[test]
fn a_real_wait_times_out() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::default());
    let guard = mutex.lock().unwrap();
    let (guard, result) = condvar.wait_timeout_while(guard, Duration::from_millis(2), |()| true).unwrap();
    assert!(result.timed_out());
    let waited = condvar.wait_timeout(guard, Duration::from_millis(1));
    assert!(waited.unwrap().1.timed_out());
    assert_eq!(format!("{condvar:?}"), "Condvar { .. }");
}

#[test]
fn a_wait_leaves_park_tokens_alone_under_loom() {
    let seen = in_loom(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let me = ::loom::thread::current();
        me.unpark();
        let thread = spawn(move || {
            *theirs.0.lock().unwrap() = true;
            theirs.1.notify_one();
        });
        let guard = shared.0.lock().unwrap();
        drop(shared.1.wait_while(guard, |set| !*set).unwrap());
        thread.join().unwrap();
    });
    assert_eq!(seen.failure, None);
}

#[test]
fn a_wait_with_another_engines_mutex_is_refused() {
    let condvar = Arc::new(Condvar::new());
    let seen = in_shuttle(move || {
        let mutex = Mutex::new(());
        drop(condvar.wait(mutex.lock().unwrap()));
    });
    assert!(seen.failure.unwrap().contains("made for another engine"));
}

#[test]
fn an_attempt_finds_a_lock_both_free_and_held_and_never_waits() {
    let attempt = || {
        let lock = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&lock);
        // Nothing but the lock itself happens while it is held.
        let thread = spawn(move || drop(theirs.lock()));
        let got_it = lock.try_lock().is_ok();
        thread.join().unwrap();
        got_it
    };
    for seen in [in_loom(attempt), in_shuttle(attempt)] {
        assert_eq!(seen.failure, None);
        assert_eq!(seen.outcomes, [false, true].into());
    }
    let attempts = || {
        let lock = Arc::new(RwLock::new(()));
        let theirs = Arc::clone(&lock);
        let thread = spawn(move || drop(theirs.read()));
        let read = lock.try_read().is_ok();
        let wrote = lock.try_write().is_ok();
        thread.join().unwrap();
        (read, wrote)
    };
    for seen in [in_loom(attempts), in_shuttle(attempts)] {
        assert_eq!(seen.failure, None);
        assert_eq!(seen.outcomes, [(true, false), (true, true)].into());
    }
}

/// Two locks, taken in opposite order by two threads; `careful` only tries its second one.
fn opposite_orders(careful: bool) {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let theirs = Arc::clone(&locks);
    let thread = spawn(move || {
        let _first = theirs.0.lock();
        let _second = theirs.1.lock();
    });
    {
        let _second = locks.1.lock();
        let attempted = locks.0.try_lock();
        if !careful && attempted.is_err() {
            drop(locks.0.lock());
        }
    }
    thread.join().unwrap();
}

#[test]
fn trying_the_second_lock_is_no_deadlock_and_waiting_for_it_is() {
    for seen in [in_loom(|| opposite_orders(true)), in_shuttle(|| opposite_orders(true))] {
        assert_eq!(seen.failure, None);
        assert!(seen.executions > 1);
    }
    assert!(in_loom(|| opposite_orders(false)).deadlocked());
    assert!(in_shuttle(|| opposite_orders(false)).deadlocked());
}

#[test]
fn a_lock_that_is_tried_publishes_when_taken_and_orders_nothing_when_not() {
    let publish = |check: bool| {
        move || {
            let shared = Arc::new((Mutex::new(false), Plain::new(0)));
            let theirs = Arc::clone(&shared);
            let thread = spawn(move || {
                theirs.1.set(1);
                *theirs.0.lock().unwrap() = true;
            });
            let written = shared.0.try_lock().map_or(!check, |written| *written);
            if written {
                shared.1.get();
            }
            thread.join().unwrap();
        }
    };
    assert_eq!((in_loom(publish(true)).failure, in_shuttle(publish(true)).failure), (None, None));
    assert!(in_loom(publish(false)).raced());
    assert!(in_shuttle(publish(false)).raced());
}

/// What borrows for long can be used where something that borrows for less is wanted, as std's.
#[test]
fn whatever_borrows_can_borrow_for_less() {
    use crate::thread::ScopedJoinHandle;
    macro_rules! shortened {
        ($($name:ident: $type:ident),* $(,)?) => {$(
            #[allow(dead_code, reason = "that it compiles is all")]
            fn $name<'short, 'long: 'short, T>(long: $type<'long, T>) -> $type<'short, T> {
                long
            }
        )*};
    }
    use crate::channel;
    use crate::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard, mpsc};
    type ChannelIter<'a, T> = channel::Iter<'a, T>;
    type MpscIter<'a, T> = mpsc::Iter<'a, T>;
    shortened! {
        mutex: MutexGuard,
        read: RwLockReadGuard,
        write: RwLockWriteGuard,
        scoped: ScopedJoinHandle,
        channel_iter: ChannelIter,
        mpsc_iter: MpscIter,
    }
    // As tokio's semaphore does: the guard that is handed in, or one of an own lock.
    struct Waiters(crate::sync::Mutex<u32>);
    impl Waiters {
        fn add(&self, guard: MutexGuard<'_, u32>) -> u32 {
            let mut guard = Some(guard);
            let mut sum = 0;
            for _ in 0..2 {
                let mut one = guard.take().unwrap_or_else(|| self.0.lock().unwrap());
                *one += 1;
                sum += *one;
            }
            sum
        }
    }
    let (waiters, other) = (Waiters(crate::sync::Mutex::new(0)), crate::sync::Mutex::new(5));
    assert_eq!(waiters.add(other.lock().unwrap()), 7);
}
