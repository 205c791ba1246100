//! The entry of Dekker's algorithm (1962), with a critical section behind it.

use selvedge::prelude::*;

selvedge::scenario!(dekker);

struct Gate {
    wants: [AtomicBool; 2],
    count: Plain<u32>,
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

/// How many entered, and how many were counted.
type Counted = (usize, u32);

fn dekker() -> Scenario<Counted> {
    Scenario::new("Two actors each raise a flag and enter if the other's is down. Do both ever enter at once?")
        .acceptable("who entered was counted", |&(entered, counted)| entered == counted as usize)
        .forbidden("both were inside at once", |_| true)
        .design(
            "SeqCst",
            entering([SeqCst, SeqCst, SeqCst], [|| (), || ()]).expect(Safe).expect_on(
                Loom,
                DataRace,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design("release and acquire", entering([Release, Acquire, Release], [|| (), || ()]).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a fence on both sides", entering([Relaxed, Acquire, Release], [|| fence(SeqCst); 2]).expect(Safe))
        .design(
            "a fence on one side",
            entering([Relaxed, Acquire, Release], [|| fence(SeqCst), || ()]).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design("fences, and the flag lowered relaxed", entering([Relaxed, Acquire, Relaxed], [|| fence(SeqCst); 2]).expect(DataRace))
        .in_practice(
            "mutual exclusion by flags takes a SeqCst fence in both actors, and still a release when the flag comes down, so \
             that the next one sees the work. A fence on one side is none.",
        )
}

/// Raised, looked at and lowered with these orderings, and what stands between raising and looking.
fn entering([raise, look, lower]: [Ordering; 3], between: [fn(); 2]) -> Design<Gate, bool, Counted> {
    let enter = move |gate: &Gate, me: usize| {
        gate.wants[me].store(true, raise);
        between[me]();
        let enters = !gate.wants[1 - me].load(look);
        if enters {
            gate.count.set(gate.count.get() + 1);
        }
        gate.wants[me].store(false, lower);
        enters
    };
    Design::new(|| Gate { wants: [false; 2].map(AtomicBool::new), count: Plain::new(0) })
        .actor("A", move |gate| enter(gate, 0))
        .actor("B", move |gate| enter(gate, 1))
        .observe(|gate, entered| (entered.iter().filter(|entered| **entered).count(), gate.count.get()))
}
