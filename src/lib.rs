//! selvedge: property-based correctness and race detection for concurrent Rust.

pub mod cell;
pub mod channel;
pub mod hint;
pub mod sync;
pub mod thread;

mod arm;
mod cli;
mod context;
mod engine;
mod erased;
mod panics;
mod race;
mod report;
mod runner;
mod scenario;
#[cfg(test)]
mod testing;
mod verdict;

pub use cli::main as cli_main;
pub use scenario::{Blank, Design, Engine, Exit, Expected, Grade, Outcome, Scenario};

/// What a scenario file needs.
pub mod prelude {
    pub use crate::cell::Plain;
    pub use crate::channel;
    pub use crate::hint;
    pub use crate::scenario::Expected::{self, Crash, DataRace, Deadlock, Forbidden, Hang, Safe};
    pub use crate::scenario::{Design, Engine, Exit, Scenario};
    pub use crate::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
    pub use crate::sync::atomic::{
        AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16,
        AtomicU32, AtomicU64, AtomicUsize, fence,
    };
    pub use crate::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
    pub use crate::thread;
    pub use Engine::{Loom, Processes, Shuttle, Threads};
}

#[doc(hidden)]
pub mod __private {
    pub use crate::runner::bench;
    pub use crate::runner::harness::main as harness_main;
    pub use crate::scenario::Registration;
    pub use crate::scenario::registry::{Made, erase};
    pub use {automod, insta, inventory};
}
