//! Who may use the machine when: checkers side by side, a real engine alone.
//!
//! A real engine needs all the cores for its actors, and a second one beside it would spoil both. The
//! gate is a file lock, so it holds between threads of one run and between the many processes of a test
//! runner that starts one per test. Limit: it is advice; where the file cannot be made, everything runs
//! at once, and only the samples get fewer.

use crate::scenario::Engine;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions};

/// Leave to run; given back when dropped.
pub(crate) struct Pass {
    _lock: Option<Flock<File>>,
}

/// Waits until `engine` may run.
pub(crate) fn enter(engine: Engine) -> Pass {
    let user = nix::unistd::getuid();
    let path = std::env::temp_dir().join(format!("selvedge-{user}.lock"));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let how = if engine.is_checker() { FlockArg::LockShared } else { FlockArg::LockExclusive };
    Pass { _lock: file.ok().and_then(|file| Flock::lock(file, how).ok()) }
}
