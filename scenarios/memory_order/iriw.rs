//! IRIW: independent reads of independent writes (Boehm and Adve, PLDI 2008, figure 4).

use selvedge::prelude::*;

selvedge::scenario!(iriw);

type Words = [AtomicU32; 2];
/// What each reader saw, first and second word in the order in which it looked.
type Seen = ((u32, u32), (u32, u32));

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn iriw() -> Scenario<Seen> {
    Scenario::new("Two actors write a word each; two others read both, in opposite order. Can the readers disagree about which write came first?")
        .forbidden("one saw only the first write, the other only the second", |&seen| seen == ((1, 0), (1, 0)))
        .acceptable("one order explains what both saw", |_| true)
        .design(
            "release and acquire",
            reading(Release, Acquire, || ()).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "SeqCst",
            reading(SeqCst, SeqCst, || ()).expect(Safe).expect_on(
                Loom,
                Forbidden,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design("relaxed and SeqCst fences between the reads", reading(Relaxed, Relaxed, || fence(SeqCst)).expect(Safe))
        .in_practice(
            "release and acquire order what one actor did, not what two did independently. Where several \
             observers must agree on one order, use SeqCst for every access concerned, or one lock.",
        )
}

fn reading(store: Ordering, load: Ordering, between: fn()) -> Design<Words, (u32, u32), Seen> {
    let read = move |words: &Words, first: usize| {
        let seen = words[first].load(load);
        between();
        (seen, words[1 - first].load(load))
    };
    let write = move |words: &Words, word: usize| {
        words[word].store(1, store);
        (0, 0)
    };
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("writes x", move |words| write(words, 0))
        .actor("writes y", move |words| write(words, 1))
        .actor("reads x, y", move |words| read(words, 0))
        .actor("reads y, x", move |words| read(words, 1))
        .observe(|_, saw| (saw[2], saw[3]))
}
