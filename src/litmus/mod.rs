//! Litmus tests: the small programs by which memory models are told apart, in herd's C dialect.
//!
//! [`parse`] reads one; `selvedge litmus` runs them on every engine and says how each ended and whether the
//! condition holds. A test's threads become the actors of a design that interprets them with the facade's
//! atomics, fences and [`Plain`](crate::cell::Plain) memory, so every engine can run it.
//!
//! ```
//! let test = selvedge::litmus::parse("SB.litmus", r"
//! C SB
//! { x = 0; y = 0; }
//! P0 (atomic_int* x, atomic_int* y) {
//!   atomic_store_explicit(x, 1, memory_order_relaxed);
//!   int r0 = atomic_load_explicit(y, memory_order_relaxed);
//! }
//! P1 (atomic_int* x, atomic_int* y) {
//!   atomic_store_explicit(y, 1, memory_order_relaxed);
//!   int r0 = atomic_load_explicit(x, memory_order_relaxed);
//! }
//! exists (0:r0=0 /\ 1:r0=0)
//! ").expect("a test");
//! assert_eq!(test.condition_text(), r"exists (0:r0=0 /\ 1:r0=0)");
//! ```
//!
//! # What is read
//!
//! The name; remarks (`Key=value`, texts in quotes); the initial state; threads with pointer parameters;
//! `if` and `else`, local variables, arithmetic, comparisons; `atomic_load`, `_store`, `_exchange`,
//! `_fetch_add`, `_sub`, `_or`, `_and`, `_xor`, `_compare_exchange_strong` and `_weak` with `_explicit` and
//! without; `atomic_thread_fence`; `*x` as a plain access whatever the type of `x`, as in herd; `locations`;
//! `exists`, `~exists`, `forall` with `/\`, `\/`, `~`, `=>`; comments. Whatever else stands there is an error
//! that says where, and nothing is left out in silence.
//!
//! # Limits
//!
//! No loops, locks, pointers as values, arrays, `filter`, `memory_order_consume`, no dialect of the Linux
//! kernel. All values have 64 bits. Local variables start as 0. At most 64 KiB in all, 200 operators and
//! parentheses in a statement, 2,000 in the condition, and 50 statements within each other.

pub mod answer;
pub mod ast;
mod body;
mod condition;
mod design;
mod error;
mod expression;
pub(crate) mod finding;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::Test;
pub use condition::{Condition, Frequency, Proposition, Quantifier};
#[cfg(any(test, feature = "testing"))]
pub(crate) use design::survive;
pub(crate) use design::{found, values};
pub use error::Error;

/// Reads a litmus test; `file` is for messages.
///
/// # Errors
/// With the place of the first thing that is wrong, and what was expected there.
pub fn parse(file: &str, text: &str) -> Result<Test, Error> {
    parser::parse(file, text).map_err(|fault| fault.in_file(file))
}
