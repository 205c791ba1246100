//! A worker that is told to stop.

use selvedge::prelude::*;

selvedge::scenario!(work_queue);

struct Queue {
    /// Jobs that wait, and whether the worker is to stop.
    state: Mutex<(u32, bool)>,
    changed: Condvar,
}

fn work_queue() -> Scenario<u32> {
    Scenario::new("A job is queued, then the worker is told to stop. Is the job done, and does the worker end?")
        .acceptable("the job was done", |&done| done == 1)
        .forbidden("it was left behind", |_| true)
        .design(
            "stops without being notified",
            stopped(drain, false)
                .expect(Deadlock)
                .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design("looks for the stop first", stopped(stop_first, true).expect(Forbidden))
        .design("drains the queue, then stops", stopped(drain, true).expect(Safe))
        .in_practice(
            "a stop is a change like any other: under the lock, with notify_all. And decide what becomes of the jobs that \
             wait: look for the stop only where the queue is empty, or give them back.",
        )
}

/// The worker's next step: whether it does a job, or ends; none if it waits.
type Step = fn(u32, bool) -> Option<bool>;

fn drain(jobs: u32, stop: bool) -> Option<bool> {
    if jobs > 0 { Some(true) } else { stop.then_some(false) }
}

fn stop_first(jobs: u32, stop: bool) -> Option<bool> {
    if stop { Some(false) } else { (jobs > 0).then_some(true) }
}

fn stopped(step: Step, notifies: bool) -> Design<Queue, u32, u32> {
    Design::new(|| Queue { state: Mutex::new((0, false)), changed: Condvar::new() })
        .actor("works", move |queue| {
            let mut done = 0;
            let Ok(mut state) = queue.state.lock() else { return done };
            loop {
                match step(state.0, state.1) {
                    Some(true) => {
                        state.0 -= 1;
                        done += 1;
                    }
                    Some(false) => return done,
                    None => {
                        let Ok(woken) = queue.changed.wait(state) else { return done };
                        state = woken;
                    }
                }
            }
        })
        .actor("queues and stops", move |queue| {
            if let Ok(mut state) = queue.state.lock() {
                state.0 += 1;
            }
            queue.changed.notify_all();
            if let Ok(mut state) = queue.state.lock() {
                state.1 = true;
            }
            if notifies {
                queue.changed.notify_all();
            }
            0
        })
        .observe(|_, done| done[0])
}
