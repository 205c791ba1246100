//! Property-based objects: a sequential model on one side, concurrent implementations on the other.
//!
//! What an implementation returned is held against the model by [`crate::linearizability`], whose public
//! names are also found here.

mod explore;
mod failing;
mod generate;
mod judge;
mod program;
mod property;
mod recipe;
pub(crate) mod regression;
mod running;
mod shrink;
mod single;

pub use crate::linearizability::{
    Answer, Checker, Criterion, History, Model, NoWindow, Operation, Place, Reason, ReturnedBeforeCalled,
    Violation, Window, check,
};
pub(crate) use explore::{Generated, programs_run};
pub use program::{MOST_OPERATIONS, MOST_PARTS, Program};
pub use property::{Implementation, Implements, Object};
/// The crate whose strategies draw operations.
pub use proptest;
#[doc(hidden)]
pub use single::by_bytes;

#[cfg(test)]
mod explore_tests;
