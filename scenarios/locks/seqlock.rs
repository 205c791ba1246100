//! A sequence lock, and the mistakes of Boehm, "Can seqlocks get along with programming language memory models?"
//! (MSPC 2012).

use selvedge::prelude::*;

selvedge::scenario!(seqlock);

struct Versioned {
    version: AtomicU32,
    halves: [AtomicU32; 2],
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn seqlock() -> Scenario<Option<(u32, u32)>> {
    Scenario::new("A writer changes two words between two versions; a reader keeps what it read if the version was the same before and after. Is it ever torn?")
        .acceptable("the reader would try again", Option::is_none)
        .acceptable("all old or all new", |&seen| matches!(seen, Some((0, 0) | (1, 1))))
        .forbidden("half old, half new, and taken for good", |_| true)
        .design(
            "plain data",
            Design::new(|| (AtomicU32::new(0), Plain::new([0, 0])))
                .actor("writer", |(version, value): &(AtomicU32, Plain<[u32; 2]>)| {
                    version.store(1, Relaxed);
                    fence(Release);
                    value.set([1, 1]);
                    version.store(2, Release);
                    None
                })
                .actor("reader", |(version, value)| {
                    let before = version.load(Acquire);
                    let seen = value.get().into();
                    fence(Acquire);
                    (before.is_multiple_of(2) && version.load(Relaxed) == before).then_some(seen)
                })
                .observe(|_, saw| saw[1])
                .expect(DataRace),
        )
        .design("relaxed data, no fence in the reader", versioned(|| fence(Release), || ()).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("relaxed data, no fence in the writer", versioned(|| (), || fence(Acquire)).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("relaxed data and fences", versioned(|| fence(Release), || fence(Acquire)).expect(Safe))
        .in_practice(
            "the second look at the version must not come before the reads: an acquire load cannot say that, a fence before \
             it can. And the data must be atomic, if relaxed, since it is read while it is written. \
             Where readers are many and the value small, that is worth it; else use RwLock.",
        )
}

/// What the reader has read, if it kept it.
type Read = Option<(u32, u32)>;

/// The writer's fence after it has made the version odd, and the reader's before it looks at the version again.
fn versioned(writing: fn(), reading: fn()) -> Design<Versioned, Read, Read> {
    Design::new(|| Versioned { version: AtomicU32::new(0), halves: [0, 0].map(AtomicU32::new) })
        .actor("writer", move |value| {
            value.version.store(1, Relaxed);
            writing();
            value.halves.iter().for_each(|half| half.store(1, Relaxed));
            value.version.store(2, Release);
            None
        })
        .actor("reader", move |value| {
            let before = value.version.load(Acquire);
            let seen = (value.halves[0].load(Relaxed), value.halves[1].load(Relaxed));
            reading();
            (before.is_multiple_of(2) && value.version.load(Relaxed) == before).then_some(seen)
        })
        .observe(|_, saw| saw[1])
}
