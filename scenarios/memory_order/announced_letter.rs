//! A read-modify-write reads the newest value of its word, but newest does not mean newest of all that was told.

use selvedge::prelude::*;

selvedge::scenario!(announced_letter);

struct Post {
    letter: AtomicU32,
    announced: AtomicBool,
}

const NEWEST: &str =
    "loom's read-modify-writes, also those that fail, read the newest write of all; the language lets one come before";
const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn announced_letter() -> Scenario<Option<u32>> {
    Scenario::new("A lays a letter down and announces it, all relaxed; B, told of it, takes it by a read-modify-write. Can it find none?")
        .acceptable("nothing was announced yet", Option::is_none)
        .acceptable("it took the letter", |&taken| taken == Some(7))
        .forbidden("announced, and not there", |_| true)
        .design("taken by load", unordered(|letter| letter.load(Relaxed)))
        .design("taken by swap", unordered(|letter| letter.swap(0, AcqRel)).expect_on(Loom, Safe, NEWEST))
        .design("taken by fetch_add", unordered(|letter| letter.fetch_add(1, AcqRel)).expect_on(Loom, Safe, NEWEST))
        .design(
            "taken by compare_exchange",
            unordered(|letter| letter.compare_exchange(7, 0, AcqRel, Acquire).unwrap_or_else(|found| found))
                .expect_on(Loom, Safe, NEWEST),
        )
        .design(
            "announced by release, seen by acquire",
            posted(Release, Acquire, |letter| letter.swap(0, Relaxed)).expect(Safe),
        )
        .in_practice(
            "the ordering belongs on the announcement, not on the taking: release there, acquire where it is seen. An \
             AcqRel swap of the letter itself orders nothing that was announced elsewhere.",
        )
}

fn unordered(
    take: impl Fn(&AtomicU32) -> u32 + Send + Sync + 'static,
) -> Design<Post, Option<u32>, Option<u32>> {
    posted(Relaxed, Relaxed, take).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC)
}

fn posted(
    store: Ordering,
    load: Ordering,
    take: impl Fn(&AtomicU32) -> u32 + Send + Sync + 'static,
) -> Design<Post, Option<u32>, Option<u32>> {
    Design::new(|| Post { letter: AtomicU32::new(0), announced: AtomicBool::new(false) })
        .actor("A", move |post| {
            post.letter.store(7, Relaxed);
            post.announced.store(true, store);
            None
        })
        .actor("B", move |post| post.announced.load(load).then(|| take(&post.letter)))
        .observe(|_, taken| taken[1])
}
