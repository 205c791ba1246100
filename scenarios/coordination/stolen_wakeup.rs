//! `if` instead of `while`: between the notification and the lock, a third may be faster.

use selvedge::prelude::*;

selvedge::scenario!(stolen_wakeup);

type Shelf = (Mutex<u32>, Condvar);

/// How many the waiter took, and the passer-by.
type Taken = (u32, u32);

fn stolen_wakeup() -> Scenario<Taken> {
    Scenario::new("Two items are laid out one by one. One actor waits for an item, another takes one in passing if it sees it. Does the waiter always get one?")
        .acceptable("the waiter got an item", |&(waiter, _)| waiter == 1)
        .forbidden("it was woken and found nothing", |_| true)
        .design(
            "if, then wait",
            waited_for(|(items, laid)| {
                let Ok(mut count) = items.lock() else { return 0 };
                if *count == 0 {
                    let Ok(woken) = laid.wait(count) else { return 0 };
                    count = woken;
                }
                take(&mut count)
            })
            .expect(Forbidden),
        )
        .design(
            "while, then wait",
            waited_for(|(items, laid)| {
                let Ok(mut count) = items.lock() else { return 0 };
                while *count == 0 {
                    let Ok(woken) = laid.wait(count) else { return 0 };
                    count = woken;
                }
                take(&mut count)
            })
            .expect(Safe),
        )
        .in_practice(
            "always `while`, or `wait_while`: a notification says that something changed, not that it is still so. No \
             spurious wake-up is needed to break the `if`, a passer-by is enough.",
        )
}

fn take(count: &mut u32) -> u32 {
    let taken = (*count).min(1);
    *count -= taken;
    taken
}

fn waited_for(wait: impl Fn(&Shelf) -> u32 + Send + Sync + 'static) -> Design<Shelf, u32, Taken> {
    Design::new(|| (Mutex::new(0), Condvar::new()))
        .actor("waits", wait)
        .actor("passes by", |(items, _)| items.lock().map_or(0, |mut count| take(&mut count)))
        .actor("lays out", |(items, laid)| {
            for _ in 0..2 {
                if let Ok(mut count) = items.lock() {
                    *count += 1;
                }
                laid.notify_one();
            }
            0
        })
        .observe(|_, taken| (taken[0], taken[1]))
}
