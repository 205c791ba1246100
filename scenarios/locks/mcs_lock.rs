//! The queue lock of Mellor-Crummey and Scott (ACM TOCS 9, 1991), and ways to get its hand-over wrong.

use selvedge::prelude::*;

selvedge::scenario!(mcs_lock);

/// No actor; actors are numbered from 1.
const NOBODY: usize = 0;

struct Queue {
    tail: AtomicUsize,
    /// For each actor: who comes after it, and whether it has to wait.
    next: [AtomicUsize; 2],
    waits: [AtomicBool; 2],
    count: Plain<u32>,
}

/// What may be wrong.
#[derive(Clone, Copy)]
struct Manner {
    /// How an actor enters the queue, and how it links itself to the one before.
    enter: Ordering,
    link: Ordering,
    hand_over: Ordering,
    wait: Ordering,
    /// Whether a leaver waits for a successor that has entered the queue but has not linked itself yet.
    waits_for_link: bool,
}

const RIGHT: Manner =
    Manner { enter: AcqRel, link: Release, hand_over: Release, wait: Acquire, waits_for_link: true };

fn mcs_lock() -> Scenario<u32> {
    Scenario::new("Two actors count under an MCS queue lock. Is it handed over, each time and with all that it guards?")
        .acceptable("both counted", |&count| count == 2)
        .forbidden("an increment was lost", |_| true)
        .design("as published", queueing(RIGHT).expect(Safe))
        .design("relaxed hand-over", queueing(Manner { hand_over: Relaxed, ..RIGHT }).expect(DataRace))
        .design("relaxed wait", queueing(Manner { wait: Relaxed, ..RIGHT }).expect(DataRace))
        .design(
            "the leaver does not wait for the link",
            queueing(Manner { waits_for_link: false, ..RIGHT })
                .expect(Hang)
                .only_on(&[Rc11, Shuttle], "loom stops at a number of steps, and a real engine takes seconds to tell that an actor spins"),
        )
        .design(
            "published before it is initialised",
            queueing(Manner { enter: Acquire, link: Relaxed, ..RIGHT })
                .expect(Hang)
                .only_on(&[Rc11], "loom and shuttle keep the two stores to a node's flag in the order of time, and a real engine takes seconds to tell that an actor spins"),
        )
        .in_practice(
            "a successor between its swap of the tail and its link is there and cannot be seen: who leaves must wait for \
             the link, or the lock is never handed over. Who enters must publish its node as a whole, or the node's first \
             value overwrites the hand-over, as in Linux before 95bcade33a8a (2018). On Linux a futex-based Mutex does \
             all this without spinning.",
        )
}

fn enter(queue: &Queue, me: usize, manner: Manner) {
    queue.next[me - 1].store(NOBODY, Relaxed);
    queue.waits[me - 1].store(true, Relaxed);
    let before = queue.tail.swap(me, manner.enter);
    if before != NOBODY {
        queue.next[before - 1].store(me, manner.link);
        while queue.waits[me - 1].load(manner.wait) {
            thread::yield_now();
        }
    }
}

fn leave(queue: &Queue, me: usize, manner: Manner) {
    let mut next = queue.next[me - 1].load(Acquire);
    if next == NOBODY {
        if queue.tail.compare_exchange(me, NOBODY, Release, Relaxed).is_ok() || !manner.waits_for_link {
            return;
        }
        while next == NOBODY {
            thread::yield_now();
            next = queue.next[me - 1].load(Acquire);
        }
    }
    queue.waits[next - 1].store(false, manner.hand_over);
}

fn queueing(manner: Manner) -> Design<Queue, (), u32> {
    let count = move |queue: &Queue, me: usize| {
        enter(queue, me, manner);
        queue.count.set(queue.count.get() + 1);
        leave(queue, me, manner);
    };
    Design::new(|| Queue {
        tail: AtomicUsize::new(NOBODY),
        next: [NOBODY; 2].map(AtomicUsize::new),
        waits: [false; 2].map(AtomicBool::new),
        count: Plain::new(0),
    })
    .actor("A", move |queue| count(queue, 1))
    .actor("B", move |queue| count(queue, 2))
    .observe(|queue, _| queue.count.get())
}
