//! Designs that do not do the same twice.

use selvedge::prelude::*;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::AtomicUsize as Untold;
use std::time::SystemTime;

selvedge::scenario!(nondeterminism);

/// A counts, and B too, unless `skip` says otherwise.
fn unless(skip: impl Fn() -> bool + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actor("A", |n| {
            n.fetch_add(1, Relaxed);
        })
        .actor("B", move |n| {
            if !skip() {
                n.fetch_add(1, Relaxed);
            }
        })
        .observe(|n, _| n.load(Relaxed))
}

/// Two count, and the outcome is off by what `error` says.
fn but_for(error: impl Fn() -> u32 + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(2, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(move |n, _| n.load(Relaxed).wrapping_add(error()))
}

fn every(n: usize, count: &'static Untold) -> impl Fn() -> bool + Send + Sync + 'static {
    move || count.fetch_add(1, Relaxed) % n == n - 1
}

fn coin() -> bool {
    RandomState::new().build_hasher().finish() & 1 == 1
}

fn clock() -> bool {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|time| time.subsec_nanos() / 64 % 2 == 1)
}

fn nondeterminism() -> Scenario<u32> {
    static SECOND: Untold = Untold::new(0);
    static THIRD: Untold = Untold::new(0);
    static OUTCOME: Untold = Untold::new(0);
    static VALUE: Untold = Untold::new(0);
    static CHANGES: Untold = Untold::new(0);
    Scenario::new("Is a design that does not do the same twice ever called safe?")
        .acceptable("all counted, or one left out", |&n| n == 2 || n == 1)
        .forbidden("off", |&n| n > 2)
        .design("a counter skips every second time", unless(every(2, &SECOND)))
        .design("a counter skips every third time", unless(every(3, &THIRD)))
        .design("the clock skips", unless(clock))
        .design("a coin skips", unless(coin))
        .design("a counter errs every second time", but_for({
            let second = every(2, &OUTCOME);
            move || u32::from(second())
        }))
        .design("a coin lowers the outcome", but_for(|| 0_u32.wrapping_sub(u32::from(coin()))))
        .design("a counter chooses what is stored", Design::new(|| AtomicU32::new(0))
            .actor("A", |n| n.store(1 + u32::from(VALUE.fetch_add(1, Relaxed) % 2 == 1), Relaxed))
            .actor("B", |n| {
                n.load(Relaxed);
            })
            .observe(|n, _| n.load(Relaxed)))
        .design("it changes after the tenth time", Design::new(|| AtomicU32::new(0))
            .actor("A", |n| {
                for _ in 0..3 {
                    n.fetch_add(0, Relaxed);
                }
            })
            .actor("B", |n| {
                for _ in 0..3 {
                    n.fetch_add(0, Relaxed);
                }
                if CHANGES.fetch_add(1, Relaxed) > 10 {
                    n.fetch_add(2, Relaxed);
                } else {
                    n.fetch_add(1, Relaxed);
                }
            })
            .observe(|n, _| n.load(Relaxed)))
        .design("chooses as it should", Design::new(|| AtomicU32::new(0))
            .actor("A", |n| {
                n.fetch_add(1, Relaxed);
            })
            .actor("B", |n| {
                if choose(2) == 1 {
                    n.fetch_add(1, Relaxed);
                }
            })
            .observe(|n, _| n.load(Relaxed)))
}
