//! CoRR and CoWW: what one word alone promises.

use selvedge::prelude::*;

selvedge::scenario!(coherence);

/// Two reads, one after the other, and what was left in the end.
type Seen = (u32, u32, u32);

fn coherence() -> Scenario<Seen> {
    Scenario::new("A writes 1 and then 2 into one word; B reads it twice. Does the word ever run backwards?")
        .forbidden("the later read saw the older value", |&(first, second, _)| first > second)
        .forbidden("the older write was the last", |&(.., end)| end != 2)
        .acceptable("forwards", |_| true)
        .design(
            "plain memory",
            Design::new(|| Plain::new(0))
                .actor("A", |word: &Plain<u32>| {
                    word.set(1);
                    word.set(2);
                    (0, 0)
                })
                .actor("B", |word| (word.get(), word.get()))
                .observe(|word, saw| (saw[1].0, saw[1].1, word.get()))
                .expect(DataRace),
        )
        .design("relaxed", with_orderings(Relaxed, Relaxed).expect(Safe))
        .design("SeqCst", with_orderings(SeqCst, SeqCst).expect(Safe))
        .design(
            "two copies of the word, relaxed",
            Design::new(|| [0, 0].map(AtomicU32::new))
                .actor("A", |copies: &[AtomicU32; 2]| {
                    copies.iter().for_each(|copy| copy.store(2, Relaxed));
                    (0, 0)
                })
                .actor("B", |[first, second]| {
                    let seen = second.load(Relaxed);
                    (seen, first.load(Relaxed))
                })
                .observe(|[first, _], saw| (saw[1].0, saw[1].1, first.load(Relaxed)))
                .expect(Forbidden)
                .expect_on(Shuttle, Safe, "shuttle's values are sequentially consistent"),
        )
        .in_practice(
            "a single atomic word has one order of writes that everyone agrees on, with any ordering: a counter that \
             is only ever looked at alone needs no more than Relaxed. The promise ends where there are two words.",
        )
}

fn with_orderings(store: Ordering, load: Ordering) -> Design<AtomicU32, (u32, u32), Seen> {
    Design::new(|| AtomicU32::new(0))
        .actor("A", move |word| {
            word.store(1, store);
            word.store(2, store);
            (0, 0)
        })
        .actor("B", move |word| (word.load(load), word.load(load)))
        .observe(|word, saw| (saw[1].0, saw[1].1, word.load(Relaxed)))
}
