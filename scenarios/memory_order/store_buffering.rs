//! The entry of Dekker's algorithm: each raises its own flag, then looks at the other's.

use selvedge::prelude::*;

selvedge::scenario!(store_buffering);

/// Up is 1.
struct Flags {
    a: AtomicU32,
    b: AtomicU32,
}

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

fn store_buffering() -> Scenario<(u32, u32)> {
    Scenario::new("Two actors each raise a flag and then look at the other's. Can both find the other's flag down?")
        .acceptable("one came first, and the other saw it", |&(a, b)| a + b == 1)
        .acceptable("each saw the other", |&seen| seen == (1, 1))
        .forbidden("neither saw the other: both would enter", |&seen| seen == (0, 0))
        .design(
            "relaxed",
            with_orderings(Relaxed, Relaxed).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "release and acquire",
            with_orderings(Release, Acquire).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC),
        )
        .design(
            "SeqCst",
            with_orderings(SeqCst, SeqCst).expect(Safe).expect_on(
                Loom,
                Forbidden,
                "loom treats SeqCst accesses as acquire and release; the language forbids this",
            ),
        )
        .design(
            "relaxed and SeqCst fences",
            with(|mine, other| {
                mine.store(1, Relaxed);
                fence(SeqCst);
                other.load(Relaxed)
            })
            .expect(Safe),
        )
        .design(
            "mutex",
            Design::new(|| Mutex::new([0, 0]))
                .actor("A", |flags| raise_and_look(flags, 0))
                .actor("B", |flags| raise_and_look(flags, 1))
                .observe(|_, saw| (saw[0], saw[1]))
                .expect(Safe),
        )
}

fn with_orderings(store: Ordering, load: Ordering) -> Design<Flags, u32, (u32, u32)> {
    with(move |mine, other| {
        mine.store(1, store);
        other.load(load)
    })
}

fn with(
    enter: impl Fn(&AtomicU32, &AtomicU32) -> u32 + Copy + Send + Sync + 'static,
) -> Design<Flags, u32, (u32, u32)> {
    Design::new(|| Flags { a: AtomicU32::new(0), b: AtomicU32::new(0) })
        .actor("A", move |flags| enter(&flags.a, &flags.b))
        .actor("B", move |flags| enter(&flags.b, &flags.a))
        .observe(|_, saw| (saw[0], saw[1]))
}

fn raise_and_look(flags: &Mutex<[u32; 2]>, mine: usize) -> u32 {
    if let Ok(mut flags) = flags.lock() {
        flags[mine] = 1;
    }
    flags.lock().map_or(0, |flags| flags[1 - mine])
}
