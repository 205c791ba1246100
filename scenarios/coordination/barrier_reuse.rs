//! A barrier that is used twice.

use selvedge::prelude::*;

selvedge::scenario!(barrier_reuse);

/// How many have arrived, and how often all had.
type Meeting = (Mutex<(u32, u32)>, Condvar);

fn barrier_reuse() -> Scenario<u32> {
    Scenario::new("Two actors meet at a barrier, and then again at the same one. Do both get past it twice?")
        .acceptable("both passed twice", |&passed| passed == 4)
        .forbidden("one did not", |_| true)
        .design(
            "wait until the count is back at nothing",
            meeting(|(state, all)| {
                let Ok(mut state) = state.lock() else { return };
                state.0 += 1;
                if state.0 == 2 {
                    state.0 = 0;
                    all.notify_all();
                    return;
                }
                while state.0 != 0 {
                    let Ok(woken) = all.wait(state) else { return };
                    state = woken;
                }
            })
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design(
            "wait for the next generation",
            meeting(|(state, all)| {
                let Ok(mut state) = state.lock() else { return };
                let generation = state.1;
                state.0 += 1;
                if state.0 == 2 {
                    *state = (0, generation + 1);
                    all.notify_all();
                    return;
                }
                while state.1 == generation {
                    let Ok(woken) = all.wait(state) else { return };
                    state = woken;
                }
            })
            .expect(Safe),
        )
        .design(
            "Barrier",
            Design::new(|| Barrier::new(2))
                .actors(2, |barrier: &Barrier| {
                    barrier.wait();
                    barrier.wait();
                    2
                })
                .observe(|_, passed| passed.iter().sum())
                .expect(Safe),
        )
        .in_practice(
            "who wakes late looks at a counter that the next round has already changed. Count generations, or use std's \
             Barrier, which does.",
        )
}

fn meeting(wait: impl Fn(&Meeting) + Clone + Send + Sync + 'static) -> Design<Meeting, u32, u32> {
    Design::new(|| (Mutex::new((0, 0)), Condvar::new()))
        .actors(2, move |meeting: &Meeting| {
            wait(meeting);
            wait(meeting);
            2
        })
        .observe(|_, passed| passed.iter().sum())
}
