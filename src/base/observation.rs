//! All that an engine saw of a design.

use super::failure::Failure;
use super::location::Site;
use super::outcome::OutcomeCount;
use super::witness::Witness;
use serde::{Deserialize, Serialize};

/// How an engine went about it, and so how far a clean observation can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(crate) enum Exploration {
    /// Everything the engine's model allows.
    Exhaustive,
    /// Everything within bounds, of which there is at least one.
    Bounded { by: Vec<Bound> },
    /// As often as the number of executions says.
    Sampled { how: Sampling },
}

/// What bounds an exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// At most so many switches away from a thread that could have gone on, in one execution.
    Preemptions(u32),
    /// At most one spurious wakeup of each thread at each place where it waits.
    SpuriousWakeups,
    /// So many rounds of loops that wait.
    LoopRounds(u32),
    /// So many scheduling points in one execution.
    Steps(usize),
    /// What the checker's model has of the language's.
    Misses(Missing),
}

/// What drew the samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sampling {
    /// There are none.
    Nothing,
    /// A search of everything that did not come to its end.
    InterruptedSearch,
    /// So many executions of a search of everything, by an estimate of at least how many, and then PCT and random
    /// schedules.
    SearchThenRandom { executions: u64, of_about: Option<f64> },
    /// Executions up to the one that ended its process.
    UntilFailure,
    /// Threads of the operating system.
    Threads,
    /// Processes of the operating system.
    Processes,
    /// Generated programs.
    Programs(Programs),
}

/// How many programs were generated and explored, where that is what the samples say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Programs {
    /// The one that failed.
    Failing,
    /// So many, on a real engine.
    Sampled(usize),
    /// So many, of which some were explored in full.
    Explored { all: usize, in_full: usize },
}

impl Exploration {
    /// Whether it was of many programs, and another engine's was of others.
    pub(crate) fn is_of_generated_programs(&self) -> bool {
        matches!(self, Exploration::Sampled { how: Sampling::Programs(_) })
    }
}

/// Why a design cannot run on an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotApplicable {
    /// The scenario excludes it, for this reason.
    Excluded(String),
    /// The engine runs fewer actors than the design has.
    TooManyActors { actors: usize, at_most: usize },
    /// Threads share their memory, and the design isolates it.
    SharedMemory,
    /// An actor returns heap memory, which processes do not share.
    ReturnsHeapMemory,
    /// The state owns heap memory, which processes do not share.
    OwnsHeapMemory,
    /// The state, or what observes it, has started a thread, and only a process without others can be forked.
    StartsThreads,
    /// The state has a part that processes cannot share, in the words of the part.
    CannotBeShared(String),
}

/// Why an exploration ended before it was meant to: a limit, or a fault that is not the design's. What it had seen
/// by then still counts against the design, never for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stop {
    /// The budget, in each of these searches: everything (`None`), or everything within so many preemptions.
    Budget { executions: u64, within: Vec<Option<u32>> },
    /// The checker saw no operation of the design.
    NoOperation,
    /// An execution took more than so many branches of loom's; whether a thread of it yielded.
    Branches { limit: usize, yielded: bool },
    /// A panic came out of no execution: of a closure of the scenario, or of the checker.
    PanickedOutside(String),
    /// The checker itself panicked.
    CheckerPanicked(String),
    /// An execution that should have come out as another one did not.
    ReductionFault,
    /// No generated program could be explored: how many were tried, and why the first was given up.
    GaveUp(GaveUp),
    /// A history was not checked to its end, for this reason.
    HistoryNotChecked(String),
    /// The design did not do what it had done before: it is not deterministic.
    NotRepeatable(Difference),
    /// A thread that the checker does not know used an object of an execution.
    ForeignThread,
    /// An execution had more threads, the main one included, than the search follows.
    TooManyThreads { at_most: usize },
    /// A thread did more than so many operations.
    TooManyEvents { at_most: usize },
    /// Its worker was killed from outside, by this signal.
    Killed { signal: i32 },
    /// The time was over, after so many seconds.
    OutOfTime { seconds: u64 },
    /// The harness could not do its work.
    HarnessFailed(String),
    /// The run has not come to it yet.
    NotYet,
}

impl Stop {
    /// Whether nothing that was seen can be relied on, not even a failure.
    pub(crate) fn discredits(&self) -> bool {
        matches!(self, Stop::NotRepeatable(_) | Stop::ForeignThread)
    }
}

/// Where two executions differ that should be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Difference {
    /// This operation was done one time and not the other, or came to something else.
    Operation { operation: String, site: Option<Site> },
    /// This operation was done to an object that another execution had made.
    Outlived { operation: String, site: Option<Site> },
    /// All operations were the same, but not the outcomes.
    Outcomes(String, String),
    /// One came to its end, and the other did not.
    End,
    /// Here, if it is known; how is not.
    Somewhere(Option<Site>),
}

/// Generated programs that were given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GaveUp {
    pub(crate) programs: usize,
    /// Why the first was.
    pub(crate) first: Box<Stop>,
}

/// Executions of the language that a checker's model has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Missing {
    /// A read-modify-write comes before another thread's store that was executed first.
    NewestRmw,
    /// A compare-exchange fails because of an older write.
    NewestExchange,
    /// An acquire fence does not synchronise with what another thread has loaded.
    Fence,
}

/// What a reader must know about how an engine went about it to trust the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Caveat {
    /// loom gives SeqCst loads, stores and read-modify-writes the meaning of acquire and release.
    LoomSeqCst,
    /// loom never lets a timeout elapse.
    LoomTimeouts,
    /// loom lets a store come between the two halves of a read-modify-write.
    LoomSplitsRmw,
    /// The checker has not all executions of what the design does.
    Misses(Missing),
    /// So many executions were cut off after so many steps each.
    CutOff { executions: u64, steps: usize },
    /// Executions went on past a data race.
    PastRaces,
    /// This thread waits in a loop without yielding.
    SilentLoop { thread: usize },
    /// Loops that wait were tried with up to so many rounds, and with so many or as many as they go.
    LoopRounds { rounds: u32, patience: u32 },
    /// An exhaustive search follows so many threads at most, and there are more.
    TooManyThreads { at_most: usize },
    /// Executions that were scheduled alike went differently, where no re-execution was asked for.
    NotRepeatable,
    /// Some generated programs were given up.
    GaveUp(GaveUp),
    /// A generated program failed, and was shrunk.
    Shrunk(Shrunk),
    /// So many shards of a run saw it fail, and others did not, of so many that came to a verdict.
    Differed { failed: u32, of: u32 },
}

/// What became of a generated program that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shrunk {
    /// Its number, from 0.
    pub(crate) number: u64,
    pub(crate) operations_before: usize,
    /// Programs tried.
    pub(crate) tried: u64,
    pub(crate) operations_after: usize,
    /// What is left, as Rust, where there is no interleaving to show it.
    pub(crate) program: Option<String>,
    /// What ended the shrinking early, if anything did.
    pub(crate) ended: Option<ShrinkLimit>,
}

/// What ends shrinking before nothing smaller is left to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ShrinkLimit {
    Programs,
    Executions,
    Time,
}

/// All that an engine saw of a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observation {
    /// Executions that ran to their end or to a failure.
    pub(crate) executions: u64,
    /// Executions beyond these that were found to come out as others had.
    #[serde(default)]
    pub(crate) redundant: u64,
    pub(crate) exploration: Exploration,
    pub(crate) outcomes: Vec<OutcomeCount>,
    /// How executions failed, one failure of each kind at the most; forbidden outcomes are in `outcomes`.
    pub(crate) failures: Vec<Failure>,
    /// Executions that went on past a data race, where that is what the design asks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) raced: u64,
    /// Why the design cannot run on this engine, if it cannot.
    pub(crate) not_applicable: Option<NotApplicable>,
    /// Why the exploration ended before it was meant to, if it did.
    pub(crate) stopped: Option<Stop>,
    /// What a reader must know about the engine's model to trust the rest.
    pub(crate) caveats: Vec<Caveat>,
    /// One execution for each failure that a checker saw, or for the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) witnesses: Vec<Witness>,
}

impl Observation {
    /// An observation of nothing yet.
    pub(crate) fn new(exploration: Exploration) -> Self {
        Self {
            executions: 0,
            redundant: 0,
            exploration,
            outcomes: Vec::new(),
            failures: Vec::new(),
            raced: 0,
            not_applicable: None,
            stopped: None,
            caveats: Vec::new(),
            witnesses: Vec::new(),
        }
    }

    /// A design that cannot run on this engine.
    pub(crate) fn not_applicable(reason: NotApplicable) -> Self {
        let exploration = Exploration::Sampled { how: Sampling::Nothing };
        Self { not_applicable: Some(reason), ..Self::new(exploration) }
    }

    /// Enters a failure, in place of what was known of one of its kind. A forbidden outcome is counted among the
    /// outcomes, and not here.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failures.retain(|known| !known.is_like(&failure));
        if !matches!(failure, Failure::Forbidden { .. }) {
            self.failures.push(failure);
        }
    }

    /// The failure that counts, if there is any.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let forbidden = self.outcomes.iter().find(|outcome| outcome.is_violation()).map(|outcome| {
            Failure::Forbidden { outcome: outcome.value.clone(), sentence: outcome.sentence.clone() }
        });
        self.failures.iter().min_by_key(|failure| failure.rank()).cloned().or(forbidden)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
