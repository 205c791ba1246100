//! One execution that shows a failure: its events, actor by actor, with source lines.
//!
//! The way of the data: the facade records entries in the `trace` while an engine asks for it; the engine
//! makes a [`Witness`] of them; `explain` marks the events that decide and says in one sentence what went
//! wrong; `table` draws it; a `token` is a word with which the execution is found again.
//! Everything here but the trace is pure.

pub(crate) mod explain;
pub(crate) mod naming;
#[cfg(test)]
mod naming_tests;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod table;
#[cfg(test)]
mod table_tests;
pub(crate) mod token;
#[cfg(test)]
mod token_tests;
pub(crate) mod words;

pub(crate) use crate::base::event::{CALLS, Event, EventKind, Mark, Object, RETURNS, STARTS, Stale};
pub(crate) use crate::base::location::Site;
pub(crate) use crate::base::witness::{Call, Calls, GeneratedProgram, Steps, Witness};
