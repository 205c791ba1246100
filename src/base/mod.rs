//! Plain data that every room speaks of: engines, outcomes, failures, observations, budgets.
//!
//! Nothing here runs, blocks or prints; all of it can be compared and sent to another process. It imports no
//! other room. Limit: it says what happened, never in words for a reader: those are made in `report`.

pub(crate) mod budget;
pub(crate) mod engine;
pub(crate) mod event;
pub(crate) mod failure;
pub(crate) mod location;
pub(crate) mod name;
pub(crate) mod observation;
pub(crate) mod operation;
pub(crate) mod outcome;
pub(crate) mod recipe;
pub(crate) mod shard;
pub(crate) mod witness;
