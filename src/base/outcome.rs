//! Outcomes of executions, and what a scenario says of them.

use serde::{Deserialize, Serialize};

/// What a scenario says of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// A correct design may end so.
    Acceptable,
    /// A correct design may end so, and it is worth knowing that it does.
    Interesting,
    /// No correct design may end so.
    Forbidden,
}

/// How often an outcome was seen, and what the scenario says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutcomeCount {
    pub(crate) value: String,
    pub(crate) grade: Grade,
    pub(crate) sentence: String,
    pub(crate) count: u64,
}

impl OutcomeCount {
    /// Whether it is forbidden and was seen.
    pub(crate) fn is_violation(&self) -> bool {
        self.grade == Grade::Forbidden && self.count > 0
    }
}

/// An outcome, and what the scenario says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Graded {
    pub(crate) value: String,
    pub(crate) grade: Grade,
    pub(crate) sentence: String,
}
