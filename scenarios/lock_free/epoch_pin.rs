//! Epochs: a reader says that it is there before it looks.

use selvedge::prelude::*;

selvedge::scenario!(epoch_pin);

struct Shared {
    pinned: AtomicBool,
    current: AtomicUsize,
    objects: [Plain<u32>; 2],
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn epoch_pin() -> Scenario<u32> {
    Scenario::new("A reader pins itself, then follows a pointer; a writer replaces the pointer and destroys the old object if no reader is pinned. Is an object ever read while it is destroyed?")
        .acceptable("a living object was read", |&seen| seen == 7)
        .forbidden("a destroyed object was read", |_| true)
        .design("no fence", pinning(|| (), || ()).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a fence in the writer only", pinning(|| (), || fence(SeqCst)).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a SeqCst fence after pinning, and in the writer", pinning(|| fence(SeqCst), || fence(SeqCst)).expect(Safe))
        .in_practice(
            "to announce and then to look is store buffering: without a full fence after the pin the reader's look may come \
             first. crossbeam-epoch has that fence; it is most of what pinning costs.",
        )
}

fn pinning(pinned: fn(), replaced: fn()) -> Design<Shared, u32, u32> {
    Design::new(|| Shared {
        pinned: AtomicBool::new(false),
        current: AtomicUsize::new(0),
        objects: [7, 7].map(Plain::new),
    })
    .actor("reader", move |shared| {
        shared.pinned.store(true, Relaxed);
        pinned();
        let seen = shared.objects[shared.current.load(Acquire)].get();
        shared.pinned.store(false, Release);
        seen
    })
    .actor("writer", move |shared| {
        shared.current.store(1, Release);
        replaced();
        if !shared.pinned.load(Acquire) {
            shared.objects[0].set(0);
        }
        0
    })
    .observe(|_, seen| seen[0])
}
