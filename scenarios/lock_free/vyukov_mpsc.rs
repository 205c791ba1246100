//! Vyukov's queue of many producers and one consumer, and its gap.

use selvedge::prelude::*;

selvedge::scenario!(vyukov_mpsc);

/// No node; node 1 is the stub at the head.
const NONE: usize = 0;

struct Queue {
    tail: AtomicUsize,
    next: [AtomicUsize; 4],
    values: [Plain<u32>; 4],
    /// Whether B's push has returned.
    pushed: AtomicBool,
}

/// What the consumer got, and whether a push had returned before it looked.
type Popped = (Option<u32>, bool);

fn vyukov_mpsc() -> Scenario<Popped> {
    Scenario::new("Two actors push while a third pops once. If a push has returned, is there something to pop?")
        .forbidden("a push had returned, and the queue looked empty", |&popped| popped == (None, true))
        .forbidden("a value that was not pushed", |&(value, _)| value == Some(0))
        .acceptable("empty, or a value that was pushed", |_| true)
        .design("swap, then a relaxed link", pushing(Relaxed).expect(DataRace))
        .design("swap, then link", pushing(Release).expect(Forbidden))
        .design(
            "mutex",
            Design::new(|| (Mutex::new((NONE, 0)), AtomicBool::new(false)))
                .actor("A", |shared: &(Mutex<(usize, u32)>, AtomicBool)| lay(shared, 2))
                .actor("B", |shared| {
                    lay(shared, 3);
                    shared.1.store(true, Release);
                    (None, false)
                })
                .actor("pops", |(values, pushed)| {
                    let pushed = pushed.load(Acquire);
                    (values.lock().ok().filter(|values| values.0 > 0).map(|values| values.1), pushed)
                })
                .observe(|_, popped| popped[2])
                .expect(Safe),
        )
        .in_practice(
            "between the swap and the link of one producer all that others have pushed behind it cannot be seen. Fine for a \
             mailbox that is polled again; not for a queue whose emptiness decides anything. std's mpsc spins over the gap.",
        )
}

fn lay((values, _): &(Mutex<(usize, u32)>, AtomicBool), value: u32) -> Popped {
    if let Ok(mut values) = values.lock() {
        *values = (values.0 + 1, value);
    }
    (None, false)
}

fn pushing(link: Ordering) -> Design<Queue, Popped, Popped> {
    let push = move |queue: &Queue, node: usize| {
        queue.values[node].set(7);
        let before = queue.tail.swap(node, AcqRel);
        queue.next[before].store(node, link);
        (None, false)
    };
    Design::new(|| Queue {
        tail: AtomicUsize::new(1),
        next: [NONE; 4].map(AtomicUsize::new),
        values: [0; 4].map(Plain::new),
        pushed: AtomicBool::new(false),
    })
    .actor("A", move |queue| push(queue, 2))
    .actor("B", move |queue| {
        push(queue, 3);
        queue.pushed.store(true, Release);
        (None, false)
    })
    .actor("pops", |queue| {
        let pushed = queue.pushed.load(Acquire);
        let first = queue.next[1].load(Acquire);
        ((first != NONE).then(|| queue.values[first].get()), pushed)
    })
    .observe(|_, popped| popped[2])
}
