//! Dynamic partial-order reduction: one interleaving for each way in which an execution can come out.
//!
//! Executions that differ only in the order of operations that do not depend on each other are equivalent
//! (Mazurkiewicz traces). The search explores at least one of each class, and as a rule just one: depth
//! first, with *source sets* to decide which tasks must also be tried where, and *sleep sets* not to try
//! what was tried already (Abdulla, Aronis, Jonsson and Sagonas, "Optimal Dynamic Partial Order Reduction",
//! POPL 2014, algorithm 1; "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction", JACM
//! 64(4), 2017). An execution in which nothing is left to do but what was tried already is *redundant*:
//! it is run to its end, and counted apart.
//!
//! Where the textbook leaves off:
//! - Operations that block are disabled until they can be done. The task that waits for a lock races with the task that
//!   took it, though never with the task that gives it back ([`relation::bearing`]); what a task was still waiting
//!   to do when the execution ended counts too.
//! - Loops that wait for others by looking are cut short ([`spin`]).
//! - With a bound on preemptions the search adds the backtrack points of Coons, Musuvathi and McKinley
//!   ("Bounded Partial-Order Reduction", OOPSLA 2013, section 3), and does without sleep sets, which are
//!   not sound there.
//! - Between two steps a task may pick a value ([`values`]). No search can tell when it does, so that is no step of
//!   its own: each value is tried after the step, before anything else is.
//!
//! - Branches can be given away for others to explore, with the result of one explorer ([`split`]).
//!
//! Operations in, choices out: the module knows neither shuttle nor what is executed. The memory taken
//! grows with the length of one execution, not with their number.
//!
//! Limits: [`MAX_TASKS`] tasks. Whatever a task does between two operations must depend
//! on nothing but what it has seen through operations, or the classes are not what they are taken for.

mod explorer;
mod history;
mod race;
mod relation;
mod scheduling_state;
mod spin;
mod split;
mod values;

pub(crate) use explorer::{Explorer, Next, Progress, Ready};
pub(crate) use history::MAX_TASKS;
pub(crate) use spin::{PATIENCE, ROUNDS};
pub(crate) use split::{BacktrackRequest, Branch};

#[cfg(test)]
mod brute;
#[cfg(test)]
mod split_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
