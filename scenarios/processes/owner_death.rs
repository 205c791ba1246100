//! A process that dies while it holds a lock that others share.

use selvedge::prelude::*;

selvedge::scenario!(owner_death);

const DIES_ALONE: &str = "only an actor that is a process of its own can die alone";

/// What the survivor met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Met {
    /// The lock as if nothing had happened: it came first, or the lock was free.
    Free,
    /// The lock, and word of the owner's death.
    Poisoned,
    /// Death, or a lock that is held for ever.
    Died,
}

fn owner_death() -> Scenario<Met> {
    Scenario::new("One process aborts while it holds a process-shared mutex. Does the other get the lock, and learn of it?")
        .acceptable("it came first", |&met| met == Met::Free)
        .acceptable("it got the lock, and learned that the owner had died", |&met| met == Met::Poisoned)
        .forbidden("it died too, or waits for ever", |&met| met == Met::Died)
        .design(
            "robust mutex",
            Design::new(|| Mutex::new(0))
                .actor("dies", |value: &Mutex<u32>| {
                    let Ok(_held) = value.lock() else { return Met::Died };
                    std::process::abort()
                })
                .actor("survives", |value| if value.lock().is_ok() { Met::Free } else { Met::Poisoned })
                .observe_exits(|_, exits| match exits[1] {
                    Exit::Returned(met) => met,
                    Exit::Killed(_) | Exit::Exited(_) => Met::Died,
                })
                .expect(Safe)
                .only_on(&[Processes], DIES_ALONE),
        )
        .design(
            "a flag of one's own",
            Design::new(|| AtomicBool::new(false))
                .actor("dies", |held: &AtomicBool| {
                    held.store(true, SeqCst);
                    std::process::abort()
                })
                .actor("survives", |held| {
                    // Without a bound it would wait for ever once the owner is dead.
                    let waited = (0..100_000).take_while(|_| held.load(SeqCst)).count();
                    if waited < 100_000 { Met::Free } else { Met::Died }
                })
                .observe_exits(|_, exits| match exits[1] {
                    Exit::Returned(met) => met,
                    Exit::Killed(_) | Exit::Exited(_) => Met::Died,
                })
                .expect(Forbidden)
                .only_on(&[Processes], DIES_ALONE),
        )
        .in_practice(
            "across processes use robust mutexes (PTHREAD_MUTEX_ROBUST) or flock: the kernel tells the next one that the owner \
             died, and lets it mend what was left half done. A flag in shared memory outlives its owner.",
        )
}
