//! Threads of `std` that use what belongs to an execution under a checker.

use selvedge::channel::unbounded;
use selvedge::prelude::*;
use selvedge::sync::RwLock;
use std::sync::OnceLock;

selvedge::scenario!(foreign);

/// Actors that each let a thread of `std` use the state, and ask for no result.
fn elsewhere<S: Send + Sync + 'static>(
    state: impl Fn() -> S + Send + Sync + 'static,
    act: impl Fn(&S) + Clone + Send + Sync + 'static,
) -> Design<S, (), u32> {
    Design::new(state)
        .actors(2, move |state| {
            std::thread::scope(|scope| {
                // Whether it has panicked is swallowed.
                let _swallowed = scope.spawn(|| act(state)).join();
            });
        })
        .observe(|_, _| 0)
}

fn foreign() -> Scenario<u32> {
    static COUNTER: OnceLock<AtomicU32> = OnceLock::new();
    static LOCK: OnceLock<Mutex<u32>> = OnceLock::new();
    static GROWN: OnceLock<AtomicU32> = OnceLock::new();
    Scenario::new("Is a design whose threads no checker sees ever called safe?")
        .acceptable("whatever", |_| true)
        .design("an atomic", elsewhere(|| AtomicU32::new(0), |n| {
            n.fetch_add(1, Relaxed);
        }))
        .design("a load", elsewhere(|| AtomicU32::new(0), |n| {
            n.load(Relaxed);
        }))
        .design("a mutex", elsewhere(|| Mutex::new(0), |n| *n.lock().unwrap() += 1))
        .design("a lock for readers", elsewhere(|| RwLock::new(0), |n| *n.write().unwrap() += 1))
        .design("a channel", elsewhere(unbounded::<u32>, |(sender, receiver)| {
            let _sent = sender.send(1);
            let _received = receiver.try_recv();
        }))
        .design("plain memory", elsewhere(|| Plain::new(0), |n| n.set(n.get() + 1)))
        .design("an atomic beside one that is seen", Design::new(|| (AtomicU32::new(0), AtomicU32::new(0)))
            .actors(2, |(seen, unseen)| {
                seen.fetch_add(1, Relaxed);
                std::thread::scope(|scope| {
                    let add = || {
                        unseen.store(unseen.load(Relaxed) + 1, Relaxed);
                    };
                    let _swallowed = scope.spawn(add).join();
                });
            })
            .observe(|_, _| 0))
        .design("a mutex, by a thread that has run a model", elsewhere(|| Mutex::new(0), |n| {
            let model = || selvedge::model(|| _ = AtomicU32::new(0).load(Relaxed));
            let _passed = std::panic::catch_unwind(model);
            *n.lock().unwrap() += 1;
        }))
        .design("a permit", Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                let me = selvedge::thread::current();
                let _swallowed = std::thread::spawn(move || me.unpark()).join();
            })
            .observe(|_, _| 0))
        .design("a join", Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                let child = selvedge::thread::spawn(|| ());
                let _swallowed = std::thread::spawn(move || child.join().is_ok()).join();
            })
            .observe(|_, _| 0))
        .design("the drop of a sender", Design::new(unbounded::<u32>)
            .actors(2, |(sender, _)| {
                let sender = sender.clone();
                let _dropped = std::thread::spawn(move || drop(sender)).join();
            })
            .observe(|_, _| 0))
        .design("the drop of an owner", Design::new(|| selvedge::sync::Arc::new(AtomicU32::new(0)))
            .actors(2, |n| {
                let owner = selvedge::sync::Arc::clone(n);
                let _dropped = std::thread::spawn(move || drop(owner)).join();
            })
            .observe(|_, _| 0))
        .design("an atomic in a static", Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                COUNTER.get_or_init(|| AtomicU32::new(0)).fetch_add(1, Relaxed);
            })
            .observe(|_, _| 0))
        .design("a mutex in a static", Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                *LOCK.get_or_init(|| Mutex::new(0)).lock().unwrap() += 1;
            })
            .observe(|_, _| 0))
        .design("an atomic that the state keeps in a static", Design::new(|| {
                GROWN.get_or_init(|| AtomicU32::new(0));
                AtomicU32::new(0)
            })
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
                GROWN.get().unwrap().store(1, Relaxed);
            })
            .observe(|_, _| 0))
}
