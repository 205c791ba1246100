//! Primitives that work across processes, in memory mapped by all of them.
//!
//! POSIX threads' own, process-shared and robust: when a process dies with a lock in its hands, the next
//! one to ask gets it, and is told. They live in an [`Arena`], at the same address in every process
//! that was forked after the arena was mapped.
//!
//! Limits: only forked processes (not `exec`ed ones) share an arena; at most
//! [`RawRwLock::READERS`] readers hold one reader-writer lock at once, further ones wait; a process that
//! dies while it waits for a condition variable may take one notification with it.

mod arena;
mod condvar;
mod mutex;
mod rwlock;

pub(crate) use arena::{Arena, install};
pub(crate) use condvar::RawCondvar;
pub(crate) use mutex::{RawGuard, RawMutex};
pub(crate) use rwlock::{RawRwGuard, RawRwLock};

/// Reports an error of POSIX threads' that only a broken lock can cause.
#[cold]
#[track_caller]
fn broken(what: &str, error: i32) -> ! {
    panic!("{what}: {}", std::io::Error::from_raw_os_error(error));
}

#[cfg(test)]
mod tests;
