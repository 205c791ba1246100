//! Lock-free is not wait-free: some actor gets on, and it need not be you.

use selvedge::prelude::*;

selvedge::scenario!(bounded_starvation);

fn bounded_starvation() -> Scenario<bool> {
    Scenario::new("One actor adds to a counter while another adds twice. Is the first done within two attempts?")
        .acceptable("done", |&done| done)
        .forbidden("two attempts, and both in vain", |_| true)
        .design(
            "compare-exchange, read again after each failure",
            beside_another(|count| {
                let mut seen = count.load(Relaxed);
                for _ in 0..2 {
                    match count.compare_exchange(seen, seen + 1, Relaxed, Relaxed) {
                        Ok(_) => return true,
                        Err(newer) => seen = newer,
                    }
                }
                false
            })
            .expect(Forbidden),
        )
        .design(
            "fetch_add",
            beside_another(|count| {
                count.fetch_add(1, Relaxed);
                true
            })
            .expect(Safe),
        )
        .in_practice(
            "a compare-exchange loop fails only if another succeeded, so that all together get on; one of them may starve. \
             fetch_add and its kin finish in one step where the hardware has them, and there is a fair lock for the rest.",
        )
}

fn beside_another(add: impl Fn(&AtomicU32) -> bool + Send + Sync + 'static) -> Design<AtomicU32, bool, bool> {
    Design::new(|| AtomicU32::new(0))
        .actor("adds once", add)
        .actor("adds twice", |count| {
            for _ in 0..2 {
                count.fetch_add(1, Relaxed);
            }
            true
        })
        .observe(|_, done| done[0])
}
