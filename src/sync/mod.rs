//! `std::sync`, decided at run time: the real thing outside a model, a checker's inside.

mod barrier;
pub(crate) mod lazy;
pub(crate) mod monitor;
pub mod mpsc;
mod once;
pub(crate) mod statics;

pub use barrier::{Barrier, BarrierWaitResult};
pub use lazy::{LazyLock, OnceLock};
pub use once::{Once, OnceState};

#[cfg(test)]
mod tests;
