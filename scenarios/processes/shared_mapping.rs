//! Two processes that map the same memory: everything that threads must heed comes with it.

use selvedge::prelude::*;

selvedge::scenario!(shared_mapping);

struct Mapped {
    ready: AtomicBool,
    payload: Plain<u32>,
}

const ABOUT_PROCESSES: &str = "this is about processes; message_passing has the same for threads";

fn shared_mapping() -> Scenario<Option<u32>> {
    Scenario::new("One process leaves a payload in memory that it shares with another, and raises a flag. Does the other find the payload?")
        .acceptable("the flag was not up yet", Option::is_none)
        .acceptable("it found the payload", |&seen| seen == Some(42))
        .forbidden("the flag was up, the payload not there", |_| true)
        .design("shared, relaxed flag", mapped(Relaxed, Relaxed).expect(DataRace))
        .design("shared, release and acquire", mapped(Release, Acquire).expect(Safe))
        .design("not shared", mapped(Release, Acquire).isolated().expect(Safe))
        .in_practice(
            "a shared mapping gives two processes the speed of threads and their races. Use the same atomics and \
             orderings as between threads; no pointer in it means anything to the other side; and locks must be made for it \
             (PTHREAD_PROCESS_SHARED). Not shared, the flag never comes: the last design is safe and useless.",
        )
}

fn mapped(store: Ordering, load: Ordering) -> Design<Mapped, Option<u32>, Option<u32>> {
    Design::new(|| Mapped { ready: AtomicBool::new(false), payload: Plain::new(0) })
        .actor("leaves", move |mapped| {
            mapped.payload.set(42);
            mapped.ready.store(true, store);
            None
        })
        .actor("finds", move |mapped| mapped.ready.load(load).then(|| mapped.payload.get()))
        .observe(|_, seen| seen[1])
        .not_on(Threads, ABOUT_PROCESSES)
}
