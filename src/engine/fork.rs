//! Forking a process that does not outlive the one that forked it, and what such a process dies of.

use crate::base::failure::ProcessExit;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork, getpid, getppid};
use std::time::{Duration, Instant};

/// Whether this thread is the only one of this process. A design can start others whenever it runs.
pub(super) fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

/// Whether this process can be forked: it has no other thread. A unit test has, and forks all the same.
pub(super) fn may_fork() -> bool {
    cfg!(test) || is_alone()
}

/// Forks a child that the kernel kills as soon as its parent is gone. A child for which that cannot be
/// arranged ends at once, with the code 1.
///
/// # Errors
/// If the system has no room for another process; with `EDEADLK` if this process has another thread, which could hold
/// a lock of the allocator or of the standard library while memory is copied.
pub(super) fn fork_mortal() -> nix::Result<ForkResult> {
    if !may_fork() {
        return Err(Errno::EDEADLK);
    }
    let parent = getpid();
    // SAFETY: this process has no other thread, and only this one could start one.
    let forked = unsafe { fork() }?;
    if forked.is_child() {
        let mortal = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
        // The parent may have died before the request; then no process will ever send the signal.
        if mortal.is_err() || getppid() != parent {
            exit(1);
        }
    }
    Ok(forked)
}

/// Ends this process at once.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` runs no handlers and returns to no caller.
    unsafe { libc::_exit(code) }
}

/// Forks a child as [`fork_mortal`] does, and waits for its end. `None` in the child.
///
/// # Errors
/// As [`fork_mortal`], or if the child's end cannot be known.
pub(super) fn outlive_child() -> nix::Result<Option<WaitStatus>> {
    match fork_mortal()? {
        ForkResult::Parent { child } => waitpid(child, None).map(Some),
        ForkResult::Child => Ok(None),
    }
}

/// Computing time after which one execution is taken for endless, in milliseconds.
const COMPUTES_MS: i64 = 250;

/// Wall-clock time after which one execution that does not compute is taken for endless.
const SLEEPS_SECONDS: u32 = 1;

/// Has this process killed if the execution that begins takes too long: computes for [`COMPUTES_MS`] or sleeps
/// for [`SLEEPS_SECONDS`]. Replaces the last such limit.
pub(super) fn limit_execution() {
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let time = libc::timeval { tv_sec: 0, tv_usec: COMPUTES_MS * 1000 };
    let timer = libc::itimerval { it_interval: zero, it_value: time };
    // SAFETY: a valid timer is read, and nothing is written. SIGPROF, unhandled, ends the process.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, std::ptr::null_mut()) };
    alarm::set(SLEEPS_SECONDS);
}

/// How a child has ended that did not come to its end; `None` if it has not ended.
pub(super) fn process_exit_of(status: WaitStatus) -> Option<ProcessExit> {
    match status {
        WaitStatus::Exited(_, code) => Some(ProcessExit::Code(code)),
        WaitStatus::Signaled(_, Signal::SIGPROF | Signal::SIGALRM, _) => Some(ProcessExit::Endless),
        WaitStatus::Signaled(_, signal, _) => Some(ProcessExit::Signal(signal as i32)),
        _ => None,
    }
}

/// The most executions that may be endless, each of which takes its time.
const MAX_ENDLESS: usize = 12;

/// How long may be tried: for designs whose executions are slow to die.
const PATIENCE: Duration = Duration::from_secs(8);

/// How many children may die while the shortest way to such an end is looked for, and for how long.
#[derive(Clone)]
pub(super) struct Patience {
    /// Children that may still be forked.
    left: usize,
    endless: usize,
    begun: Instant,
    /// The end that is looked for.
    end: ProcessExit,
    doubtful: bool,
}

impl Patience {
    /// For so many children, of which some come to this end.
    pub(super) fn new(children: usize, end: ProcessExit) -> Self {
        Patience { left: children, endless: 0, begun: Instant::now(), end, doubtful: false }
    }

    /// Whether an execution that comes to the end that is looked for may have been missed: what was ended
    /// because it took too long might have come to any.
    pub(super) fn doubtful(&self) -> bool {
        self.doubtful
    }

    /// Whether more may be tried.
    pub(super) fn lasts(&self) -> bool {
        self.left > 0 && self.endless < MAX_ENDLESS && self.begun.elapsed() < PATIENCE
    }

    /// Children that may still be forked.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// A child is to be forked. `None` if it may not be.
    pub(super) fn spend(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1).filter(|_| self.lasts())?;
        Some(())
    }

    /// A child has ended like this, or has lived.
    pub(super) fn note(&mut self, end: Option<ProcessExit>) {
        if end == Some(ProcessExit::Endless) {
            self.endless += 1;
            self.doubtful |= self.end != ProcessExit::Endless;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many children may be forked that all come to this end.
    fn spent(mut patience: Patience, end: Option<ProcessExit>) -> usize {
        let one = |_: &usize| {
            let spent = patience.spend().is_some();
            patience.note(end);
            spent
        };
        (0..100).take_while(one).count()
    }

    #[test]
    fn patience_ends_with_children_endless_ones_and_time() {
        let abort = ProcessExit::Signal(Signal::SIGABRT as i32);
        assert_eq!(spent(Patience::new(20, abort), Some(abort)), 20);
        assert_eq!(spent(Patience::new(20, abort), Some(ProcessExit::Endless)), MAX_ENDLESS);
        let begun = Instant::now().checked_sub(PATIENCE).expect("this machine runs for longer");
        assert_eq!(spent(Patience { begun, ..Patience::new(20, abort) }, None), 0);
    }

    #[test]
    fn what_took_too_long_may_have_been_what_is_looked_for() {
        let abort = ProcessExit::Signal(Signal::SIGABRT as i32);
        for (wanted, seen, doubtful) in [
            (abort, ProcessExit::Endless, true),
            (abort, ProcessExit::Code(3), false),
            (ProcessExit::Endless, ProcessExit::Endless, false),
        ] {
            let mut patience = Patience::new(1, wanted);
            patience.note(Some(seen));
            assert_eq!(patience.doubtful(), doubtful, "{seen:?} and not {wanted:?}");
        }
    }
}
