//! The checker of histories: whether the calls and returns of a log, whatever log, can be put into an order
//! that a sequential [`Model`] explains, and where they break if not.
//!
//! [`check()`] answers; [`Checker`] has everything that can be chosen. [`log`] reads log files, [`models`] has
//! ready-made models for them.
//!
//! It stands on its own: nothing here knows a scenario, an engine or a runner.

mod antichain;
mod check;
mod criterion;
mod explain;
mod history;
mod just_in_time;
mod layout;
mod local;
pub mod log;
mod model;
pub mod models;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod oracle;
mod outcomes;
mod partial;
mod pending;
mod pool;
mod search;
mod table;
mod value;
mod watch;
mod weight;
mod window;

pub use check::{Answer, Checker, Reason, Violation, check};
pub use criterion::Criterion;
pub(crate) use explain::explain;
pub use history::{History, Operation, Place, ReturnedBeforeCalled};
pub use model::Model;
pub(crate) use model::follow;
pub use value::Value;
pub use window::{NoWindow, Window};

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod tests;
