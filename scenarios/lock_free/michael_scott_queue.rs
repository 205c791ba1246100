//! The tail of Michael and Scott's queue (PODC 1996): two steps, and the second may be another's to do.

use selvedge::prelude::*;

selvedge::scenario!(michael_scott_queue);

/// No node; node 1 is the dummy at the head.
const NONE: usize = 0;

struct Queue {
    tail: AtomicUsize,
    next: [AtomicUsize; 4],
}

fn michael_scott_queue() -> Scenario<usize> {
    Scenario::new("Two actors append a node each to a linked queue. Are both in it afterwards?")
        .acceptable("both are in it", |&length| length == 2)
        .forbidden("one was lost", |_| true)
        .design(
            "link by store",
            appending(|queue, node| {
                let last = queue.tail.load(Acquire);
                queue.next[last].store(node, Release);
                queue.tail.store(node, Release);
            })
            .expect(Forbidden),
        )
        .design(
            "link by compare-exchange, and help with the tail",
            appending(|queue, node| {
                loop {
                    let last = queue.tail.load(Acquire);
                    match queue.next[last].compare_exchange(NONE, node, AcqRel, Acquire) {
                        Ok(_) => {
                            queue.tail.compare_exchange(last, node, Release, Relaxed).ok();
                            return;
                        }
                        Err(after) => {
                            queue.tail.compare_exchange(last, after, Release, Relaxed).ok();
                        }
                    }
                }
            })
            .expect(Safe),
        )
        .design(
            "swap the tail, then link",
            appending(|queue, node| {
                let last = queue.tail.swap(node, AcqRel);
                queue.next[last].store(node, Release);
            })
            .expect(Safe),
        )
        .in_practice(
            "link by compare-exchange, and move a tail that lags behind on, whoever left it: that is what makes the queue \
             lock-free. To swap the tail is simpler and loses nothing, but opens a gap that readers must wait for. Take \
             crossbeam's SegQueue.",
        )
}

fn appending(append: impl Fn(&Queue, usize) + Copy + Send + Sync + 'static) -> Design<Queue, (), usize> {
    Design::new(|| Queue { tail: AtomicUsize::new(1), next: [NONE; 4].map(AtomicUsize::new) })
        .actor("A", move |queue| append(queue, 2))
        .actor("B", move |queue| append(queue, 3))
        .observe(|queue, _| {
            let next = |node: usize| queue.next[node].load(Relaxed);
            std::iter::successors(Some(next(1)), |node| Some(next(*node))).take_while(|node| *node != NONE).take(4).count()
        })
}
