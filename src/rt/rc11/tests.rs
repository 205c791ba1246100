//! Programs with answers and counts that are known.

#[path = "../../../tests/oracle/mod.rs"]
mod oracle;

mod differential;
mod heap;
mod symmetry;
mod yields;

use super::{End, Explorer};
use crate::cell::Plain;
use crate::explore::rc11::Model;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::sync::atomic::{AtomicU32, Ordering, fence};
use crate::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};
use crate::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex as RealMutex;

/// What an exploration has seen.
#[derive(Debug)]
pub(super) struct Seen<T> {
    pub(super) outcomes: BTreeMap<T, u64>,
    pub(super) complete: u64,
    pub(super) unseen: u64,
    pub(super) dropped: u64,
    pub(super) deadlocks: u64,
    pub(super) endless: u64,
    pub(super) races: u64,
    pub(super) failed: u64,
    pub(super) restarts: u64,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen {
            outcomes: BTreeMap::new(),
            complete: 0,
            unseen: 0,
            dropped: 0,
            deadlocks: 0,
            endless: 0,
            races: 0,
            failed: 0,
            restarts: 0,
        }
    }
}

pub(super) fn explore<T: Ord + Debug + Send + 'static>(
    model: Model,
    program: impl Fn() -> T + Send + Sync + 'static,
) -> Seen<T> {
    explore_by(Explorer::new(model), program)
}

/// By this explorer. What was seen before it began anew does not count.
fn explore_by<T: Ord + Debug + Send + 'static>(
    mut explorer: Explorer,
    program: impl Fn() -> T + Send + Sync + 'static,
) -> Seen<T> {
    crate::rt::panics::install_once();
    let program = std::sync::Arc::new(program);
    let mut seen = Seen::default();
    let _entered = context::enter(Context::Model(Checker::Rc11));
    loop {
        let outcome = std::sync::Arc::new(RealMutex::new(None));
        let main = {
            let (program, outcome) = (program.clone(), outcome.clone());
            Box::new(move || {
                let result = program();
                super::wait_for_others();
                *outcome.lock().unwrap() = Some(result);
                crate::rt::model::end_of_execution();
            })
        };
        let Some(end) = explorer.execute(main) else { break };
        match end {
            End::Complete => {
                seen.complete += 1;
                let outcome = outcome.lock().unwrap().take().expect("a complete run has an outcome");
                *seen.outcomes.entry(outcome).or_default() += 1;
            }
            End::Unseen => seen.unseen += 1,
            End::Dropped => seen.dropped += 1,
            End::Deadlock => seen.deadlocks += 1,
            End::Endless => seen.endless += 1,
            End::Race(_) => seen.races += 1,
            End::Failed(_) => seen.failed += 1,
            End::Restart => {
                explorer.restart();
                seen = Seen { restarts: seen.restarts + 1, ..Seen::default() };
            }
            End::Trouble(trouble) => {
                eprintln!("{trouble:?} after {seen:?}");
                panic!("{trouble:?} after {seen:?}")
            }
        }
        assert!(seen.complete + seen.unseen < 3_000_000, "{seen:?}");
    }
    seen
}

fn show<T: Debug>(name: &str, seen: &Seen<T>, start: std::time::Instant) {
    println!(
        "{name:32} complete {:>7} unseen {:>6} dropped {:>5} deadlock {:>4} endless {:>3} races {:>4} failed {:>3} outcomes {:>3} {:?}",
        seen.complete,
        seen.unseen,
        seen.dropped,
        seen.deadlocks,
        seen.endless,
        seen.races,
        seen.failed,
        seen.outcomes.len(),
        start.elapsed()
    );
}

fn threads<T: Send + 'static>(n: usize, f: impl Fn(usize) -> T + Send + Sync + 'static) -> Vec<T> {
    let f = std::sync::Arc::new(f);
    let handles: Vec<_> = (0..n)
        .map(|i| {
            let f = f.clone();
            thread::spawn(move || f(i))
        })
        .collect();
    handles.into_iter().map(|handle| handle.join().unwrap()).collect()
}

#[test]
fn known_counts() {
    let now = std::time::Instant::now;
    for (n, k, expected) in [(2, 1, 2), (3, 1, 6), (3, 2, 90), (4, 1, 24), (4, 2, 2520)] {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let word = Arc::new(AtomicU32::new(0));
            let shared = word.clone();
            threads(n, move |_| {
                for _ in 0..k {
                    shared.fetch_add(1, Relaxed);
                }
            });
            word.load(Relaxed)
        });
        show(&format!("fetch_add {n} x {k}"), &seen, start);
        assert_eq!(seen.complete, expected);
    }
    for (n, expected) in [(2, 4), (3, 36), (4, 576), (5, 14_400)] {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let word = Arc::new(AtomicU32::new(0));
            let shared = word.clone();
            threads(n, move |i| {
                let v = shared.load(Relaxed);
                shared.store(v + i as u32 + 1, Relaxed);
            });
        });
        show(&format!("load;store {n}"), &seen, start);
        assert_eq!(seen.complete, expected);
    }
    for (s, l, f, model, expected) in [
        (Relaxed, Relaxed, None, Model::Rc11, 4),
        (Release, Acquire, None, Model::Rc11, 4),
        (SeqCst, SeqCst, None, Model::Rc11, 3),
        (Relaxed, Relaxed, Some(SeqCst), Model::Rc11, 3),
        (Relaxed, Relaxed, Some(AcqRel), Model::Rc11, 4),
        (Relaxed, Relaxed, None, Model::Sc, 3),
    ] {
        let start = now();
        let seen = explore(model, move || {
            let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
            threads(2, move |i| {
                words[i].store(1, s);
                if let Some(f) = f {
                    fence(f);
                }
                words[1 - i].load(l)
            })
        });
        show(&format!("SB {s:?} {l:?} {f:?}"), &seen, start);
        assert_eq!(seen.outcomes.len(), expected);
    }
    for (o, expected) in [(Relaxed, 16), (Acquire, 16), (SeqCst, 15)] {
        let start = now();
        let so = if o == Acquire { Release } else { o };
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
            threads(4, move |i| match i {
                0 | 1 => {
                    words[i].store(1, so);
                    (0, 0)
                }
                _ => (words[i - 2].load(o), words[3 - i].load(o)),
            })
        });
        show(&format!("IRIW {o:?}"), &seen, start);
        assert_eq!(seen.outcomes.len(), expected);
    }
    for n in 2..=4 {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((Mutex::new(()), Plain::new(0)));
            let shared = words.clone();
            threads(n, move |_| {
                let _guard = shared.0.lock().unwrap();
                shared.1.set(shared.1.get() + 1);
            });
            words.1.get()
        });
        show(&format!("mutex {n}"), &seen, start);
        assert_eq!(seen.outcomes.keys().copied().collect::<Vec<_>>(), [n as i32]);
        assert_eq!(seen.races + seen.deadlocks + seen.failed, 0);
    }
    for n in 2..=3 {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((AtomicU32::new(0), AtomicU32::new(0), Plain::new(0)));
            let shared = words.clone();
            threads(n, move |_| {
                let mine = shared.0.fetch_add(1, Relaxed);
                while shared.1.load(Acquire) != mine {
                    thread::yield_now();
                }
                shared.2.set(shared.2.get() + 1);
                shared.1.store(mine + 1, Release);
            });
            words.2.get()
        });
        show(&format!("ticket {n}"), &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
    }
    for n in 2..=3 {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((AtomicU32::new(0), Plain::new(0)));
            let shared = words.clone();
            threads(n, move |_| {
                loop {
                    while shared.0.load(Relaxed) != 0 {}
                    if shared.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
                        break;
                    }
                }
                shared.1.set(shared.1.get() + 1);
                shared.0.store(0, Release);
            });
            words.1.get()
        });
        show(&format!("ttas {n}"), &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
    }
    for n in 2..=3 {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((RwLock::new(()), Plain::new(0)));
            let shared = words.clone();
            threads(n, move |i| {
                if i == 0 {
                    let _g = shared.0.write().unwrap();
                    shared.1.set(shared.1.get() + 1);
                } else {
                    let _g = shared.0.read().unwrap();
                    shared.1.get();
                }
            });
            words.1.get()
        });
        show(&format!("rwlock {n}"), &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
    }
    {
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((Mutex::new(false), Condvar::new()));
            let shared = words.clone();
            threads(2, move |i| {
                if i == 0 {
                    *shared.0.lock().unwrap() = true;
                    shared.1.notify_one();
                } else {
                    let mut g = shared.0.lock().unwrap();
                    while !*g {
                        g = shared.1.wait(g).unwrap();
                    }
                }
            });
        });
        show("condvar", &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let (sender, receiver) = crate::sync::mpsc::channel();
            let t = thread::spawn(move || {
                sender.send(1).unwrap();
                sender.send(2).unwrap();
            });
            let got: Vec<i32> = receiver.iter().collect();
            t.join().unwrap();
            got
        });
        show("mpsc", &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
        assert_eq!(seen.outcomes.len(), 1);
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let me = thread::current();
            let flag = Arc::new(Plain::new(0));
            let f = flag.clone();
            let t = thread::spawn(move || {
                f.set(1);
                me.unpark();
            });
            thread::park();
            let v = flag.get();
            t.join().unwrap();
            v
        });
        show("park", &seen, start);
        assert_eq!(seen.races + seen.deadlocks + seen.failed + seen.endless, 0);
        let start = now();
        let seen = explore(Model::Rc11, move || {
            let words = Arc::new((Mutex::new(()), Mutex::new(())));
            threads(2, move |i| {
                let (a, b) = if i == 0 { (&words.0, &words.1) } else { (&words.1, &words.0) };
                let _a = a.lock().unwrap();
                let _b = b.lock().unwrap();
            });
        });
        show("lock order", &seen, start);
        assert!(seen.deadlocks > 0);
    }
}

/// Store buffering of two threads, where one half of a side is done before a spawn, or before a join.
/// Who is woken by `notify_one` is a choice, on which everything hangs that the woken thread does.
#[test]
fn who_is_notified_is_part_of_what_the_woken_thread_has_seen() {
    let seen = explore(Model::Rc11, || {
        let door = Arc::new((Mutex::new(0), Condvar::new()));
        let opens = std::sync::Arc::new(door.clone());
        let opener = thread::spawn(move || {
            *opens.0.lock().unwrap() = 1;
            opens.1.notify_one();
        });
        let order = threads(2, move |_| {
            let mut entered = door.0.lock().unwrap();
            while *entered == 0 {
                entered = door.1.wait(entered).unwrap();
            }
            *entered += 1;
            door.1.notify_one();
            *entered
        });
        opener.join().unwrap();
        order
    });
    // Each enters, in either order, and nothing is left asleep.
    assert_eq!(seen.outcomes.keys().cloned().collect::<Vec<_>>(), [[2, 3], [3, 2]], "{seen:?}");
    assert_eq!((seen.deadlocks, seen.endless, seen.failed), (0, 0, 0), "{seen:?}");
}

/// Objects without a maker (a `OnceLock` is made by a `const fn`), which either of two threads may be the first to use,
/// and each may be the first to use another: every execution can be found again from its graph.
#[test]
fn objects_without_a_maker_are_known_by_their_accesses() {
    let seen = explore(Model::Rc11, || {
        let (first, second) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
        let turns = threads(3, move |i| {
            let (first, second) = if i == 1 { (&second, &first) } else { (&first, &second) };
            let mine = *first.get_or_init(|| i) == i;
            let theirs = *second.get_or_init(|| i) == i;
            [mine, theirs]
        });
        let made = turns.iter().flatten().filter(|made| **made).count();
        (made, turns[1])
    });
    show("objects without a maker", &seen, std::time::Instant::now());
    // Each is made once, by one of three. Thread 1 comes to the second one first, and the others to the first one
    // first: who has made the second one has found the first one there.
    assert!(seen.outcomes.keys().all(|(made, _)| *made == 2), "{seen:?}");
    assert_eq!(seen.outcomes.len(), 3, "{seen:?}");
    assert_eq!((seen.deadlocks, seen.races, seen.failed), (0, 0, 0), "{seen:?}");
}

/// A loop that an optimised build unrolls looks from several places, in one state: none of them is a second round.
#[test]
fn looking_twice_is_no_loop() {
    let seen = explore(Model::Rc11, || {
        let x = AtomicU32::new(7);
        std::array::from_fn::<u32, 4, _>(|_| x.load(Relaxed))
    });
    assert_eq!(seen.outcomes, BTreeMap::from([([7; 4], 1)]));
    assert_eq!((seen.endless, seen.unseen, seen.deadlocks), (0, 0, 0));
}

#[test]
fn sequential_consistency_follows_spawns_and_joins() {
    for (model, expected) in [(Model::Sc, 3), (Model::Rc11, 4)] {
        for joined in [false, true] {
            let seen = explore(model, move || {
                let words = std::sync::Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
                let of = |f: fn(&[AtomicU32; 2]) -> u32| {
                    let words = words.clone();
                    thread::spawn(move || f(&words))
                };
                let other = of(|words| {
                    words[1].store(1, Relaxed);
                    words[0].load(Relaxed)
                });
                let read = if joined {
                    let written = of(|words| {
                        words[0].store(1, Relaxed);
                        0
                    });
                    written.join().unwrap();
                    words[1].load(Relaxed)
                } else {
                    words[0].store(1, Relaxed);
                    of(|words| words[1].load(Relaxed)).join().unwrap()
                };
                (read, other.join().unwrap())
            });
            assert_eq!(seen.outcomes.len(), expected, "{model:?}, joined: {joined}: {seen:?}");
        }
    }
}

/// What is found in a count must follow from the order of events alone: others come between any two of them.
#[test]
fn owners_are_counted_alike_in_all_runs_of_a_graph() {
    let unique = explore(Model::Rc11, || {
        let mut value = Arc::new(AtomicU32::new(0));
        let word = Arc::new(AtomicU32::new(0));
        let other = (value.clone(), word.clone());
        let drops = thread::spawn(move || {
            let (value, word) = other;
            word.load(Relaxed);
            word.load(Relaxed);
            drop(value);
        });
        let unique = Arc::get_mut(&mut value).is_some();
        word.load(Relaxed);
        drops.join().unwrap();
        unique
    });
    assert_eq!(unique.outcomes.keys().copied().collect::<Vec<_>>(), [false, true], "{unique:?}");
    let counted = explore(Model::Rc11, || {
        let value = Arc::new(AtomicU32::new(0));
        let other = value.clone();
        let clones = thread::spawn(move || {
            let clone = other.clone();
            other.load(Relaxed);
            clone.load(Relaxed);
            (other, clone)
        });
        let count = Arc::strong_count(&value);
        let found = (count, Arc::weak_count(&value));
        let held = clones.join().unwrap();
        drop(held);
        found
    });
    assert_eq!(counted.outcomes.keys().copied().collect::<Vec<_>>(), [(2, 0), (3, 0)], "{counted:?}");
}

/// A timed wait ends by its time-out: it is no deadlock, whatever other threads wait for.
#[test]
fn a_timed_wait_that_nothing_ends_is_no_deadlock() {
    let timed = |notifies: bool| {
        explore(Model::Rc11, move || {
            let pair = Arc::new((Mutex::new(()), Condvar::new()));
            let shared = pair.clone();
            let waits = thread::spawn(move || {
                let (mutex, condvar) = &*shared;
                let waited = condvar.wait_timeout(mutex.lock().unwrap(), std::time::Duration::from_secs(1));
                waited.unwrap().1.timed_out()
            });
            if notifies {
                pair.1.notify_one();
            }
            waits.join().unwrap()
        })
    };
    let alone = timed(false);
    assert_eq!((alone.deadlocks, alone.outcomes.keys().copied().collect()), (0, vec![true]), "{alone:?}");
    let notified = timed(true);
    let outcomes: Vec<_> = notified.outcomes.keys().copied().collect();
    assert_eq!((notified.deadlocks, outcomes), (0, vec![false, true]), "{notified:?}");
    // One that waits without a time for what never comes is stuck, also if another waits for a while.
    let stuck = explore(Model::Rc11, || {
        let pair = Arc::new((Mutex::new(()), Condvar::new()));
        let shared = pair.clone();
        let waits = thread::spawn(move || {
            let _ = shared.1.wait_timeout(shared.0.lock().unwrap(), std::time::Duration::from_secs(1));
        });
        drop(pair.1.wait(pair.0.lock().unwrap()));
        waits.join().unwrap();
    });
    assert!(stuck.deadlocks > 0 && stuck.complete == 0, "{stuck:?}");
}

/// What the main thread's thread-local values do when they are destroyed comes after the ends of all other threads.
#[test]
fn no_thread_sees_what_is_done_when_all_are_at_their_end() {
    struct StoresAtTheEnd(std::sync::Arc<AtomicU32>);
    impl Drop for StoresAtTheEnd {
        fn drop(&mut self) {
            self.0.store(1, Relaxed);
        }
    }
    crate::thread_local! {
        static LAST: std::cell::RefCell<Option<StoresAtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let found = std::sync::Arc::new(RealMutex::new(Vec::new()));
    let all = found.clone();
    let seen = explore(Model::Rc11, move || {
        let word = std::sync::Arc::new(AtomicU32::new(0));
        LAST.with(|last| *last.borrow_mut() = Some(StoresAtTheEnd(word.clone())));
        let found = found.clone();
        drop(thread::spawn(move || {
            let value = word.load(Relaxed);
            found.lock().unwrap().push(value);
        }));
    });
    assert_eq!((seen.complete, seen.unseen, seen.dropped), (1, 0, 0), "{seen:?}");
    assert_eq!(*all.lock().unwrap(), [0]);
}

/// A guard gives its cell back in its destructor, and only then the pointer that it holds is dropped.
#[test]
fn a_pointer_may_be_dropped_right_after_the_operation_that_gives_its_cell_to_others() {
    use crate::cell::{MutPtr, UnsafeCell};
    struct Guard<'a> {
        pointer: MutPtr<u32>,
        ready: &'a AtomicU32,
        order: Ordering,
        lingers: bool,
    }
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            // SAFETY: who has the guard has the cell.
            unsafe { *self.pointer.deref() += 1 };
            self.ready.store(1, self.order);
            if self.lingers {
                self.ready.load(Relaxed);
            }
        }
    }
    struct Shared(UnsafeCell<u32>, AtomicU32);
    // SAFETY: whether it holds is what is tested, by runs on one operating-system thread.
    unsafe impl Send for Shared {}
    // SAFETY: as above.
    unsafe impl Sync for Shared {}
    let handed_over = |order: Ordering, lingers: bool| {
        explore(Model::Rc11, move || {
            let shared = std::sync::Arc::new(Shared(UnsafeCell::new(0), AtomicU32::new(0)));
            let theirs = shared.clone();
            let other = thread::spawn(move || {
                if theirs.1.load(Acquire) == 1 {
                    // SAFETY: the guard is gone.
                    unsafe { *theirs.0.get_mut().deref() += 1 };
                }
            });
            drop(Guard { pointer: shared.0.get_mut(), ready: &shared.1, order, lingers });
            other.join().unwrap();
            // SAFETY: the other thread has been joined.
            shared.0.with(|value| unsafe { *value })
        })
    };
    let released = handed_over(Release, false);
    assert_eq!((released.races, released.complete), (0, 2), "{released:?}");
    assert_eq!(released.outcomes.into_keys().collect::<Vec<_>>(), [1, 2]);
    let relaxed = handed_over(Relaxed, false);
    assert_eq!((relaxed.races, relaxed.complete), (1, 1), "{relaxed:?}");
    let lingering = handed_over(Release, true);
    assert_eq!((lingering.races, lingering.complete), (1, 1), "it still holds the pointer: {lingering:?}");
}
