//! From options to reports: which cells of the matrix to run, each in a worker process of its own.
//!
//! ```text
//! plan ─► supervise ─► (worker process: engine) ─► Observation ─► judge ─► cell of the report
//! ```
//! Limits: Linux; the worker is this very program, started anew with a hidden argument, so whatever uses
//! the runner must call [`worker::enter_if_asked`] first thing in `main`.

pub mod bench;
mod check;
mod dying;
mod fatal;
mod filters;
pub(crate) mod harness;
pub(crate) mod interrupt;
mod machine_lock;
mod mapping;
mod orphans;
mod output;
pub(crate) mod plan;
pub(crate) mod register;
pub(crate) mod replay;
mod run;
mod scratch;
mod seat;
pub(crate) mod slow;
mod supervise;
mod watch;
pub(crate) mod worker;

pub(crate) use run::{Event, Message, cells_of, judged, run, run_cells};
