//! What may come between a release store and the acquire load that reads after it.

use selvedge::prelude::*;

selvedge::scenario!(release_sequence);

struct Words {
    payload: Plain<u32>,
    flag: AtomicU32,
}

fn release_sequence() -> Scenario<Option<u32>> {
    Scenario::new("A publishes a payload with flag 1, B turns the flag from 1 to 2, C takes the payload at 2. Has it arrived?")
        .acceptable("the flag was not at 2 yet", Option::is_none)
        .acceptable("the payload arrived", |&seen| seen == Some(42))
        .forbidden("the flag was at 2, the payload was not there", |_| true)
        .design(
            "B: relaxed compare-exchange",
            turned(|flag| {
                flag.compare_exchange(1, 2, Relaxed, Relaxed).ok();
            })
            .expect(Safe),
        )
        .design(
            "B: relaxed load and relaxed store",
            turned(|flag| {
                if flag.load(Relaxed) == 1 {
                    flag.store(2, Relaxed);
                }
            })
            .expect(DataRace),
        )
        .design(
            "B: acquire load and release store",
            turned(|flag| {
                if flag.load(Acquire) == 1 {
                    flag.store(2, Release);
                }
            })
            .expect(Safe),
        )
        .in_practice(
            "a read-modify-write of any ordering continues the release sequence, so a reference count or a state word \
             may be changed with Relaxed by those who do not look at what it guards. A store cuts it; since \
             C++20 so does one by the thread that released.",
        )
}

fn turned(turn: impl Fn(&AtomicU32) + Send + Sync + 'static) -> Design<Words, Option<u32>, Option<u32>> {
    Design::new(|| Words { payload: Plain::new(0), flag: AtomicU32::new(0) })
        .actor("A", |words| {
            words.payload.set(42);
            words.flag.store(1, Release);
            None
        })
        .actor("B", move |words| {
            turn(&words.flag);
            None
        })
        .actor("C", |words| (words.flag.load(Acquire) == 2).then(|| words.payload.get()))
        .observe(|_, saw| saw[2])
}
