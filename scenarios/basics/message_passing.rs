//! Publication: a payload is written, then a flag says that it is there.

use selvedge::prelude::*;

selvedge::scenario!(message_passing);

/// A payload, and the flag that says whether it is there.
struct Mailbox {
    ready: AtomicBool,
    payload: Plain<u32>,
}

fn empty() -> Mailbox {
    Mailbox { ready: AtomicBool::new(false), payload: Plain::new(0) }
}

/// The same, with a flag that is ordinary memory.
struct PlainMailbox {
    ready: Plain<bool>,
    payload: Plain<u32>,
}

/// The reader's return: the payload, if the flag was up.
fn received(_: &impl Sized, returns: &[Option<u32>]) -> Option<u32> {
    returns[1]
}

fn message_passing() -> Scenario<Option<u32>> {
    Scenario::<Option<u32>>::new("A writer fills in a payload and raises a flag; a reader that sees the flag takes the payload. Is it always the whole payload?")
        .acceptable("the flag was not up yet", |seen| seen.is_none())
        .acceptable("flag and payload arrived", |&seen| seen == Some(42))
        .forbidden("the flag arrived before the payload", |_| true)
        .design(
            "plain flag",
            Design::new(|| PlainMailbox { ready: Plain::new(false), payload: Plain::new(0) })
                .actor("writer", |mailbox: &PlainMailbox| {
                    mailbox.payload.set(42);
                    mailbox.ready.set(true);
                    None
                })
                .actor("reader", |mailbox| mailbox.ready.get().then(|| mailbox.payload.get()))
                .observe(received)
                .expect(DataRace),
        )
        .design("relaxed flag", with_orderings(Relaxed, Relaxed).expect(DataRace))
        .design("release and acquire", with_orderings(Release, Acquire).expect(Safe))
        .design(
            "relaxed flag and fences",
            Design::new(empty)
                .actor("writer", |mailbox| {
                    mailbox.payload.set(42);
                    fence(Release);
                    mailbox.ready.store(true, Relaxed);
                    None
                })
                .actor("reader", |mailbox| {
                    mailbox.ready.load(Relaxed).then(|| {
                        fence(Acquire);
                        mailbox.payload.get()
                    })
                })
                .observe(received)
                .expect(Safe),
        )
        .design("SeqCst", with_orderings(SeqCst, SeqCst).expect(Safe))
        .design(
            "mutex",
            Design::new(|| Mutex::new(None))
                .actor("writer", |shared: &Mutex<Option<u32>>| {
                    if let Ok(mut message) = shared.lock() {
                        *message = Some(42);
                    }
                    None
                })
                .actor("reader", |shared| shared.lock().ok().and_then(|message| *message))
                .observe(received)
                .expect(Safe),
        )
        .design("channel", through_a_channel().expect(Safe))
        .design("isolated memory and a pipe", through_a_channel().isolated().expect(Safe))
}

fn with_orderings(store: Ordering, load: Ordering) -> Design<Mailbox, Option<u32>, Option<u32>> {
    Design::new(empty)
        .actor("writer", move |mailbox| {
            mailbox.payload.set(42);
            mailbox.ready.store(true, store);
            None
        })
        .actor("reader", move |mailbox| mailbox.ready.load(load).then(|| mailbox.payload.get()))
        .observe(received)
}

type Channel = (channel::Sender<u32>, channel::Receiver<u32>);

fn through_a_channel() -> Design<Channel, Option<u32>, Option<u32>> {
    Design::new(channel::unbounded)
        .actor("writer", |(send, _): &Channel| {
            send.send(42).ok();
            None
        })
        .actor("reader", |(_, receive)| receive.recv().ok())
        .observe(received)
}
