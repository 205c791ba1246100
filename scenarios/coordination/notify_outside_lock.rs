//! Where the notification stands.

use selvedge::prelude::*;

selvedge::scenario!(notify_outside_lock);

type Letterbox = (Mutex<u32>, Condvar);

fn notify_outside_lock() -> Scenario<u32> {
    Scenario::new("An actor leaves a value under a lock and notifies: before, inside or after. Does the waiter always get it?")
        .acceptable("it got the value", |&got| got == 7)
        .forbidden("it got something else", |_| true)
        .design(
            "inside the lock",
            left(|(value, left)| {
                if let Ok(mut value) = value.lock() {
                    *value = 7;
                    left.notify_one();
                }
            })
            .expect(Safe),
        )
        .design(
            "after the lock",
            left(|(value, left)| {
                if let Ok(mut value) = value.lock() {
                    *value = 7;
                }
                left.notify_one();
            })
            .expect(Safe),
        )
        .design(
            "before the change",
            left(|(value, left)| {
                left.notify_one();
                if let Ok(mut value) = value.lock() {
                    *value = 7;
                }
            })
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .in_practice(
            "after the change; inside the lock or after it makes no difference to who wakes. After it saves the woken one a \
             wait for the lock, inside it keeps the condition variable alive for as long as the waiter may need it.",
        )
}

fn left(leave: impl Fn(&Letterbox) + Send + Sync + 'static) -> Design<Letterbox, u32, u32> {
    Design::new(|| (Mutex::new(0), Condvar::new()))
        .actor("waits", |(value, left): &Letterbox| {
            let Ok(mut value) = value.lock() else { return 0 };
            while *value == 0 {
                let Ok(woken) = left.wait(value) else { return 0 };
                value = woken;
            }
            *value
        })
        .actor("leaves", move |shared| {
            leave(shared);
            0
        })
        .observe(|_, got| got[0])
}
