//! Loops that yield: those that wait, also for a thread whose round was in vain and that goes on in another execution
//! only, and those that do not.

use super::super::Explorer;
use super::explore_by;
use crate::explore::rc11::Model;
use crate::rt::rc11::run::ROUNDS;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::thread;
use Ordering::{Acquire, Relaxed, Release};

/// The second waits for the first, and the main thread for the second, by a loop that counts its rounds in shared memory,
/// so that no two are the same. Where the second has not seen what is there, the loop would never end.
#[test]
fn a_loop_that_waits_for_a_thread_that_is_given_up_ends() {
    let seen = explore_by(Explorer::new(Model::Rc11).fair(true), || {
        crate::rt::execution::begin();
        let [begun, done, rounds] = [(); 3].map(|()| Arc::new(AtomicU32::new(0)));
        let second = {
            let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
            thread::spawn(move || {
                while begun.load(Acquire) == 0 {
                    crate::hint::spin_loop();
                }
                done.store(1, Release);
            })
        };
        let first = {
            let begun = Arc::clone(&begun);
            thread::spawn(move || begun.store(1, Release))
        };
        while done.load(Acquire) == 0 {
            rounds.fetch_add(1, Relaxed);
            thread::yield_now();
        }
        first.join().unwrap();
        second.join().unwrap();
        rounds.load(Relaxed)
    });
    assert!(seen.complete >= 2 && seen.unseen > 0 && seen.endless + seen.deadlocks == 0, "{seen:?}");
    let counts: Vec<_> = seen.outcomes.keys().copied().collect();
    assert_eq!(counts, (0..=ROUNDS).collect::<Vec<_>>(), "{seen:?}");
}

/// Two threads yield in the midst of their work, at one place: all their orders are explored, none is in vain.
#[test]
fn to_yield_at_work_is_not_to_wait() {
    let explored = |yields: bool| {
        explore_by(Explorer::new(Model::Rc11).fair(true), move || {
            crate::rt::execution::begin();
            // Not one of the facade's: to drop it is an operation, too.
            let word = std::sync::Arc::new(AtomicU32::new(0));
            let adds = || {
                let word = std::sync::Arc::clone(&word);
                thread::spawn(move || {
                    for amount in [4, 10, 8, 1] {
                        word.fetch_add(amount, Relaxed);
                        if yields {
                            thread::yield_now();
                        }
                    }
                })
            };
            let both = [adds(), adds()];
            both.into_iter().for_each(|one| one.join().unwrap());
            word.load(Relaxed)
        })
    };
    let (with, without) = (explored(true), explored(false));
    // (4 + 4)! / (4! 4!)
    assert_eq!((without.complete, with.complete, with.unseen), (70, 70, 0), "{with:?}");
}
