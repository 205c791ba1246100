//! A waiter that is cancelled just as it is notified.

use selvedge::prelude::*;

selvedge::scenario!(swallowed_notification);

struct Desk {
    /// Items that lie there, and whether the first waiter is cancelled.
    state: Mutex<(u32, bool)>,
    changed: Condvar,
}

fn swallowed_notification() -> Scenario<u32> {
    Scenario::new("Two actors wait for one item; the first of them is cancelled. Does the other always get it?")
        .acceptable("the item was taken", |&taken| taken == 1)
        .forbidden("it was not", |_| true)
        .design(
            "the cancelled one just leaves",
            cancelled(false)
                .expect(Deadlock)
                .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design("who leaves passes the notification on", cancelled(true).expect(Safe))
        .in_practice(
            "a notification that went to one who no longer wants it is gone. Who leaves a queue of waiters must pass on what \
             it may have been given: Condvars by notify_one again, async channels and semaphores in their Drop.",
        )
}

fn cancelled(passes_on: bool) -> Design<Desk, u32, u32> {
    Design::new(|| Desk { state: Mutex::new((0, false)), changed: Condvar::new() })
        .actor("may be cancelled", move |desk| {
            let Ok(state) = desk.state.lock() else { return 0 };
            let Ok(state) = desk.changed.wait_while(state, |(items, cancelled)| *items == 0 && !*cancelled) else { return 0 };
            // It was cancelled before the item came, and leaves without looking for one.
            drop(state);
            if passes_on {
                desk.changed.notify_one();
            }
            0
        })
        .actor("waits", move |desk| {
            let Ok(state) = desk.state.lock() else { return 0 };
            let Ok(mut state) = desk.changed.wait_while(state, |(items, _)| *items == 0) else { return 0 };
            state.0 -= 1;
            drop(state);
            if passes_on {
                desk.changed.notify_one();
            }
            1
        })
        .actor("cancels and lays down", |desk| {
            if let Ok(mut state) = desk.state.lock() {
                *state = (1, true);
            }
            desk.changed.notify_one();
            0
        })
        .observe(|_, taken| taken.iter().sum())
}
