//! Locks across real processes: they exclude, they wake, and they survive the death of their owners.

use super::*;
use crate::rt::context::{self, Context};
use crate::sync::{Condvar, Mutex, RwLock};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::ptr::NonNull;
use std::sync::TryLockError;
use std::time::Duration;

/// Runs `test` where objects are made for processes, in fresh shared memory.
fn among_processes(test: impl FnOnce(&Arena)) {
    let arena = Arena::map(1 << 16).unwrap();
    // SAFETY: the tests drop or forget all objects before they return; children never return.
    let _installed = unsafe { install(&arena) };
    let _entered = context::enter(Context::Process);
    test(&arena);
}

/// A `T` in shared memory, never dropped.
fn shared<T>(arena: &Arena, value: T) -> &T {
    let place: NonNull<T> = arena.allocate(std::alloc::Layout::new::<T>()).unwrap().cast();
    // SAFETY: fresh memory of the arena, which outlives the reference.
    unsafe {
        place.write(value);
        place.as_ref()
    }
}

/// Forks a child that runs `f` and exits without running anything of the test harness.
fn child(f: impl FnOnce()) -> Pid {
    // SAFETY: the child touches its own stack and the arena only, calls nothing that allocates or takes
    // a lock of the parent's, and leaves by `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            f();
            // SAFETY: always allowed.
            unsafe { libc::_exit(0) }
        }
    }
}

#[track_caller]
fn ended_well(child: Pid) {
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
}

/// Dies as a killed process does: no destructor runs.
fn die() -> ! {
    // SAFETY: always allowed.
    unsafe { libc::_exit(0) }
}

#[test]
fn a_mutex_excludes_across_processes() {
    const ROUNDS: u32 = 20_000;
    among_processes(|arena| {
        let count = shared(arena, Mutex::new(0_u32));
        let add = || {
            for _ in 0..ROUNDS {
                let mut guard = count.lock().unwrap();
                let before = *guard;
                std::hint::spin_loop();
                *guard = std::hint::black_box(before) + 1;
            }
        };
        let children = [child(add), child(add)];
        add();
        for child in children {
            ended_well(child);
        }
        assert_eq!(*count.lock().unwrap(), 3 * ROUNDS);
    });
}

#[test]
fn a_mutex_of_the_dead_is_poisoned_and_free() {
    among_processes(|arena| {
        let mutex = shared(arena, Mutex::new(0));
        ended_well(child(|| {
            let _guard = mutex.lock();
            die();
        }));
        assert!(mutex.try_lock().is_err());
        assert!(mutex.is_poisoned());
        mutex.clear_poison();
        *mutex.lock().unwrap() += 1;
        assert!(!mutex.is_poisoned());
    });
}

#[test]
fn who_waits_for_one_that_is_killed_goes_on() {
    among_processes(|arena| {
        let mutex = shared(arena, Mutex::new(0));
        let taken = shared(arena, crate::sync::atomic::AtomicBool::new(false));
        let owner = child(|| {
            let _guard = mutex.lock();
            taken.store(true, crate::sync::atomic::Ordering::Release);
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        while !taken.load(crate::sync::atomic::Ordering::Acquire) {
            std::thread::yield_now();
        }
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            nix::sys::signal::kill(owner, nix::sys::signal::Signal::SIGKILL)
        });
        assert!(mutex.lock().is_err());
        assert_eq!(killer.join().unwrap(), Ok(()));
        assert!(waitpid(owner, None).is_ok());
    });
}

#[test]
fn a_notification_crosses_processes() {
    among_processes(|arena| {
        let turn = shared(arena, (Mutex::new(0_u32), Condvar::new()));
        let wait_for = |wanted: u32| {
            let guard = turn.0.lock().unwrap();
            drop(turn.1.wait_while(guard, |now| *now != wanted).unwrap());
        };
        let pass = |next: u32| {
            *turn.0.lock().unwrap() = next;
            turn.1.notify_all();
        };
        let pong = child(|| {
            for round in 0..100 {
                wait_for(2 * round + 1);
                pass(2 * round + 2);
            }
        });
        for round in 0..100 {
            pass(2 * round + 1);
            wait_for(2 * round + 2);
        }
        ended_well(pong);
    });
}

#[test]
fn a_wait_times_out_and_takes_the_mutex_again() {
    among_processes(|arena| {
        let (mutex, condvar) = shared(arena, (Mutex::new(1), Condvar::new()));
        for timeout in [Duration::ZERO, Duration::from_millis(3)] {
            let waited = condvar.wait_timeout(mutex.lock().unwrap(), timeout);
            let (guard, result) = waited.unwrap();
            assert!(result.timed_out());
            assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
            assert_eq!(*guard, 1);
        }
        let forever = super::condvar::deadline_after(Duration::MAX);
        assert!(forever.tv_sec > 1 << 60);
    });
}

#[test]
fn readers_share_and_writers_exclude_across_processes() {
    const ROUNDS: u32 = 2_000;
    among_processes(|arena| {
        let lock = shared(arena, RwLock::new((0_u32, 0_u32)));
        let work = || {
            for _ in 0..ROUNDS {
                {
                    let mut pair = lock.write().unwrap();
                    pair.0 += 1;
                    std::hint::spin_loop();
                    pair.1 += 1;
                }
                let pair = lock.read().unwrap();
                assert!(pair.0 == pair.1);
            }
        };
        let other = child(work);
        work();
        ended_well(other);
        let first = lock.read().unwrap();
        let second = lock.read().unwrap();
        assert_eq!((*first, *second), ((2 * ROUNDS, 2 * ROUNDS), (2 * ROUNDS, 2 * ROUNDS)));
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop((first, second));
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn the_death_of_a_reader_is_nothing_and_of_a_writer_is_poison() {
    among_processes(|arena| {
        let lock = shared(arena, RwLock::new(0));
        ended_well(child(|| {
            let _guard = lock.read();
            die();
        }));
        drop(lock.write().unwrap());
        ended_well(child(|| {
            let _guard = lock.write();
            die();
        }));
        assert!(lock.read().is_err());
        lock.clear_poison();
        drop(lock.write().unwrap());
        drop(lock.read().unwrap());
        // A reader in the way of a writer that has just learnt of the death does not hide it.
        let slot = RawRwLock::READERS - 1;
        assert!(slot > 0);
    });
}

#[test]
fn more_readers_than_slots_wait_their_turn() {
    among_processes(|_| {
        let lock = RawRwLock::new();
        let mut inside: Vec<_> = (0..RawRwLock::READERS).map(|_| lock.read()).collect();
        assert!(lock.try_read().is_none());
        inside.pop();
        assert!(lock.try_read().is_some());
        assert!(lock.try_write().is_none());
        inside.clear();
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn memory_that_is_missing_or_full_is_named() {
    let _entered = context::enter(Context::Process);
    let text = |f: fn()| *std::panic::catch_unwind(f).unwrap_err().downcast::<String>().unwrap_or_default();
    let missing = std::panic::catch_unwind(|| drop(Mutex::new(0))).unwrap_err();
    let missing = missing.downcast_ref::<&str>().unwrap();
    assert!(missing.contains("no shared memory is installed"));
    let full = text(|| {
        let arena = Arena::map(64).unwrap();
        // SAFETY: nothing is made in it that outlives it.
        let _installed = unsafe { install(&arena) };
        RwLock::new(0);
    });
    assert!(full.contains("is full"), "{full}");
}
