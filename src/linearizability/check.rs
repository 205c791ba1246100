//! Checking a history against a model: the question, the answer, and what an answer rests on.
//!
//! Limits: an answer is about the history and the model given, and no other. Bounds on time and memory end
//! in [`Answer::Unknown`], which is never to be taken for either of the others.

use super::criterion::{Criterion, Span};
use super::history::{History, Operation, Place};
use super::model::Model;
use super::search::{Bounds, Found, Search};
use super::window::{self, Walked, Window};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that a check may take unless told otherwise.
const MEMORY: usize = 512 << 20;

/// Operations below which more than one thread is not worth its start.
const WORTH_THREADS: usize = 2_000;

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
            Reason::TimeOut(time) => write!(f, "no order was found or ruled out within {time:?}"),
            Reason::OutOfMemory(bytes) => {
                write!(f, "no order was found or ruled out within {} MiB of memory", bytes >> 20)
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
    /// The longest partial orders found, at least one and at most four, each with the operation that had to
    /// come next and could not.
    pub longest: Vec<(Vec<Place>, Place)>,
    /// Where it breaks. `None` if that took too many situations to find out, or is not asked for.
    pub window: Option<Window>,
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
    explain: bool,
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
        Self { criterion: Criterion::Linearizable, timeout: None, bytes: MEMORY, explain: true }
    }

    /// Checks another criterion.
    #[must_use]
    pub fn criterion(self, criterion: Criterion) -> Self {
        Self { criterion, ..self }
    }

    /// Ends with [`Answer::Unknown`] after so much time, to within a thousand steps of the model.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Ends with [`Answer::Unknown`] before what it remembers takes more bytes than this, going by
    /// [`Model::weight`].
    #[must_use]
    pub fn memory(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Looks for no window when the history cannot be ordered.
    #[must_use]
    pub fn without_window(self) -> Self {
        Self { explain: false, ..self }
    }

    /// Checks a history.
    #[must_use]
    pub fn check<M: Model>(&self, model: &M, history: &History<M::Op, M::Ret>) -> Answer {
        let operations = history.operations();
        let until = self.timeout.map(|timeout| Instant::now() + timeout);
        let spans = self.criterion.spans(operations);
        let parts = self.parts::<M>(operations, &spans);
        let threads = if operations.len() < WORTH_THREADS { 1 } else { cores().min(parts.len()) };
        // Twice what is held is needed for a moment whenever a table grows.
        let bounds = Bounds { until, bytes: self.bytes / threads.max(1) / 2 };
        let check_part = |part: &Part| self.check_part(model, operations, part, bounds);
        let answers = if threads <= 1 {
            one_by_one(&parts, check_part)
        } else {
            in_parallel(&parts, threads, check_part)
        };
        conclude(&spans, answers)
    }

    /// The parts that can be checked apart, the smallest first.
    fn parts<M: Model>(&self, operations: &[Operation<M::Op, M::Ret>], spans: &[Span]) -> Vec<Part> {
        let mut parts: BTreeMap<u64, Vec<Span>> = BTreeMap::new();
        let whole = || vec![Part { key: None, spans: spans.to_vec() }];
        if !self.criterion.is_local() {
            return whole();
        }
        for span in spans {
            match M::part(&operations[span.place].op) {
                None => return whole(),
                Some(key) => parts.entry(key).or_default().push(*span),
            }
        }
        let mut parts: Vec<_> =
            parts.into_iter().map(|(key, spans)| Part { key: Some(key), spans }).collect();
        parts.sort_by_key(|part| part.spans.len());
        parts
    }

    fn check_part<M: Model>(
        &self,
        model: &M,
        operations: &[Operation<M::Op, M::Ret>],
        part: &Part,
        bounds: Bounds,
    ) -> Answer {
        let lanes = match self.criterion.lanes(operations, &part.spans) {
            Ok(lanes) => lanes,
            Err(overlapping) => return Answer::Unknown(Reason::OverlappingClient(overlapping.client)),
        };
        match Search::new(operations, &lanes).run(model, bounds) {
            Found::Order(order) => Answer::Linearizable(order),
            Found::TimeOut => Answer::Unknown(Reason::TimeOut(self.timeout.unwrap_or_default())),
            Found::OutOfMemory => Answer::Unknown(Reason::OutOfMemory(self.bytes)),
            Found::NoOrder(partials) => {
                // Spans that all begin together have no moment at which they break.
                let window = (self.explain && self.criterion == Criterion::Linearizable)
                    .then(|| window::walk(model, operations, &lanes, bounds.until));
                Answer::NotLinearizable(Violation {
                    part: part.key,
                    longest: partials.into_iter().map(|partial| (partial.order, partial.stuck)).collect(),
                    window: match window {
                        Some(Walked::Broken(window)) => Some(window),
                        _ => None,
                    },
                })
            }
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Operations that are checked together, in the order of their calls.
struct Part {
    key: Option<u64>,
    spans: Vec<Span>,
}

/// Checks parts in order, up to the first that cannot be ordered.
fn one_by_one(parts: &[Part], check: impl Fn(&Part) -> Answer) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(parts.len());
    for part in parts {
        answers.push(check(part));
        if answers.last().is_some_and(Answer::is_violation) {
            break;
        }
    }
    answers
}

/// The same on several threads, with the same answers.
fn in_parallel(parts: &[Part], threads: usize, check: impl Fn(&Part) -> Answer + Sync) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let first_violation = AtomicUsize::new(parts.len());
    let answers = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= parts.len() || index > first_violation.load(Ordering::Relaxed) {
                        return;
                    }
                    let answer = check(&parts[index]);
                    if answer.is_violation() {
                        first_violation.fetch_min(index, Ordering::Relaxed);
                    }
                    answers.lock().unwrap_or_else(PoisonError::into_inner).insert(index, answer);
                }
            });
        }
    });
    let last = first_violation.into_inner();
    let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.into_iter().take_while(|(index, _)| *index <= last).map(|(_, answer)| answer).collect()
}

/// One answer from those of the parts: a violation before all, and an order only if every part has one.
fn conclude(spans: &[Span], answers: Vec<Answer>) -> Answer {
    let mut orders = Vec::with_capacity(answers.len());
    let mut unknown = None;
    for answer in answers {
        match answer {
            Answer::NotLinearizable(violation) => return Answer::NotLinearizable(violation),
            Answer::Unknown(reason) => unknown = unknown.or(Some(reason)),
            Answer::Linearizable(order) => orders.push(order),
        }
    }
    if let Some(reason) = unknown {
        return Answer::Unknown(reason);
    }
    if orders.len() == 1 {
        return Answer::Linearizable(orders.remove(0));
    }
    // In the order of a part each operation can take effect at the latest call up to it, which lies within
    // its span; by these moments the parts fall into one order.
    let from: BTreeMap<Place, usize> = spans.iter().map(|span| (span.place, span.from)).collect();
    let mut placed = Vec::with_capacity(spans.len());
    for order in orders {
        let mut moment = 0;
        for place in order {
            moment = moment.max(from[&place]);
            placed.push((moment, place));
        }
    }
    placed.sort_by_key(|(moment, _)| *moment);
    Answer::Linearizable(placed.into_iter().map(|(_, place)| place).collect())
}
