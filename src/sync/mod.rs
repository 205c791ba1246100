//! `std::sync`, decided at run time: the real thing outside a model, a checker's inside.

pub mod atomic;

mod arc;
mod condvar;
mod mutex;
mod rwlock;

pub use arc::{Arc, Weak};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

mod barrier;
pub(crate) mod lazy;
pub mod mpsc;
mod notify;
mod once;

pub use barrier::{Barrier, BarrierWaitResult};
pub use lazy::{LazyLock, OnceLock};
pub use notify::Notify;
pub use once::{Once, OnceState};

#[cfg(test)]
mod built_tests;
#[cfg(test)]
mod tests;
