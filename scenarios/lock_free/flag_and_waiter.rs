//! An event listener: who sets the flag looks for a waiter, who waits looks at the flag.

use selvedge::prelude::*;

selvedge::scenario!(flag_and_waiter);

type Event = [AtomicBool; 2];

const SHUTTLE_IS_SC: &str = "shuttle's values are sequentially consistent";

/// Whether the notifier saw a waiter, and whether the waiter saw the flag.
type Seen = (bool, bool);

fn flag_and_waiter() -> Scenario<Seen> {
    Scenario::new("A notifier sets a flag and wakes whom it finds waiting; a waiter signs up and sleeps unless the flag is set. Does it ever sleep with none to wake it?")
        .forbidden("asleep, and not seen", |&seen| seen == (false, false))
        .acceptable("woken, or never asleep", |_| true)
        .design("release and acquire", eventful([|| (), || ()]).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a fence in the waiter only", eventful([|| (), || fence(SeqCst)]).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a fence in the notifier only", eventful([|| fence(SeqCst), || ()]).expect(Forbidden).expect_on(Shuttle, Safe, SHUTTLE_IS_SC))
        .design("a SeqCst fence in both", eventful([|| fence(SeqCst), || fence(SeqCst)]).expect(Safe))
        .in_practice(
            "the fast path of every event, park and channel is this: set, fence, look. Saving the notifier's fence because \
             there is nearly never a waiter is the classic lost wake-up. event-listener and crossbeam have both fences.",
        )
}

fn eventful([notifying, waiting]: [fn(); 2]) -> Design<Event, bool, Seen> {
    Design::new(|| [false; 2].map(AtomicBool::new))
        .actor("notifies", move |[flag, waiter]| {
            flag.store(true, Release);
            notifying();
            waiter.load(Acquire)
        })
        .actor("waits", move |[flag, waiter]| {
            waiter.store(true, Release);
            waiting();
            flag.load(Acquire)
        })
        .observe(|_, saw| (saw[0], saw[1]))
}
