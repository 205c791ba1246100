//! Two halves of one value, written one after the other.

use selvedge::prelude::*;

selvedge::scenario!(torn_read);

fn torn_read() -> Scenario<(u32, u32)> {
    Scenario::new("A writer changes both halves of a value from 0 to 1. Does a reader ever see one half changed?")
        .acceptable("the old value", |&seen| seen == (0, 0))
        .acceptable("the new value", |&seen| seen == (1, 1))
        .forbidden("half old, half new", |_| true)
        .design(
            "plain memory",
            Design::new(|| Plain::new([0, 0]))
                .actor("writer", |value: &Plain<[u32; 2]>| {
                    value.set([1, 1]);
                    (0, 0)
                })
                .actor("reader", |value| value.get().into())
                .observe(|_, saw| saw[1])
                .expect(DataRace),
        )
        .design(
            "two atomic halves",
            Design::new(|| [0, 0].map(AtomicU32::new))
                .actor("writer", |[first, second]: &[AtomicU32; 2]| {
                    first.store(1, SeqCst);
                    second.store(1, SeqCst);
                    (0, 0)
                })
                .actor("reader", |[first, second]| (first.load(SeqCst), second.load(SeqCst)))
                .observe(|_, saw| saw[1])
                .expect(Forbidden),
        )
        .design(
            "one atomic of both halves",
            Design::new(|| AtomicU64::new(0))
                .actor("writer", |value: &AtomicU64| {
                    value.store(1 << 32 | 1, Relaxed);
                    (0, 0)
                })
                .actor("reader", |value| {
                    let value = value.load(Relaxed).to_le_bytes();
                    let half = |at: usize| u32::from_le_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
                    (half(0), half(4))
                })
                .observe(|_, saw| saw[1])
                .expect(Safe),
        )
        .design(
            "mutex",
            Design::new(|| Mutex::new((0, 0)))
                .actor("writer", |value: &Mutex<(u32, u32)>| {
                    if let Ok(mut value) = value.lock() {
                        *value = (1, 1);
                    }
                    (0, 0)
                })
                .actor("reader", |value| value.lock().map_or((0, 0), |value| *value))
                .observe(|_, saw| saw[1])
                .expect(Safe),
        )
        .in_practice(
            "atomics do not add up: two of them, SeqCst or not, are two values. Pack what belongs together into one \
             atomic if it fits; else a lock, or publish a pointer to a new value.",
        )
}
