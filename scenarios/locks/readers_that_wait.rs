//! Readers that share a lock, until a writer comes.

use selvedge::prelude::*;

selvedge::scenario!(readers_that_wait);

/// A lock, and the way from the second reader to the first.
struct Shared {
    value: RwLock<u32>,
    sender: channel::Sender<u32>,
    receiver: channel::Receiver<u32>,
}

fn readers_that_wait() -> Scenario<u32> {
    Scenario::new("One reader waits, with the lock in its hands, for what another reader sends. Does it get it?")
        .acceptable("the first reader got it", |sum| *sum > 0)
        .design(
            "sent by another reader, beside a writer",
            beside_a_writer(send_as_reader)
                .expect(Deadlock)
                .only_on(&[Rc11, Loom, Shuttle], "a real engine takes seconds to tell a deadlock"),
        )
        .design("sent by another reader, and none writes", waiting(send_as_reader).observe(first).expect(Safe))
        .design("sent before the lock is taken, beside a writer", beside_a_writer(send_first).expect(Safe))
        .in_practice(
            "two readers run together only while no writer waits: which of them comes first std leaves open, and on Linux \
             new readers are kept out then. With a read lock in your hands wait for nothing that needs one too.",
        )
}

fn waiting(send: fn(&Shared) -> u32) -> Design<Shared, u32> {
    Design::new(|| {
        let (sender, receiver) = channel::bounded(1);
        Shared { value: RwLock::new(1), sender, receiver }
    })
    .actor("reader", |shared| {
        let Ok(value) = shared.value.read() else { return 0 };
        shared.receiver.recv().map_or(0, |received| received + *value)
    })
    .actor("sender", send)
}

fn beside_a_writer(send: fn(&Shared) -> u32) -> Design<Shared, u32, u32> {
    let write = |shared: &Shared| {
        if let Ok(mut value) = shared.value.write() {
            *value += 1;
        }
        0
    };
    waiting(send).actor("writer", write).observe(first)
}

fn first(_: &Shared, sums: &[u32]) -> u32 {
    sums[0]
}

fn send_as_reader(shared: &Shared) -> u32 {
    let Ok(value) = shared.value.read() else { return 0 };
    shared.sender.send(*value).map_or(0, |()| *value)
}

fn send_first(shared: &Shared) -> u32 {
    let sent = shared.sender.send(1);
    let read = shared.value.read();
    sent.map_or(0, |()| read.map_or(0, |value| *value))
}
