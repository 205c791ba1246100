//! A value that one task sends and another awaits.

use selvedge::future::{AtomicWaker, block_on};
use selvedge::prelude::*;
use std::future::poll_fn;
use std::task::{Poll, Waker};

selvedge::scenario!(async_oneshot);

const ONE_PROCESS: &str = "a waker is of use in one process only";
const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

struct Oneshot {
    /// 0 until it is sent.
    value: AtomicU32,
    receiver: AtomicWaker,
    /// The value and the receiver's waker, where one lock is around both.
    both: Mutex<(u32, Option<Waker>)>,
}

fn async_oneshot() -> Scenario<u32> {
    Scenario::new("One actor awaits a value that another sends. Is it always woken for it?")
        .acceptable("the value was received", |&value| value == 7)
        .forbidden("another value was received", |_| true)
        .design(
            "looks, then registers its waker",
            oneshot(|oneshot| receive(oneshot, false), send)
                .expect(Deadlock)
                .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "wakes, then sends",
            oneshot(
                |oneshot| receive(oneshot, true),
                |oneshot| {
                    oneshot.receiver.wake();
                    oneshot.value.store(7, Release);
                },
            )
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "registers its waker, then looks",
            oneshot(|oneshot| receive(oneshot, true), send).expect(Safe).not_on(Processes, ONE_PROCESS),
        )
        .design(
            "value and waker under one lock",
            oneshot(
                |oneshot| {
                    block_on(poll_fn(|context| {
                        let Ok(mut both) = oneshot.both.lock() else { return Poll::Ready(0) };
                        if both.0 != 0 {
                            return Poll::Ready(both.0);
                        }
                        both.1 = Some(context.waker().clone());
                        Poll::Pending
                    }))
                },
                |oneshot| {
                    let Ok(mut both) = oneshot.both.lock() else { return };
                    both.0 = 7;
                    let waker = both.1.take();
                    drop(both);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                },
            )
            .expect(Safe)
            .not_on(Processes, ONE_PROCESS),
        )
        .in_practice(
            "a future that returns Pending has promised that it will be woken. So it leaves its waker first and looks \
             after that: what comes in between is seen by the look, and what comes later finds the waker. The sender \
             goes the other way: first the value, then the wake.",
        )
}

fn receive(oneshot: &Oneshot, registers_first: bool) -> u32 {
    block_on(poll_fn(|context| {
        if registers_first {
            oneshot.receiver.register_by_ref(context.waker());
        }
        let value = oneshot.value.load(Acquire);
        if value != 0 {
            return Poll::Ready(value);
        }
        if !registers_first {
            oneshot.receiver.register_by_ref(context.waker());
        }
        Poll::Pending
    }))
}

fn send(oneshot: &Oneshot) {
    oneshot.value.store(7, Release);
    oneshot.receiver.wake();
}

fn oneshot(
    receive: impl Fn(&Oneshot) -> u32 + Send + Sync + 'static,
    send: impl Fn(&Oneshot) + Send + Sync + 'static,
) -> Design<Oneshot, u32, u32> {
    Design::new(|| Oneshot {
        value: AtomicU32::new(0),
        receiver: AtomicWaker::new(),
        both: Mutex::new((0, None)),
    })
    .actor("receives", receive)
    .actor("sends", move |oneshot| {
        send(oneshot);
        0
    })
    .observe(|_, received| received[0])
}
