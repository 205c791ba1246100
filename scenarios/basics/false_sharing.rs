//! Two variables that have nothing to do with each other but the cache line that they lie on.

use selvedge::prelude::*;

selvedge::scenario!(false_sharing);

/// A counter on a line of its own, on hardware whose lines have up to 128 bytes.
#[repr(align(128))]
struct Apart(AtomicU32);

fn false_sharing() -> Scenario<(u32, u32)> {
    Scenario::new("Two actors count twice each, in counters side by side. Does the one disturb the other?")
        .acceptable("both counted to two", |&counts| counts == (2, 2))
        .forbidden("a count was lost", |_| true)
        .design(
            "side by side on one cache line",
            Design::new(|| [0, 0].map(AtomicU32::new))
                .actor("A", |[a, _]: &[AtomicU32; 2]| count(a))
                .actor("B", |[_, b]| count(b))
                .observe(|[a, b], _| (a.load(Relaxed), b.load(Relaxed)))
                .expect(Safe),
        )
        .design(
            "a cache line each",
            Design::new(|| [0, 0].map(|zero| Apart(AtomicU32::new(zero))))
                .actor("A", |[a, _]: &[Apart; 2]| count(&a.0))
                .actor("B", |[_, b]| count(&b.0))
                .observe(|[a, b], _| (a.0.load(Relaxed), b.0.load(Relaxed)))
                .expect(Safe),
        )
        .in_practice(
            "never for the result, always for the speed: the line travels between the cores as if the counters were one. \
             No checker can see that; `selvedge claims 2` measures it here. Give counters of different \
             threads lines of their own (crossbeam's CachePadded).",
        )
}

fn count(counter: &AtomicU32) {
    for _ in 0..2 {
        counter.fetch_add(1, Relaxed);
    }
}
