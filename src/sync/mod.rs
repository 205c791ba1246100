//! `std::sync`, decided at run time: the real thing outside a model, a checker's inside.

pub mod atomic;

mod arc;
mod condvar;
mod mutex;
mod poison;
pub(crate) mod raw;
mod rwlock;

pub use arc::{Arc, Weak};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

mod barrier;
pub(crate) mod lazy;
pub(crate) mod monitor;
pub mod mpsc;
mod notify;
mod once;
pub(crate) mod spurious;
pub(crate) mod statics;

pub use barrier::{Barrier, BarrierWaitResult};
pub use lazy::{LazyLock, OnceLock};
pub use notify::Notify;
pub use once::{Once, OnceState};

#[cfg(test)]
mod built_tests;
#[cfg(test)]
mod tests;
