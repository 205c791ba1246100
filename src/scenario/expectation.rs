//! What a scenario expects of its designs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a design is expected to turn out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Every outcome is allowed and nothing else goes wrong.
    Safe,
    /// Two accesses to one cell, at least one a write, neither ordered before the other.
    DataRace,
    /// An outcome that the scenario forbids.
    Forbidden,
    /// Every actor waits for another.
    Deadlock,
    /// An actor panics, aborts or is killed.
    Crash,
    /// An execution does not end.
    Hang,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Expected::Safe => "safe",
            Expected::DataRace => "data race",
            Expected::Forbidden => "forbidden outcome",
            Expected::Deadlock => "deadlock",
            Expected::Crash => "crash",
            Expected::Hang => "hang",
        })
    }
}

/// What the actors share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Memory {
    /// One state that every actor reads and writes.
    Shared,
    /// A copy of the state for each actor and one more for `observe`, as after `fork`; only channels
    /// made in the state lead from one copy to another.
    Isolated,
}
