//! What a pipe carries from one process to another.

use selvedge::prelude::*;

selvedge::scenario!(pipe);

type Line = (channel::Sender<u32>, channel::Receiver<u32>);
/// What B received, in order.
type Received = (u32, u32);

fn pipe() -> Scenario<Received> {
    Scenario::new("A sends 1 and then 2, B receives twice. Does each message arrive once, and in order?")
        .acceptable("in order, once", |&received| received == (1, 2))
        .forbidden("lost, doubled or out of order", |_| true)
        .design("a variable that both share", Design::new(|| AtomicU32::new(0))
            .actor("A", |word: &AtomicU32| {
                word.store(1, SeqCst);
                word.store(2, SeqCst);
                (0, 0)
            })
            .actor("B", |word| (word.load(SeqCst), word.load(SeqCst)))
            .observe(|_, received| received[1])
            .expect(Forbidden))
        .design("a channel between threads", sent().not_on(Processes, "between processes it is a pipe").expect(Safe))
        .design("a pipe between processes", sent().isolated().expect(Safe))
        .in_practice(
            "a variable has a value, a channel has messages: what must arrive goes through one that counts them. Between \
             processes that is a pipe or a socket, and what is sent must be bytes, not addresses.",
        )
}

fn sent() -> Design<Line, Received, Received> {
    Design::new(channel::unbounded)
        .actor("A", |(send, _): &Line| {
            (1..=2).for_each(|message| send.send(message).unwrap_or_default());
            (0, 0)
        })
        .actor("B", |(_, receive)| {
            let next = || receive.recv().unwrap_or(0);
            (next(), next())
        })
        .observe(|_, received| received[1])
}
