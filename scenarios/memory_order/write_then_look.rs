//! R: a write that prevails, and a look that misses what came before it.

use selvedge::prelude::*;

selvedge::scenario!(write_then_look);

type Words = [AtomicU32; 2];
/// What B saw of x, and what y was in the end.
type Seen = (u32, u32);

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn write_then_look() -> Scenario<Seen> {
    Scenario::new("A writes x = 1, y = 1; B writes y = 2 and looks at x. If B's write prevails, can it miss A's first?")
        .forbidden("B's write came last, and B did not see what A wrote before", |&seen| seen == (0, 2))
        .acceptable("one order explains it", |_| true)
        .design(
            "release and acquire",
            looking(Release, Acquire, || ()).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "SeqCst",
            looking(SeqCst, SeqCst, || ()).expect(Safe).expect_on(
                Loom,
                Forbidden,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design("relaxed and SeqCst fences", looking(Relaxed, Relaxed, || fence(SeqCst)).expect(Safe))
        .in_practice(
            "the last write to a word says nothing about other words. Decide by what a read-modify-write returns, \
             not by who wrote last.",
        )
}

fn looking(store: Ordering, load: Ordering, between: fn()) -> Design<Words, u32, Seen> {
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |[x, y]| {
            x.store(1, store);
            between();
            y.store(1, store);
            0
        })
        .actor("B", move |[x, y]| {
            y.store(2, store);
            between();
            x.load(load)
        })
        .observe(|[_, y], saw| (saw[1], y.load(Relaxed)))
}
