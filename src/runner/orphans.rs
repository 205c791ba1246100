//! Processes that a design has started and left behind: adopted, and ended.
//!
//! A worker's descendants that have lost their parents, whatever group or session they are in, become children of the
//! nearest process that has asked for them: the worker while it lives, and then its supervisor. Every child of the
//! supervisor that is no worker is such an orphan.
//!
//! Limits: a supervisor that is killed by SIGKILL adopts none; its workers die with it, and what had left them goes
//! on. For a process whose only children are workers: the programs that this crate starts.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The workers that run. Held while one is started, so that no process takes it for an orphan.
static WORKERS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Times that children of children are looked for.
const GENERATIONS: usize = 64;

fn workers() -> MutexGuard<'static, BTreeSet<u32>> {
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a worker.
///
/// # Errors
/// If the system does.
pub(super) fn start(command: &mut Command) -> std::io::Result<Child> {
    let mut workers = workers();
    // Where it is refused, orphans are another process's.
    let _refused = nix::sys::prctl::set_child_subreaper(true);
    let child = command.spawn()?;
    workers.insert(child.id());
    Ok(child)
}

/// A worker has ended and was waited for.
pub(super) fn forget(worker: u32) {
    workers().remove(&worker);
}

/// Ends all children of this process that are no workers, and theirs.
pub(super) fn end() {
    let workers = workers();
    if workers.is_empty() && children().is_empty() {
        return;
    }
    for _ in 0..GENERATIONS {
        let orphans: Vec<u32> = children().into_iter().filter(|child| !workers.contains(child)).collect();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            let Ok(pid) = i32::try_from(orphan).map(Pid::from_raw) else { continue };
            let _gone = kill(pid, Signal::SIGKILL);
            // A thread of this process may have it waited for, too.
            let _reaped = waitpid(pid, Some(WaitPidFlag::__WALL));
        }
    }
}

/// The children of this process.
fn children() -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let of_thread = |thread: std::fs::DirEntry| {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    };
    threads.filter_map(Result::ok).flat_map(of_thread).collect()
}
