//! selvedge: property-based correctness and race detection for concurrent Rust.

pub mod cell;
pub mod channel;
pub mod hint;
pub mod sync;
pub mod thread;

mod arm;
mod context;
mod erased;
mod panics;
mod race;
#[cfg(test)]
mod testing;
