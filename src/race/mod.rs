//! Data races, found by happens-before: vector clocks with the real orderings.
//!
//! Pure: operations in, races out. Knows no engine, no scenario and no thread; the engine that executes a
//! design calls [`Detector`] in the order in which the operations took effect.

mod clock;
mod detector;
#[cfg(any(test, feature = "testing"))]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the pairs, which are tests, say more than a fuzz target draws")
)]
pub(crate) mod oracle;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod tests;

pub(crate) use clock::Clock;
pub(crate) use detector::{Access, Detector, Race, RaceSite};
