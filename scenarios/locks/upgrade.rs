//! From reading to writing.

use selvedge::prelude::*;

selvedge::scenario!(upgrade);

const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

fn upgrade() -> Scenario<u32> {
    Scenario::new("Two actors read a counter under a read lock and, if it is 0, set it to one more under the write lock. Is it set once?")
        .acceptable("set once", |&count| count == 1)
        .forbidden("set twice, or never", |_| true)
        .design(
            "write while still reading",
            counted(|count| {
                if let Ok(read) = count.read()
                    && *read == 0
                    && let Ok(mut write) = count.write()
                {
                    *write += 1;
                }
            })
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "give the read lock back, then write",
            counted(|count| {
                let is_unset = count.read().is_ok_and(|read| *read == 0);
                if is_unset && let Ok(mut write) = count.write() {
                    *write += 1;
                }
            })
            .expect(Forbidden),
        )
        .design(
            "give it back, write, and look again",
            counted(|count| {
                let is_unset = count.read().is_ok_and(|read| *read == 0);
                if is_unset
                    && let Ok(mut write) = count.write()
                    && *write == 0
                {
                    *write += 1;
                }
            })
            .expect(Safe),
        )
        .design(
            "write lock from the beginning",
            counted(|count| {
                if let Ok(mut write) = count.write()
                    && *write == 0
                {
                    *write += 1;
                }
            })
            .expect(Safe),
        )
        .in_practice(
            "a read lock cannot be turned into a write lock: two that try wait for each other, and one alone for itself. \
             Give it back, take the write lock, and look again; or take the write lock if a write is likely.",
        )
}

fn counted(act: impl Fn(&RwLock<u32>) + Clone + Send + Sync + 'static) -> Design<RwLock<u32>, (), u32> {
    Design::new(|| RwLock::new(0)).actors(2, act).observe(|count, _| count.read().map_or(0, |count| *count))
}
