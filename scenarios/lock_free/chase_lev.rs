//! The deque of Chase and Lev (SPAA 2005), with the fences of Lê and others (PPoPP 2013), two items in it.

use selvedge::prelude::*;

selvedge::scenario!(chase_lev);

struct Deque {
    top: AtomicI32,
    bottom: AtomicI32,
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

const TOO_FAR: &str = "a take and two steals are more than loom can search in a normal budget";

/// How many items the owner took, the thief stole, and how many are left.
type Shares = (i32, i32, i32);

fn chase_lev() -> Scenario<Shares> {
    Scenario::new("Two items lie in a deque. The owner takes one, a thief steals twice. Is an item ever had by both?")
        .forbidden("more was had than there was", |&(took, stole, _)| took + stole > 2)
        .acceptable("each item once", |&(took, stole, left)| took + stole + left == 2)
        .forbidden("an item was lost", |_| true)
        .design("a SeqCst fence in take and in steal", stealing([|| fence(SeqCst), || fence(SeqCst)]).expect(Safe))
        .design("no fence in take", stealing([|| (), || fence(SeqCst)]).expect(Forbidden).not_on(Loom, TOO_FAR).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("no fence in steal", stealing([|| fence(SeqCst), || ()]).expect(Forbidden).not_on(Loom, TOO_FAR).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .in_practice(
            "the owner lowers the bottom and then looks at the top, the thief looks at the top and then at the bottom: each \
             needs a full fence between. On x86 the thief's is free, the owner's is not. Use crossbeam-deque.",
        )
}

fn take(deque: &Deque, between: fn()) -> i32 {
    let bottom = deque.bottom.load(Relaxed) - 1;
    deque.bottom.store(bottom, Relaxed);
    between();
    let top = deque.top.load(Relaxed);
    if top < bottom {
        return 1;
    }
    let took = top == bottom && deque.top.compare_exchange(top, top + 1, SeqCst, Relaxed).is_ok();
    deque.bottom.store(bottom + 1, Relaxed);
    i32::from(took)
}

fn steal(deque: &Deque, between: fn()) -> i32 {
    let top = deque.top.load(Acquire);
    between();
    let bottom = deque.bottom.load(Acquire);
    i32::from(top < bottom && deque.top.compare_exchange(top, top + 1, SeqCst, Relaxed).is_ok())
}

fn stealing([taking, stolen]: [fn(); 2]) -> Design<Deque, i32, Shares> {
    Design::new(|| Deque { top: AtomicI32::new(0), bottom: AtomicI32::new(2) })
        .actor("owner", move |deque| take(deque, taking))
        .actor("thief", move |deque| steal(deque, stolen) + steal(deque, stolen))
        .observe(|deque, had| {
            let left = deque.bottom.load(Relaxed) - deque.top.load(Relaxed);
            (had[0], had[1], left)
        })
}
