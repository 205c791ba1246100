//! selvedge: property-based correctness and race detection for concurrent Rust.

pub mod cell;
pub mod channel;
pub mod hint;
pub mod sync;
pub mod thread;

mod arm;
mod context;
mod engine;
mod race;
mod scenario;

pub use scenario::{Blank, Design, Engine, Exit, Expected, Grade, Outcome, Scenario};

/// What a scenario file needs.
pub mod prelude {
    pub use crate::scenario::Expected::{self, Crash, DataRace, Deadlock, Forbidden, Hang, Safe};
    pub use crate::scenario::{Design, Engine, Exit, Scenario};
    pub use Engine::{Loom, Processes, Shuttle, Threads};
}

#[doc(hidden)]
pub mod __private {
    pub use crate::scenario::Registration;
    pub use crate::scenario::registry::{Made, erase};
    pub use inventory;
}
