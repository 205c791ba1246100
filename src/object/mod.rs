//! Property-based objects: a sequential model on one side, concurrent implementations on the other.
//!
//! The first half stands on its own: [`check()`] tells whether a [`History`] of calls and returns, from
//! whatever log, is linearizable to a [`Model`], and where it breaks if it is not.

mod check;
mod criterion;
mod explain;
mod explore;
mod failing;
mod generate;
mod history;
mod judge;
mod model;
#[cfg(any(test, fuzzing))]
pub(crate) mod oracle;
mod program;
mod property;
mod recipe;
pub(crate) mod regression;
mod running;
mod search;
mod shrink;
mod single;
mod table;
mod window;

pub use check::{Answer, Checker, Reason, Violation, check};
pub use criterion::Criterion;
pub(crate) use explore::programs_run;
pub use history::{History, Operation, Place, ReturnedBeforeCalled};
pub use model::Model;
pub use program::{MOST_OPERATIONS, MOST_PARTS, Program};
pub use property::{Asked, Implementation, Implements, Object};
pub(crate) use recipe::Recipe;
#[doc(hidden)]
pub use single::by_bytes;
pub use window::Window;

#[cfg(test)]
mod explore_tests;
#[cfg(test)]
mod tests;
