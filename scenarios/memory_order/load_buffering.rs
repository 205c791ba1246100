//! LB: each looks at what the other writes afterwards.

use selvedge::prelude::*;

selvedge::scenario!(load_buffering);

type Words = [AtomicU32; 2];

fn load_buffering() -> Scenario<(u32, u32)> {
    Scenario::new("Each of two actors reads the other's word and then writes 1 into its own. Can both read 1?")
        .acceptable("at most one saw the other's write", |&(a, b)| a + b < 2)
        .forbidden("both saw what was written after they had looked", |_| true)
        .design(
            "relaxed",
            looking(Relaxed, Relaxed, || ())
                .expect(Forbidden)
                .expect_on(Loom, Safe, "loom has no load buffering; the language allows it, and ARM shows it")
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .design("release and acquire", looking(Acquire, Release, || ()).expect(Safe))
        .design("relaxed and SeqCst fences", looking(Relaxed, Relaxed, || fence(SeqCst)).expect(Safe))
        .in_practice(
            "release and acquire are enough here, and x86 never shows the relaxed case at all: a test that \
             passes on it proves nothing for ARM. RC11 rules the relaxed case out, C++20 and Rust do not.",
        )
}

fn looking(load: Ordering, store: Ordering, between: fn()) -> Design<Words, u32, (u32, u32)> {
    let act = move |words: &Words, mine: usize| {
        let seen = words[1 - mine].load(load);
        between();
        words[mine].store(1, store);
        seen
    };
    Design::new(|| [0, 0].map(AtomicU32::new))
        .actor("A", move |words| act(words, 0))
        .actor("B", move |words| act(words, 1))
        .observe(|_, saw| (saw[0], saw[1]))
}
