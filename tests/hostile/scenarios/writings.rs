//! What a worker can write: to its output, and to memory that it shares.

use selvedge::prelude::*;

selvedge::scenario!(writings);

fn counting(act: impl Fn(&AtomicU32) + Clone + Send + Sync + 'static) -> Design<AtomicU32, (), u32> {
    Design::new(|| AtomicU32::new(0)).actors(2, act).observe(|n, _| n.load(Relaxed))
}

/// Fills all memory that this process shares under such a name.
fn scribble(name: &str, byte: u8) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux tells it");
    for line in maps.lines().filter(|line| line.contains(name)) {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let address = |text| usize::from_str_radix(text, 16).expect("an address");
        let (from, to) = (address(from), address(to));
        // SAFETY: none; mapped, writable, and somebody else's.
        unsafe { std::ptr::write_bytes(from as *mut u8, byte, to - from) };
    }
}

fn writings() -> Scenario<u32> {
    Scenario::new("Is what a worker writes ever trusted?")
        .acceptable("whatever", |_| true)
        .design("ones into the heartbeat", counting(|n| {
            n.fetch_add(1, Relaxed);
            scribble("selvedge-heartbeat", 0xff);
        }))
        .design("ones into the job slots", counting(|n| {
            n.fetch_add(1, Relaxed);
            scribble("selvedge-slots", 0xff);
        }))
        .design("zeros into everything shared", counting(|n| {
            n.fetch_add(1, Relaxed);
            scribble("selvedge-", 0);
        }))
        .design("ones into everything shared, and aborts", counting(|n| {
            n.fetch_add(1, Relaxed);
            scribble("selvedge-", 0xff);
            std::process::abort();
        }))
        .design("prints without end", counting(|n| {
            n.fetch_add(1, Relaxed);
            let line = "all work and no play ".repeat(500);
            loop {
                println!("{line}");
            }
        }))
        .design("prints bytes that are no text", counting(|n| {
            use std::io::Write as _;
            n.fetch_add(1, Relaxed);
            let _printed = std::io::stdout().write_all(b"\xff\xfe\x1b[31m\x00");
        }))
        .design("prints and is safe", counting(|n| {
            println!("{{\"an actor\": \"prints\"}}");
            n.fetch_add(1, Relaxed);
        }))
}
