//! A number in a file that two programs add to.

use selvedge::prelude::*;

selvedge::scenario!(file_counter);

/// What was counted; none if a program gave up.
type Count = Option<u32>;

fn file_counter() -> Scenario<Count> {
    Scenario::new("Two programs each read a number from a file and write one more. Is it two in the end?")
        .acceptable("two", |&count| count == Some(2))
        .forbidden("one was lost", |&count| count == Some(1))
        .forbidden("one never got the lock", Option::is_none)
        .forbidden("something else", |_| true)
        .design("read, then write", counted("n=$(cat n); sleep 0.01; echo $((n + 1)) > n", false).expect(Forbidden))
        .design(
            "read, write a new file, rename it",
            counted("n=$(cat n); sleep 0.01; echo $((n + 1)) > n.$$; mv n.$$ n", false).expect(Forbidden),
        )
        .design("under a lock file", counted(LOCKED, false).expect(Safe))
        .design("under a lock file that a dead program has left", counted(LOCKED, true).expect(Forbidden).must_see(Threads))
        .in_practice(
            "a rename replaces a file as a whole, so that no reader sees half of it; it loses updates as any write does. A lock \
             file must be made in one step (mkdir, O_EXCL), and outlives a crash; flock does not. Or let a database do it.",
        )
}

/// Gives up after some tries, with exit code 1.
const LOCKED: &str = "i=0; while ! mkdir lock 2> /dev/null; do i=$((i + 1)); [ $i -gt 40 ] && exit 1; sleep 0.005; done; \
                      n=$(cat n); echo $((n + 1)) > n; rmdir lock";

fn counted(script: &str, stale: bool) -> Design<selvedge::Scratch, Ran, Count> {
    let add = External::new("sh").args(["-c", script]);
    Design::commands(move |scratch| {
        scratch.write("n", "0");
        if stale {
            scratch.write("lock", "");
        }
    })
    .command("A", add.clone())
    .command("B", add)
    .observe(|scratch, ran| {
        let both_done = ran.iter().all(|ran| ran.output().is_some());
        both_done.then(|| scratch.read("n").trim().parse().unwrap_or(0))
    })
}
