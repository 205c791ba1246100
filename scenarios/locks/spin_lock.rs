//! Locks that spin: what each operation must order.

use selvedge::prelude::*;

selvedge::scenario!(spin_lock);

struct Guarded {
    locked: AtomicBool,
    next: AtomicU32,
    serving: AtomicU32,
    count: Plain<u32>,
}

fn unlocked() -> Guarded {
    Guarded {
        locked: AtomicBool::new(false),
        next: AtomicU32::new(0),
        serving: AtomicU32::new(0),
        count: Plain::new(0),
    }
}

fn spin_lock() -> Scenario<u32> {
    Scenario::new("Two actors count under a lock of their own making. Does it keep them apart, and hand the memory over?")
        .acceptable("both counted", |&count| count == 2)
        .forbidden("an increment was lost", |_| true)
        .design(
            "test, then set",
            spinning(
                |lock| {
                    while lock.locked.load(Acquire) {
                        thread::yield_now();
                    }
                    lock.locked.store(true, Relaxed);
                },
                Release,
            )
            .expect(DataRace),
        )
        .design("swap, relaxed", spinning(|lock| test_and_test_and_set(lock, Relaxed), Relaxed).expect(DataRace))
        .design("swap, acquire without release", spinning(|lock| test_and_test_and_set(lock, Acquire), Relaxed).expect(DataRace))
        .design("swap, release without acquire", spinning(|lock| test_and_test_and_set(lock, Relaxed), Release).expect(DataRace))
        .design("swap, acquire and release", spinning(|lock| test_and_test_and_set(lock, Acquire), Release).expect(Safe).not_on(Loom, "loom lets a store split a swap, and then the other waits for ever"))
        .design("ticket", ticket(Acquire, Release).expect(Safe))
        .design("ticket, relaxed", ticket(Relaxed, Relaxed).expect(DataRace))
        .in_practice(
            "acquire where the lock is taken, release where it is given back, and nothing else. But take a Mutex: a \
             spin lock burns the time slice of the one it waits for, as every program does that shares its cores.",
        )
}

fn test_and_test_and_set(lock: &Guarded, swap: Ordering) {
    while lock.locked.swap(true, swap) {
        while lock.locked.load(Relaxed) {
            thread::yield_now();
        }
    }
}

fn spinning(take: impl Fn(&Guarded) + Clone + Send + Sync + 'static, give: Ordering) -> Design<Guarded, (), u32> {
    Design::new(unlocked)
        .actors(2, move |lock: &Guarded| {
            take(lock);
            lock.count.set(lock.count.get() + 1);
            lock.locked.store(false, give);
        })
        .observe(|lock, _| lock.count.get())
}

fn ticket(wait: Ordering, serve: Ordering) -> Design<Guarded, (), u32> {
    Design::new(unlocked)
        .actors(2, move |lock: &Guarded| {
            let mine = lock.next.fetch_add(1, Relaxed);
            while lock.serving.load(wait) != mine {
                thread::yield_now();
            }
            lock.count.set(lock.count.get() + 1);
            lock.serving.store(mine + 1, serve);
        })
        .observe(|lock, _| lock.count.get())
}
