//! Designs that take long, and designs that never end.

use selvedge::prelude::*;
use std::time::Duration;

selvedge::scenario!(slow);

fn nap(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn counting(act: impl Fn(&AtomicU32) + Clone + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0)).actors(2, act).observe(|n, _| n.load(Relaxed))
}

fn slow() -> Scenario<u32> {
    static HELD: std::sync::Mutex<u32> = std::sync::Mutex::new(0);
    Scenario::new("Is what takes long told from what never ends?")
        .acceptable("whatever", |_| true)
        .design("sleeps ten seconds", counting(|n| {
            n.fetch_add(1, Relaxed);
            nap(10_000);
        }))
        .design("three operations of 400 ms", counting(|n| {
            for _ in 0..3 {
                n.fetch_add(1, Relaxed);
                nap(400);
            }
        }))
        .design("spins on an atomic", counting(|n| {
            while n.load(Relaxed) != 7 {
                std::hint::spin_loop();
            }
        }))
        .design("yields for ever", counting(|n| {
            while n.load(Relaxed) != 7 {
                selvedge::thread::yield_now();
            }
        }))
        .design("counts to five thousand", counting(|n| {
            for _ in 0..5_000 {
                n.fetch_add(1, Relaxed);
            }
        }))
        .design("counts for ever", counting(|n| loop {
            n.fetch_add(1, Relaxed);
        }))
        .design("waits and yields", Design::new(|| AtomicU32::new(0))
            .actor("A", |n| n.store(1, Release))
            .actor("B", |n| {
                while n.load(Acquire) == 0 {
                    selvedge::thread::yield_now();
                }
            })
            .observe(|n, _| n.load(Relaxed)))
        .design("a lock of std across an operation", counting(|n| {
            let mut held = HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            n.fetch_add(1, Relaxed);
            *held += 1;
            n.fetch_add(1, Relaxed);
        }))
        .design("waits for a lock of std for ever", counting(|n| {
            n.fetch_add(1, Relaxed);
            let held = std::sync::Mutex::new(());
            let _one = held.lock();
            let (sender, receiver) = std::sync::mpsc::channel::<()>();
            let _never = receiver.recv();
            drop(sender);
        }))
}
