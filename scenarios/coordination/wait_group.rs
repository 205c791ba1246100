//! Waiting for work that has been announced, or has not been yet.

use selvedge::prelude::*;

selvedge::scenario!(wait_group);

struct Group {
    open: Mutex<u32>,
    done: Condvar,
    result: AtomicU32,
}

fn wait_group() -> Scenario<u32> {
    Scenario::new("An actor waits until all announced work is done, and takes the result. Is it there?")
        .acceptable("the work was done", |&result| result == 7)
        .forbidden("it went on before", |_| true)
        .design("announced by the worker when it begins", grouped(0).expect(Forbidden))
        .design("announced before the worker starts", grouped(1).expect(Safe))
        .in_practice(
            "who starts the work announces it, before it starts: an empty group is done. A scope, or joining the handles, \
             cannot be got wrong that way.",
        )
}

fn grouped(announced: u32) -> Design<Group, u32, u32> {
    Design::new(move || Group { open: Mutex::new(announced), done: Condvar::new(), result: AtomicU32::new(0) })
        .actor("works", move |group| {
            if announced == 0
                && let Ok(mut open) = group.open.lock()
            {
                *open += 1;
            }
            group.result.store(7, Relaxed);
            if let Ok(mut open) = group.open.lock() {
                *open -= 1;
            }
            group.done.notify_all();
            0
        })
        .actor("waits", |group| {
            let Ok(open) = group.open.lock() else { return 0 };
            drop(group.done.wait_while(open, |open| *open > 0));
            group.result.load(Relaxed)
        })
        .observe(|_, results| results[1])
}
