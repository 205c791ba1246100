//! Designs that a checker cannot judge, and must not call safe.

use selvedge::prelude::*;

selvedge::scenario!(unseen);

fn unseen() -> Scenario<u32> {
    Scenario::new("What does a checker say of what it cannot see?")
        .acceptable("anything", |_| true)
        .design(
            "std::sync by mistake",
            Design::new(|| std::sync::atomic::AtomicU32::new(0))
                .actors(2, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed)),
        )
        .design(
            "waits without yielding",
            Design::new(|| AtomicU32::new(0))
                .actor("A", |n| while n.load(Relaxed) == 0 {})
                .actor("B", |n| n.store(1, Relaxed))
                .observe(|n, _| n.load(Relaxed)),
        )
        .design(
            "five actors",
            Design::new(|| AtomicU32::new(0))
                .actors(5, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed)),
        )
}
