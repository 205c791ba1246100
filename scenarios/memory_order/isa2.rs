//! ISA2: a payload handed over by way of a third (Sarkar and others, PLDI 2011).

use selvedge::prelude::*;

selvedge::scenario!(isa2);

struct Words {
    payload: Plain<u32>,
    first: AtomicU32,
    second: AtomicU32,
}

fn isa2() -> Scenario<Option<u32>> {
    Scenario::new("A fills in a payload and signals B; B signals C; C reads. Does the payload arrive by way of B?")
        .acceptable("no signal yet", Option::is_none)
        .acceptable("the payload arrived", |&seen| seen == Some(42))
        .forbidden("the signal arrived without the payload", |_| true)
        .design("release and acquire at each step", by_way_of_b([Release, Acquire, Release, Acquire]).expect(Safe))
        .design("B does not acquire", by_way_of_b([Release, Relaxed, Release, Acquire]).expect(DataRace))
        .design("B does not release", by_way_of_b([Release, Acquire, Relaxed, Acquire]).expect(DataRace))
        .design("C does not acquire", by_way_of_b([Release, Acquire, Release, Relaxed]).expect(DataRace))
        .in_practice(
            "synchronisation is transitive, but only along whole links: each one in the chain acquires what it was \
             told and releases what it tells. One relaxed link and the payload at the end is a data race.",
        )
}

/// The orderings of A's store, B's load, B's store and C's load.
fn by_way_of_b([signal, take, pass_on, end]: [Ordering; 4]) -> Design<Words, Option<u32>, Option<u32>> {
    Design::new(|| Words { payload: Plain::new(0), first: AtomicU32::new(0), second: AtomicU32::new(0) })
        .actor("A", move |words| {
            words.payload.set(42);
            words.first.store(1, signal);
            None
        })
        .actor("B", move |words| {
            if words.first.load(take) == 1 {
                words.second.store(1, pass_on);
            }
            None
        })
        .actor("C", move |words| (words.second.load(end) == 1).then(|| words.payload.get()))
        .observe(|_, saw| saw[2])
}
