//! What it means that a message was sent.

use selvedge::prelude::*;

selvedge::scenario!(rendezvous);

struct Meeting {
    send: channel::Sender<u32>,
    receive: channel::Receiver<u32>,
    arrived: AtomicBool,
}

fn rendezvous() -> Scenario<bool> {
    Scenario::new("An actor arrives and receives; another sends and goes on. Once the message is sent, has the receiver arrived?")
        .acceptable("it had arrived", |&arrived| arrived)
        .forbidden("the sender went on alone", |_| true)
        .design("capacity 0", sent(|| channel::bounded(0)).expect(Safe))
        .design("capacity 1", sent(|| channel::bounded(1)).expect(Forbidden))
        .design("unbounded", sent(channel::unbounded).expect(Forbidden))
        .in_practice(
            "a channel with room tells the sender nothing of the receiver; one without is a meeting. Where the sender must \
             know that the work is done, not only begun, let the receiver answer.",
        )
}

fn sent(
    make: impl Fn() -> (channel::Sender<u32>, channel::Receiver<u32>) + Send + Sync + 'static,
) -> Design<Meeting, bool, bool> {
    Design::new(move || {
        let (send, receive) = make();
        Meeting { send, receive, arrived: AtomicBool::new(false) }
    })
    .actor("sends", |meeting| {
        meeting.send.send(1).ok();
        meeting.arrived.load(Relaxed)
    })
    .actor("receives", |meeting| {
        meeting.arrived.store(true, Relaxed);
        meeting.receive.recv().is_ok()
    })
    .observe(|_, returned| returned[0])
}
