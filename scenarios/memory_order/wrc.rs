//! WRC: write to read causality, told on by one who only read.

use selvedge::prelude::*;

selvedge::scenario!(wrc);

struct Words {
    news: AtomicU32,
    told: AtomicU32,
}

/// What the teller saw, what the listener was told, and what it then saw itself.
type Seen = (u32, u32, u32);

fn wrc() -> Scenario<Seen> {
    Scenario::new("A writes news, B reads it and tells C that there is news. Can C, once told, still miss it?")
        .forbidden("C was told, and did not find the news", |&seen| seen == (1, 1, 0))
        .acceptable("who was told found it", |_| true)
        .design(
            "all relaxed",
            telling(Relaxed, Relaxed)
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design("release and acquire from B to C", telling(Release, Acquire).expect(Safe))
        .design("SeqCst from B to C", telling(SeqCst, SeqCst).expect(Safe))
        .in_practice(
            "what B has read happens before what C does, if B releases and C acquires: coherence then keeps C from \
             reading an older value of the news, though A's write was relaxed. That carries values of the one \
             word; memory that A wrote beside it needs A's release and B's acquire too.",
        )
}

fn telling(store: Ordering, load: Ordering) -> Design<Words, (u32, u32), Seen> {
    Design::new(|| Words { news: AtomicU32::new(0), told: AtomicU32::new(0) })
        .actor("A", |words| {
            words.news.store(1, Relaxed);
            (0, 0)
        })
        .actor("B", move |words| {
            let seen = words.news.load(Relaxed);
            if seen == 1 {
                words.told.store(1, store);
            }
            (seen, 0)
        })
        .actor("C", move |words| (words.told.load(load), words.news.load(Relaxed)))
        .observe(|_, saw| (saw[1].0, saw[2].0, saw[2].1))
}
