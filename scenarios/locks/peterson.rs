//! Peterson's algorithm (1981), entered at the first try or not at all, with every fence that matters.

use selvedge::prelude::*;

selvedge::scenario!(peterson);

struct Gate {
    wants: [AtomicBool; 2],
    turn: AtomicUsize,
    count: Plain<u32>,
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

/// How many entered, and how many were counted.
type Counted = (usize, u32);

fn peterson() -> Scenario<Counted> {
    Scenario::new("Two actors each raise a flag, give the turn away, and enter unless the other wants in and has the turn. Do both ever enter at once?")
        .acceptable("who entered was counted", |&(entered, counted)| entered == counted as usize)
        .forbidden("both were inside at once", |_| true)
        .design(
            "SeqCst",
            entering([SeqCst, SeqCst], |_| ()).expect(Safe).expect_on(
                Loom,
                DataRace,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design("release and acquire", entering([Release, Acquire], |_| ()).expect(DataRace).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design(
            "a SeqCst fence before the look",
            entering([Release, Acquire], |place| {
                if place == Place::BeforeTheLook {
                    fence(SeqCst);
                }
            })
            .expect(DataRace)
            .expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "a SeqCst fence between flag and turn",
            entering([Release, Acquire], |place| {
                if place == Place::BetweenFlagAndTurn {
                    fence(SeqCst);
                }
            })
            .expect(DataRace)
            .expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design("a SeqCst fence in both places", entering([Release, Acquire], |_| fence(SeqCst)).expect(Safe))
        .in_practice(
            "the fence before the look is not enough: whose turn it is was decided by the last of two writes, and nothing \
             orders the flag before that but a second fence, or a swap of the turn. Such algorithms are for \
             understanding; for locking there has been the atomic exchange for fifty years.",
        )
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    BetweenFlagAndTurn,
    BeforeTheLook,
}

fn entering([store, load]: [Ordering; 2], fenced: fn(Place)) -> Design<Gate, bool, Counted> {
    let enter = move |gate: &Gate, me: usize| {
        let other = 1 - me;
        gate.wants[me].store(true, store);
        fenced(Place::BetweenFlagAndTurn);
        gate.turn.store(other, store);
        fenced(Place::BeforeTheLook);
        let enters = !gate.wants[other].load(load) || gate.turn.load(load) == me;
        if enters {
            gate.count.set(gate.count.get() + 1);
        }
        gate.wants[me].store(false, store);
        enters
    };
    Design::new(|| Gate { wants: [false; 2].map(AtomicBool::new), turn: AtomicUsize::new(0), count: Plain::new(0) })
        .actor("A", move |gate| enter(gate, 0))
        .actor("B", move |gate| enter(gate, 1))
        .observe(|gate, entered| (entered.iter().filter(|entered| **entered).count(), gate.count.get()))
}
