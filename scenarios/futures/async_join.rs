//! Two parts that one task awaits.

use selvedge::future::{AtomicWaker, block_on, join, spawn};
use selvedge::prelude::*;
use std::future::poll_fn;
use std::task::Poll;

selvedge::scenario!(async_join);

const ONE_PROCESS: &str = "a waker is of use in one process only";
const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

struct Parts {
    parts: [Plain<u32>; 2],
    missing: AtomicU32,
    waits: AtomicWaker,
}

fn async_join() -> Scenario<u32> {
    Scenario::new("A task awaits two parts that others make; the last of them wakes it. Does it get both?")
        .acceptable("both parts", |&sum| sum == 3)
        .forbidden("a part is missing", |_| true)
        .design(
            "counted by a load and a store",
            parts(|missing| {
                let left = missing.load(SeqCst) - 1;
                missing.store(left, SeqCst);
                left == 0
            })
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "counted relaxed",
            parts(|missing| missing.fetch_sub(1, Relaxed) == 1)
                .expect(DataRace)
                .only_on(&[Rc11, Loom, Shuttle], "real engines do not detect data races"),
        )
        .design(
            "counted with acquire and release",
            parts(|missing| missing.fetch_sub(1, AcqRel) == 1).expect(Safe).not_on(Processes, ONE_PROCESS),
        )
        .design(
            "spawned and joined",
            Design::new(|| ())
                .actor("awaits", |(): &()| {
                    let (one, two) = (spawn(async { 1 }), spawn(async { 2 }));
                    let (one, two) = block_on(join(one, two));
                    one.unwrap_or(0) + two.unwrap_or(0)
                })
                .observe(|(), sums| sums[0])
                .expect(Safe)
                .not_on(Processes, ONE_PROCESS),
        )
        .in_practice(
            "the one who is last does not only have to know it, it has to know what the others did: counting down is an \
             acquire and a release, as in a reference count. Where a library has a join, use it.",
        )
}

fn parts(is_last: impl Fn(&AtomicU32) -> bool + Clone + Send + Sync + 'static) -> Design<Parts, u32, u32> {
    let make = move |part: u32| {
        let is_last = is_last.clone();
        move |parts: &Parts| {
            parts.parts[part as usize].set(part + 1);
            if is_last(&parts.missing) {
                parts.waits.wake();
            }
            0
        }
    };
    Design::new(|| Parts {
        parts: [Plain::new(0), Plain::new(0)],
        missing: AtomicU32::new(2),
        waits: AtomicWaker::new(),
    })
    .actor("awaits", |parts: &Parts| {
        block_on(poll_fn(|context| {
            parts.waits.register_by_ref(context.waker());
            if parts.missing.load(Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        parts.parts[0].get() + parts.parts[1].get()
    })
    .actor("makes one", make(0))
    .actor("makes two", make(1))
    .observe(|_, sums| sums[0])
}
