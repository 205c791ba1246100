//! S: a write that overtakes the one it was told about.

use selvedge::prelude::*;

selvedge::scenario!(overtaken_write);

type Words = [AtomicU32; 2];
/// Whether B was told, and what x was in the end.
type Seen = (u32, u32);

fn overtaken_write() -> Scenario<Seen> {
    Scenario::new("A writes x = 2 and tells B, who then writes x = 1. Can A's write prevail all the same?")
        .forbidden("B was told, and A's older write was the last", |&seen| seen == (1, 2))
        .acceptable("one order explains it", |_| true)
        .design(
            "relaxed",
            telling(Relaxed, Relaxed)
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design("release and acquire", telling(Release, Acquire).expect(Safe))
        .design("SeqCst", telling(SeqCst, SeqCst).expect(Safe))
        .in_practice("release and acquire order writes of one word as well as reads: a reset that was asked for comes last.")
}

fn telling(store: Ordering, load: Ordering) -> Design<Words, u32, Seen> {
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |[x, told]| {
            x.store(2, Relaxed);
            told.store(1, store);
            0
        })
        .actor("B", move |[x, told]| {
            let seen = told.load(load);
            x.store(1, Relaxed);
            seen
        })
        .observe(|[x, _], saw| (saw[1], x.load(Relaxed)))
}
