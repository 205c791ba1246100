//! A notification that comes before the wait is lost.

use selvedge::prelude::*;

selvedge::scenario!(lost_wakeup);

const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

struct Signal {
    ready: AtomicBool,
    guarded: Mutex<bool>,
    told: Condvar,
}

fn lost_wakeup() -> Scenario<bool> {
    Scenario::new("One actor waits for a flag on a condition variable, another raises it and notifies. Does the waiter always get to know?")
        .acceptable("it went on", |&woken| woken)
        .forbidden("it went on without the flag", |_| true)
        .design(
            "the flag is looked at outside the lock",
            signalled(
                |signal| {
                    if !signal.ready.load(SeqCst)
                        && let Ok(guard) = signal.guarded.lock()
                    {
                        drop(signal.told.wait(guard));
                    }
                    signal.ready.load(SeqCst)
                },
                |signal| {
                    signal.ready.store(true, SeqCst);
                    let _guard = signal.guarded.lock();
                    signal.told.notify_one();
                },
            )
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], SECONDS),
        )
        .design(
            "the flag is raised outside the lock",
            signalled(
                |signal| {
                    let Ok(mut guard) = signal.guarded.lock() else { return false };
                    while !signal.ready.load(SeqCst) {
                        let Ok(woken) = signal.told.wait(guard) else { return false };
                        guard = woken;
                    }
                    true
                },
                |signal| {
                    signal.ready.store(true, SeqCst);
                    signal.told.notify_one();
                },
            )
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], SECONDS),
        )
        .design("both under the lock", signalled(wait_under_lock, |signal| {
            if let Ok(mut ready) = signal.guarded.lock() {
                *ready = true;
            }
            signal.told.notify_one();
        }).expect(Safe))
        .design(
            "channel",
            Design::new(channel::unbounded)
                .actor("waits", |(_, receive): &(channel::Sender<bool>, channel::Receiver<bool>)| receive.recv().unwrap_or(false))
                .actor("tells", |(send, _)| {
                    send.send(true).ok();
                    false
                })
                .observe(|_, woken| woken[0])
                .expect(Safe),
        )
        .in_practice(
            "a condition variable has no memory: it wakes those who wait, now. So the flag belongs under the lock, in \
             both actors; an atomic beside it does not help, however strong its ordering. A channel remembers.",
        )
}

fn wait_under_lock(signal: &Signal) -> bool {
    let Ok(mut ready) = signal.guarded.lock() else { return false };
    while !*ready {
        let Ok(woken) = signal.told.wait(ready) else { return false };
        ready = woken;
    }
    true
}

fn signalled(
    wait: impl Fn(&Signal) -> bool + Send + Sync + 'static,
    tell: impl Fn(&Signal) + Send + Sync + 'static,
) -> Design<Signal, bool, bool> {
    Design::new(|| Signal { ready: AtomicBool::new(false), guarded: Mutex::new(false), told: Condvar::new() })
        .actor("waits", wait)
        .actor("tells", move |signal| {
            tell(signal);
            false
        })
        .observe(|_, woken| woken[0])
}
