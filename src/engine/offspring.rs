//! Forking a process that does not outlive the one that forked it.

use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork, getpid, getppid};

/// Forks a child that the kernel kills as soon as its parent is gone. A child for which that cannot be
/// arranged ends at once, with the code 1.
///
/// # Errors
/// If the system has no room for another process.
///
/// # Safety
/// This process has no other thread that could hold a lock of the allocator or of the standard library while
/// memory is copied.
pub(super) unsafe fn fork_mortal() -> nix::Result<ForkResult> {
    let parent = getpid();
    // SAFETY: the caller's promise; so the child may use both.
    let forked = unsafe { fork() }?;
    if forked.is_child() {
        let mortal = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
        // The parent may have died before the request; then nobody will ever send the signal.
        if mortal.is_err() || getppid() != parent {
            exit(1);
        }
    }
    Ok(forked)
}

/// Ends this process at once.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` runs no handlers and returns to nobody.
    unsafe { libc::_exit(code) }
}
