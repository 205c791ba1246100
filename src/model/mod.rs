//! A closure that starts threads, checked where it stands: `loom::model`, by name and signature, on any checker.
//!
//! [`model`] runs in the test that calls it. It explores the executions of the closure on `rc11`, all of them if the
//! budget allows, and panics with the shortest execution that fails. `SELVEDGE_ENGINE=loom,shuttle` chooses other
//! engines; `SELVEDGE_REPLAY=token` goes to the one execution that a failure has named.
//!
//! What counts as a failure: a panic of the main thread, or of another that no thread has joined; a data race; a
//! deadlock; a loop that waits for what never comes; a value behind an [`Arc`](crate::sync::Arc), a
//! [`Track`](crate::alloc::Track) or an allocation that is never freed (under `rc11` and loom).
//!
//! A model ends: after its executions (10,000 of the search, then up to 2,500 at random) or after 20 seconds, the last 5
//! of which are for what is drawn at random, whichever comes first. `SELVEDGE_BUDGET`, `SELVEDGE_EXECUTIONS` and
//! `SELVEDGE_WALL_MS` give it more.
//!
//! What a limit has left out is said on standard error, in one line for each model, or is a failure where nothing is
//! known: a limit is never a pass.
//!
//! Limits: the closure must do the same whenever it reads the same, as under loom. A loop without an operation of
//! the facade never ends. An abort, or a stack that overflows, ends the whole test process: a [scenario](crate::Scenario),
//! whose designs run in processes of their own, tells such an end apart.

mod alone;
mod builder;
mod closure;
mod failure;
pub(crate) mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use builder::{Builder, model};
pub use run::{explore, skip_branch, stop_exploring};

/// The most threads of one execution under `rc11`, the main one included.
pub const MAX_THREADS: usize = crate::explore::rc11::MAX_THREADS;
