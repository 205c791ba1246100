//! How a receiver learns that there is no more to come.

use selvedge::prelude::*;

selvedge::scenario!(disconnect);

struct Line {
    send: Mutex<Option<channel::Sender<u32>>>,
    receive: channel::Receiver<u32>,
}

fn disconnect() -> Scenario<u32> {
    Scenario::new("A receiver adds up all messages until the senders are gone. Does it ever come to an end, with all of them?")
        .acceptable("all were received", |&sum| sum == 3)
        .forbidden("some were not", |_| true)
        .design(
            "a sender is left behind",
            summed(|line| {
                let Some(send) = line.send.lock().ok().and_then(|send| send.clone()) else { return };
                (1..=2).for_each(|message| send.send(message).unwrap_or_default());
            })
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design(
            "the last sender is dropped",
            summed(|line| {
                let Some(send) = line.send.lock().ok().and_then(|mut send| send.take()) else { return };
                (1..=2).for_each(|message| send.send(message).unwrap_or_default());
            })
            .expect(Safe)
            .not_on(Processes, "a sender that lies in shared memory belongs to no process, and its end is not seen in another"),
        )
        .design(
            "a message says that it is the last",
            Design::new(channel::unbounded)
                .actor("sends", |(send, _): &(channel::Sender<u32>, channel::Receiver<u32>)| {
                    [1, 2, 0].iter().for_each(|message| send.send(*message).unwrap_or_default());
                    0
                })
                .actor("receives", |(_, receive)| receive.iter().take_while(|message| *message > 0).sum())
                .observe(|_, sums| sums[1])
                .expect(Safe),
        )
        .in_practice(
            "a channel ends when its last sender is gone: move the sender into who sends, and keep no clone in a place that \
             outlives it. Where that cannot be seen at a glance, send an explicit end.",
        )
}

fn summed(send: impl Fn(&Line) + Send + Sync + 'static) -> Design<Line, u32, u32> {
    Design::new(|| {
        let (send, receive) = channel::unbounded();
        Line { send: Mutex::new(Some(send)), receive }
    })
    .actor("sends", move |line| {
        send(line);
        0
    })
    .actor("receives", |line| line.receive.iter().sum())
    .observe(|_, sums| sums[1])
}
