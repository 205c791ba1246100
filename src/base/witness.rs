//! One execution that shows a failure, as data.

use super::engine::Engine;
use super::event::{Event, Object};
use super::failure::Failure;
use serde::{Deserialize, Serialize};

/// One execution that shows a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witness {
    pub(crate) engine: Engine,
    pub(crate) shows: Failure,
    /// The threads by number: the main one, then the actors in the order of the design, then the threads
    /// that actors started.
    pub(crate) threads: Vec<String>,
    /// How many of `threads`, from 1 on, are actors.
    pub(crate) actors: usize,
    pub(crate) objects: Vec<Object>,
    /// In the order in which they took effect.
    pub(crate) events: Vec<Event>,
    /// What went wrong, in one sentence.
    pub(crate) conclusion: String,
    /// Number of context switches.
    pub(crate) switches: usize,
    /// Whether no execution with fewer switches shows this failure; otherwise it has been shortened as far
    /// as the budget went.
    pub(crate) shortest: bool,
    /// With what `selvedge replay` finds this execution again.
    pub(crate) token: String,
    /// The program, if it was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<GeneratedProgram>,
}

/// The generated program that a witness is an execution of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GeneratedProgram {
    /// What is done before the actors start, by each of them, and after they have ended.
    pub(crate) table: String,
    /// Why no order of the operations explains what they returned, event by event.
    pub(crate) history: Option<String>,
    /// Its operations.
    #[serde(default)]
    pub(crate) steps: Steps,
    /// The same history as data.
    #[serde(default)]
    pub(crate) calls: Option<Calls>,
    /// A test that fails for as long as the program does, in Rust.
    pub(crate) test: String,
}

/// The operations of a generated program, each as its `Debug` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Steps {
    /// Before the actors start.
    pub(crate) prefix: Vec<String>,
    /// Of each actor.
    pub(crate) parts: Vec<Vec<String>>,
    /// When all actors have ended.
    pub(crate) suffix: Vec<String>,
}

/// A history that no order of its operations explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) operations: Vec<Call>,
    /// The longest order that was found of operations that explain each other, into `operations`.
    pub(crate) order: Vec<usize>,
    /// The operation that cannot be placed after them, into `operations`.
    pub(crate) stuck: usize,
}

/// One operation of a history. What returned before another was called has a `returned` below the other's `called`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// By its place in the program; `None` is the main thread, before the actors and after them.
    pub(crate) actor: Option<usize>,
    pub(crate) operation: String,
    pub(crate) returns: String,
    pub(crate) called: u64,
    pub(crate) returned: u64,
}
