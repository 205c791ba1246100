//! `PIPE_BUF`: how much goes into a pipe in one piece.

use selvedge::prelude::*;

selvedge::scenario!(pipe_buf);

fn pipe_buf() -> Scenario<Option<bool>> {
    Scenario::new("Two programs write a block each into one pipe. Does each block arrive in one piece?")
        .acceptable("in one piece", |&whole| whole == Some(true))
        .acceptable("there is no python3 here", Option::is_none)
        .forbidden("mixed", |_| true)
        .design("4,096 bytes, PIPE_BUF on Linux", written(4096).expect(Safe))
        .design("300,000 bytes", written(300_000).expect(Forbidden))
        .in_practice(
            "up to PIPE_BUF bytes (4,096 on Linux, 512 by POSIX) a write to a pipe is one piece, beyond that it may be mixed with \
             others'. Give each writer a pipe of its own, or send short records.",
        )
}

fn written(bytes: u32) -> Design<selvedge::Scratch, Ran, Option<bool>> {
    let program = format!(
        "import os
read, write = os.pipe()
for letter in (b'a', b'b'):
    if os.fork() == 0:
        os.close(read)
        block = letter * {bytes}
        while block:
            block = block[os.write(write, block):]
        os._exit(0)
os.close(write)
said = b''
while True:
    part = os.read(read, 65536)
    if not part:
        break
    said += part
print(len([1 for a, b in zip(said, said[1:]) if a != b]) == 1)
"
    );
    Design::commands(|_| ())
        .command("python3", External::new("python3").args(["-c", &program]))
        .observe(|_, ran| ran[0].output().map(|said| said == "True"))
}
