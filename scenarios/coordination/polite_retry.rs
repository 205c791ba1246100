//! Livelock: both give way, again and again.

use selvedge::prelude::*;

selvedge::scenario!(polite_retry);

type Locks = [Mutex<u32>; 2];

/// How often an actor tries before it gives up.
const TRIES: u32 = 2;

fn polite_retry() -> Scenario<u32> {
    Scenario::new("Two actors need two locks; who finds the second busy gives the first back and tries once more. Does one of them get through at least?")
        .acceptable("one got through at least", |&through| through > 0)
        .forbidden("both gave way every time", |_| true)
        .design("in opposite order, politely", retrying([(0, 1), (1, 0)]).expect(Forbidden))
        .design("in one order, politely", retrying([(0, 1), (0, 1)]).expect(Safe))
        .design(
            "in one order, waiting",
            Design::new(|| [0, 0].map(Mutex::new))
                .actors(2, |[first, second]: &Locks| {
                    if let Ok(mut first) = first.lock()
                        && let Ok(mut second) = second.lock()
                    {
                        *first += 1;
                        *second += 1;
                        return 1;
                    }
                    0
                })
                .observe(|_, through| through.iter().sum())
                .expect(Safe),
        )
        .in_practice(
            "backing off avoids the deadlock and promises nothing: two that keep step give way for ever. An order of locks \
             promises progress; if there is none, wait a random while before the next try.",
        )
}

fn retrying(orders: [(usize, usize); 2]) -> Design<Locks, u32, u32> {
    let act = move |locks: &Locks, me: usize| {
        let (first, second) = orders[me];
        for _ in 0..TRIES {
            if let Ok(mut held) = locks[first].lock()
                && let Ok(mut other) = locks[second].try_lock()
            {
                *held += 1;
                *other += 1;
                return 1;
            }
        }
        0
    };
    Design::new(|| [0, 0].map(Mutex::new))
        .actor("A", move |locks| act(locks, 0))
        .actor("B", move |locks| act(locks, 1))
        .observe(|_, through| through.iter().sum())
}
