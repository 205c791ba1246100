//! SeqCst in the wild: on one side only, or on the wrong operation.

use selvedge::prelude::*;

selvedge::scenario!(half_seqcst);

type Flags = [AtomicU32; 2];

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn half_seqcst() -> Scenario<(u32, u32)> {
    Scenario::new("Two actors raise a flag each and look at the other's, with SeqCst on some of the operations. Can both find it down?")
        .forbidden("neither saw the other", |&seen| seen == (0, 0))
        .acceptable("one saw the other at least", |_| true)
        .design("SeqCst stores, acquire loads", half(SeqCst, Acquire))
        .design("release stores, SeqCst loads", half(Release, SeqCst))
        .design(
            "raised by an AcqRel swap",
            both(|mine, other| {
                mine.swap(1, AcqRel);
                other.load(Acquire)
            })
            .expect(Forbidden)
            .expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "looked at by an AcqRel fetch_add of 0",
            both(|mine, other| {
                mine.store(1, Relaxed);
                other.fetch_add(0, AcqRel)
            })
            .expect(Forbidden)
            .expect_on(Loom, Safe, "loom's read-modify-writes read the newest write of all; the language does not demand it")
            .expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "a SeqCst fence between",
            both(|mine, other| {
                mine.store(1, Relaxed);
                fence(SeqCst);
                other.load(Relaxed)
            })
            .expect(Safe),
        )
        .in_practice(
            "SeqCst is a property of a set of operations: both the write and the read, on every side. On x86 a swap is a \
             full barrier, whatever its ordering says, and the mistake stays hidden until ARM. The fence is \
             easier to get right, and to see in review.",
        )
}

fn half(store: Ordering, load: Ordering) -> Design<Flags, u32, (u32, u32)> {
    both(move |mine, other| {
        mine.store(1, store);
        other.load(load)
    })
    .expect(Forbidden)
    .expect_on(Shuttle, Safe, SHUTTLE_IS_SC)
}

fn both(
    enter: impl Fn(&AtomicU32, &AtomicU32) -> u32 + Copy + Send + Sync + 'static,
) -> Design<Flags, u32, (u32, u32)> {
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |[a, b]| enter(a, b))
        .actor("B", move |[a, b]| enter(b, a))
        .observe(|_, saw| (saw[0], saw[1]))
}
