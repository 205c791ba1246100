//! The offset of a file belongs to the open file, and a fork inherits the open file.

use selvedge::prelude::*;

selvedge::scenario!(shared_offset);

fn shared_offset() -> Scenario<usize> {
    Scenario::new("A program forks twice and each child writes four bytes. Are there eight bytes in the file?")
        .acceptable("eight bytes", |&bytes| bytes == 8)
        .forbidden("one wrote over the other", |_| true)
        .design(
            "opened before the fork",
            forked("exec > out; (printf aaaa) & (printf bbbb) & wait").expect(Safe),
        )
        .design(
            "opened by each child",
            forked("(printf aaaa 1<> out) & (printf bbbb 1<> out) & wait").expect(Forbidden).must_see(Threads),
        )
        .in_practice(
            "after a fork both processes move one offset: good for a log that was opened before, a trap for two that read one \
             file in turn. Who wants an offset of its own opens the file anew, or uses pread and pwrite.",
        )
}

fn forked(script: &str) -> Design<selvedge::Scratch, Ran, usize> {
    Design::commands(|scratch| scratch.write("out", ""))
        .command("sh", External::new("sh").args(["-c", script]))
        .observe(|scratch, _| scratch.read("out").len())
}
