//! A ring of one place between one producer and one consumer (Lamport, 1983).

use selvedge::prelude::*;

selvedge::scenario!(spsc_ring);

struct Ring {
    written: AtomicU32,
    read: AtomicU32,
    place: Plain<u32>,
}

/// What the consumer found at two looks; 0 where there was nothing.
type Found = (u32, u32);

fn spsc_ring() -> Scenario<Found> {
    Scenario::new("A producer writes 1 and then 2 into a ring of one place, if it is free; a consumer looks twice. Does it find whole items, in order?")
        .acceptable("in order, and none twice", |&found| matches!(found, (0, 0 | 1) | (1, 0 | 2)))
        .forbidden("out of order, twice, or never written", |_| true)
        .design("relaxed indices", ringed([Relaxed, Relaxed], [Relaxed, Relaxed]).expect(DataRace))
        .design("the consumer does not release", ringed([Acquire, Release], [Acquire, Relaxed]).expect(DataRace))
        .design("the producer does not acquire", ringed([Relaxed, Release], [Acquire, Release]).expect(DataRace))
        .design("release and acquire, both ways", ringed([Acquire, Release], [Acquire, Release]).expect(Safe))
        .in_practice(
            "two hand-overs, not one: the item to the consumer, and the place back to the producer. Both need release and \
             acquire; neither needs a read-modify-write.",
        )
}

/// The orderings with which each looks at the other's index and moves its own.
fn ringed(producer: [Ordering; 2], consumer: [Ordering; 2]) -> Design<Ring, Found, Found> {
    Design::new(|| Ring { written: AtomicU32::new(0), read: AtomicU32::new(0), place: Plain::new(0) })
        .actor("produces", move |ring| {
            for item in 1..=2 {
                if ring.read.load(producer[0]) + 1 == item {
                    ring.place.set(item);
                    ring.written.store(item, producer[1]);
                }
            }
            (0, 0)
        })
        .actor("consumes", move |ring| {
            let mut read = 0;
            let mut look = || {
                if ring.written.load(consumer[0]) == read {
                    return 0;
                }
                let item = ring.place.get();
                read += 1;
                ring.read.store(read, consumer[1]);
                item
            };
            (look(), look())
        })
        .observe(|_, found| found[1])
}
