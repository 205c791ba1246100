//! A number of permits, of which one is left.

use selvedge::prelude::*;

selvedge::scenario!(semaphore);

struct Pool {
    permits: AtomicI32,
    counted: Mutex<i32>,
    returned: Condvar,
    inside: AtomicU32,
}

fn semaphore() -> Scenario<u32> {
    Scenario::new("One permit, two actors who need one to work. Do both ever work at once?")
        .acceptable("one after the other", |&most| most == 1)
        .forbidden("both at once", |_| true)
        .design(
            "look, then take",
            pooled(
                |pool| {
                    while pool.permits.load(SeqCst) == 0 {
                        thread::yield_now();
                    }
                    pool.permits.fetch_sub(1, SeqCst);
                },
                give_atomic,
            )
            .expect(Forbidden),
        )
        .design(
            "compare-exchange",
            pooled(
                |pool| {
                    while pool.permits.compare_exchange(1, 0, Acquire, Relaxed).is_err() {
                        thread::yield_now();
                    }
                },
                give_atomic,
            )
            .expect(Safe),
        )
        .design(
            "mutex and condition variable",
            pooled(
                |pool| {
                    let Ok(mut permits) = pool.counted.lock() else { return };
                    while *permits == 0 {
                        let Ok(woken) = pool.returned.wait(permits) else { return };
                        permits = woken;
                    }
                    *permits -= 1;
                },
                |pool| {
                    if let Ok(mut permits) = pool.counted.lock() {
                        *permits += 1;
                    }
                    pool.returned.notify_one();
                },
            )
            .expect(Safe),
        )
        .in_practice("take and look are one step, as everywhere; and where the permit is not there, wait for it to be returned, do not spin.")
}

fn give_atomic(pool: &Pool) {
    pool.permits.fetch_add(1, Release);
}

/// The most that were inside at once, as either of them saw it.
fn pooled(
    take: impl Fn(&Pool) + Clone + Send + Sync + 'static,
    give: impl Fn(&Pool) + Clone + Send + Sync + 'static,
) -> Design<Pool, u32, u32> {
    Design::new(|| Pool {
        permits: AtomicI32::new(1),
        counted: Mutex::new(1),
        returned: Condvar::new(),
        inside: AtomicU32::new(0),
    })
    .actors(2, move |pool: &Pool| {
        take(pool);
        let most = pool.inside.fetch_add(1, Relaxed) + 1;
        pool.inside.fetch_sub(1, Relaxed);
        give(pool);
        most
    })
    .observe(|_, most| most.iter().copied().max().unwrap_or(0))
}
