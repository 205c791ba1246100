//! Actors that take the process down, or never come back.

use selvedge::prelude::*;
use std::hint::black_box;

selvedge::scenario!(deaths);

/// B aborts if A has counted so far by then, which is to three in the end.
fn in_the_middle(fatal: u32) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actor("A", |n| {
            for _ in 0..3 {
                n.fetch_add(1, Relaxed);
            }
        })
        .actor("B", move |n| {
            if n.fetch_add(10, Relaxed) == fatal {
                std::process::abort();
            }
        })
        .observe(|n, _| n.load(Relaxed))
}

/// B aborts if they have taken turns all the way, each counting on from where the other was.
fn after_turns(turns: u32) -> Design<AtomicU32, (), u32> {
    let count = |n: &AtomicU32, from: u32| n.compare_exchange(from, from + 1, Relaxed, Relaxed).is_ok();
    Design::new(|| AtomicU32::new(0))
        .actor("A", move |n| {
            for turn in 0..turns {
                count(n, 2 * turn);
            }
        })
        .actor("B", move |n| {
            for turn in 0..turns {
                if count(n, 2 * turn + 1) && turn + 1 == turns {
                    std::process::abort();
                }
            }
        })
        .observe(|n, _| n.load(Relaxed))
}

fn deaths() -> Scenario<u32> {
    let fresh = || AtomicU32::new(0);
    let read = |n: &AtomicU32, _: &[()]| n.load(Relaxed);
    Scenario::new("What becomes of a run when an actor does its worst?")
        .acceptable("it was survived", |_| true)
        .design(
            "talks of a deadlock and aborts",
            Design::new(fresh)
                .actor("A", |n| {
                    n.fetch_add(1, Relaxed);
                })
                .actor("B", |n| {
                    n.fetch_add(1, Relaxed);
                    // Words of loom's and shuttle's; only a panic of theirs means what they say.
                    for words in ["deadlock suspected", "deadlock; threads = []", "deadlock! blocked tasks: []"] {
                        let _ = std::panic::catch_unwind(|| panic!("{words}"));
                    }
                    std::process::abort();
                })
                .observe(read)
                .must_see(Threads)
                .must_see(Processes)
                .expect(Crash),
        )
        .design(
            "segmentation fault",
            Design::new(fresh)
                .actor("A", |n| {
                    n.fetch_add(1, Relaxed);
                })
                .actor("B", |_| {
                    // SAFETY: none. This is the point: the kernel ends the process.
                    unsafe { black_box(64 as *mut u64).write_volatile(1) }
                })
                .observe(read)
                .must_see(Threads)
                .must_see(Processes)
                .expect(Crash),
        )
        .design(
            "abort",
            Design::new(fresh).actors(2, |_| std::process::abort()).observe(read).must_see(Threads).expect(Crash),
        )
        .design(
            "exit",
            Design::new(fresh).actors(2, |_| std::process::exit(3)).observe(read).must_see(Threads).expect(Crash),
        )
        .design(
            "exit as if all were well",
            Design::new(fresh).actors(2, |_| std::process::exit(0)).observe(read).must_see(Threads).expect(Crash),
        )
        .design("aborts in the middle", in_the_middle(2).expect(Crash))
        .design("would abort in the middle", in_the_middle(7))
        .design("aborts after six turns", after_turns(6).expect(Crash))
        .design(
            "panic",
            Design::new(fresh)
                .actors(2, |n| assert!(n.fetch_add(1, Relaxed) > 7, "there are {} too few", 8))
                .observe(read)
                .must_see(Threads)
                .must_see(Processes)
                .expect(Crash),
        )
        .design(
            "eats memory",
            Design::new(fresh)
                .actors(2, |n| {
                    let mut eaten = Vec::new();
                    while n.load(Relaxed) < 7 {
                        eaten.push(black_box(Vec::<u8>::with_capacity(64 << 20)));
                    }
                })
                .observe(read)
                .must_see(Threads)
                .must_see(Processes)
                .expect(Crash),
        )
        .design(
            "never ends",
            Design::new(fresh)
                .actor("A", |n| n.store(1, Relaxed))
                .actor("B", |_| {
                    while black_box(true) {
                        std::hint::spin_loop();
                    }
                })
                .observe(read)
                .must_see(Threads)
                .must_see(Processes)
                .expect(Hang),
        )
}
