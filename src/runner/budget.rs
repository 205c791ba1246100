//! How much each level of effort spends.

use crate::engine::Budget;

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
