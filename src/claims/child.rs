//! Forked children: what one says and how it ends, and memory that both map.
//!
//! The process that forks here has one thread. A child never returns to its caller: it ends with `_exit`, and dies with
//! its parent.

use anyhow::Context as _;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::ops::Deref;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// How long threads that have done their work may take to leave.
const LEAVING: Duration = Duration::from_secs(2);

/// A child that runs, waited for at the latest when this is dropped.
pub(super) struct Child {
    pid: Pid,
    waited: bool,
}

impl Child {
    /// Forks a child that runs `body` and ends with the code that it returns; a panic ends it with 101.
    pub(super) fn new(body: impl FnOnce() -> u8) -> anyhow::Result<Self> {
        anyhow::ensure!(is_alone(), "a process of {} threads does not fork", threads());
        // SAFETY: this process has one thread, so the child's copy of it is whole.
        match unsafe { fork() }.context("cannot fork")? {
            ForkResult::Parent { child } => Ok(Self { pid: child, waited: false }),
            ForkResult::Child => {
                // Both are for the parent's sake: without them it only finds its machine less tidy.
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).ok();
                setrlimit(Resource::RLIMIT_CORE, 0, 0).ok();
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(101);
                // SAFETY: ends this process, and runs nothing of its parent's on the way.
                unsafe { libc::_exit(i32::from(code)) }
            }
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> anyhow::Result<WaitStatus> {
        self.waited = true;
        waitpid(self.pid, None).context("cannot wait for a child")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            nix::sys::signal::kill(self.pid, Signal::SIGKILL).ok();
            waitpid(self.pid, None).ok();
        }
    }
}

/// Whether this is the process's only thread, given a moment: the end of a scope waits for its threads' work, and
/// not until the system has forgotten them.
fn is_alone() -> bool {
    let begun = Instant::now();
    while threads() != 1 {
        if begun.elapsed() > LEAVING {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// How many threads this process has; 0 where that cannot be read.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// The two ends of a pipe.
pub(super) fn pipe() -> anyhow::Result<(File, File)> {
    let (read, write) = nix::unistd::pipe().context("cannot make a pipe")?;
    Ok((read.into(), write.into()))
}

/// Forks a child, and returns what `body` had to say in it and how it ended.
pub(super) fn ask(body: impl FnOnce() -> Vec<u8>) -> anyhow::Result<(Vec<u8>, WaitStatus)> {
    let (mut read, mut write) = pipe()?;
    let child = Child::new(|| u8::from(write.write_all(&body()).is_err()))?;
    drop(write);
    let mut said = Vec::new();
    read.read_to_end(&mut said).context("cannot read from a child")?;
    Ok((said, child.wait()?))
}

/// What a child finds to be so.
///
/// # Errors
/// If it ends in any other way than by saying so.
pub(super) fn finds(body: impl FnOnce() -> bool) -> anyhow::Result<bool> {
    let (said, ended) = ask(|| vec![u8::from(body())])?;
    anyhow::ensure!(
        said.len() == 1 && matches!(ended, WaitStatus::Exited(_, 0)),
        "a child ended by {ended:?}"
    );
    Ok(said[0] == 1)
}

/// Memory that this process shares with the children that it forks from now on.
pub(super) struct SharedMapping<T> {
    place: NonNull<T>,
}

impl<T: Default> SharedMapping<T> {
    pub(super) fn new() -> anyhow::Result<Self> {
        let length = NonZero::new(size_of::<T>()).context("nothing to share")?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping touches no memory that is in use.
        let place = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_SHARED) }
            .context("cannot map shared memory")?
            .cast::<T>();
        // SAFETY: the mapping is large enough, aligned to a page, and nothing else's.
        unsafe { place.write(T::default()) };
        Ok(Self { place })
    }
}

impl<T: Sync> Deref for SharedMapping<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value was written by `new` and lives as long as this does.
        unsafe { self.place.as_ref() }
    }
}

impl<T> Drop for SharedMapping<T> {
    fn drop(&mut self) {
        // SAFETY: `new` mapped as much, and no reference outlives this. `T` is plain data, which needs no drop.
        unsafe { munmap(self.place.cast(), size_of::<T>()) }.ok();
    }
}
