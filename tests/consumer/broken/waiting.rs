//! Designs that wait for ever where it is easy to lose sight of them.

use selvedge::channel::unbounded;
use selvedge::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

selvedge::scenario!(waiting);

/// Locks when it is dropped.
struct Locks<'a>(&'a Mutex<u32>);

impl Drop for Locks<'_> {
    fn drop(&mut self) {
        drop(self.0.lock());
    }
}

/// Panics with something in its hands that locks when it is dropped.
fn panic_locking(mutex: &Mutex<u32>) {
    let _locks = Locks(mutex);
    panic!("unwind");
}

fn two_mutexes() -> (Mutex<u32>, Mutex<u32>) {
    (Mutex::new(0), Mutex::new(0))
}

fn waiting() -> Scenario<u32> {
    Scenario::new("Is anybody left waiting?")
        .acceptable("nobody", |_| true)
        .design(
            "left by the main thread",
            Design::new(|| ())
                .actor("A", |()| {
                    let (sender, receiver) = unbounded::<u32>();
                    std::mem::forget(sender);
                    thread::spawn(move || receiver.recv());
                })
                .observe(|(), _| 0)
                .expect(Deadlock),
        )
        .design(
            "not left by the main thread",
            Design::new(|| ())
                .actor("A", |()| {
                    let (sender, receiver) = unbounded::<u32>();
                    drop(sender);
                    thread::spawn(move || receiver.recv());
                })
                .observe(|(), _| 0),
        )
        .design(
            "for itself",
            Design::new(|| Mutex::new(0))
                .actor("A", |mutex| {
                    let _held = mutex.lock();
                    drop(mutex.lock());
                })
                .observe(|_, _| 0)
                .expect(Deadlock),
        )
        .design(
            "for one that has ended",
            Design::new(|| Mutex::new(0))
                .actor("A", |mutex| std::mem::forget(mutex.lock()))
                .actor("B", |mutex| drop(mutex.lock()))
                .observe(|_, _| 0)
                .expect(Deadlock),
        )
        .design(
            "the main thread",
            Design::new(|| Mutex::new(0))
                .actor("A", |mutex| std::mem::forget(mutex.lock()))
                .observe(|mutex, _| mutex.lock().map_or(0, |count| *count))
                .expect(Deadlock),
        )
        .design(
            "in a destructor of one that panics",
            Design::new(two_mutexes)
                .actor("A", |(a, b)| {
                    let _held = a.lock();
                    panic_locking(b);
                })
                .actor("B", |(a, b)| {
                    let _held = b.lock();
                    drop(a.lock());
                })
                .observe(|_, _| 0)
                .expect(Crash),
        )
        .design(
            "in a destructor of one that catches its panic",
            Design::new(two_mutexes)
                .actor("A", |(a, b)| {
                    let _held = a.lock();
                    let _caught = catch_unwind(AssertUnwindSafe(|| panic_locking(b)));
                })
                .actor("B", |(a, b)| {
                    let _held = b.lock();
                    drop(a.lock());
                })
                .observe(|_, _| 0)
                .not_on(
                    Loom,
                    "its executions do not end where a thread that unwinds is one of those that wait",
                )
                .expect(Deadlock),
        )
        .design(
            "in one order, and catches its panic",
            Design::new(two_mutexes)
                .actor("A", |(a, b)| {
                    let _held = a.lock();
                    let _caught = catch_unwind(AssertUnwindSafe(|| panic_locking(b)));
                })
                .actor("B", |(a, b)| {
                    let _held = a.lock();
                    drop(b.lock());
                })
                .observe(|_, _| 0),
        )
}
