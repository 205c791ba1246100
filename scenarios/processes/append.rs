//! `O_APPEND`: where in a file a write goes.

use selvedge::prelude::*;

selvedge::scenario!(append);

fn append() -> Scenario<usize> {
    Scenario::new("Two programs write a line each to the end of one log. Are both lines there?")
        .acceptable("both lines", |&lines| lines == 2)
        .forbidden("one has been written over", |_| true)
        .design("opened without O_APPEND", logged("echo $WORD 1<> log").expect(Forbidden).must_see(Threads))
        .design("opened with O_APPEND", logged("echo $WORD >> log").expect(Safe))
        .in_practice(
            "with O_APPEND finding the end and writing there is one step of the kernel; without it each opener has an offset of \
             its own, and the later write lands on the earlier. One write per line, and not over NFS.",
        )
}

fn logged(script: &str) -> Design<selvedge::Scratch, Ran, usize> {
    let writes = |word: &str| External::new("sh").args(["-c", script]).env("WORD", word);
    Design::commands(|scratch| scratch.write("log", ""))
        .command("A", writes("aaaa"))
        .command("B", writes("bbbb"))
        .observe(|scratch, _| scratch.read("log").lines().count())
}
