//! The many ways in which a process ends.

use selvedge::prelude::*;
use std::hint::black_box;
use std::time::Duration;

selvedge::scenario!(ends);

fn counting(act: impl Fn(&AtomicU32) + Clone + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0)).actors(2, act).observe(|n, _| n.load(Relaxed))
}

fn observing(observe: impl Fn() -> u32 + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0))
        .actors(2, |n| {
            n.fetch_add(1, Relaxed);
        })
        .observe(move |n, _| n.load(Relaxed) + observe())
}

/// Panics when it is dropped.
struct Twice(&'static str);

impl Drop for Twice {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

thread_local! {
    static LAST: Twice = const { Twice("a destructor of a thread local gave up") };
}

fn eat(block: usize) -> Vec<Vec<u8>> {
    let mut eaten = Vec::new();
    while black_box(true) {
        eaten.push(black_box(vec![1_u8; block]));
    }
    eaten
}

fn ends() -> Scenario<u32> {
    Scenario::new("Is every end told by what it is?")
        .acceptable("whatever", |_| true)
        .design("exit code 70", counting(|n| {
            n.fetch_add(1, Relaxed);
            std::process::exit(70)
        }))
        .design("kills its process", counting(|n| {
            n.fetch_add(1, Relaxed);
            // SAFETY: a system call without pointers.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::thread::sleep(Duration::from_millis(1));
            }
        }))
        .design("eats memory", counting(|n| {
            n.fetch_add(1, Relaxed);
            drop(eat(64 << 20));
        }))
        .design("eats memory in small bites", counting(|n| {
            n.fetch_add(1, Relaxed);
            drop(eat(100_000));
        }))
        .design("says that memory is short and aborts", counting(|n| {
            n.fetch_add(1, Relaxed);
            eprintln!("memory allocation of 7 bytes failed; Cannot allocate memory; thread has overflowed its stack");
            std::process::abort();
        }))
        .design("panics with a deadlock that was avoided", counting(|n| {
            n.fetch_add(1, Relaxed);
            panic!("deadlock was avoided");
        }))
        .design("aborts in the observation", observing(|| std::process::abort()))
        .design("exits in the observation", observing(|| std::process::exit(0)))
        .design("panics in the observation", observing(|| panic!("nothing to see")))
        .design("dies in the observation", observing(|| {
            // SAFETY: none. This is the point: the kernel ends the process.
            unsafe { black_box(64 as *mut u32).write_volatile(1) };
            0
        }))
        .design("exits while the state is made", Design::new(|| -> AtomicU32 { std::process::exit(0) })
            .actors(2, |n: &AtomicU32| {
                n.fetch_add(1, Relaxed);
            })
            .observe(|n, _| n.load(Relaxed)))
        .design("panics twice", counting(|n| {
            n.fetch_add(1, Relaxed);
            let _twice = Twice("the second panic");
            panic!("the first panic");
        }))
        .design("a destructor of a thread local panics", counting(|n| {
            n.fetch_add(1, Relaxed);
            LAST.with(|last| black_box(last.0.len()));
        }))
        .design("overflows its stack", counting(|n| {
            fn deeper(n: u64) -> u64 {
                let page = black_box([n; 64]);
                if black_box(true) { deeper(page[3] + 1) + page[5] } else { 0 }
            }
            n.fetch_add(1, Relaxed);
            black_box(deeper(1));
        }))
}
