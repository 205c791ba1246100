//! A read-modify-write and a plain store of one word.

use selvedge::prelude::*;

selvedge::scenario!(rmw_beside_store);

/// What the adder found, and what was left.
type Seen = (u32, u32);

const SPLIT: &str =
    "loom lets a plain store come between the two halves of a read-modify-write; the language does not";

fn rmw_beside_store() -> Scenario<Seen> {
    Scenario::new("One adds 1 to a word while another sets it to 10. Is the 10 ever lost?")
        .acceptable("added, then set", |&seen| seen == (0, 10))
        .acceptable("set, then added", |&seen| seen == (10, 11))
        .forbidden("the 10 was lost", |_| true)
        .design(
            "load, then store",
            set_beside(|word| {
                let found = word.load(Relaxed);
                word.store(found + 1, Relaxed);
                found
            })
            .expect(Forbidden),
        )
        .design(
            "fetch_add",
            set_beside(|word| word.fetch_add(1, Relaxed)).expect(Safe).expect_on(Loom, Forbidden, SPLIT),
        )
        .design(
            "compare-exchange loop",
            set_beside(|word| {
                let mut found = word.load(Relaxed);
                while let Err(newer) = word.compare_exchange(found, found + 1, Relaxed, Relaxed) {
                    found = newer;
                }
                found
            })
            .expect(Safe)
            .expect_on(Loom, Forbidden, SPLIT),
        )
        .in_practice(
            "nothing comes between the two halves of a read-modify-write, not even a store that knows nothing of it. A \
             reset by store is safe beside fetch_add, as long as it may also undo an addition.",
        )
}

fn set_beside(add: impl Fn(&AtomicU32) -> u32 + Send + Sync + 'static) -> Design<AtomicU32, u32, Seen> {
    Design::new(|| AtomicU32::new(0))
        .actor("adds", add)
        .actor("sets", |word| {
            word.store(10, Relaxed);
            0
        })
        .observe(|word, found| (found[0], word.load(Relaxed)))
}
