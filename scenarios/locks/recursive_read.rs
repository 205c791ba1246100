//! A second read lock behind a writer that waits.

use selvedge::prelude::*;

selvedge::scenario!(recursive_read);

fn recursive_read() -> Scenario<u32> {
    Scenario::new("A reader takes the read lock again while a writer may be waiting in between. Do both get through?")
        .acceptable("the reader saw one value, twice", |_| true)
        .design(
            "read lock within a read lock",
            beside_a_writer(|value| {
                let Ok(outer) = value.read() else { return 0 };
                value.read().map_or(0, |inner| *inner + *outer)
            })
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], "a real engine takes seconds to tell a deadlock"),
        )
        .design(
            "one read lock, passed on",
            beside_a_writer(|value| {
                let Ok(read) = value.read() else { return 0 };
                let twice = |value: &u32| value + value;
                twice(&read)
            })
            .expect(Safe),
        )
        .in_practice(
            "never take a read lock twice: whether a waiting writer stops the second one is the platform's choice, and on \
             Linux it does.",
        )
}

fn beside_a_writer(read: impl Fn(&RwLock<u32>) -> u32 + Send + Sync + 'static) -> Design<RwLock<u32>, u32, u32> {
    Design::new(|| RwLock::new(1))
        .actor("reader", read)
        .actor("writer", |value| {
            if let Ok(mut value) = value.write() {
                *value += 1;
            }
            0
        })
        .observe(|_, sums| sums[0])
}
