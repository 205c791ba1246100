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

#[cfg(test)]
mod tests;
