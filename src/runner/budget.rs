//! How much each level of effort spends.

use crate::engine::Budget;

/// What the real engines may take in a run of many scenarios, in milliseconds.
const SAMPLING_IN_ALL_MS: u64 = 14_000;

/// What each cell of theirs gets all the same.
const SAMPLING_AT_LEAST_MS: u64 = 20;

/// How much effort to spend on each cell of the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
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
        Budget {
            executions,
            random_executions,
            preemptions: None,
            sampling_ms,
            shrinking_ms,
            seed,
            stall_ms,
            memory_mib,
        }
    }
}

/// The seed that is used where none is given, so that two runs are the same run.
pub(crate) const DEFAULT_SEED: u64 = 0x5e1_ed6e;
