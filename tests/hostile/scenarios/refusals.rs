//! What loom and shuttle refuse, and a scenario whose page is damaged.

use selvedge::prelude::*;

selvedge::scenario!(refusals);
selvedge::scenario!(damaged);

fn refusals() -> Scenario<u32> {
    Scenario::new("Is what a checker refuses told by its name?")
        .acceptable("whatever", |_| true)
        .design("reads while it reads", Design::new(|| RwLock::new(1))
            .actor("A", |lock| {
                let one = lock.read().unwrap();
                let _other = lock.read().unwrap();
                assert_eq!(*one, 1);
            })
            .actor("B", |lock| *lock.write().unwrap() = 1)
            .observe(|lock, _| *lock.read().unwrap()))
}

/// Its page is damaged: see the tests of damaged files.
fn damaged() -> Scenario<u32> {
    Scenario::new("Is a page that is no text left alone?").acceptable("both", |&n| n == 2).design(
        "fetch_add",
        Design::new(|| AtomicU32::new(0))
            .actors(2, |n| {
                n.fetch_add(1, Relaxed);
            })
            .observe(|n, _| n.load(Relaxed)),
    )
}
