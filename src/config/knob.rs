//! The knobs by name.

/// Makes [`Knob`] and all that is known of each knob by its name alone.
macro_rules! knobs {
    ($($knob:ident = $name:literal, $unit:literal, $about:literal;)*) => {
        /// Something that can be set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Knob {
            $(#[doc = $about] $knob,)*
        }

        impl Knob {
            /// All knobs, in the order in which they are listed.
            pub(crate) const ALL: [Knob; [$($name),*].len()] = [$(Knob::$knob),*];

            /// The key in `selvedge.toml`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Knob::$knob => $name,)*
                }
            }

            /// What its value counts.
            pub(crate) fn unit(self) -> &'static str {
                match self {
                    $(Knob::$knob => $unit,)*
                }
            }

            /// What it is for, as a fragment.
            pub(crate) fn about(self) -> &'static str {
                match self {
                    $(Knob::$knob => $about,)*
                }
            }
        }
    };
}

knobs! {
    Engine = "engine", "names", "the engines to run on";
    Model = "model", "name", "the memory model of rc11: rc11 or sc";
    Budget = "budget", "level", "how much to explore: quick, normal or thorough";
    Preemptions = "preemptions", "switches", "the most preemptions in one execution of loom and shuttle";
    Seed = "seed", "number", "what everything random starts from";
    Shard = "shard", "K/N", "which of several machines this is";
    Jobs = "jobs", "processes", "processes that work at a time";
    Executions = "executions", "executions", "one exploration of a checker before it gives up";
    RandomExecutions = "random-executions", "executions", "each way to draw executions at random, after that";
    SamplingMs = "sampling-ms", "ms", "sampling of a real engine; less where many cells share a normal run";
    ShrinkingMs = "shrinking-ms", "ms", "shrinking of a program that failed, at most";
    StallMs = "stall-ms", "ms", "an execution without progress, before it counts as never ending";
    WallMs = "wall-ms", "ms", "a cell on the clock, at most";
    MemoryMib = "memory-mib", "MiB", "the address space of a worker";
    Format = "format", "name", "how to print a report: terminal or json";
    Verbose = "verbose", "yes or no", "also every outcome, and what the workers printed";
    Replay = "replay", "token", "the one execution that models run; a variable only";
}

impl Knob {
    /// The knob of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Knob::ALL.into_iter().find(|knob| knob.name() == name)
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(self) -> String {
        format!("{PREFIX}{}", self.name().to_uppercase().replace('-', "_"))
    }

    /// The flag that sets it.
    pub(crate) fn flag(self) -> String {
        format!("--{}", self.name())
    }

    /// Whether each level of the budget has a value of its own for it.
    pub(crate) fn is_part_of_budget(self) -> bool {
        use Knob::*;
        matches!(
            self,
            Executions | RandomExecutions | SamplingMs | ShrinkingMs | StallMs | WallMs | MemoryMib
        )
    }

    /// Whether it makes sense for one call only, and so has no place in a file.
    pub(super) fn is_variable_only(self) -> bool {
        self == Knob::Replay
    }
}

/// What the names of all variables begin with.
pub(super) const PREFIX: &str = "SELVEDGE_";

/// Variables that set nothing of a run: those by which this repository's own tests are asked for more, and with which
/// its programs talk to each other.
pub(super) fn is_of_our_tests(variable: &str) -> bool {
    let others = ["SELVEDGE_CLAIM", "SELVEDGE_HOSTILE", "SELVEDGE_OPT_LEVEL", "SELVEDGE_WRITE_CORPUS"];
    variable.starts_with("SELVEDGE_TEST_") || variable.ends_with("_PROGRAMS") || others.contains(&variable)
}
