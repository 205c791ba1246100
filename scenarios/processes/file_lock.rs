//! `flock`: the lock belongs to the open file, not to the process.

use selvedge::prelude::*;

selvedge::scenario!(file_lock);

fn file_lock() -> Scenario<Option<u32>> {
    Scenario::new("Two children of a program each take an flock, read a number, wait and write one more. Is it counted twice?")
        .acceptable("two", |&count| count == Some(2))
        .acceptable("there is no flock here", Option::is_none)
        .forbidden("one was lost", |_| true)
        .design(
            "each opens the lock file",
            counted("(flock 9; add) 9> lock & (flock 9; add) 9> lock & wait").expect(Safe),
        )
        .design(
            "both inherit one open lock file",
            counted("exec 9> lock; (flock 9; add) & (flock 9; add) & wait").expect(Forbidden).must_see(Threads),
        )
        .in_practice(
            "two that share one open file share its lock: the second flock succeeds at once. Open the lock file in each process, \
             after the fork. The lock goes when the last descriptor of that open file is closed, a crash included.",
        )
}

fn counted(script: &str) -> Design<selvedge::Scratch, Ran, Option<u32>> {
    let add = "command -v flock > /dev/null || exit 1; add() { n=$(cat n); sleep 0.02; echo $((n + 1)) > n; }; ";
    Design::commands(|scratch| scratch.write("n", "0"))
        .command("sh", External::new("sh").args(["-c", &format!("{add}{script}; cat n")]))
        .observe(|_, ran| ran[0].output()?.parse().ok())
}
