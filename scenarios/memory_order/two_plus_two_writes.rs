//! 2+2W: two words, two writers in opposite order.

use selvedge::prelude::*;

selvedge::scenario!(two_plus_two_writes);

type Words = [AtomicU32; 2];

fn two_plus_two_writes() -> Scenario<(u32, u32)> {
    Scenario::new("A writes x = 1, y = 2; B writes y = 1, x = 2. Can both first writes be the last ones in the end?")
        .forbidden("both first writes prevailed", |&end| end == (1, 1))
        .acceptable("one of the second writes prevailed at least", |_| true)
        .design(
            "relaxed",
            writing(Relaxed)
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design(
            "release",
            writing(Release)
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design("SeqCst", writing(SeqCst).expect(Safe).expect_on(
                Loom,
                Forbidden,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ))
        .in_practice(
            "release orders nothing where nobody reads. Two words that must change together want one lock, or one \
             wider word.",
        )
}

fn writing(store: Ordering) -> Design<Words, (), (u32, u32)> {
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |[x, y]| {
            x.store(1, store);
            y.store(2, store);
        })
        .actor("B", move |[x, y]| {
            y.store(1, store);
            x.store(2, store);
        })
        .observe(|[x, y], _| (x.load(Relaxed), y.load(Relaxed)))
}
