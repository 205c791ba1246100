//! `std::thread`, decided at run time: an operating-system thread outside a model, a model thread inside.
//!
//! A panic of a model thread is returned from `join` as std does, and goes on unwinding only if it is
//! the checker's own.
//!
//! Limits inside a model: `sleep` is one yield; `park_timeout` yields once and then returns, with
//! the permit if there is one (a timeout may always elapse, and park may always return early);
//! `is_finished` yields first, so that loops around it end, and `true` orders nothing; `stack_size` is
//! ignored; a panic that no thread joins is not printed.

mod builder;
mod handle;
mod local;
mod scope;

pub use builder::{Builder, JoinHandle, spawn};
pub use handle::{
    Thread, ThreadId, available_parallelism, current, panicking, park, park_timeout, sleep, yield_now,
};
pub use local::{AccessError, LocalKey};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use std::thread::Result;
#[doc(hidden)]
pub use std::thread_local as __std_thread_local;

#[cfg(test)]
mod tests;
