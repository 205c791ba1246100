//! RWC: read to write causality, where acquire and release do not reach.

use selvedge::prelude::*;

selvedge::scenario!(rwc);

type Words = [AtomicU32; 2];
/// What B saw of A and of C, and what C saw of A.
type Seen = (u32, u32, u32);

fn rwc() -> Scenario<Seen> {
    Scenario::new("A writes x. B sees it, but not C's write to y. Can C, after its write, still miss A's?")
        .forbidden("B: A came before C; C: C came before A", |&seen| seen == (1, 0, 0))
        .acceptable("one order explains what both saw", |_| true)
        .design(
            "release and acquire",
            looking(Release, Acquire, || ())
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design(
            "SeqCst",
            looking(SeqCst, SeqCst, || ()).expect(Safe).expect_on(
                Loom,
                Forbidden,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design("relaxed and SeqCst fences in B and C", looking(Relaxed, Relaxed, || fence(SeqCst)).expect(Safe))
        .in_practice(
            "a write followed by a read of another word is what acquire and release never order. Where that is \
             needed, put a SeqCst fence between them, in every actor that does so.",
        )
}

fn looking(store: Ordering, load: Ordering, between: fn()) -> Design<Words, (u32, u32), Seen> {
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |[x, _]| {
            x.store(1, store);
            (0, 0)
        })
        .actor("B", move |[x, y]| {
            let seen = x.load(load);
            between();
            (seen, y.load(load))
        })
        .actor("C", move |[x, y]| {
            y.store(1, store);
            between();
            (x.load(load), 0)
        })
        .observe(|_, saw| (saw[1].0, saw[1].1, saw[2].0))
}
