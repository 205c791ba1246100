//! Exhaustive exploration of execution graphs under RC11: each execution that the memory model allows, once.
//!
//! The model is RC11 (Lahav, Vafeiadis, Kang, Hur, Dreyer: "Repairing Sequential Consistency in C/C++11",
//! PLDI 2017) with the release sequences of C++20: a release write and the read-modify-writes that continue
//! it. The algorithm is TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis: "Truly Stateless, Optimal
//! Dynamic Partial Order Reduction", POPL 2022).
//!
//! - [`graph`]: events, their clocks, coherence order.
//! - [`consistency`]: which graphs the model allows.
//! - [`guide`]: one graph in an order that can be shown.
//! - [`step`]: how a graph grows: forward by one event, backward by a write that an earlier read takes.
//! - [`symmetry`]: threads alike, of which it does not matter which is which.
//!
//! A step extends the graph at hand in one way and pushes all other ways on a work list. The runtime executes
//! the program along a graph and calls a step where the graph ends.
//!
//! Limits: RC11 has no cycle in program order and reads-from, so load buffering is left out; accesses of
//! different sizes to one location do not exist; at most [`graph::MAX_THREADS`] threads and
//! [`graph::MAX_EVENTS`] events of each, which the runtime checks.

pub(crate) mod chunked;
mod consistency;
pub(crate) mod graph;
pub(crate) mod guide;
mod psc;
pub(crate) mod step;
mod symmetry;

pub(crate) use consistency::Model;
pub(crate) use graph::{Clock, EventId, Graph, Kind, LocationId, MAX_EVENTS, MAX_THREADS, Order, join};
pub(crate) use symmetry::Standing;
