//! A fork copies the one thread that calls it, and all locks as they are.

use selvedge::prelude::*;

selvedge::scenario!(fork_with_lock);

fn fork_with_lock() -> Scenario<Option<bool>> {
    Scenario::new("A program forks while another of its threads holds a lock. Does the child ever get that lock?")
        .acceptable("the child got it", |&got| got == Some(true))
        .acceptable("there is no python3 here", Option::is_none)
        .forbidden("the holder does not exist in the child: it would wait for ever", |_| true)
        .design("fork while the lock is held", forked("holder.start(); held.wait(); pid = os.fork()").expect(Forbidden).must_see(Threads))
        .design("fork first, threads later", forked("pid = os.fork()\nif pid: holder.start(); held.wait()").expect(Safe))
        .in_practice(
            "fork from a process of one thread, or go on to exec at once and touch no lock before (malloc has one). selvedge forks \
             its workers so, and refuses where it cannot. Python's multiprocessing has `spawn` and `forkserver` for that reason.",
        )
}

fn forked(how: &str) -> Design<selvedge::Scratch, Ran, Option<bool>> {
    let program = format!(
        "import os, sys, threading
lock, held, done = threading.Lock(), threading.Event(), threading.Event()
def hold():
    with lock:
        held.set()
        done.wait()
holder = threading.Thread(target=hold, daemon=True)
{how}
if pid == 0:
    os._exit(0 if lock.acquire(timeout=0.3) else 1)
_, status = os.waitpid(pid, 0)
done.set()
print('got it' if status == 0 else 'stuck')
"
    );
    Design::commands(|_| ())
        .command("python3", External::new("python3").args(["-c", &program]))
        .observe(|_, ran| ran[0].output().map(|said| said == "got it"))
}
