//! Cells: making one and dropping one are accesses. What owns them: pointers, and `Arc`.

use super::Loom::Same;
use super::{Shared, pair, run, share};
use crate::cell::{Plain, UnsafeCell};
use crate::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicUsize, fence};
use crate::sync::{Arc, Weak};
use crate::thread;
use std::ptr::null_mut;

// Accesses.

fn read_between_yields(shared: &Shared) {
    thread::yield_now();
    shared.read();
    thread::yield_now();
}

pair!(
    two_reads_are_no_race,
    || share([read_between_yields, Shared::write]),
    || share([read_between_yields, read_between_yields]),
    Same,
);

/// A cell that the actors of a pair may access as they like: races are what the checkers are asked about.
struct Bare(UnsafeCell<u32>);

// SAFETY: in a model all threads are coroutines of one operating-system thread, and no thread uses the
// pointer that an access lends.
unsafe impl Sync for Bare {}

pair!(
    to_borrow_a_cell_mutably_is_to_write_it,
    || run(Bare(UnsafeCell::new(0)), [|bare| bare.0.with(|_| ()), |bare| bare.0.with_mut(|_| ())]),
    || run(
        Bare(UnsafeCell::new(0)),
        [|bare| bare.0.with(|_| thread::yield_now()), |bare| bare.0.with(|_| thread::yield_now()),]
    ),
    Same,
);

// Creation and drop.

/// A cell that one actor makes and another finds.
struct Published(AtomicPtr<Plain<u32>>);

impl Drop for Published {
    fn drop(&mut self) {
        let found = self.0.load(Relaxed);
        if !found.is_null() && !std::thread::panicking() {
            // SAFETY: made by `publish_a_cell`, and all actors have ended.
            drop(unsafe { Box::from_raw(found) });
        }
    }
}

fn publish_a_cell(published: &Published, order: Ordering) {
    published.0.store(Box::into_raw(Box::new(Plain::new(1))), order);
}

fn read_the_cell(published: &Published, order: Ordering) {
    let found = published.0.load(order);
    if !found.is_null() {
        // SAFETY: a cell that is found lives until both actors have ended.
        let _ = unsafe { &*found }.get();
    }
}

fn published() -> Published {
    Published(AtomicPtr::new(null_mut()))
}

pair!(
    to_make_a_cell_is_to_write_it,
    || run(published(), [|p| publish_a_cell(p, Relaxed), |p| read_the_cell(p, Acquire)]),
    || run(published(), [|p| publish_a_cell(p, Release), |p| read_the_cell(p, Acquire)]),
    Same,
);
pair!(
    to_find_a_cell_one_must_acquire,
    || run(published(), [|p| publish_a_cell(p, Release), |p| read_the_cell(p, Relaxed)]),
    || run(published(), [|p| publish_a_cell(p, Release), |p| read_the_cell(p, Acquire)]),
    Same,
);

/// A cell with two owners that count themselves.
struct Counted {
    owners: AtomicUsize,
    cell: AtomicPtr<Plain<u32>>,
}

fn counted() -> Counted {
    let cell = Box::into_raw(Box::new(Plain::new(1)));
    Counted { owners: AtomicUsize::new(2), cell: AtomicPtr::new(cell) }
}

/// Reads the cell and gives it up; the last owner drops it.
fn give_up(counted: &Counted, order: Ordering, last: fn()) {
    let cell = counted.cell.load(Relaxed);
    // SAFETY: an owner's cell lives until the last owner gives it up.
    let _ = unsafe { &*cell }.get();
    if counted.owners.fetch_sub(1, order) == 1 {
        last();
        // SAFETY: the last of both owners, so no thread uses the cell any more.
        drop(unsafe { Box::from_raw(cell) });
    }
}

pair!(
    to_drop_a_cell_is_to_write_it,
    || run(counted(), [|c| give_up(c, Relaxed, || ()), |c| give_up(c, Relaxed, || ())]),
    || run(counted(), [|c| give_up(c, AcqRel, || ()), |c| give_up(c, AcqRel, || ())]),
    Same,
);
pair!(
    the_last_owner_must_learn_what_the_others_did,
    || run(counted(), [|c| give_up(c, Release, || ()), |c| give_up(c, Release, || ())]),
    || run(
        counted(),
        [|c| give_up(c, Release, || fence(Acquire)), |c| give_up(c, Release, || fence(Acquire)),]
    ),
    Same,
);
pair!(
    the_other_owners_must_publish_what_they_did,
    || run(
        counted(),
        [|c| give_up(c, Relaxed, || fence(Acquire)), |c| give_up(c, Relaxed, || fence(Acquire)),]
    ),
    || run(counted(), [|c| give_up(c, Release, || fence(Acquire)), |c| give_up(c, AcqRel, || ()),]),
    Same,
);

// Arc.

/// Runs an actor with one pointer to the data and, on the main thread, one with another; both have the
/// flag.
fn own<A: Send + 'static, B>(pointers: fn() -> (A, B), mine: fn(A, &Shared), others: fn(B, &Shared)) {
    let shared = std::sync::Arc::new(Shared::new());
    let its = std::sync::Arc::clone(&shared);
    let (a, b) = pointers();
    let handle = thread::spawn(move || mine(a, &its));
    others(b, &shared);
    handle.join().expect("no panic");
}

fn read(cell: &Plain<u32>) {
    let _ = cell.get();
}

fn two_owners() -> (Arc<()>, Arc<()>) {
    let owner = Arc::new(());
    (Arc::clone(&owner), owner)
}

fn an_owner_and_a_weak_pointer() -> (Arc<()>, Weak<()>) {
    let owner = Arc::new(());
    let weak = Arc::downgrade(&owner);
    (owner, weak)
}

fn write_and_drop<P>(pointer: P, shared: &Shared) {
    shared.write();
    drop(pointer);
}

pair!(
    the_last_owner_drops_the_value_after_the_others_have_let_go,
    || {
        let owner = Arc::new(Plain::new(0));
        let other = Arc::clone(&owner);
        let handle = thread::spawn(move || other.set(1));
        owner.set(2);
        drop(owner);
        handle.join().expect("no panic");
    },
    || {
        let owner = Arc::new(Plain::new(0));
        let other = Arc::clone(&owner);
        let handle = thread::spawn(move || read(&other));
        read(&owner);
        drop(owner);
        handle.join().expect("no panic");
    },
    Same,
);
pair!(
    to_count_the_owners_orders_nothing,
    || own(two_owners, write_and_drop, |owner, s| if Arc::strong_count(&owner) == 1 {
        s.read();
    }),
    || own(two_owners, write_and_drop, |mut owner, s| if Arc::get_mut(&mut owner).is_some() {
        s.read();
    }),
    Same,
);
pair!(
    to_unwrap_an_arc_is_to_know_what_the_other_owners_did,
    || own(two_owners, write_and_drop, |owner, s| if Arc::try_unwrap(owner).is_err() {
        s.read();
    }),
    || own(two_owners, write_and_drop, |owner, s| if Arc::try_unwrap(owner).is_ok() {
        s.read();
    }),
    Same,
);
pair!(
    to_upgrade_in_vain_orders_nothing,
    || own(an_owner_and_a_weak_pointer, write_and_drop, |weak, s| if weak.upgrade().is_none() {
        s.read();
    }),
    || own(two_owners, write_and_drop, |owner, s| if Arc::into_inner(owner).is_some() {
        s.read();
    }),
    Same,
);
pair!(
    to_borrow_an_arc_mutably_in_vain_orders_nothing,
    || own(two_owners, write_and_drop, |mut owner, s| {
        let _weak = Arc::downgrade(&owner);
        if Arc::strong_count(&owner) == 1 && Arc::get_mut(&mut owner).is_none() {
            s.read();
        }
    }),
    || own(two_owners, write_and_drop, |mut owner, s| {
        if Arc::strong_count(&owner) == 1 && Arc::get_mut(&mut owner).is_some() {
            s.read();
        }
    }),
    Same,
);
pair!(
    a_weak_pointer_that_is_dropped_tells_the_last_owner_nothing,
    || own(
        || {
            let (owner, weak) = an_owner_and_a_weak_pointer();
            (weak, owner)
        },
        write_and_drop,
        |owner, s| if Arc::weak_count(&owner) == 0 && Arc::into_inner(owner).is_some() {
            s.read();
        },
    ),
    || own(
        || {
            let (owner, weak) = an_owner_and_a_weak_pointer();
            (weak, owner)
        },
        write_and_drop,
        |mut owner, s| if Arc::get_mut(&mut owner).is_some() {
            s.read();
        },
    ),
    Same,
);
