//! Expectations that are not met.

use selvedge::prelude::*;

selvedge::scenario!(misjudged);

fn misjudged() -> Scenario<u32> {
    Scenario::new("What if the author of a scenario was wrong?")
        .acceptable("both counted", |&n| n == 2)
        .design(
            "safe, they said",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))
                .observe(|n, _| n.load(Relaxed))
                .expect(Safe),
        )
        .design(
            "broken, they said",
            Design::new(|| AtomicU32::new(0))
                .actors(2, |n| {
                    n.fetch_add(1, Relaxed);
                })
                .observe(|n, _| n.load(Relaxed))
                .expect(Forbidden),
        )
}
