//! selvedge: a correctness and race-detection harness for concurrent Rust.
//!
//! A user writes a [`Scenario`] once: a question about concurrency, its graded outcomes, and several
//! designs that answer it differently. Every design runs under the model checkers rc11 (selvedge's own, exact), loom and
//! shuttle, on threads and on processes of the operating system; one matrix shows which designs hold, and how far each
//! answer can be trusted.
//!
//! # The way of the data
//!
//! ```text
//! scenario file ─► Scenario ─► plan (design × engine × budget) ─► worker process ─► engine ─► Observation
//!                                                                                                 │
//!      terminal · HTML · JSON · JUnit · … ◄── Report ◄── verdict::judge(expectation, observation) ◄───┘
//! ```
//!
//! It runs one way. What is wrong with a design is data in an observation; an error means that the harness
//! itself could not do its work. Everything random has a seed, and the checkers' budgets count executions
//! and not seconds, so that a report is the same on every machine; real engines are budgeted by time.
//!
//! # A code map
//!
//! | module | holds |
//! |---|---|
//! | `base` | plain data that every other module speaks of: engines, failures, observations, budgets |
//! | `config` | what is in force: `selvedge.toml`, variables, flags |
//! | `scenario` | what a user writes, and the same with its types erased for the engines |
//! | [`sync`], [`thread`], [`cell`], [`channel`], [`hint`] | the facade: `std` and crossbeam-channel by name, engine chosen at run time |
//! | `choice` | values that the engine chooses: [`choose`] |
//! | `rt` | what the facade stands on: one execution and its state, the seam `Runtime`, and the runtimes of rc11, loom and shuttle; with `engine`, the only place that names a checker |
//! | `explore` | the search of rc11: execution graphs, consistency, revisits |
//! | `engine` | rc11, loom, shuttle, threads, processes: a design in, an observation out |
//! | [`linearizability`] | the checker of histories, usable alone |
//! | [`litmus`] | litmus tests in herd's C dialect, as scenarios |
//! | [`object`] | objects with a sequential model: generated programs, their histories, shrinking |
//! | `race` | vector clocks and the happens-before detector |
//! | `witness` | one execution that shows a failure: its events, why, its table, and the token that finds it again |
//! | `verdict` | the pure function that judges |
//! | `report` | pure renderers of what was judged |
//! | `runner` | plan, worker processes, supervision, and the harness for `cargo test` |
//! | `claims` | thirteen statements about threads and processes, measured where this runs |
//! | `cli` | arguments in, exit code out |
//!
//! # A first scenario
//!
//! ```
//! use selvedge::prelude::*;
//!
//! selvedge::scenario!(shared_counter);
//!
//! fn shared_counter() -> Scenario<u32> {
//!     Scenario::new("Two actors add one each to a counter that starts at zero. Is an increment ever lost?")
//!         .acceptable("both increments counted", |&n| n == 2)
//!         .forbidden("an increment was lost", |&n| n < 2)
//!         .design("plain memory", Design::new(|| Plain::new(0))
//!             .actors(2, |n: &Plain<u32>| n.set(n.get() + 1))
//!             .observe(|n, _| n.get())
//!             .expect(DataRace))
//!         .design("fetch_add", Design::new(|| AtomicU32::new(0))
//!             .actors(2, |n| { n.fetch_add(1, Relaxed); })
//!             .observe(|n, _| n.load(Relaxed))
//!             .expect(Safe))
//! }
//! ```
//!
//! The [`guide`] leads here from loom, shuttle, plain threads and shims, and says how to read a verdict.
//!
//! # Features
//!
//! | feature | holds |
//! |---|---|
//! | `harness` (default) | everything |
//! | `facade` | [`sync`], [`thread`], [`cell`], [`channel`], [`hint`] for code under test: the standard library's own types, unless `harness` is on too |
//! | `linearizability` | the checker of histories alone |
//! | `const-new` | `new` is a `const fn` wherever std's is, so that code with objects in statics compiles unchanged: it does what `const_new` does without. What it costs: the creation of an object is no access any more, it happens before everything, so that a race with an initialisation is not seen |
//!
//! # Limits
//!
//! Linux only. What a design does outside of the facade (`std::sync`, raw pointers, files) no checker sees.

// Shipped scenarios name the crate as their users do.
#[cfg(test)]
extern crate self as selvedge;

#[cfg(feature = "linearizability")]
#[cfg_attr(
    not(feature = "harness"),
    allow(dead_code, unused_imports, reason = "what only the harness shows of a violation")
)]
pub mod linearizability;

#[cfg(all(feature = "facade", not(feature = "harness")))]
mod facade;
#[cfg(all(feature = "facade", not(feature = "harness")))]
pub use facade::{cell, channel, hint, sync, thread, thread_local};

#[cfg(feature = "harness")]
pub mod alloc;
#[cfg(feature = "harness")]
pub mod cell;
#[cfg(feature = "harness")]
pub mod channel;
#[cfg(feature = "harness")]
mod choice;
#[cfg(feature = "harness")]
pub mod compat;
#[cfg(feature = "harness")]
pub mod future;
#[cfg(feature = "harness")]
#[doc = include_str!("guide.md")]
pub mod guide {}
#[cfg(feature = "harness")]
pub mod hint;
#[cfg(feature = "harness")]
pub mod lazy_static;
#[cfg(feature = "harness")]
pub mod litmus;
#[cfg(feature = "harness")]
pub mod model;
#[cfg(feature = "harness")]
pub mod object;
#[cfg(feature = "harness")]
pub mod sync;
#[cfg(feature = "harness")]
pub mod thread;

#[cfg(feature = "harness")]
mod base;
#[cfg(feature = "harness")]
mod claims;
#[cfg(feature = "harness")]
mod cli;
#[cfg(feature = "harness")]
mod config;
#[cfg(feature = "harness")]
mod engine;
#[cfg(feature = "harness")]
mod erased;
#[cfg(feature = "harness")]
mod explore;
#[cfg(feature = "harness")]
mod heartbeat;
#[cfg(all(feature = "harness", any(test, feature = "testing")))]
mod parsers;
#[cfg(feature = "harness")]
mod race;
#[cfg(feature = "harness")]
mod registry;
#[cfg(feature = "harness")]
mod report;
#[cfg(feature = "harness")]
mod rt;
#[cfg(feature = "harness")]
mod runner;
#[cfg(feature = "harness")]
mod scenario;
#[cfg(all(feature = "harness", test))]
mod testing;
#[cfg(feature = "harness")]
mod verdict;
#[cfg(feature = "harness")]
mod witness;

#[cfg(feature = "harness")]
pub use choice::choose;
#[cfg(feature = "harness")]
pub use cli::main as cli_main;
#[cfg(feature = "harness")]
#[doc(inline)]
pub use model::model;
#[cfg(feature = "harness")]
pub use model::{MAX_THREADS, explore, skip_branch, stop_exploring};
#[cfg(feature = "harness")]
pub use registry::Asked;
#[cfg(feature = "harness")]
pub use runner::replay::{ReplayError, Replayed, replay};
#[cfg(feature = "harness")]
pub use scenario::{Blank, Design, Engine, Exit, Expected, External, Grade, Outcome, Ran, Scenario, Scratch};

/// What a scenario file needs.
#[cfg(feature = "harness")]
pub mod prelude {
    pub use crate::cell::Plain;
    pub use crate::channel;
    pub use crate::choose;
    pub use crate::hint;
    pub use crate::scenario::Expected::{self, Crash, DataRace, Deadlock, Forbidden, Hang, Safe};
    pub use crate::scenario::{Design, Engine, Exit, External, Ran, Scenario};
    pub use crate::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
    pub use crate::sync::atomic::{
        AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16,
        AtomicU32, AtomicU64, AtomicUsize, fence,
    };
    pub use crate::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
    pub use crate::thread;
    pub use Engine::{Loom, Processes, Rc11, Shuttle, Threads};
}

#[cfg(feature = "harness")]
#[doc(hidden)]
pub mod __private {
    pub use crate::object::by_bytes as object_by_bytes;
    pub use crate::registry::{Made, Registration, erase};
    pub use crate::runner::bench;
    pub use crate::runner::harness::main as harness_main;
    pub use {automod, insta, inventory};

    /// For `reuse_stacks!`.
    pub mod stacks {
        pub use crate::rt::loom::stacks::{mmap, mprotect, munmap};
    }

    /// For the fuzz target of this name.
    ///
    /// # Panics
    /// If there is none, or if the bytes are not treated as they have to be.
    #[cfg(feature = "testing")]
    pub fn fuzz(target: &str, bytes: &[u8]) {
        let door = crate::parsers::DOORS.iter().find(|(name, _)| *name == target);
        let (_, door) = door.expect("a target");
        door(bytes);
    }
}

/// The examples of the readme, compiled.
#[cfg(all(doctest, feature = "harness"))]
#[doc = include_str!("../README.md")]
struct Readme;
