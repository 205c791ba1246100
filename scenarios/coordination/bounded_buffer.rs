//! A buffer of one place between a producer and a consumer.

use selvedge::prelude::*;

selvedge::scenario!(bounded_buffer);

struct Buffer {
    place: Mutex<Option<u32>>,
    filled: Condvar,
    emptied: Condvar,
}

/// What the consumer took.
type Taken = (u32, u32);

fn bounded_buffer() -> Scenario<Taken> {
    Scenario::new("Two items go through a buffer of one place. Do both arrive, once and in order?")
        .acceptable("both, in order", |&taken| taken == (1, 2))
        .forbidden("lost, doubled or out of order", |_| true)
        .design(
            "no look whether the place is free",
            buffered(
                |buffer, item| {
                    if let Ok(mut place) = buffer.place.lock() {
                        *place = Some(item);
                    }
                    buffer.filled.notify_one();
                },
                |buffer| take(buffer, true),
            )
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design(
            "the consumer does not tell that it is free",
            buffered(put, |buffer| take(buffer, false))
                .expect(Deadlock)
                .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design("two condition variables", buffered(put, |buffer| take(buffer, true)).expect(Safe))
        .design(
            "channel::bounded(1)",
            Design::new(|| channel::bounded(1))
                .actor("produces", |(send, _): &(channel::Sender<u32>, channel::Receiver<u32>)| {
                    (1..=2).for_each(|item| send.send(item).unwrap_or_default());
                    (0, 0)
                })
                .actor("consumes", |(_, receive)| {
                    let next = || receive.recv().unwrap_or(0);
                    (next(), next())
                })
                .observe(|_, taken| taken[1])
                .expect(Safe),
        )
        .in_practice(
            "two conditions, two condition variables, and each side waits in a loop for its own and notifies the other's. Or \
             a bounded channel, which is just that.",
        )
}

fn put(buffer: &Buffer, item: u32) {
    let Ok(mut place) = buffer.place.lock() else { return };
    while place.is_some() {
        let Ok(woken) = buffer.emptied.wait(place) else { return };
        place = woken;
    }
    *place = Some(item);
    buffer.filled.notify_one();
}

fn take(buffer: &Buffer, tells: bool) -> Option<u32> {
    let mut place = buffer.place.lock().ok()?;
    while place.is_none() {
        place = buffer.filled.wait(place).ok()?;
    }
    if tells {
        buffer.emptied.notify_one();
    }
    place.take()
}

fn buffered(
    put: impl Fn(&Buffer, u32) + Send + Sync + 'static,
    take: impl Fn(&Buffer) -> Option<u32> + Send + Sync + 'static,
) -> Design<Buffer, Taken, Taken> {
    Design::new(|| Buffer { place: Mutex::new(None), filled: Condvar::new(), emptied: Condvar::new() })
        .actor("produces", move |buffer| {
            (1..=2).for_each(|item| put(buffer, item));
            (0, 0)
        })
        .actor("consumes", move |buffer| {
            let next = || take(buffer).unwrap_or(0);
            (next(), next())
        })
        .observe(|_, taken| taken[1])
}
