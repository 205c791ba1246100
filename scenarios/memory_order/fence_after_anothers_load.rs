//! An acquire fence picks up what its own thread has read, and nothing that another has.

use selvedge::prelude::*;

selvedge::scenario!(fence_after_anothers_load);

struct Words {
    payload: Plain<u32>,
    first: AtomicU32,
    second: AtomicU32,
}

fn fence_after_anothers_load() -> Scenario<Option<u32>> {
    Scenario::new("A releases a payload, B reads that relaxed and releases on, C acquires B's word and adds an acquire fence. Has the payload arrived?")
        .acceptable("no signal yet", Option::is_none)
        .acceptable("the payload arrived", |&seen| seen == Some(42))
        .forbidden("the signal arrived without the payload", |_| true)
        .design(
            "relaxed load in B, fence in C",
            passed_on(Relaxed, || (), || fence(Acquire)).expect(DataRace).expect_on(
                Loom,
                Safe,
                "loom's acquire fences also pick up what other threads have read; the language has a data race here",
            ),
        )
        .design("relaxed load in B, no fence", passed_on(Relaxed, || (), || ()).expect(DataRace))
        .design("relaxed load and fence in B", passed_on(Relaxed, || fence(Acquire), || ()).expect(Safe))
        .design("acquire load in B", passed_on(Acquire, || (), || ()).expect(Safe))
        .in_practice("put the fence where the relaxed load is: in the thread that read, between its load and its next release.")
}

fn passed_on(load: Ordering, in_b: fn(), in_c: fn()) -> Design<Words, Option<u32>, Option<u32>> {
    Design::new(|| Words { payload: Plain::new(0), first: AtomicU32::new(0), second: AtomicU32::new(0) })
        .actor("A", |words| {
            words.payload.set(42);
            words.first.store(1, Release);
            None
        })
        .actor("B", move |words| {
            if words.first.load(load) == 1 {
                in_b();
                words.second.store(1, Release);
            }
            None
        })
        .actor("C", move |words| {
            (words.second.load(Acquire) == 1).then(|| {
                in_c();
                words.payload.get()
            })
        })
        .observe(|_, saw| saw[2])
}
