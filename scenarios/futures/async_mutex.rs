//! A lock that is awaited.

use selvedge::future::{AtomicWaker, block_on};
use selvedge::prelude::*;
use std::future::poll_fn;
use std::task::{Context, Poll};

selvedge::scenario!(async_mutex);

const ONE_PROCESS: &str = "a waker is of use in one process only";
const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

/// For two tasks: at most one of them waits.
struct Lock {
    taken: AtomicBool,
    next: AtomicWaker,
    count: Plain<u32>,
}

impl Lock {
    fn try_take(&self) -> bool {
        !self.taken.swap(true, Acquire)
    }

    fn give_back(&self) {
        self.taken.store(false, Release);
        self.next.wake();
    }

    fn register(&self, context: &Context<'_>) {
        self.next.register_by_ref(context.waker());
    }
}

fn async_mutex() -> Scenario<u32> {
    Scenario::new("Two actors await a lock and count under it. Does each get it in the end?")
        .acceptable("both have counted", |&count| count == 2)
        .forbidden("a count was lost", |_| true)
        .design(
            "tries, then registers its waker",
            counted(
                |lock, context| {
                    if lock.try_take() {
                        return Poll::Ready(());
                    }
                    lock.register(context);
                    Poll::Pending
                },
                Lock::give_back,
            )
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "wakes, then gives back",
            counted(register_and_try, |lock| {
                lock.next.wake();
                lock.taken.store(false, Release);
            })
            .expect(Deadlock)
            .only_on(&[Rc11, Loom, Shuttle], SECONDS),
        )
        .design(
            "registers its waker, then tries again",
            counted(register_and_try, Lock::give_back).expect(Safe).not_on(Processes, ONE_PROCESS),
        )
        .in_practice(
            "between a try that fails and the registration the lock can be given back, and no waiter is woken. So try, register, \
             and try once more. A lock that is held across an await should be one that is awaited itself: a blocking one \
             stops the thread that would have to poll its holder.",
        )
}

fn register_and_try(lock: &Lock, context: &Context<'_>) -> Poll<()> {
    if lock.try_take() {
        return Poll::Ready(());
    }
    lock.register(context);
    if lock.try_take() { Poll::Ready(()) } else { Poll::Pending }
}

fn counted(
    take: impl Fn(&Lock, &Context<'_>) -> Poll<()> + Clone + Send + Sync + 'static,
    give_back: impl Fn(&Lock) + Clone + Send + Sync + 'static,
) -> Design<Lock, (), u32> {
    Design::new(|| Lock { taken: AtomicBool::new(false), next: AtomicWaker::new(), count: Plain::new(0) })
        .actors(2, move |lock: &Lock| {
            block_on(poll_fn(|context| take(lock, context)));
            lock.count.set(lock.count.get() + 1);
            give_back(lock);
        })
        .observe(|lock, _| lock.count.get())
}
