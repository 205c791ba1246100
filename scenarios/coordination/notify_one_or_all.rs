//! How many a notification wakes.

use selvedge::prelude::*;

selvedge::scenario!(notify_one_or_all);

const SECONDS: &str = "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one";

type Door = (Mutex<bool>, Condvar);

fn notify_one_or_all() -> Scenario<usize> {
    Scenario::new("Two actors wait for a door to open. Do both get in?")
        .acceptable("both went in", |&entered| entered == 2)
        .forbidden("one went in through a closed door", |_| true)
        .design("notify_one", opened(Condvar::notify_one).expect(Deadlock).only_on(&[Loom, Shuttle], SECONDS))
        .design("notify_all", opened(Condvar::notify_all).expect(Safe))
        .design(
            "notify_one, passed on by who enters",
            Design::new(closed)
                .actors(2, |door| {
                    let entered = enter(door);
                    door.1.notify_one();
                    entered
                })
                .actor("opens", |door| open(door, Condvar::notify_one))
                .observe(|_, entered| entered.iter().filter(|entered| **entered).count())
                .expect(Safe),
        )
        .in_practice(
            "notify_one when one waiter can use what happened, and any of them will do; else notify_all. A door, a flag, a \
             shutdown: all can use it.",
        )
}

fn closed() -> Door {
    (Mutex::new(false), Condvar::new())
}

fn enter((door, opened): &Door) -> bool {
    let Ok(mut is_open) = door.lock() else { return false };
    while !*is_open {
        let Ok(woken) = opened.wait(is_open) else { return false };
        is_open = woken;
    }
    true
}

fn open((door, opened): &Door, notify: fn(&Condvar)) -> bool {
    if let Ok(mut is_open) = door.lock() {
        *is_open = true;
    }
    notify(opened);
    false
}

fn opened(notify: fn(&Condvar)) -> Design<Door, bool, usize> {
    Design::new(closed)
        .actors(2, enter)
        .actor("opens", move |door| open(door, notify))
        .observe(|_, entered| entered.iter().filter(|entered| **entered).count())
}
