//! `std::sync`, decided at run time: the real thing outside a model, a checker's inside.

pub mod atomic;

mod arc;
mod barrier;
mod condvar;
pub(crate) mod lazy;
pub(crate) mod monitor;
pub mod mpsc;
mod mutex;
mod once;
mod poison;
pub(crate) mod raw;
mod rwlock;
pub(crate) mod statics;

pub use arc::{Arc, Weak};
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy::{LazyLock, OnceLock};
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
