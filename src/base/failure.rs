//! How an execution fails: the one type that engines, witnesses, verdicts and reports share.
//!
//! Actors are numbered by their place in the design, from 0; threads as in a witness: the main one, which makes
//! the state and observes, is 0, and the actors follow in order. Names are a matter of the reports.

use super::location::Site;
use super::outcome::Graded;
use serde::{Deserialize, Serialize};

/// A failure of a design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "failure")]
pub(crate) enum Failure {
    /// Two accesses to one cell, at least one a write, neither ordered before the other.
    DataRace(DataRace),
    /// Every actor that has not ended waits for another.
    Deadlock(Deadlock),
    /// A panic, an abort, a signal, or an exit of the whole process.
    Crash(Crash),
    /// An execution does not end.
    Hang(Hang),
    /// It ends in this outcome, of which the scenario says this sentence.
    Forbidden { outcome: String, sentence: String },
}

impl Failure {
    /// A data race of which no more is known.
    pub(crate) const DATA_RACE: Failure = Failure::DataRace(DataRace { accesses: Vec::new() });

    /// A deadlock of which no more is known.
    pub(crate) const DEADLOCK: Failure = Failure::Deadlock(Deadlock { waiting: Vec::new() });

    /// An outcome that the scenario forbids.
    pub(crate) fn forbidden(graded: Graded) -> Self {
        Failure::Forbidden { outcome: graded.value, sentence: graded.sentence }
    }

    /// Whether both are of one kind, whatever the details.
    pub(crate) fn is_like(&self, other: &Failure) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether an execution that fails as `other` shows this failure too: the same outcome, or the same panic,
    /// or another data race or deadlock.
    pub(crate) fn is_shown_by(&self, other: &Failure) -> bool {
        match (self, other) {
            (Failure::Forbidden { outcome, .. }, Failure::Forbidden { outcome: other, .. }) => {
                outcome == other
            }
            (Failure::Crash(crash), Failure::Crash(other)) => crash.how == other.how,
            _ => self.is_like(other),
        }
    }

    /// The order in which failures count where there are several: what can be the cause of the others first.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Failure::DataRace(_) => 0,
            Failure::Deadlock(_) => 1,
            Failure::Crash(_) => 2,
            Failure::Hang(_) => 3,
            Failure::Forbidden { .. } => 4,
        }
    }
}

/// What is known of a data race.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataRace {
    /// The two accesses; none if the checker does not tell.
    pub(crate) accesses: Vec<Access>,
}

/// One of the two accesses of a data race.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) thread: usize,
    pub(crate) kind: AccessKind,
    pub(crate) site: Option<Site>,
}

/// What an access does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccessKind {
    Read,
    Write,
}

/// What is known of a deadlock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deadlock {
    /// Which actors wait, and for what; none if that is not known.
    pub(crate) waiting: Vec<Waiting>,
}

/// An actor that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) actor: usize,
    pub(crate) awaits: Awaited,
}

/// What an actor waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Awaited {
    Lock,
    /// A lock that is shared with other readers.
    ReadLock,
    Notification,
    /// Another actor, in whatever way.
    Actor,
}

/// What went down, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crash {
    pub(crate) who: Who,
    pub(crate) how: How,
}

impl Crash {
    pub(crate) fn new(who: Who, how: How) -> Self {
        Self { who, how }
    }
}

/// The part of a design that crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Who {
    Actor(usize),
    /// The closure that makes the state.
    State,
    /// The closure that observes the outcome.
    Observation,
    /// What is no actor: the state, the observation, or a thread that an actor started.
    NoActor,
    /// The process in which the whole design ran: which part of it is not known.
    Process,
}

/// How it crashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// With a message, unless the payload was no string; and where, if that is known.
    Panic {
        message: Option<String>,
        site: Option<Site>,
    },
    /// Its process ended.
    Ended(ProcessExit),
    StackOverflow,
    /// With this message and its place, where nothing may unwind: while another panic did, most often.
    PanicThatCannotUnwind {
        message: String,
    },
    /// The limit on the memory of the process was met, in mebibytes.
    OutOfMemory {
        limit_mib: u64,
    },
    Unknown,
}

impl How {
    /// A panic of which no place is known.
    pub(crate) fn panicked(message: Option<&str>) -> Self {
        How::Panic { message: message.map(str::to_owned), site: None }
    }
}

/// How a process ends that is stopped by its design, or never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProcessExit {
    /// With this code.
    Code(i32),
    /// It is killed by this signal, by number as in `signal(7)`.
    Signal(i32),
    /// It does not end by itself.
    Endless,
}

/// What is known of an execution that does not end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hang {
    /// After `steps` steps these threads wait in loops for changes that no other thread can make any more. Empty
    /// if all that is known is that it makes no progress.
    pub(crate) spinning: Vec<usize>,
    pub(crate) steps: usize,
    /// Whether it sleeps in the operating system, where a checker cannot see what it waits for.
    #[serde(default)]
    pub(crate) asleep: bool,
}
