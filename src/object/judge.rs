//! What became of one execution of a generated program: its history, held against the model.
//!
//! The times of a history come from a *gate*, an atomic of the facade in the shared state: a return raises
//! it by one, with release ordering, and a call reads it, acquiring. So one operation counts as earlier
//! than another exactly if its return was seen by the other's call, and then it also happens before it, as
//! if the actors had told each other. That is the order that a caller can rely on, whatever the engine:
//!
//! - Under loom, where a relaxed or even a SeqCst load may be stale, a register whose write returned "before"
//!   a read in nothing but the order of exploration owes that read nothing, and is not blamed.
//! - Under shuttle, and under any search by partial orders, the gate is what makes a return and a later call
//!   of another actor depend on each other, so that both orders are tried.
//! - On real engines a shared counter in place of the clock keeps the claim "earlier" true. What it costs:
//!   on x86 the read-modify-write at a return is a full fence, so that no store waits in a buffer from one
//!   operation of an actor to its next. Within an operation nothing is fenced.
//!
//! Equal histories have equal verdicts, so each is checked once; at most [`MOST_REMEMBERED`] are remembered.

use super::program::{MOST_OPERATIONS, Program, actor_name};
use crate::linearizability::{Answer, Checker, History, Model, Operation, Violation};
use crate::witness::{Call, Calls};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::fmt::{self, Debug};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Distinct histories whose verdicts are remembered.
const MOST_REMEMBERED: usize = 50_000;

/// How long the check of one history may take: programs are small, so this is never reached but by a model
/// that loops, and an unknown verdict makes the whole exploration inconclusive.
const PATIENCE: Duration = Duration::from_secs(10);

/// One operation's return, and when it was called and returned: how many returns its call had seen, and how
/// many there were before its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamped<Ret> {
    pub(super) seen: u32,
    pub(super) turn: u32,
    pub(super) ret: Ret,
}

/// What one actor returns: no heap memory, so that processes can run it too.
pub(super) type Part<Ret> = [Option<Stamped<Ret>>; MOST_OPERATIONS];

/// The returns of the prefix or of the suffix.
pub(super) type Sequence<Ret> = [Option<Ret>; MOST_OPERATIONS];

/// All that one execution returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Returns<Ret> {
    pub(super) prefix: Sequence<Ret>,
    pub(super) parts: Vec<Part<Ret>>,
    pub(super) suffix: Sequence<Ret>,
}

/// What the execution comes to. Its words are the value that reports show.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Judged {
    /// An order of the operations explains every return.
    Fits,
    /// No order does: the history in a line.
    Misfits(String),
    /// The implementation's own invariant does not hold at the end.
    Broken(String),
    /// The checker came to no answer.
    Unknown(String),
}

impl Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Judged::Fits => f.write_str("fits the model"),
            Judged::Misfits(history) => write!(f, "no order explains {history}"),
            Judged::Broken(words) => write!(f, "invariant broken: {words}"),
            Judged::Unknown(reason) => f.write_str(reason),
        }
    }
}

pub(super) type HistoryOf<M> = History<<M as Model>::Op, <M as Model>::Ret>;

/// Verdicts by the hash of what was returned, which is compared in full.
type Known<Ret> = FxHashMap<u64, Vec<(Returns<Ret>, Judged)>>;

/// Judges the executions of one program.
pub(super) struct Judge<M: Model> {
    model: M,
    pub(super) program: Program<M::Op>,
    /// By hash, so that a history that is known costs no allocation.
    known: Mutex<Known<M::Ret>>,
    /// What was returned in the last execution that no order explains.
    misfit: Mutex<Option<Returns<M::Ret>>>,
    /// Why the first history that was not checked to its end was not.
    unanswered: Mutex<Option<String>>,
    touched: AtomicBool,
}

impl<M: Model> Judge<M> {
    pub(super) fn new(model: M, program: Program<M::Op>) -> Self {
        Self {
            model,
            program,
            known: Mutex::default(),
            misfit: Mutex::default(),
            unanswered: Mutex::default(),
            touched: AtomicBool::new(false),
        }
    }

    /// Notes that an operation did something that the checker saw.
    pub(super) fn touched(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Why a history was not checked to its end, if one was not: then nothing is known of the program.
    pub(super) fn unanswered(&self) -> Option<String> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any operation of a single actor did something that the checker saw.
    pub(super) fn was_touched(&self) -> bool {
        self.touched.load(Ordering::Relaxed)
    }

    pub(super) fn judge(
        &self,
        prefix: &Sequence<M::Ret>,
        parts: &[Part<M::Ret>],
        suffix: Sequence<M::Ret>,
    ) -> Judged {
        let hash = FxBuildHasher.hash_one((prefix, parts, &suffix));
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |(returns, _): &&(Returns<M::Ret>, Judged)| {
                returns.parts == parts && returns.prefix == *prefix && returns.suffix == suffix
            };
            if let Some((returns, judged)) = known.get(&hash).and_then(|alike| alike.iter().find(same)) {
                self.note(returns, judged);
                return judged.clone();
            }
        }
        let returns = Returns { prefix: prefix.clone(), parts: parts.to_vec(), suffix };
        let history = self.history(&returns);
        let answer =
            Checker::new().threads(1).timeout(PATIENCE).without_window().check(&self.model, &history);
        let judged = match answer {
            Answer::Linearizable(_) => Judged::Fits,
            Answer::NotLinearizable(_) => Judged::Misfits(self.in_a_line(&returns)),
            Answer::Unknown(reason) => {
                let reason = reason.to_string();
                let mut first = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| reason.clone());
                Judged::Unknown(reason)
            }
        };
        self.note(&returns, &judged);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.entry(hash).or_default().push((returns, judged.clone()));
        judged
    }

    fn note(&self, returns: &Returns<M::Ret>, judged: &Judged) {
        if matches!(judged, Judged::Misfits(_)) {
            *self.misfit.lock().unwrap_or_else(PoisonError::into_inner) = Some(returns.clone());
        }
    }

    /// Why the last history that did not fit does not, event by event, and the history itself.
    pub(super) fn explanation(&self) -> Option<(String, Calls)> {
        let returns = self.misfit.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let history = self.history(&returns);
        let answer = Checker::new().threads(1).timeout(PATIENCE).check(&self.model, &history);
        let Answer::NotLinearizable(violation) = answer else { return None };
        let names = |client: usize| self.client(client);
        let words = crate::linearizability::explain(&history, &violation, names, false);
        Some((words, self.calls(&history, &violation)?))
    }

    /// The history as data. `None` if no operation is stuck, which does not happen.
    fn calls(&self, history: &HistoryOf<M>, violation: &Violation) -> Option<Calls> {
        let (mut order, mut stuck) = violation.longest.first().cloned()?;
        if let Some(window) = &violation.window
            && let Some((prefix, _)) = violation.longest.iter().find(|(_, stuck)| *stuck == window.broken)
        {
            (order, stuck) = (prefix.clone(), window.broken);
        }
        let main = self.program.parts.len();
        let call = |operation: &Operation<M::Op, M::Ret>| {
            let (returned, ret) = operation.returned.as_ref()?;
            Some(Call {
                actor: Some(operation.client).filter(|client| *client != main),
                operation: format!("{:?}", operation.op),
                returns: format!("{ret:?}"),
                called: operation.called,
                returned: *returned,
            })
        };
        let operations: Option<Vec<Call>> = history.operations().iter().map(call).collect();
        Some(Calls { operations: operations?, order, stuck })
    }

    /// Clients are the actors; the one after them is the main thread, with prefix and suffix.
    fn client(&self, client: usize) -> String {
        if client == self.program.parts.len() { "main".to_owned() } else { actor_name(client) }
    }

    fn history(&self, returns: &Returns<M::Ret>) -> HistoryOf<M> {
        let mut history = History::new();
        let main = self.program.parts.len();
        // As many moments as there are operations come before, and as many after, those of the parts.
        let moment = 2 * self.program.operations() as u64 + 2;
        let mut sequence = |from: u64, operations: &[M::Op], returns: &Sequence<M::Ret>| {
            for (index, (op, ret)) in operations.iter().zip(returns).enumerate() {
                let called = from + 2 * index as u64;
                let returned = ret.clone().map(|ret| (called + 1, ret));
                record(&mut history, Operation { client: main, op: op.clone(), called, returned });
            }
        };
        sequence(0, &self.program.prefix, &returns.prefix);
        sequence(2 * moment, &self.program.suffix, &returns.suffix);
        for (client, (operations, part)) in self.program.parts.iter().zip(&returns.parts).enumerate() {
            for (op, stamped) in operations.iter().zip(part) {
                let Some(Stamped { seen, turn, ret }) = stamped else { continue };
                let called = moment + 2 * u64::from(*seen);
                let returned = Some((moment + 2 * u64::from(*turn) + 1, ret.clone()));
                record(&mut history, Operation { client, op: op.clone(), called, returned });
            }
        }
        history
    }

    /// As in `before: Push(1) = (); A: Pop = Some(1); B: Pop = Some(1)`.
    fn in_a_line(&self, returns: &Returns<M::Ret>) -> String {
        let mut words = Vec::new();
        let mut sequence = |name: &str, operations: &[M::Op], returns: &[Option<&M::Ret>]| {
            let done = operations.iter().zip(returns);
            let done: Vec<_> =
                done.filter_map(|(op, ret)| ret.map(|ret| format!("{op:?} = {ret:?}"))).collect();
            if !done.is_empty() {
                words.push(format!("{name}: {}", done.join(", ")));
            }
        };
        sequence("before", &self.program.prefix, &returns.prefix.each_ref().map(Option::as_ref));
        for (part, (operations, stamped)) in self.program.parts.iter().zip(&returns.parts).enumerate() {
            let rets = stamped.each_ref().map(|stamped| stamped.as_ref().map(|stamped| &stamped.ret));
            sequence(&actor_name(part), operations, &rets);
        }
        sequence("after", &self.program.suffix, &returns.suffix.each_ref().map(Option::as_ref));
        words.join("; ")
    }
}

fn record<Op, Ret>(history: &mut History<Op, Ret>, operation: Operation<Op, Ret>) {
    // A call has seen fewer returns than come before its own, so no time runs backwards.
    history.record(operation).expect("a return comes after its call");
}
