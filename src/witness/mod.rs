//! One execution that shows a failure: its events, actor by actor, with source lines.
//!
//! The way of the data: the facade records entries in the `journal` while an engine asks for it; the engine
//! makes a [`Witness`] of them; `explain` marks the events that decide and says in one sentence what went
//! wrong; `table` draws it; a `token` is a word with which the execution is found again.
//! Everything here but the journal is pure.

pub(crate) mod explain;
pub(crate) mod naming;
#[cfg(test)]
mod naming_tests;
#[cfg(test)]
mod sample;
pub(crate) mod table;
#[cfg(test)]
mod table_tests;
pub(crate) mod token;
#[cfg(test)]
mod token_tests;
mod words;

use crate::scenario::Engine;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The operation that a thread does first.
pub(crate) const STARTS: &str = "begin";

/// Told of a generated program: a thread calls an operation of the object.
pub(crate) const CALLS: &str = "calls";

/// The call has returned.
pub(crate) const RETURNS: &str = "returns";

/// One execution that shows a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witness {
    pub(crate) engine: Engine,
    pub(crate) shows: Shows,
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
    /// How often another thread went on than the one before.
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
    /// A test that fails for as long as the program does, in Rust.
    pub(crate) test: String,
}

/// Which failure a witness shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "failure")]
pub(crate) enum Shows {
    /// It ends in this outcome, of which the scenario says this sentence.
    Forbidden {
        outcome: String,
        sentence: String,
    },
    /// Its last event races with an earlier one.
    DataRace,
    Deadlock,
    /// With the words of the panic or of the signal.
    Crash {
        words: String,
    },
    Hang,
}

impl fmt::Display for Shows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shows::Forbidden { outcome, sentence } => write!(f, "forbidden outcome {outcome}: {sentence}"),
            Shows::DataRace => f.write_str("data race"),
            Shows::Deadlock => f.write_str("deadlock"),
            Shows::Crash { words } => write!(f, "crash: {words}"),
            Shows::Hang => f.write_str("hang"),
        }
    }
}

/// Something that threads share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// The name of the field or variable that it was made for, or its type and number, like `AtomicU32 2`.
    pub(crate) name: String,
    /// The type without parameters, like `AtomicU32`.
    pub(crate) kind: String,
}

/// A line of the source, the file relative to the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// What an event does to its object, as far as an explanation needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// The object is made; `written` is its first value.
    Create,
    /// An atomic load, also that of a failed compare-exchange.
    Load,
    Store,
    /// A read-modify-write that has written.
    Rmw,
    /// A plain read.
    Read,
    /// A plain write.
    Write,
    /// The object is dropped.
    Drop,
    /// A lock is taken, by one alone.
    Lock,
    /// A lock is taken, by one reader among others.
    LockShared,
    Unlock,
    UnlockShared,
    /// A try that found the lock taken.
    TryFailed,
    Fence,
    Other,
}

/// One operation of one thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Into [`Witness::threads`].
    pub(crate) thread: usize,
    /// By the name that the source has for it, like `fetch_add`.
    pub(crate) operation: String,
    pub(crate) deed: Deed,
    /// The memory ordering, like `Relaxed`.
    pub(crate) order: Option<String>,
    /// Into [`Witness::objects`].
    pub(crate) object: Option<usize>,
    /// The value found.
    pub(crate) read: Option<String>,
    /// The value left.
    pub(crate) written: Option<String>,
    pub(crate) site: Option<Site>,
    /// It was begun and never ended: its thread waits.
    pub(crate) blocked: bool,
    /// Set by `explain`.
    pub(crate) mark: Mark,
    /// Set by `explain` for a load of another value than the latest.
    pub(crate) stale: Option<Stale>,
}

/// Why an event is worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    #[default]
    None,
    /// Without it in this place the failure would not be.
    Decides,
    /// One of the two accesses of the data race.
    Races,
}

/// Where a stale value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stale {
    /// The event that wrote what was read, if it is known; the object's making counts.
    pub(crate) from: Option<usize>,
    /// The event that wrote last before the read.
    pub(crate) latest: usize,
}
