//! A notification that a cancelled waiter has been given.

use selvedge::future::{block_on, may_cancel};
use selvedge::prelude::*;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

selvedge::scenario!(async_notify);

const ONE_PROCESS: &str = "a waker is of use in one process only";
const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

fn async_notify() -> Scenario<u32> {
    Scenario::new(
        "Two actors await one notification, and one of them may be cancelled. Does it always reach the other?",
    )
    .acceptable("it reached the one who was not cancelled", |&reached| reached == 1)
    .forbidden("it did not", |_| true)
    .design(
        "the cancelled one just leaves",
        notified(false).expect(Deadlock).only_on(&[Rc11, Loom, Shuttle], SECONDS),
    )
    .design(
        "the cancelled one passes on what it was given",
        notified(true).expect(Safe).not_on(Processes, ONE_PROCESS),
    )
    .in_practice(
        "a future can be dropped after it was woken and before it is polled. What it was given by then (a notification, a \
         permit, a lock) goes on in its Drop, or is lost: write that Drop, and test it with may_cancel.",
    )
}

/// Two wait, and each notifies the next. The first may be cancelled, the second waits for as long as it takes.
fn notified(passes_on: bool) -> Design<Notifier, u32, u32> {
    Design::new(Notifier::new)
        .actor("may be cancelled", move |notifier| {
            let waits = Notified { notifier, who: 0, passes_on };
            if block_on(may_cancel(waits)).is_ok() {
                notifier.notify_one();
            }
            0
        })
        .actor("waits", move |notifier| {
            block_on(Notified { notifier, who: 1, passes_on });
            notifier.notify_one();
            1
        })
        .actor("notifies", |notifier| {
            notifier.notify_one();
            0
        })
        .observe(|_, reached| reached.iter().sum())
}

struct Notifier {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A notification for the next that comes.
    permit: bool,
    waiting: Vec<(usize, Waker)>,
    /// A notification for one that was woken.
    given: Option<usize>,
}

impl Notifier {
    fn new() -> Self {
        Notifier { state: Mutex::new(State::default()) }
    }

    fn notify_one(&self) {
        let Ok(mut state) = self.state.lock() else { return };
        if state.waiting.is_empty() {
            state.permit = true;
            return;
        }
        let (who, waker) = state.waiting.remove(0);
        state.given = Some(who);
        drop(state);
        waker.wake();
    }
}

struct Notified<'a> {
    notifier: &'a Notifier,
    who: usize,
    passes_on: bool,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Ok(mut state) = self.notifier.state.lock() else { return Poll::Ready(()) };
        if state.given == Some(self.who) {
            state.given = None;
            return Poll::Ready(());
        }
        state.waiting.retain(|(who, _)| *who != self.who);
        if state.permit {
            state.permit = false;
            return Poll::Ready(());
        }
        state.waiting.push((self.who, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Ok(mut state) = self.notifier.state.lock() else { return };
        state.waiting.retain(|(who, _)| *who != self.who);
        if self.passes_on && state.given == Some(self.who) {
            state.given = None;
            drop(state);
            self.notifier.notify_one();
        }
    }
}
