//! Checking a history against a model: the question, the answer, and what an answer rests on.
//!
//! Limits: an answer is about the history and the model given, and no other. Bounds on time and memory end
//! in [`Answer::Unknown`], which is never to be taken for either of the others.

use super::criterion::Criterion;
use super::history::{History, Operation, Place};
use super::layout::{Interval, Part, ranked, stretched};
use super::model::Model;
use super::pool::{Job, Outcome, Pool, Slot, WAYS, Way};
use super::watch::{Memory, Stop, Watch};
use super::window::{self, NoWindow, Window};
use rustc_hash::FxHashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Bytes that a check may take unless told otherwise.
const MEMORY: usize = 512 << 20;

/// Whether a history can be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It can: in this order, among others. What never returned is in it where it takes effect.
    Linearizable(Vec<Place>),
    /// It cannot.
    NotLinearizable(Violation),
    /// The search ended before an answer.
    Unknown(Reason),
}

impl Answer {
    /// Whether the history can be ordered.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Answer::Linearizable(_))
    }

    /// Whether the history cannot be ordered.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        matches!(self, Answer::NotLinearizable(_))
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The time ran out.
    TimeOut(Duration),
    /// What the search had to remember took more bytes than it may.
    OutOfMemory(usize),
    /// This client called again before its call had returned, so its operations have no order.
    OverlappingClient(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TimeOut(time) => {
                write!(f, "no order was found or ruled out within {time:?}, the bound on time")
            }
            Reason::OutOfMemory(bytes) => {
                write!(f, "no order was found or ruled out within {} MiB, the bound on memory", bytes >> 20)
            }
            Reason::OverlappingClient(client) => {
                write!(f, "client {client} called again before its call had returned")
            }
        }
    }
}

/// Why a history cannot be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The part that cannot be ordered, if the model has parts.
    pub part: Option<u64>,
    /// The operations of that part, or all of the history.
    pub operations: Vec<Place>,
    /// The longest partial orders found, each with the operation that had to come next and could not: up to
    /// 256 that are equally long, and then for each operation that is in none of them the longest one that
    /// holds it. There is at least one.
    pub longest: Vec<(Vec<Place>, Place)>,
    /// How many of these were left out, because together they are too long.
    pub left_out: usize,
    /// Where it breaks.
    pub window: Option<Window>,
    /// Why there is no window.
    pub no_window: Option<NoWindow>,
}

/// Checks whether a history is linearizable, in at most so much time.
///
/// ```
/// use selvedge::linearizability::{Answer, History, Model, check};
/// use std::time::Duration;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Register(u32);
///
/// #[derive(Clone, Debug)]
/// enum Op { Read, Write(u32) }
///
/// impl Model for Register {
///     type Op = Op;
///     type Ret = Option<u32>;
///
///     fn apply(&mut self, op: &Op) -> Option<u32> {
///         match op {
///             Op::Read => Some(self.0),
///             Op::Write(value) => { self.0 = *value; None }
///         }
///     }
/// }
///
/// let mut history = History::new();
/// let write = history.call(0, Op::Write(1));
/// let early = history.call(1, Op::Read);
/// history.returns(early, Some(1));
/// history.returns(write, None);
/// assert!(check(&Register(0), &history, Duration::from_secs(1)).is_linearizable());
///
/// let stale = history.call(1, Op::Read);
/// history.returns(stale, Some(0));
/// let Answer::NotLinearizable(violation) = check(&Register(0), &history, Duration::from_secs(1)) else {
///     panic!("nobody can read 0 any more");
/// };
/// assert_eq!(violation.window.map(|window| window.broken), Some(stale));
/// ```
#[must_use]
pub fn check<M: Model>(model: &M, history: &History<M::Op, M::Ret>, timeout: Duration) -> Answer {
    Checker::new().timeout(timeout).check(model, history)
}

/// A check with everything that can be chosen about it.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    criterion: Criterion,
    timeout: Option<Duration>,
    bytes: usize,
    threads: Option<usize>,
    explain: bool,
    ways: &'static [Way],
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker {
    /// Linearizability, any time, 512 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self {
            criterion: Criterion::Linearizable,
            timeout: None,
            bytes: MEMORY,
            threads: None,
            explain: true,
            ways: &WAYS,
        }
    }

    /// Checks another criterion.
    #[must_use]
    pub fn criterion(self, criterion: Criterion) -> Self {
        Self { criterion, ..self }
    }

    /// Ends with [`Answer::Unknown`] after so much time, and within a tenth of a second more, as long as the
    /// model itself takes less than that for a step. What is left of the time when a violation is found may
    /// go into its window.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Ends with [`Answer::Unknown`] before what it remembers takes more bytes than this, all threads
    /// together, going by [`Model::weight`].
    #[must_use]
    pub fn memory(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Uses at most so many threads. One per core unless told otherwise, and one alone for what takes no
    /// longer than to start another.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Looks for no window when the history cannot be ordered.
    #[must_use]
    pub fn without_window(self) -> Self {
        Self { explain: false, ..self }
    }

    /// Goes these ways alone, each of which has to come to the same answer.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn only(self, ways: &'static [Way]) -> Self {
        Self { ways, ..self }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn asked(&self) -> Criterion {
        self.criterion
    }

    /// Checks a history.
    #[must_use]
    pub fn check<M: Model>(&self, model: &M, history: &History<M::Op, M::Ret>) -> Answer {
        let operations = history.operations();
        let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut watch = Watch::of_time(until);
        let Ok((parts, moments)) = self.parts::<M>(operations, &mut watch) else {
            return Answer::Unknown(Reason::TimeOut(self.timeout.unwrap_or_default()));
        };
        let keys: Vec<_> = parts.iter().map(|part| part.key).collect();
        let slots: Vec<_> = parts.into_iter().map(Slot::new).collect();
        let memory = Memory::new(self.bytes);
        let job = Job {
            model,
            operations,
            criterion: self.criterion,
            crashes: history.crashes(),
            until,
            memory: &memory,
            ways: self.ways,
        };
        let outcome = {
            let pool = Pool::new(&job, &slots);
            pool.run(self.threads.unwrap_or_else(cores));
            pool.outcome()
        };
        match outcome {
            Outcome::Orders(orders) => Answer::Linearizable(merged(orders, operations, moments.as_deref())),
            Outcome::Unknown(why) => {
                Answer::Unknown(why.reason(self.timeout.unwrap_or_default(), self.bytes))
            }
            Outcome::Violation { part, longest, left_out } => {
                let layout = slots[part].layout.get();
                let walked = match layout {
                    Some(layout) if self.explain && self.criterion == Criterion::Linearizable => {
                        window::walk(&job, layout, &mut Watch::of_time(until))
                    }
                    _ => Err(NoWindow::NotAsked),
                };
                let mut operations = layout.map(|layout| layout.places.clone()).unwrap_or_default();
                operations.sort_unstable();
                let no_window = walked.as_ref().err().copied();
                let (part, window) = (keys[part], walked.ok());
                Answer::NotLinearizable(Violation { part, operations, longest, left_out, window, no_window })
            }
        }
    }

    /// The parts that can be checked apart, the smallest first, and for quiescent consistency the moment from
    /// which on each operation may take effect.
    fn parts<M: Model>(
        &self,
        operations: &[Operation<M::Op, M::Ret>],
        watch: &mut Watch<'_>,
    ) -> Result<(Vec<Part>, Option<Vec<u64>>), Stop> {
        watch.look()?;
        let everything: Vec<Place> = (0..operations.len()).collect();
        let mut parts: FxHashMap<u64, Vec<Place>> = FxHashMap::default();
        let mut whole = !self.criterion.is_local();
        for (place, operation) in operations.iter().enumerate() {
            if whole {
                break;
            }
            if place % 4096 == 0 {
                watch.look()?;
            }
            match M::part(&operation.op) {
                None => whole = true,
                Some(key) => parts.entry(key).or_default().push(place),
            }
        }
        let mut parts: Vec<_> =
            parts.into_iter().map(|(key, places)| Part { key: Some(key), places, intervals: None }).collect();
        parts.sort_unstable_by_key(|part| (part.places.len(), part.key));
        if self.criterion != Criterion::QuiescentlyConsistent {
            let all = vec![Part { key: None, places: everything, intervals: None }];
            return Ok((if whole { all } else { parts }, None));
        }
        let intervals = stretched(ranked(operations, &everything, watch)?);
        let mut moments = vec![0; operations.len()];
        intervals.iter().for_each(|interval| moments[interval.local as usize] = u64::from(interval.from));
        if whole {
            return Ok((
                vec![Part { key: None, places: everything, intervals: Some(intervals) }],
                Some(moments),
            ));
        }
        let mut by_place = vec![(0, 0); operations.len()];
        for (part, of_part) in parts.iter_mut().enumerate() {
            of_part.intervals = Some(Vec::with_capacity(of_part.places.len()));
            for (local, &place) in (0..).zip(&of_part.places) {
                by_place[place] = (part, local);
            }
        }
        for interval in intervals {
            let (part, local) = by_place[interval.local as usize];
            if let Some(intervals) = &mut parts[part].intervals {
                intervals.push(Interval { local, ..interval });
            }
        }
        Ok((parts, Some(moments)))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// One order from those of the parts.
fn merged<Op, Ret>(
    mut orders: Vec<Vec<Place>>,
    operations: &[Operation<Op, Ret>],
    moments: Option<&[u64]>,
) -> Vec<Place> {
    if orders.len() == 1 {
        return orders.remove(0);
    }
    // In the order of a part each operation can take effect at the latest call up to it, which lies within
    // its interval; by these moments the parts fall into one order.
    let from = |place: Place| moments.map_or(operations[place].called, |moments| moments[place]);
    let mut placed = Vec::with_capacity(operations.len());
    for order in orders {
        let mut moment = 0;
        for place in order {
            moment = moment.max(from(place));
            placed.push((moment, place));
        }
    }
    placed.sort_by_key(|(moment, _)| *moment);
    placed.into_iter().map(|(_, place)| place).collect()
}
