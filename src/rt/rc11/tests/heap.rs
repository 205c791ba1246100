//! Addresses that are given out again, in one execution and from one to the next.

use super::explore;
use crate::explore::rc11::Model;
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::thread;
use std::ptr;
use std::sync::Arc;

/// What one thread frees is what it is given next: ABA. The other compares with an address that was taken from the list,
/// and is in it again, with something else behind it.
#[test]
fn a_thread_is_given_again_what_it_has_freed() {
    let seen = explore(Model::Rc11, || {
        crate::rt::execution::begin();
        let top = Arc::new(AtomicPtr::new(Box::into_raw(Box::new(1_u64))));
        let other = {
            let top = Arc::clone(&top);
            thread::spawn(move || {
                let old = top.swap(ptr::null_mut(), Ordering::AcqRel);
                if !old.is_null() {
                    // SAFETY: it is this thread's alone.
                    drop(unsafe { Box::from_raw(old) });
                }
                let new = Box::into_raw(Box::new(2));
                assert!(old.is_null() || old == new, "it is the block that was freed last");
                top.store(new, Ordering::Release);
            })
        };
        let known = top.load(Ordering::Acquire);
        let taken = !known.is_null()
            && top.compare_exchange(known, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_ok();
        other.join().unwrap();
        let left = top.swap(ptr::null_mut(), Ordering::AcqRel);
        let value = |block: *mut u64| {
            // SAFETY: nothing else has it.
            (!block.is_null()).then(|| *unsafe { Box::from_raw(block) })
        };
        if taken { (value(known), value(left)) } else { (None, value(left)) }
    });
    let outcomes: Vec<_> = seen.outcomes.keys().copied().collect();
    assert_eq!(outcomes, [(None, Some(2)), (Some(1), Some(2)), (Some(2), None)], "{seen:?}");
    // Nothing is there; 1 is, and is taken, is gone by then, or is 2 by then; 2 is there.
    assert_eq!((seen.complete, seen.unseen), (5, 0), "{seen:?}");
}

/// What another has freed is not, in whatever order they run: nor does a graph that is followed again go otherwise.
#[test]
fn no_thread_is_given_what_another_has_freed() {
    let seen = explore(Model::Rc11, || {
        crate::rt::execution::begin();
        let (freed, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let block = Box::new([7_u64; 6]);
        let first = {
            let (freed, counted) = (Arc::clone(&freed), Arc::clone(&counted));
            thread::spawn(move || {
                let address = (&raw const *block).addr();
                counted.fetch_add(1, Ordering::Relaxed);
                drop(block);
                freed.store(address, Ordering::Release);
                counted.fetch_add(1, Ordering::Relaxed);
            })
        };
        counted.fetch_add(1, Ordering::Relaxed);
        let address = freed.load(Ordering::Acquire);
        let mine = Box::new([8_u64; 6]);
        // Whether these are the same decides what is executed.
        if address == (&raw const *mine).addr() {
            counted.fetch_add(10, Ordering::Relaxed);
        }
        counted.fetch_add(1, Ordering::Relaxed);
        first.join().unwrap();
        (address != 0, counted.load(Ordering::Relaxed))
    });
    let outcomes: Vec<_> = seen.outcomes.keys().copied().collect();
    assert_eq!(outcomes, [(false, 4), (true, 4)], "{seen:?}");
    // Two of one thread and two of the other on one location, with the look among them.
    assert!(seen.complete > 6 && seen.unseen == 0, "{seen:?}");
}

/// Requests of all kinds, of all sizes, as in any program.
#[test]
fn memory_holds_what_was_written() {
    let seen = explore(Model::Rc11, || {
        crate::rt::execution::begin();
        let fill = |bytes: &mut Vec<u8>, seed: usize| {
            (0..97).for_each(|at| bytes.push(u8::try_from((seed + at) % 251).expect("a byte")));
        };
        let act = move |seed: usize| {
            let mut kept = Vec::new();
            for round in 0..40 {
                let mut bytes = Vec::with_capacity(round % 7);
                (0..round % 24).for_each(|part| fill(&mut bytes, seed + part));
                let zeroed = vec![0_u8; round * 53 + 1];
                assert!(zeroed.iter().all(|byte| *byte == 0));
                kept.push((bytes, zeroed));
                if round % 3 == 0 {
                    kept.remove(round / 6);
                }
            }
            kept.iter().map(|(bytes, _)| bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>()).sum()
        };
        let word = Arc::new(AtomicUsize::new(0));
        let other = {
            let word = Arc::clone(&word);
            thread::spawn(move || {
                word.fetch_add(1, Ordering::Relaxed);
                let sum: usize = act(3);
                word.fetch_add(1, Ordering::Relaxed);
                sum
            })
        };
        word.fetch_add(1, Ordering::Relaxed);
        let mine: usize = act(5);
        (mine, other.join().unwrap())
    });
    assert_eq!((seen.outcomes.len(), seen.complete), (1, 3), "{seen:?}");
}
