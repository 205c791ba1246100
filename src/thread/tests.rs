use crate::rt::pending;
use crate::testing;
use crate::thread;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[test]
fn join_returns_the_value_or_the_panic() {
    testing::everywhere_bounded(|| {
        assert_eq!(thread::spawn(|| 7).join().ok(), Some(7));
        let failed = thread::spawn(|| {
            if true {
                std::panic::panic_any(41_u8);
            }
        });
        let payload = failed.join().expect_err("it panicked");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&41));
        let failed = thread::spawn(|| panic!("no {}", 5));
        let payload = failed.join().expect_err("it panicked");
        assert_eq!(crate::rt::panics::text(&*payload), Some("no 5"));
    });
}

#[test]
fn threads_have_names_and_ids() {
    testing::everywhere_bounded(|| {
        let me = thread::current();
        let child = thread::Builder::new()
            .name("weft".to_owned())
            .spawn(|| (thread::current().id(), thread::current().name().map(str::to_owned)))
            .expect("a thread");
        let id = child.thread().id();
        assert_eq!(child.thread().name(), Some("weft"));
        let (own, name) = child.join().expect("no panic");
        assert_eq!((own, name.as_deref()), (id, Some("weft")));
        assert_ne!(id, me.id());
        assert_eq!(me.id(), thread::current().id());
        assert_eq!(thread::spawn(|| thread::current().name().map(str::to_owned)).join().ok(), Some(None));
    });
}

#[test]
fn a_permit_is_kept_and_is_one() {
    testing::everywhere_bounded(|| {
        let me = thread::current();
        me.unpark();
        me.unpark();
        thread::park();
        thread::park_timeout(Duration::from_millis(1));
        let woken = Arc::new(AtomicUsize::new(0));
        let seen = woken.clone();
        let sleeper = thread::spawn(move || {
            while seen.load(Relaxed) == 0 {
                thread::park();
            }
        });
        woken.store(1, Relaxed);
        sleeper.thread().unpark();
        sleeper.join().expect("no panic");
    });
}

#[test]
fn a_second_park_has_no_permit() {
    let twice = || {
        thread::current().unpark();
        thread::current().unpark();
        thread::park();
        thread::park();
    };
    assert!(testing::in_loom(twice).deadlocked());
    assert!(testing::in_shuttle(twice).deadlocked());
}

#[test]
fn scopes_lend_and_wait() {
    testing::everywhere_bounded(|| {
        let sum = AtomicUsize::new(0);
        let words = [String::from("warp"), String::from("weft")];
        let lengths = thread::scope(|scope| {
            let first = scope.spawn(|| {
                sum.fetch_add(1, Relaxed);
                words[0].len()
            });
            scope.spawn(|| {
                scope.spawn(|| sum.fetch_add(10, Relaxed));
                sum.fetch_add(100, Relaxed);
            });
            first.join().expect("no panic") + words[1].len()
        });
        assert_eq!((lengths, sum.into_inner()), (8, 111));
    });
}

#[test]
fn scopes_wait_also_when_somebody_panics() {
    testing::everywhere_bounded(|| {
        let done = AtomicUsize::new(0);
        let closure = crate::rt::model::catch(|| {
            thread::scope(|scope| {
                scope.spawn(|| done.fetch_add(1, Relaxed));
                if true {
                    panic!("the closure's own");
                }
            });
        });
        assert_eq!(crate::rt::panics::text(&*closure.expect_err("panics")), Some("the closure's own"));
        assert_eq!(done.load(Relaxed), 1);
        let child = crate::rt::model::catch(|| {
            thread::scope(|scope| {
                scope.spawn(|| panic!("the child's"));
                scope.spawn(|| done.fetch_add(1, Relaxed));
            });
        });
        assert_eq!(crate::rt::panics::text(&*child.expect_err("panics")), Some("a scoped thread panicked"));
        assert_eq!(done.load(Relaxed), 2);
        let heard = thread::scope(|scope| scope.spawn(|| panic!("heard")).join());
        assert!(heard.is_err());
    });
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

crate::thread_local! {
    static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(5) };
    static KEPT: std::cell::RefCell<Option<Counted>> = std::cell::RefCell::new(None);
    static MADE: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![1])
}

#[test]
fn every_thread_has_its_own_locals_and_destroys_them() {
    testing::everywhere_bounded(|| {
        assert_eq!(COUNT.replace(6), 5, "fresh in every execution");
        let dropped = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let dropped = dropped.clone();
                thread::spawn(move || {
                    KEPT.set(Some(Counted(dropped)));
                    MADE.with_borrow_mut(|made| made.push(2));
                    COUNT.set(COUNT.get() + 1);
                    thread::yield_now();
                    assert_eq!(MADE.take(), [1, 2]);
                    COUNT.get()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().ok(), Some(6));
        }
        assert_eq!(dropped.load(Relaxed), 2);
        assert_eq!(COUNT.replace(5), 6);
    });
}

struct Late(Option<thread::ThreadId>, Arc<AtomicUsize>);

impl Drop for Late {
    fn drop(&mut self) {
        let own = self.0 == Some(thread::current().id());
        let gone = LATE.try_with(|_| ()).is_err();
        self.1.fetch_add(usize::from(own && gone), Relaxed);
    }
}

crate::thread_local! {
    static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn destructors_run_on_their_thread_with_the_value_gone() {
    testing::everywhere_bounded(|| {
        let right = Arc::new(AtomicUsize::new(0));
        let seen = right.clone();
        thread::spawn(move || LATE.set(Some(Late(Some(thread::current().id()), seen))))
            .join()
            .expect("no panic");
        assert_eq!(right.load(Relaxed), 1);
    });
}

#[test]
fn is_finished_becomes_true() {
    testing::everywhere_bounded(|| {
        let child = thread::spawn(|| {});
        while !child.is_finished() {
            thread::yield_now();
        }
        child.join().expect("no panic");
    });
}

struct Cell(crate::cell::UnsafeCell<u8>);
// SAFETY: a planted race, run by loom on one operating-system thread.
unsafe impl Sync for Cell {}

impl Cell {
    fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

#[test]
fn a_checkers_panic_is_not_joined() {
    crate::rt::panics::install();
    let race = testing::in_loom(|| {
        let cell = Arc::new(Cell(crate::cell::UnsafeCell::new(0)));
        let other = cell.clone();
        let child = thread::spawn(move || other.write());
        cell.write();
        let _ = child.join();
    });
    assert!(race.raced(), "{race:?}");
    let inside = testing::in_loom(|| {
        let cell = Cell(crate::cell::UnsafeCell::new(0));
        thread::scope(|scope| {
            let children = [scope.spawn(|| cell.write()), scope.spawn(|| cell.write())];
            let _ = children.map(thread::ScopedJoinHandle::join);
        });
    });
    assert!(inside.raced(), "{inside:?}");
}

#[test]
fn a_checkers_limits_and_deadlocks_are_not_joined() {
    crate::rt::panics::install();
    let crowd = testing::in_loom(|| {
        let child = thread::spawn(|| {
            for _ in 0..5 {
                thread::spawn(|| {});
            }
        });
        let _ = child.join();
    });
    let said = crowd.failure.expect("five threads are the limit");
    assert!(said.contains("self.threads.len() < self.max()"), "{said}");
    let asleep = testing::in_loom(|| {
        let _ = thread::spawn(thread::park).join();
    });
    assert!(asleep.deadlocked(), "{asleep:?}");
    let asleep = testing::in_shuttle(|| {
        let _ = thread::spawn(thread::park).join();
    });
    assert!(asleep.deadlocked(), "{asleep:?}");
    let endless = testing::in_loom(|| {
        let _ = thread::spawn(|| {
            loop {
                thread::current().unpark();
            }
        })
        .join();
    });
    let said = endless.failure.expect("branches are limited");
    assert!(said.contains("exceeded maximum number of branches"), "{said}");
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
fn spawn_and_join_order_and_nothing_else_does() {
    assert!(!races(|cell| {
        write(cell);
        thread::spawn(move || write(cell)).join().expect("no panic");
        write(cell);
    }));
    assert!(races(|cell| {
        let child = thread::spawn(move || write(cell));
        write(cell);
        child.join().expect("no panic");
    }));
    assert!(races(|cell| {
        let child = thread::spawn(move || write(cell));
        while !child.is_finished() {
            thread::yield_now();
        }
        write(cell);
    }));
    assert!(!races(|cell| {
        thread::scope(|scope| {
            scope.spawn(move || write(cell));
        });
        write(cell);
    }));
}

#[test]
fn unparking_orders() {
    assert!(!races(|cell| {
        let main = thread::current();
        thread::spawn(move || {
            write(cell);
            main.unpark();
        });
        thread::park();
        write(cell);
    }));
    assert!(races(|cell| {
        let main = thread::current();
        thread::spawn(move || {
            main.unpark();
            write(cell);
        });
        thread::park();
        write(cell);
    }));
}
