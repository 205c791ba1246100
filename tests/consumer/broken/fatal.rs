//! Actors that take the process down in some executions and not in others.

use selvedge::prelude::*;
use std::time::Duration;

selvedge::scenario!(fatal);

/// A counts to three, and B looks how far it has come.
fn counting(look: impl Fn(u32) + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actor("A", |n| {
            for _ in 0..3 {
                n.fetch_add(1, Relaxed);
            }
        })
        .actor("B", move |n| look(n.fetch_add(10, Relaxed)))
        .observe(|n, _| n.load(Relaxed))
        .expect(Crash)
}

/// A counts five, and B may find them all; or B counts first, then A, and then B again.
fn fewer_switches_or_fewer_events() -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actor("A", |n| {
            for _ in 0..5 {
                n.fetch_add(1, Relaxed);
            }
        })
        .actor("B", |n| {
            let (first, second) = (n.fetch_add(10, Relaxed), n.fetch_add(10, Relaxed));
            if first == 5 || (first, second) == (0, 11) {
                std::process::abort();
            }
        })
        .observe(|n, _| n.load(Relaxed))
        .expect(Crash)
}

/// Each counts four, and ends the process if it finds so many.
fn as_few_switches_and_fewer_events() -> Design<AtomicU32, (), u32> {
    let count = |n: &AtomicU32, more: u32, deadly: &[u32]| {
        for _ in 0..4 {
            if deadly.contains(&n.fetch_add(more, Relaxed)) {
                std::process::abort();
            }
        }
    };
    Design::new(|| AtomicU32::new(0))
        .actor("A", move |n| count(n, 1, &[40]))
        .actor("B", move |n| count(n, 10, &[2, 4]))
        .observe(|n, _| n.load(Relaxed))
        .expect(Crash)
}

/// Computes for so long.
fn compute(time: Duration) {
    let computed = || {
        let times = std::fs::read_to_string("/proc/self/schedstat").expect("Linux tells it");
        let first = times.split(' ').next().and_then(|time| time.parse().ok());
        Duration::from_nanos(first.expect("nanoseconds"))
    };
    let end = computed() + time;
    while computed() < end {}
}

/// Ends the process when it is dropped by a panic.
struct NoUnwinding;

impl Drop for NoUnwinding {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

fn fatal() -> Scenario<u32> {
    Scenario::new("Which is the shortest way to the end of the process?")
        .acceptable("it was survived", |_| true)
        .design("another end lies before", counting(|n| match n {
            1 => std::process::exit(3),
            2 => std::process::abort(),
            _ => {}
        }))
        .design("dies of a choice", counting(|n| {
            if choose(3) == 2 && n == 2 {
                std::process::abort();
            }
        }))
        .design("fewer switches or fewer events", fewer_switches_or_fewer_events())
        .design("as few switches and fewer events", as_few_switches_and_fewer_events())
        .design("dies with a lock in its hands", Design::new(|| Mutex::new(0))
            .actor("A", |n| {
                for _ in 0..2 {
                    *n.lock().unwrap() += 1;
                }
            })
            .actor("B", |n| {
                let n = n.lock().unwrap();
                if *n == 1 {
                    std::process::abort();
                }
            })
            .observe(|n, _| *n.lock().unwrap())
            .expect(Crash))
        .design("dies of a stale value", Design::new(|| (AtomicU32::new(0), AtomicU32::new(0)))
            .actor("A", |(data, ready)| {
                data.store(1, Relaxed);
                ready.store(1, Relaxed);
            })
            .actor("B", |(data, ready)| {
                if ready.load(Relaxed) == 1 && data.load(Relaxed) == 0 {
                    std::process::abort();
                }
            })
            .observe(|_, _| 0)
            .expect(Safe)
            .expect_on(Loom, Crash, "shuttle knows no stale values"))
        .design("takes long over the shorter way", counting(|n| {
            if n == 1 {
                compute(Duration::from_millis(400));
            }
            if n == 1 || n == 2 {
                std::process::abort();
            }
        }))
        .design("must not unwind", Design::new(|| AtomicU32::new(0))
            .actor("A", |n| {
                let _guard = NoUnwinding;
                n.fetch_add(1, Relaxed);
                n.fetch_add(1, Relaxed);
            })
            .actor("B", |n| {
                if n.fetch_add(10, Relaxed) == 1 {
                    std::process::abort();
                }
            })
            .observe(|n, _| n.load(Relaxed))
            .expect(Crash))
}
