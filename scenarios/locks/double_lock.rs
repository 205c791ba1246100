//! Taking a lock that one holds.

use selvedge::prelude::*;

selvedge::scenario!(double_lock);

fn double_lock() -> Scenario<u32> {
    Scenario::new("A function that takes a lock calls another that takes it too. Do both get through?")
        .acceptable("both counted", |&count| count == 4)
        .forbidden("one did not count", |_| true)
        .design(
            "lock in both",
            counted(|count| {
                if let Ok(mut outer) = count.lock() {
                    *outer += 1;
                    add_one(count);
                }
            })
            .expect(Deadlock)
            .only_on(&[Loom, Shuttle], "a real engine takes seconds to tell a deadlock from a long wait; lock_order shows one"),
        )
        .design(
            "try_lock in the second",
            counted(|count| {
                if let Ok(mut outer) = count.lock() {
                    *outer += 1;
                    if let Ok(mut inner) = count.try_lock() {
                        *inner += 1;
                    }
                }
            })
            .expect(Forbidden)
            .must_see(Threads),
        )
        .design(
            "give it back in between",
            counted(|count| {
                if let Ok(mut outer) = count.lock() {
                    *outer += 1;
                }
                add_one(count);
            })
            .expect(Safe),
        )
        .design(
            "pass the guard's value on",
            counted(|count| {
                if let Ok(mut outer) = count.lock() {
                    *outer += 1;
                    let value: &mut u32 = &mut outer;
                    *value += 1;
                }
            })
            .expect(Safe),
        )
        .in_practice(
            "std's Mutex is not recursive, and one actor is enough for this deadlock. Split into a function that locks and \
             one that takes `&mut` to what is locked; the compiler then knows who holds what.",
        )
}

fn add_one(count: &Mutex<u32>) {
    if let Ok(mut count) = count.lock() {
        *count += 1;
    }
}

fn counted(act: impl Fn(&Mutex<u32>) + Clone + Send + Sync + 'static) -> Design<Mutex<u32>, (), u32> {
    Design::new(|| Mutex::new(0)).actors(2, act).observe(|count, _| count.lock().map_or(0, |count| *count))
}
