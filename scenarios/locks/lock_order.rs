//! Two locks and two actors that need both.

use selvedge::prelude::*;

selvedge::scenario!(lock_order);

struct Locks {
    first: Mutex<u32>,
    second: Mutex<u32>,
}

fn lock_order() -> Scenario<(u32, u32)> {
    Scenario::new("Two actors each need two locks at once. Do both always get through?")
        .acceptable("both got through", |&counts| counts == (2, 2))
        .forbidden("one held fewer locks than it needed", |_| true)
        .design(
            "in one order",
            both_locked(|locks| in_order(&locks.first, &locks.second), |locks| in_order(&locks.first, &locks.second))
                .expect(Safe),
        )
        .design(
            "in opposite order",
            both_locked(|locks| in_order(&locks.first, &locks.second), |locks| in_order(&locks.second, &locks.first))
                .expect(Deadlock),
        )
        .design(
            "try_lock and back off",
            both_locked(|locks| in_order(&locks.first, &locks.second), |locks| backing_off(&locks.second, &locks.first))
                .expect(Safe),
        )
}

fn both_locked(a: fn(&Locks), b: fn(&Locks)) -> Design<Locks, (), (u32, u32)> {
    let unlocked = || Locks { first: Mutex::new(0), second: Mutex::new(0) };
    Design::new(unlocked).actor("A", a).actor("B", b).observe(|locks, _| {
        let count = |lock: &Mutex<u32>| lock.lock().map_or(0, |count| *count);
        (count(&locks.first), count(&locks.second))
    })
}

/// Takes both locks, in the order given, and counts in each.
fn in_order(outer: &Mutex<u32>, inner: &Mutex<u32>) {
    if let Ok(mut outer) = outer.lock()
        && let Ok(mut inner) = inner.lock()
    {
        *outer += 1;
        *inner += 1;
    }
}

/// Tries the second lock, and if it is busy gives the first one back and takes them in the order of all.
fn backing_off(mine: &Mutex<u32>, other: &Mutex<u32>) {
    if let Ok(mut held) = mine.lock()
        && let Ok(mut other) = other.try_lock()
    {
        *held += 1;
        *other += 1;
        return;
    }
    in_order(other, mine);
}
