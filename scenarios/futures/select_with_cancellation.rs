//! A message that the loser of a select had taken already.

use selvedge::future::{AtomicWaker, Either, block_on, select, yield_now};
use selvedge::prelude::*;
use std::future::poll_fn;
use std::task::Poll;

selvedge::scenario!(select_with_cancellation);

const ONE_PROCESS: &str = "a waker is of use in one process only";

/// For one message, 0 if it is empty.
struct Mailbox {
    message: AtomicU32,
    reader: AtomicWaker,
}

impl Mailbox {
    fn new() -> Self {
        Mailbox { message: AtomicU32::new(0), reader: AtomicWaker::new() }
    }

    fn put(&self, message: u32) {
        self.message.swap(message, Release);
        self.reader.wake();
    }

    async fn take(&self) -> u32 {
        poll_fn(|context| {
            self.reader.register_by_ref(context.waker());
            match self.message.swap(0, Acquire) {
                0 => Poll::Pending,
                message => Poll::Ready(message),
            }
        })
        .await
    }
}

/// A message that goes back to its mailbox when it is dropped.
struct Taken<'a> {
    mailbox: &'a Mailbox,
    message: u32,
}

impl Taken<'_> {
    fn keep(mut self) -> u32 {
        std::mem::take(&mut self.message)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.message != 0 {
            self.mailbox.put(self.message);
        }
    }
}

fn select_with_cancellation() -> Scenario<u32> {
    Scenario::new("An actor reads whichever of two messages comes first. Is the other one kept?")
        .acceptable("one was read, the other is there", |&sum| sum == 3)
        .forbidden("a message is lost", |_| true)
        .design(
            "taken, then decoded in a second step",
            read(async |mailbox: &Mailbox| {
                let message = mailbox.take().await;
                yield_now().await;
                message
            })
            .expect(Forbidden),
        )
        .design(
            "taken in the last step",
            read(async |mailbox: &Mailbox| mailbox.take().await).expect(Safe),
        )
        .design(
            "what is taken goes back when it is dropped",
            read(async |mailbox: &Mailbox| {
                let message = mailbox.take().await;
                let taken = Taken { mailbox, message };
                yield_now().await;
                taken.keep()
            })
            .expect(Safe),
        )
        .in_practice(
            "a select drops the loser wherever it waits. A future is safe in a select if it takes nothing before its last \
             await, or gives back in a destructor what it has taken; tokio's documentation calls that cancel safety, and \
             says it of each method.",
        )
}

/// What was read, and what is left.
fn read(read: impl AsyncFn(&Mailbox) -> u32 + Send + Sync + 'static) -> Design<[Mailbox; 2], u32, u32> {
    Design::new(|| [Mailbox::new(), Mailbox::new()])
        .actor("reads", move |[left, right]: &[Mailbox; 2]| {
            let (Either::Left(message) | Either::Right(message)) =
                block_on(select(read(left), read(right)));
            message
        })
        .actor("writes", |[left, right]| {
            left.put(1);
            right.put(2);
            0
        })
        .observe(|mailboxes, read| {
            read[0] + mailboxes.iter().map(|mailbox| mailbox.message.load(Relaxed)).sum::<u32>()
        })
        .not_on(Processes, ONE_PROCESS)
}
