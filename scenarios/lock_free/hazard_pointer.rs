//! Hazard pointers (Michael, IEEE TPDS 15, 2004): the fence on either side.

use selvedge::prelude::*;

selvedge::scenario!(hazard_pointer);

/// No object is protected; objects are numbered from 1.
const NONE: usize = 0;

struct Shared {
    hazard: AtomicUsize,
    current: AtomicUsize,
    objects: [Plain<u32>; 3],
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn hazard_pointer() -> Scenario<Option<u32>> {
    Scenario::new("A reader announces the object that it is going to read and looks again whether it is still there; a writer replaces it and destroys it unless announced. Is it ever read while it is destroyed?")
        .acceptable("it had been replaced, and was not read", Option::is_none)
        .acceptable("a living object was read", |&seen| seen == Some(7))
        .forbidden("a destroyed object was read", |_| true)
        .design("a SeqCst fence on both sides", protecting([|| fence(SeqCst), || fence(SeqCst)], true).expect(Safe))
        .design("no fence in the reader", protecting([|| (), || fence(SeqCst)], true).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("no fence in the writer", protecting([|| fence(SeqCst), || ()], true).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("no second look", protecting([|| fence(SeqCst), || fence(SeqCst)], false).expect(DataRace))
        .in_practice(
            "announce, fence, look again; unlink, fence, look for announcements. Either fence alone is none. The second look is \
             what makes the announcement count: before it, the object may be gone already.",
        )
}

fn protecting([reading, writing]: [fn(); 2], looks_again: bool) -> Design<Shared, Option<u32>, Option<u32>> {
    Design::new(|| Shared {
        hazard: AtomicUsize::new(NONE),
        current: AtomicUsize::new(1),
        objects: [7, 7, 7].map(Plain::new),
    })
    .actor("reader", move |shared| {
        let object = shared.current.load(Acquire);
        shared.hazard.store(object, Relaxed);
        reading();
        let is_there = !looks_again || shared.current.load(Acquire) == object;
        let seen = is_there.then(|| shared.objects[object].get());
        shared.hazard.store(NONE, Release);
        seen
    })
    .actor("writer", move |shared| {
        shared.current.store(2, Release);
        writing();
        if shared.hazard.load(Acquire) != 1 {
            shared.objects[1].set(0);
        }
        None
    })
    .observe(|_, seen| seen[0])
}
