//! A scenario that is another one from run to run, as after an edit: for tokens that are out of date.

use selvedge::prelude::*;

selvedge::scenario!(shifting);

fn has_changed(what: &str) -> bool {
    std::env::var("SHIFTING").is_ok_and(|changed| changed == what)
}

fn shifting() -> Scenario<u32> {
    let question = if has_changed("question") { "Is one lost?" } else { "Is an increment lost?" };
    let twice = has_changed("operations");
    let lossy = Design::new(|| AtomicU32::new(0))
        .actors(2, move |n| {
            let seen = n.load(Relaxed);
            if twice {
                n.load(Relaxed);
            }
            n.store(seen + 1, Relaxed);
        })
        .observe(|n, _| n.load(Relaxed));
    // What is changed is on the way to the same end.
    let deadly = Design::new(|| AtomicU32::new(0))
        .actors(2, move |n| {
            if n.fetch_add(1, Relaxed) == 1 {
                if twice {
                    n.load(Relaxed);
                }
                std::process::abort();
            }
        })
        .observe(|n, _| n.load(Relaxed));
    Scenario::new(question)
        .acceptable("no", |&n| n >= 2)
        .forbidden("yes", |_| true)
        .design("lossy", lossy.expect(Forbidden))
        .design("deadly", deadly.expect(Crash))
}
