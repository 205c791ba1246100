//! A wait on a condition variable may end for no reason at all.

use selvedge::prelude::*;

selvedge::scenario!(early_wakeup);

/// The value that is handed over, and how one learns that it is there.
type Handover = (Mutex<Option<u32>>, Condvar);

fn early_wakeup() -> Scenario<Option<u32>> {
    Scenario::new("One actor waits until another has left a value. Does it ever go on without?")
        .acceptable("it went on with the value", |taken: &Option<u32>| *taken == Some(7))
        .forbidden("it went on without a value", Option::is_none)
        .design(
            "if, then wait",
            handed_over(|(value, left)| {
                let mut value = value.lock().ok()?;
                if value.is_none() {
                    value = left.wait(value).ok()?;
                }
                value.take()
            })
            .expect(Forbidden),
        )
        .design(
            "wait in a loop",
            handed_over(|(value, left)| {
                let mut value = value.lock().ok()?;
                while value.is_none() {
                    value = left.wait(value).ok()?;
                }
                value.take()
            })
            .expect(Safe),
        )
        .design(
            "wait_while",
            handed_over(|(value, left)| left.wait_while(value.lock().ok()?, |value| value.is_none()).ok()?.take())
                .expect(Safe),
        )
}

fn handed_over(
    take: impl Fn(&Handover) -> Option<u32> + Send + Sync + 'static,
) -> Design<Handover, Option<u32>, Option<u32>> {
    Design::new(|| (Mutex::new(None), Condvar::new()))
        .actor("takes", take)
        .actor("leaves", |(value, left): &Handover| {
            if let Ok(mut value) = value.lock() {
                *value = Some(7);
            }
            left.notify_one();
            None
        })
        .observe(|_, taken| taken[0])
        .spurious_wakeups()
}
