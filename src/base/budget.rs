//! How much to explore, and how much each level of effort spends.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much to explore. Checkers are limited by executions, so that their answer is the same on every
/// machine; real engines by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    /// Executions of one exploration of a checker (exhaustive search, bounded search) before it gives up.
    pub(crate) executions: u64,
    /// Executions of each randomised strategy of shuttle.
    pub(crate) random_executions: u64,
    /// How long a real engine samples, in milliseconds.
    pub(crate) sampling_ms: u64,
    /// The most preemptions in one execution of a checker's search; any number, if `None`.
    #[serde(default)]
    pub(crate) preemptions: Option<u32>,
    /// How long a program that failed is shrunk at the most, in milliseconds. The bounds on programs and
    /// executions come first, but on a machine that is much slower than expected.
    pub(crate) shrinking_ms: u64,
    /// The seed of everything random.
    pub(crate) seed: u64,
    /// Whether another run makes the same search, and what the two have counted is added up: then a search that does
    /// not come to its end is not counted here, but only what is drawn at random after it.
    #[serde(default)]
    pub(crate) again: bool,
    /// How long an execution may make no progress, in milliseconds of its own computing time (or of
    /// sleep), before it counts as never ending.
    pub(crate) stall_ms: u64,
    /// How long a cell may take on the clock, in milliseconds, shrinking left out: then it is out of time. A checker
    /// stops its search after three quarters of it.
    pub(crate) wall_ms: u64,
    /// The address space of a worker, in mebibytes.
    pub(crate) memory_mib: u64,
}

impl Budget {
    /// For tests, which say what differs for them.
    #[cfg(test)]
    pub(crate) const FOR_TESTS: Budget = Budget {
        executions: 5_000,
        random_executions: 100,
        sampling_ms: 0,
        preemptions: None,
        shrinking_ms: 1_000,
        seed: 1,
        again: false,
        wall_ms: 60_000,
        stall_ms: 10_000,
        memory_mib: 1024,
    };

    /// How long a real engine samples.
    pub(crate) fn sampling(&self) -> Duration {
        Duration::from_millis(self.sampling_ms)
    }
}

/// What the real engines may take in a run of many scenarios, in milliseconds.
const SAMPLING_IN_ALL_MS: u64 = 10_000;

/// What each cell of theirs gets all the same.
const SAMPLING_AT_LEAST_MS: u64 = 20;

/// How much effort to spend on each cell of the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A first look: a second or two for a scenario.
    Quick,
    /// What continuous integration runs.
    #[default]
    Normal,
    /// Before a release, or overnight.
    Thorough,
}

impl Effort {
    /// Every level, least first.
    pub(crate) const ALL: [Effort; 3] = [Effort::Quick, Effort::Normal, Effort::Thorough];

    /// The name, as the command line spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Effort::Quick => "quick",
            Effort::Normal => "normal",
            Effort::Thorough => "thorough",
        }
    }

    /// The same budget, with less sampling for each of many cells: under the normal effort all real engines
    /// together take no longer than [`SAMPLING_IN_ALL_MS`], as far as that leaves each [`SAMPLING_AT_LEAST_MS`].
    pub(crate) fn shared_among(self, budget: Budget, sampled_cells: usize) -> Budget {
        if self != Effort::Normal || sampled_cells == 0 {
            return budget;
        }
        let share = SAMPLING_IN_ALL_MS / sampled_cells as u64;
        Budget { sampling_ms: share.clamp(SAMPLING_AT_LEAST_MS, budget.sampling_ms), ..budget }
    }

    /// The budget of one cell at this level.
    pub(crate) fn budget(self, seed: u64) -> Budget {
        let (executions, random_executions, sampling_ms, stall_ms, memory_mib) = match self {
            Effort::Quick => (2_000, 500, 60, 2_000, 2_048),
            Effort::Normal => (20_000, 5_000, 150, 3_000, 2_048),
            Effort::Thorough => (1_000_000, 200_000, 5_000, 10_000, 4_096),
        };
        let shrinking_ms = match self {
            Effort::Quick => 10_000,
            Effort::Normal => 30_000,
            Effort::Thorough => 600_000,
        };
        let wall_ms = match self {
            Effort::Quick => 20_000,
            Effort::Normal => 120_000,
            Effort::Thorough => 3_600_000,
        };
        Budget {
            executions,
            random_executions,
            preemptions: None,
            sampling_ms,
            shrinking_ms,
            seed,
            again: false,
            stall_ms,
            wall_ms,
            memory_mib,
        }
    }
}

/// The seed that is used where none is given, so that two runs are the same run.
pub(crate) const DEFAULT_SEED: u64 = 0x5e1_ed6e;
