//! Who may use the machine when: a real engine alone.
//!
//! A real engine needs all the cores for its actors, and a second one, or a checker, beside it would spoil both. Within
//! a run checkers share the machine, and a real engine has it for itself. Among the runs of a user a file lock keeps real
//! engines apart, and nothing else: many runs at once, as under a test runner that starts a process for each test, wait
//! for each other's samples and for no search.
//!
//! Limit: it is advice; where the file cannot be made, or is no file, everything runs at once, and only the samples get
//! fewer.

use super::interrupt;
use crate::scenario::Engine;
use anyhow::bail;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Who of this run is at work.
#[derive(Default)]
struct Inside {
    checkers: usize,
    real: bool,
}

static INSIDE: Mutex<Inside> = Mutex::new(Inside { checkers: 0, real: false });

/// Leave to run; given back when dropped.
pub(crate) struct Pass {
    checker: bool,
    _lock: Option<Flock<File>>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = INSIDE.lock().unwrap_or_else(PoisonError::into_inner);
        if self.checker {
            inside.checkers = inside.checkers.saturating_sub(1);
        } else {
            inside.real = false;
        }
    }
}

/// How long to sleep between two looks.
const NAP: Duration = Duration::from_millis(2);

/// After how long a word is said about who is waited for.
const SILENCE: Duration = Duration::from_millis(500);

/// Waits until `engine` may run.
///
/// # Errors
/// If the run is interrupted meanwhile.
pub(crate) fn enter(engine: Engine) -> anyhow::Result<Pass> {
    let checker = engine.is_checker();
    while !step_in(checker) {
        pause()?;
    }
    let mut pass = Pass { checker, _lock: None };
    if !checker {
        pass._lock = lock()?;
    }
    Ok(pass)
}

fn pause() -> anyhow::Result<()> {
    if interrupt::interrupted() {
        bail!("interrupted");
    }
    std::thread::sleep(NAP);
    Ok(())
}

/// Counts in one of this run, if it may run now.
fn step_in(checker: bool) -> bool {
    let mut inside = INSIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if inside.real || (!checker && inside.checkers > 0) {
        return false;
    }
    if checker {
        inside.checkers += 1;
    } else {
        inside.real = true;
    }
    true
}

/// Takes the lock among the runs of this user. `None` if there can be none.
fn lock() -> anyhow::Result<Option<Flock<File>>> {
    let path = std::env::temp_dir().join(format!("selvedge-{}.lock", nix::unistd::getuid()));
    let Some(mut file) = open(&path) else { return Ok(None) };
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(lock)),
            Err((back, Errno::EWOULDBLOCK)) => file = back,
            Err(_) => return Ok(None),
        }
        if begun.elapsed() >= SILENCE {
            say(&path);
        }
        pause()?;
    }
}

/// Says once what is waited for.
fn say(path: &Path) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        eprintln!("waiting until another run has sampled: it holds {}", path.display());
    }
}

/// Opens the lock file, which is a plain file or none.
fn open(path: &Path) -> Option<File> {
    // What is no plain file, a pipe for instance, must not keep the run waiting for another end.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let mut options = OpenOptions::new();
    let file =
        options.create(true).truncate(false).write(true).mode(0o600).custom_flags(flags).open(path).ok()?;
    file.metadata().is_ok_and(|file| file.is_file()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert!(open(&path).is_none());
        assert!(open(&folder.path().join("file")).is_some());
        assert!(open(folder.path()).is_none());
    }
}
